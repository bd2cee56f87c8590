# SPDX-License-Identifier: MIT
"""Xen's lines and the guest's bytes are told apart, however they are cut."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from openvmi.hypervisors.xen.console import ConsoleFilter

MARK = b"(XEN) [0000000003e104e0] "
START = b"SeaBIOS\r\n" + MARK + b"Xen version 4.17.7\r\n" + MARK + b"Freed 656kB\r\n"


def filtered(*pieces: bytes) -> tuple[bytes, list[str]]:
    """What the guest said, and Xen's lines."""
    said = bytearray()
    console = ConsoleFilter(said.extend)
    for piece in pieces:
        console.feed(piece)
    console.close()
    return bytes(said), list(console.lines)


@pytest.mark.parametrize(("raw", "guest", "xen"), [
    (b"", b"", []),
    (b"a\r\nb", b"a\nb", []),
    (b"unfinished " + MARK + b"d0v0 died\r\nend", b"unfinished end", ["d0v0 died"]),
    (MARK + b"no end", b"", ["no end"]),
    (MARK + b"\r\n" + MARK + b"x\r\n", b"", ["x"]),
    (b"(XEN) [b] \r\n(XEN) \r\n(XEN) [0000000003e104e", b"(XEN) [b] \n(XEN) \n(XEN) [0000000003e104e", []),
    (b"(XEN) [0000000003E104E0] ", b"(XEN) [0000000003E104E0] ", []),
    (b"(XE" + MARK + b"a\r\n" + b"N) [", b"(XEN) [", ["a"]),
    (b"\r\r\n\n\r", b"\r\n\n\r", []),
    (bytes(range(256)), bytes(range(256)), []),
])  # fmt: skip
def test_told_apart(raw: bytes, guest: bytes, xen: list[str]) -> None:
    assert filtered(START + raw) == (guest, ["SeaBIOS", "Xen version 4.17.7", "Freed 656kB", *xen])


def test_nothing_but_firmware() -> None:
    assert filtered(b"No bootable device.\r\n(XEN) [") == (b"", ["No bootable device.\r\n(XEN) ["])


PIECES = st.lists(st.sampled_from([
    b"(", b"(XEN) ", b"(XEN) [", MARK[:12], MARK[12:], MARK, b"\r", b"\n", b"\r\n", b"0", b"f] ", b"text", b"\0",
]), max_size=30)  # fmt: skip


@given(PIECES, st.lists(st.integers(0, 300), max_size=20))
def test_any_chunking(pieces: list[bytes], cuts: list[int]) -> None:
    raw = START + b"".join(pieces)
    edges = [0, *sorted(min(cut, len(raw)) for cut in cuts), len(raw)]
    chunks = [raw[start:end] for start, end in pairwise(edges)]
    whole = filtered(raw)
    assert filtered(*chunks) == whole == filtered(*(bytes([byte]) for byte in raw))


@given(st.lists(st.binary(max_size=40), max_size=6), st.lists(st.text("abc (XEN)[", max_size=20), max_size=6))
def test_ground_truth(guest: list[bytes], xen: list[str]) -> None:
    """Bytes and lines as their authors know them, put together as Xen does; a guest that prints marks is Xen's."""
    assume(not re.search(rb"\(XEN\) \[[0-9a-f]{16}\] ", b"".join(guest)))
    raw = START
    for index in range(max(len(guest), len(xen))):
        raw += b"".join(guest[index : index + 1]).replace(b"\n", b"\r\n")
        for line in xen[index : index + 1]:
            raw += MARK + line.encode() + b"\r\n"
    said, lines = filtered(raw)
    assert said == b"".join(guest) and lines[3:] == [line for line in xen if line]


def test_bytes_come_at_once() -> None:
    """Held back is only what may be the beginning of a mark or of a line's end."""
    said: list[bytes] = []
    console = ConsoleFilter(said.append)
    console.feed(START)
    for piece, comes in [(b"login: ", [b"login: "]), (b"a(XE", [b"a"]), (b"R", [b"(XER"]), (b"\r", []),
                         (b"\n", [b"\n"]), (b"(XEN) [0000", []), (b"g", [b"(XEN) [0000g"])]:
        said.clear()
        console.feed(piece)
        assert said == comes


def test_a_line_is_told_before_it_ends() -> None:
    """Xen's last words have no line end."""
    lines: list[str] = []
    console = ConsoleFilter(lambda data: None, lines.append)
    console.feed(START)
    lines.clear()
    console.feed(MARK + b"Hardware Dom0 cra")
    console.feed(b"shed: rebooting")
    assert lines == ["Hardware Dom0 cra", "Hardware Dom0 crashed: rebooting"]


def test_bounds() -> None:
    said, lines = filtered(START + (MARK + b"x" * 10_000 + b"\r\n") * 1000 + b"guest")
    assert said == b"guest" and len(lines) == 256 and {len(line) for line in lines} == {500}
    assert len(filtered(b"y" * 100_000)[1][0]) == 500
