# SPDX-License-Identifier: MIT
"""Lines of a kernel's log, out of console output of any kind and cut anywhere."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openvmi.machine.kernel_log import KernelLog, panic


def lines(*pieces: bytes) -> list[str]:
    """All lines that these pieces of output make."""
    found: list[str] = []
    log = KernelLog(found.append)
    for piece in pieces:
        log.feed(piece)
    log.end_line()
    return found


@pytest.mark.parametrize("line", [
    b"VMI: Found", b"VMI: Found\r", b"\rVMI: Found", b"[    0.000000] VMI: Found", b"<6>VMI: Found",
    b"<6>[    0.000000] VMI: Found", b"[   12.345678] <4>VMI: Found", b"[12345.678901]VMI: Found\r",
    b"\0\0VMI: Found\0",
])
def test_prefixes(line: bytes) -> None:
    assert lines(line + b"\n") == lines(line) == ["VMI: Found"]


def test_only_one_prefix_is_one() -> None:
    assert lines(b"[    0.000000] [    0.000000] x\n<0x>y\n<1234>z") == ["[    0.000000] x", "<0x>y", "<1234>z"]


@given(st.lists(st.integers(0, 40), max_size=8))
def test_cut_anywhere(cuts: list[int]) -> None:
    text = b"<6>one\r\n[    1.000000] two\n\nthree"
    places = [0, *sorted(cut for cut in cuts if cut <= len(text)), len(text)]
    pieces = [text[start:end] for start, end in pairwise(places)]
    assert lines(*pieces) == ["one", "two", "three"]


@given(st.lists(st.binary(max_size=60), max_size=20))
def test_any_bytes(pieces: list[bytes]) -> None:
    found = lines(*pieces)
    assert all(line.isprintable() for line in found)
    assert len(found) <= sum(piece.count(b"\n") for piece in pieces) + 1


def test_endless_line_is_bounded() -> None:
    assert lines(*[b"x" * 4096] * 100, b"\nnext") == ["x" * 1024, "next"]


def test_spoke() -> None:
    log = KernelLog(lambda line: None)
    log.feed(b"\r\n\0\n \n")
    log.end_line()
    assert not log.spoke
    log.feed(b".")
    log.end_line()
    assert log.spoke


def test_panic() -> None:
    assert panic("Kernel panic - not syncing: VFS: Unable to mount root fs")
    assert not panic("---[ end Kernel panic - not syncing: VFS ]---") and not panic("a Kernel panic - not syncing: x")
