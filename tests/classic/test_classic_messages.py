# SPDX-License-Identifier: MIT
"""What is concluded from a kernel's messages. The lines are those that kernels from 2.6.21 to 2.6.32 print."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openvmi.abi.classic import SCAN_END, SCAN_START
from openvmi.classic.image import ClassicRom
from openvmi.classic.messages import MessageReader, Messages
from openvmi.classic.outcome import ClassicOutcome, find_image
from openvmi.report import classic as report
from openvmi.units import Gpa

FOUND = "VMI: Found OpenVMI classic-full, API version 3.0, ROM version 1.0"
ON_VMI = "Booting paravirtualized kernel on vmi"
DEPRECATED = "Booting paravirtualized kernel on vmi [deprecated]"
ON_HARDWARE = "Booting paravirtualized kernel on bare hardware"
LICENCE = "VMI: Non GPL license `MIT' found for ROM. Not used."
MISMATCH = "VMI: Found mismatched rom version 2.0"
NO_PCI = "VMI: ROM does not contain PCI header."
FAILED = "VMI ROM failed to initialize!"
RESERVED = "Reserving virtual address space above 0xfc000000"
TIMER = "Time: vmi-timer clocksource has been installed."


def read(*lines: str) -> Messages:
    """What a kernel that prints these lines says."""
    reader = MessageReader()
    reader.feed("".join(f"<6>[    0.000000] {line}\r\n" for line in lines).encode())
    return reader.messages()


@pytest.mark.parametrize(("lines", "said", "accepted", "activated"), [
    ((FOUND, RESERVED, ON_VMI, TIMER), Messages(FOUND, None, None, ON_VMI, RESERVED, TIMER, True), True, True),
    ((FOUND, DEPRECATED), Messages(found=FOUND, platform=DEPRECATED, spoke=True), True, True),
    ((FOUND,), Messages(found=FOUND, spoke=True), True, False),
    ((FOUND, LICENCE, ON_HARDWARE), Messages(FOUND, LICENCE, platform=ON_HARDWARE, spoke=True), False, False),
    ((MISMATCH, ON_HARDWARE), Messages(refused=MISMATCH, platform=ON_HARDWARE, spoke=True), False, False),
    ((NO_PCI,), Messages(refused=NO_PCI, spoke=True), False, False),
    ((FOUND, FAILED, ON_HARDWARE), Messages(FOUND, None, FAILED, ON_HARDWARE, spoke=True), True, False),
    (("Linux version 2.6.18", "ata1: failed to initialize", "on vmin"), Messages(spoke=True), False, False),
    (("Booting paravirtualized kernel on vminimal",),
     Messages(platform="Booting paravirtualized kernel on vminimal", spoke=True), False, False),
    ((), Messages(), False, False),
])
def test_conclusions(lines: tuple[str, ...], said: Messages, accepted: bool, activated: bool) -> None:
    found = read(*lines)
    assert (found, found.accepted, found.activated) == (said, accepted, activated)


def test_first_of_a_kind_counts() -> None:
    assert read(FOUND, FOUND.replace("1.0", "9.9"), ON_HARDWARE, ON_VMI).lines == (FOUND, ON_HARDWARE)


def test_last_line_without_its_end() -> None:
    reader = MessageReader()
    reader.feed(b"VMI ROM failed to initialize!")
    assert reader.messages().failed == FAILED


@given(st.lists(st.binary(max_size=80) | st.sampled_from([FOUND.encode() + b"\n", ON_VMI.encode()]), max_size=30))
def test_any_output(pieces: list[bytes]) -> None:
    reader = MessageReader()
    for piece in pieces:
        reader.feed(piece)
    said = reader.messages()
    assert all(line.isprintable() and len(line) <= 1024 for line in said.lines) and len(said.lines) <= 6


# ---- where firmware put it ----

SIZE = SCAN_END - SCAN_START


def memory(area: bytes) -> object:
    """Reads guest memory that has these bytes where ROMs are."""
    def reader(address: Gpa, size: int) -> bytes | None:
        assert (address, size) == (SCAN_START, SIZE)
        return area

    return reader


def rom(size: int = 1024, units: int = 2) -> ClassicRom:
    """A ROM of that many bytes that says it has so many units."""
    data = bytearray(range(1, 256)) * (size // 255 + 1)
    data[:12] = b"\x55\xaa" + bytes([units]) + bytes(5) + b"cVmi"
    return ClassicRom.read(bytes(data[:size]), "some/thing.rom")


@pytest.mark.parametrize("at", [0, 2048, 0xB000, SIZE - 2048])
def test_placed(at: int) -> None:
    area = bytearray(SIZE)
    area[at:at + 1024] = rom().data
    assert find_image(rom(), memory(bytes(area))) == SCAN_START + at


def test_only_what_the_header_counts_is_compared() -> None:
    assert find_image(rom(2048, units=1), memory(rom().data[:512] + bytes(SIZE - 512))) is None
    area = rom(2048, units=1).data[:512] + bytes(SIZE - 512)
    assert find_image(rom(2048, units=1), memory(area)) == SCAN_START


@pytest.mark.parametrize("at", [1024, 2049, SIZE - 512])
def test_not_where_clients_look(at: int) -> None:
    area = bytearray(SIZE)
    area[at:at + 1024] = rom().data
    assert find_image(rom(), memory(bytes(area[:SIZE]))) is None


@pytest.mark.parametrize("area", [None, b"", bytes(SIZE)])
def test_nowhere(area: bytes | None) -> None:
    assert find_image(rom(), memory(area)) is None
    assert find_image(rom(units=0), memory(area)) is None


# ---- for people and as JSON ----

AT = Gpa(0xCB000)


@pytest.mark.parametrize(("placed", "units", "lines", "told"), [
    (AT, 2, (FOUND, ON_VMI, TIMER), "the kernel accepted it and runs on it, and takes the time from it"),
    (AT, 2, (FOUND, ON_VMI), "put it at 0xcb000; the kernel accepted it and runs on it"),
    (AT, 2, (FOUND, LICENCE), "the kernel found and refused it"),
    (AT, 2, (FOUND, FAILED), "its Init failed: the kernel went on natively"),
    (AT, 2, (FOUND,), "the kernel accepted it, and does not say that it runs on it"),
    (AT, 2, (ON_HARDWARE,), "the kernel did not find it, or has no CONFIG_VMI"),
    (AT, 2, ("Linux version 2.6.18",), "the kernel says nothing of VMI: it has no CONFIG_VMI"),
    (AT, 2, (), "the kernel printed nothing on the serial port"),
    (None, 2, (), "did not put it between 0xc0000 and 0xe0000: its bytes add up to 0x"),
    (None, 3, (), "did not put it between 0xc0000 and 0xe0000: its header says 1536 bytes, and it has 1024"),
    (None, 0, (), "did not put it between 0xc0000 and 0xe0000: its header says 0 bytes"),
])
def test_told(placed: Gpa | None, units: int, lines: tuple[str, ...], told: str) -> None:
    image, outcome = rom(units=units), ClassicOutcome(placed, read(*lines))
    first, *rest = report.lines(image, outcome)
    assert first.startswith("openvmi: ROM thing: firmware ") and told in first
    assert ("takes the time from it" in first) == (TIMER in lines)
    assert rest == [f"  kernel: {line}" for line in lines if line.split()[0] != "Linux"]
    about = report.describe(image, outcome)
    assert about["placed"] == placed and about["activated"] == (ON_VMI in lines)
    assert about["findings"] and about["product"] is None


def test_too_large_for_what_is_left() -> None:
    data = bytearray(rom().data)
    data[-1] = (data[-1] - sum(data)) & 0xFF
    line, = report.lines(ClassicRom.read(bytes(data), "r"), ClassicOutcome(None, Messages(spoke=True)))
    assert "there was no room, or the kernel wrote over it" in line
