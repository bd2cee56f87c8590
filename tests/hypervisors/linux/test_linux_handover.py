# SPDX-License-Identifier: MIT
"""The bytes that go to the runner and come from it, and what of these is refused."""

from __future__ import annotations

import os
import socket
import struct

import pytest

from openvmi import __version__
from openvmi.errors import OpenVmiError
from openvmi.hypervisors.base import Ending, Mark
from openvmi.hypervisors.linux import control, handover, layout
from openvmi.hypervisors.linux.control import End, Order, Paused, Report, decode
from openvmi.machine.boot import Entry
from openvmi.units import Gpa, Gva
from tests.machine.fakes import FakeGuest, FakeRom, config

ENTRY = Entry(Gva(0x11), Gva(0x22), Gva(0x33), Gpa(0x44000))
REGISTERS = [*range(1, 17), 0x1111, 0x246, 0x33, 0x2B, 0x2222, 0x3000, 1]


def end(ending: int = 0, code: int = 0, message: bytes = b"", registers: list[int] | None = None,
        counts: list[tuple[bytes, int]] | None = None, announced: int | None = None) -> bytes:  # fmt: skip
    counts = counts or []
    body = struct.pack("<II256s", ending, code, message) + struct.pack("<23Q", *(registers or [0] * 23))
    body += struct.pack("<II", len(counts) if announced is None else announced, 0)
    body += b"".join(struct.pack("<32sQ", name, count) for name, count in counts)
    return struct.pack("<II", 1, len(body)) + body


def test_packet() -> None:
    rom = FakeRom(hypervisor="linux", name="a ROM", version="1.2")
    packet = handover.pack(config(rom=rom, timeout=1.5), ENTRY)
    guest = FakeGuest()
    assert packet == b"".join([
        b"LNXR", struct.pack("<I", 1), struct.pack("<Q", 16 << 20), struct.pack("<Q", guest.window),
        struct.pack("<4Q", 0x11, 0x22, 0x33, 0x44000),
        struct.pack("<3Q", guest.image_start, guest.image_end, guest.direct_map),
        struct.pack("<QII", 1_500_000_000, 1, 0),
        __version__.encode().ljust(32, b"\0"), b"a ROM".ljust(32, b"\0"), b"1.2".ljust(32, b"\0"),
    ])  # fmt: skip
    assert len(packet) == 192


@pytest.mark.parametrize(("timeout", "limit"), [(0.0, 1), (1e-12, 1), (float("inf"), 10**18), (1e300, 10**18)])
def test_limits_of_time(timeout: float, limit: int) -> None:
    packet = handover.pack(config(timeout=timeout), ENTRY)
    assert struct.unpack_from("<QI", packet, 80) == (limit, 0)


def test_long_texts_are_cut() -> None:
    packet = handover.pack(config(rom=FakeRom(name="n" * 99, version="\u00fc")), ENTRY)
    assert len(packet) == 192 and packet[128:160] == b"n" * 32 and packet[160:162] == b"?\0"


def test_descriptors_arrive_in_order() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    console, control_end = socket.socketpair()
    memory = layout.make_file(8 << 20)
    try:
        handover.send(ours, b"packet", memory, console, control_end)
        packet, files, _, _ = socket.recv_fds(theirs, 4096, 8)
        assert packet == b"packet" and len(files) == 3
        for got, sent in zip(files, (memory, console.fileno(), control_end.fileno()), strict=True):
            assert os.fstat(got).st_ino == os.fstat(sent).st_ino
            os.close(got)
    finally:
        os.close(memory)
        for connection in (ours, theirs, console, control_end):
            connection.close()


def test_memory_file_keeps_its_size() -> None:
    memory = layout.make_file(8 << 20)
    try:
        assert os.fstat(memory).st_size == layout.file_size(8 << 20)
        for size in (0, layout.file_size(8 << 20) + 4096):
            with pytest.raises(PermissionError):
                os.ftruncate(memory, size)
    finally:
        os.close(memory)


