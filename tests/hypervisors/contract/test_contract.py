# SPDX-License-Identifier: MIT
"""One guest that checks the contracts of profile paged call by call, the same binary everywhere: what is a promise on
one hypervisor is one on all of them.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from openvmi.guest.build import build
from openvmi.hypervisors.base import Ending
from openvmi.running import NO_ROM, Request, Run, run

SUBJECTS = ("mmu", "user", "event", "trap", "irq", "time", "sys", "base")
#: Hypervisor, ROM, options.
PLACES = {
    "emu": ("emu", None, ""), "emu native": ("emu", None, "vmi=off"), "bare": ("bare", NO_ROM, ""),
    "bare template": ("bare", "template", ""), "xen": ("xen", None, ""),
    "linux": ("linux", None, ""),
}  # fmt: skip
NEEDS = {"emu": (), "bare": ("qemu-system-x86_64",), "xen": ("qemu-system-x86_64", "/boot/xen*.gz"),
         "linux": ()}
HOST_TIME = ("linux",)  #: nothing there counts instructions
WITH_MARKS = [pytest.param(place, marks=pytest.mark.needs(*NEEDS[on])) for place, (on, _, _) in PLACES.items()]
CHECK = re.compile(r"^(ok|FAILED) ((\w+)/[^:\n]+)", re.MULTILINE)
#: Of group smp, which is not everywhere; all in subject event or irq.
SMP = re.compile(r"^event/(VcpuId|Vcpu|Ipi|IpiSend|an IPI)|^irq/Vcpu")
AT_LEAST = 529
#: What cannot be kept somewhere, as a pattern of sentences, and why.
EXCEPTIONS: dict[str, str] = {}
INPUT = "a-line-of-input"


@pytest.fixture(scope="module")
def guest(top: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The guest, built once for all places."""
    output = tmp_path_factory.mktemp("contract") / "contract.elf"
    build(Path(__file__).parent / "guest", output, top / "build" / "cache")
    return output


def check_all(guest: Path, place: str, options: str = "", **values: object) -> tuple[Run, bytes]:
    """A run in one of the places, and what it said."""
    on, rom, own = PLACES[place]
    console = bytearray()

    def keep(data: bytes) -> bool:
        console.extend(data)
        return True

    request = Request(str(guest), on=on, rom=rom, options=f"{own} {options}".strip(), timeout=60.0, **values)  # type: ignore[arg-type]
    return run(request, keep), bytes(console)


@cache
def whole(guest: Path, place: str) -> tuple[Run, bytes]:
    """A run of every subject, once for all tests."""
    return check_all(guest, place, deterministic=place not in HOST_TIME)


def sentences(said: bytes) -> list[str]:
    """The checks that were made, in order."""
    return [match[2] for match in CHECK.finditer(said.decode(errors="replace"))]


def broken(place: str, lines: list[str]) -> list[str]:
    """The failures among these lines that are no exceptions."""
    known = re.compile(f"FAILED {EXCEPTIONS[place]}") if place in EXCEPTIONS else None
    return [line for line in lines if not (known and known.match(line))]


@pytest.mark.parametrize("place", WITH_MARKS)
@pytest.mark.parametrize("subject", SUBJECTS)
def test_every_promise_is_kept(guest: Path, place: str, subject: str) -> None:
    _, said = whole(guest, place)
    lines = said.decode(errors="replace").splitlines()
    assert not broken(place, [line for line in lines if line.startswith(f"FAILED {subject}/")])
    assert f"ok {subject}/the subject runs to its end" in lines, "\n".join(lines[-10:])


@pytest.mark.parametrize("place", WITH_MARKS)
def test_the_run_ends_well(guest: Path, place: str) -> None:
    result, said = whole(guest, place)
    failed = [line for line in said.decode(errors="replace").splitlines() if line.startswith("FAILED ")]
    assert bool(failed) == (place in EXCEPTIONS), "an exception that is none any more: take it out"
    assert (result.outcome.ending, result.outcome.code) == (Ending.EXIT, len(failed)), result.outcome.message
    assert f"\n{len(failed)} checks failed\n".encode() in said
    names = sentences(said)
    assert len(names) == len(set(names)), "a sentence comes twice: " + sorted(names)[0]
    assert len(names) >= AT_LEAST and {name.split("/")[0] for name in names} == set(SUBJECTS)
    assert result.link is not None


@pytest.mark.parametrize("place", WITH_MARKS)
def test_the_same_is_checked_everywhere(guest: Path, place: str) -> None:
    _, reference = whole(guest, "emu")
    _, said = whole(guest, place)
    has_smp = b" smp:1" in said.partition(b"\n")[0]
    extra = [name for name in sentences(said) if SMP.search(name)]
    assert bool(extra) == has_smp
    assert [name for name in sentences(said) if not SMP.search(name)] == sentences(reference)


@pytest.mark.parametrize("place", WITH_MARKS)
def test_what_the_console_carries(guest: Path, place: str) -> None:
    """Unchanged, every byte. Line ends are left out: a serial line may make them two bytes."""
    _, said = whole(guest, place)
    every = bytes(byte for byte in range(256) if byte not in b"\r\n")
    assert b"sys: bytes " + every + b"\n" in said
    assert b"sys: long " + b"x" * (4096 - 11) + b"\n" in said
    assert b"sys: a line\n" in said and b"edge\n" in said and b"abcdefghijklmnopqrstuvwxyz\n" in said


@pytest.mark.parametrize("place", WITH_MARKS)
def test_input_arrives(guest: Path, place: str) -> None:
    result, said = check_all(guest, place, f"contract.only=sys contract.input={INPUT}", input=INPUT.encode(),
                             deterministic=place.startswith("emu"))
    assert (result.outcome.ending, result.outcome.code) == (Ending.EXIT, 0), said.decode(errors="replace")
    assert b"ok sys/ConsoleRead gives what was sent\n" in said


@pytest.mark.parametrize("place", WITH_MARKS)
def test_one_subject_alone(guest: Path, place: str) -> None:
    """No subject needs what another one left behind; in the host's time, where timers are what they are."""
    result, said = check_all(guest, place, "contract.only=event")
    assert (result.outcome.ending, result.outcome.code) == (Ending.EXIT, 0), said.decode(errors="replace")
    assert {name.split("/")[0] for name in sentences(said)} == {"event"}


def test_a_failure_is_told(guest: Path) -> None:
    """The guest itself: with a sentence that is wrong here its status and its words say so."""
    result, said = check_all(guest, "emu", "contract.only=sys contract.input=nobody-types-this", deterministic=True)
    assert (result.outcome.ending, result.outcome.code) == (Ending.EXIT, 2)
    assert b"FAILED sys/ConsoleRead gives what was sent: found 0x0, expected 0x1\n" in said
    assert b"\n2 checks failed\n" in said
