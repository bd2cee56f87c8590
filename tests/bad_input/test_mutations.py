# SPDX-License-Identifier: MIT
"""The real guest and the real ROM with bytes changed: known errors or known endings, whatever the bytes."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openvmi.errors import BadGuestError, BadRomError
from openvmi.guest import image
from openvmi.guest.image import GuestImage
from openvmi.report import guest as report
from openvmi.rom.describe import describe
from openvmi.rom.image import RomImage
from tests.bad_input.damage import DATA, TEXT, Elf, emu_rom, hello
from tests.bad_input.mutation import Change, boot, changed, sealed

#: Bytes that are more likely to do something: ends of ranges, and instructions that leave the guest or its path.
_PRONE = [0x00, 0x01, 0x7F, 0x80, 0xFF, 0xC3, 0xCC, 0xCD, 0xCF, 0xE6, 0xE9, 0xEE, 0xEF, 0xF4, 0xFA]
_NEW = st.lists(st.sampled_from(_PRONE) | st.integers(0, 255), min_size=1, max_size=8).map(bytes)
_QUICK = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
_BOOT = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def changes(start: int, end: int) -> st.SearchStrategy[list[Change]]:
    """A few changes of the bytes from start to end."""
    return st.lists(st.builds(Change, st.integers(start, end - 1), _NEW), min_size=1, max_size=4)


@pytest.fixture(scope="module")
def guest() -> GuestImage:
    """The guest, whole."""
    return image.parse(hello(), "hello.elf")


@pytest.fixture(scope="module")
def rom() -> RomImage:
    """The ROM, whole."""
    return RomImage.parse(emu_rom(), "emu.rom")


def parsed_guest(data: bytes) -> GuestImage | None:
    """The guest where it is accepted; everything that is computed late has been."""
    try:
        found = image.parse(data, "bad.elf")
    except BadGuestError as error:
        assert str(error).startswith("bad.elf: ")
        return None
    assert report.lines(found)
    return found


def parsed_rom(data: bytes) -> RomImage | None:
    """The ROM where it is accepted; everything that is computed late has been."""
    try:
        found = RomImage.parse(data, "bad.rom")
    except BadRomError as error:
        assert str(error).startswith("bad.rom: ")
        return None
    assert describe(found)
    return found


_ELF = Elf()
_HEADERS_END = 64 + 4 * 56
_LOADED_END = _ELF.read(DATA, "offset") + _ELF.read(DATA, "file_size")


@_QUICK
@given(changes(0, _HEADERS_END) | changes(0, _LOADED_END) | changes(_LOADED_END, len(_ELF.data)),
       st.none() | st.integers(0, len(_ELF.data)))
def test_guests_parse_or_are_refused(made: list[Change], size: int | None) -> None:
    parsed_guest(changed(hello(), made)[:size])


@_QUICK
@given(changes(0, len(emu_rom())), st.booleans(), st.none() | st.integers(0, len(emu_rom())))
def test_roms_parse_or_are_refused(made: list[Change], seal: bool, size: int | None) -> None:
    data = changed(emu_rom(), made)
    parsed_rom((sealed(data) if seal else data)[:size])


@_BOOT
@given(changes(_ELF.read(TEXT, "offset"), _LOADED_END), st.sampled_from(["", "vmi=off", "vmi.disable=irq,mmu"]))
def test_damaged_code_ends_in_a_known_way(rom: RomImage, made: list[Change], options: str) -> None:
    if found := parsed_guest(changed(hello(), made)):
        boot(found, rom, options)


@_BOOT
@given(changes(_HEADERS_END, _ELF.read(TEXT, "offset")), st.sampled_from(["", "vmi=off"]))
def test_damaged_notes_and_tables_end_in_a_known_way(rom: RomImage, made: list[Change], options: str) -> None:
    if found := parsed_guest(changed(hello(), made)):
        boot(found, rom, options)


@_BOOT
@given(changes(0, len(emu_rom())))
def test_damaged_roms_end_in_a_known_way(guest: GuestImage, made: list[Change]) -> None:
    if found := parsed_rom(sealed(changed(emu_rom(), made))):
        boot(guest, found)