def test_memory_is_the_file() -> None:
    size = 8 << 20
    file = layout.make_file(size)
    memory = layout.map_file(size, file)
    try:
        assert memory.write(Gpa(0x1234), b"RAM") and os.pread(file, 3, 0x1234) == b"RAM"
        os.pwrite(file, b"text", size)
        os.pwrite(file, b"data", size + 0x2000)
        assert memory.read(Gpa(size), 4) == b"text" and memory.read(Gpa(size + 0x2000), 4) == b"data"
        assert not memory.write(Gpa(size), b"x") and memory.write(Gpa(size + 0x2000), b"x")
        assert memory.read(Gpa(size + 0x3000), 1) is None, "the runner's own"
        assert memory.read(Gpa(size - 2), 4) is None
    finally:
        memory.close()
        os.close(file)


# ---- from the runner ----


def test_end() -> None:
    said = decode(end(2, 9, b"it died\0rest", REGISTERS, [(b"Halt", 3), (b"n" * 32, 1 << 63)]))
    assert isinstance(said, End)
    assert (said.ending, said.code, said.message) == (Ending.CRASH, 0, "it died")
    assert said.exits == {"Halt": 3, "n" * 32: 1 << 63}
    registers = said.registers
    assert registers
    names = ["rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", *(f"r{number}" for number in range(8, 16))]
    assert registers.general == dict(zip(names, range(1, 17), strict=True))
    assert (registers.rip, registers.rflags, registers.cs, registers.ss) == (0x1111, 0x246, 0x33, 0x2B)
    assert (registers.cr2, registers.cr3, registers.user) == (0x2222, 0x3000, True)


@pytest.mark.parametrize(("number", "ending"), [*enumerate([Ending.EXIT, Ending.REBOOT, Ending.CRASH, Ending.REFUSED,
                                                          Ending.TIMEOUT, Ending.INTERRUPTED, None])])  # fmt: skip
def test_endings(number: int, ending: Ending | None) -> None:
    said = decode(end(number, 200))
    assert isinstance(said, End) and said.ending is ending and said.registers is None
    assert said.code == (63 if ending is Ending.EXIT else 0)


def test_other_packets() -> None:
    assert decode(struct.pack("<IIIIQQ", 2, 24, 7, 99, 8, 9)) == Mark(7, 8, None, 9)  # type: ignore[arg-type]
    assert decode(struct.pack("<IIQQ", 3, 16, 5, 6)) == Report(Gva(5), Gpa(6))
    assert decode(struct.pack("<IIQ", 4, 8, 5)) == Paused(Gpa(5))


def test_messages_are_printable() -> None:
    said = decode(end(2, 0, b"\x1b[31m\xffred\n"))
    assert isinstance(said, End) and said.message == "?[31m\ufffdred?"


@pytest.mark.parametrize(
    "packet",
    [
        b"", b"\1\0\0\0", struct.pack("<II", 0, 0), struct.pack("<II", 5, 0), struct.pack("<II", 2**32 - 1, 0),
        end()[:-1], end() + b"\0", end(7), end(2**32 - 1), end(announced=1), end(announced=2**32 - 1),
        end(counts=[(b"a", 1)], announced=0), struct.pack("<II", 1, 4) + bytes(4), struct.pack("<II", 1, 0),
        struct.pack("<IIQQ", 2, 16, 0, 0), struct.pack("<IIQ", 3, 8, 0), struct.pack("<IIQQ", 4, 16, 0, 0),
    ],
)  # fmt: skip
def test_packets_that_make_no_sense(packet: bytes) -> None:
    with pytest.raises(OpenVmiError, match=r"the runner sent \d+ bytes that make no sense .*make build"):
        decode(packet)


def test_orders() -> None:
    assert [order.packet for order in (Order.STOP, Order.PAUSE, Order.RESUME)] == [
        b"\1\0\0\0", b"\2\0\0\0", b"\3\0\0\0"]  # fmt: skip
    assert len(end(counts=[(b"x", 1)] * 64)) <= control.PACKET_MOST
