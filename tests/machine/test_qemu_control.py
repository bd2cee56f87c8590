# SPDX-License-Identifier: MIT
"""The control connection, with a peer that is not QEMU; register dumps; the exit port."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest

from openvmi.errors import OpenVmiError
from openvmi.hypervisors.base import Ending
from openvmi.machine import exit_port
from openvmi.machine.qemu import control, registers
from openvmi.machine.qemu.control import Control, GoneError

EVENT = {"event": "STOP", "timestamp": {"seconds": 1, "microseconds": 2}}


@pytest.fixture
def pair(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Control, socket.socket]]:
    """Our end, impatient, and the peer's."""
    monkeypatch.setattr(control, "_ANSWER_SECONDS", 0.3)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Control(ours), theirs


def _say(peer: socket.socket, *messages: object) -> None:
    peer.sendall(b"".join(json.dumps(message).encode() + b"\r\n" for message in messages))


def test_answer_among_others(pair: tuple[Control, socket.socket]) -> None:
    ours, peer = pair
    _say(peer, EVENT, {"return": "stale", "id": 99}, EVENT, {"return": {"status": "running"}, "id": 1})
    assert ours.execute("query-status", all=True) == {"status": "running"}
    assert list(ours.events) == [EVENT, EVENT]
    assert json.loads(peer.recv(999)) == {"execute": "query-status", "id": 1, "arguments": {"all": True}}


def test_answer_in_pieces(pair: tuple[Control, socket.socket]) -> None:
    ours, peer = pair
    peer.sendall(b'{"QMP"')
    ours.receive()
    peer.sendall(b': {}}\n{"return": {}, "id": 1}\n')
    ours.greet()


def test_refused_command(pair: tuple[Control, socket.socket]) -> None:
    ours, peer = pair
    _say(peer, {"error": {"class": "GenericError", "desc": "no such thing"}, "id": 1})
    with pytest.raises(OpenVmiError, match="command jump: no such thing"):
        ours.execute("jump")


def test_silence(pair: tuple[Control, socket.socket]) -> None:
    with pytest.raises(OpenVmiError, match="did not answer stop within"):
        pair[0].execute("stop")


def test_end(pair: tuple[Control, socket.socket]) -> None:
    ours, peer = pair
    _say(peer, EVENT)
    peer.shutdown(socket.SHUT_WR)
    with pytest.raises(GoneError, match="before it answered stop"):
        ours.execute("stop")
    assert list(ours.events) == [EVENT] and ours.closed
    peer.close()
    with pytest.raises(GoneError):
        ours.execute("cont")


@pytest.mark.parametrize("garbage", [b"hello\n", b"\xff\xfe\n", b"{\n"])
def test_garbage(pair: tuple[Control, socket.socket], garbage: bytes) -> None:
    pair[1].sendall(garbage)
    with pytest.raises(OpenVmiError, match="expected JSON"):
        pair[0].greet()


def test_endless_line(pair: tuple[Control, socket.socket], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "_LINE_LIMIT", 1000)
    pair[1].sendall(b"x" * 1001)
    with pytest.raises(OpenVmiError, match="1001 bytes without a line end"):
        pair[0].greet()


DUMP = """\r
CPU#0\r
RAX=00005ead00000000 RBX=0000000000000001 RCX=000000000000000f RDX=00000000000003f8\r
RSI=0000000000000000 RDI=0000000040029ff0 RBP=000000004002a250 RSP=00005ead00000000\r
R8 =0000000000000005 R9 =000000000000000e R10=000000000000006b R11=0000000000000000\r
R12=0000000040000bbc R13=0000000000000037 R14=ffffffffffffff70 R15=0000000000000071\r
RIP=00000000400021b4 RFL=00000002 [-------] CPL=3 II=0 A20=1 SMM=0 HLT=0\r
ES =0010 0000000000000000 ffffffff 00cf9300 DPL=0 DS   [-WA]\r
CS =002b 0000000000000000 ffffffff 00af9b00 DPL=0 CS64 [-RA]\r
SS =0023 0000000000000000 ffffffff 00cf9300 DPL=0 DS   [-WA]\r
CR0=80010033 CR2=00005eacfffffff8 CR3=0000000000211000 CR4=000006a0\r
"""


def test_registers() -> None:
    found = registers.parse(DUMP)
    assert found and found.user and (found.cs, found.ss, found.rflags) == (0x2B, 0x23, 2)
    assert (found.rip, found.cr2, found.cr3) == (0x4000_21B4, 0x5EAC_FFFF_FFF8, 0x21_1000)
    assert len(found.general) == 16 and found.general["r8"] == 5 and found.general["r14"] == 0xFFFF_FFFF_FFFF_FF70
    assert found.general["rbp"] == 0x4002_A250


@pytest.mark.parametrize("text", ["", "EAX=00000000 EIP=0000fff0 CR2=00000000", DUMP.replace("RIP", "EIP")])
def test_no_registers(text: str) -> None:
    assert registers.parse(text) is None


@pytest.mark.parametrize(
    ("value", "meaning"),
    [(0, (Ending.EXIT, 0)), (63, (Ending.EXIT, 63)), (64, (Ending.EXIT, 0)), (65, (Ending.REBOOT, 0)),
     (66, (Ending.CRASH, 0)), (67, (Ending.REFUSED, 0)), (68, (Ending.CRASH, 0)), (255, (Ending.CRASH, 0))],
)  # fmt: skip
def test_exit_port(value: int, meaning: tuple[Ending, int]) -> None:
    assert exit_port.decode(value) == meaning
    assert meaning[0] in exit_port.MESSAGES
