# SPDX-License-Identifier: MIT
"""Bytes that nobody vouches for: a guest or BadGuestError, whatever they are."""

from __future__ import annotations

from pathlib import Path

from elf_maker import Maker
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openvmi.errors import BadGuestError
from openvmi.guest import image
from openvmi.report import guest as report

_HEADERS = 64 + 4 * 56 + 256  # where a flipped bit is most likely to be read


def use(data: bytes) -> None:
    """Parses; of what passes, uses everything that is computed late."""
    try:
        guest = image.parse(data, "hostile.elf")
    except BadGuestError as error:
        assert str(error).startswith("hostile.elf: ") and len(str(error)) < 2000
        return
    symbols = guest.symbols()
    symbols.lookup(guest.entry)
    symbols.lookup((1 << 64) - 1)
    assert report.lines(guest)


@given(st.binary(max_size=2048))
def test_random_bytes(data: bytes) -> None:
    use(data)


@given(st.binary(max_size=512))
def test_random_bytes_after_the_magic(data: bytes) -> None:
    use(b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\0\x3e\0" + data)


@settings(max_examples=500)
@given(st.lists(st.tuples(st.integers(0, _HEADERS), st.integers(0, 255)), min_size=1, max_size=4))
def test_changed_bytes(changes: list[tuple[int, int]]) -> None:
    data = bytearray(Maker().bytes())
    for offset, value in changes:
        data[offset % len(data)] = value
    use(bytes(data))


@settings(max_examples=300)
@given(st.integers(0, _HEADERS // 8), st.sampled_from([0, 1, 7, 1 << 31, 1 << 32, 1 << 47, 1 << 63, (1 << 64) - 1]))
def test_extreme_fields(word: int, value: int) -> None:
    data = bytearray(Maker().bytes())
    data[word * 8:word * 8 + 8] = value.to_bytes(8, "little")
    use(bytes(data))


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_flipped_bits_of_a_compiled_guest(tiny_file: Path, data: st.DataObject) -> None:
    contents = bytearray(tiny_file.read_bytes())
    # Half of the flips go to the end, where the section headers and the symbol table are.
    for bit in data.draw(st.lists(st.integers(0, 8 * len(contents) - 1) | st.integers(0, 8 * 4096), max_size=4)):
        contents[-1 - bit // 8] ^= 1 << bit % 8
    use(bytes(contents[:data.draw(st.just(len(contents)) | st.integers(0, len(contents)))]))
