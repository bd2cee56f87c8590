# SPDX-License-Identifier: MIT
"""Sequences on hypervisors: those that are kept, a short campaign, and that a mistake is found and made small."""

from __future__ import annotations

import os
from pathlib import Path
from pkgutil import resolve_name

import pytest

from openvmi.conformance import fuzz
from openvmi.conformance.fuzz_places import Place, boot, run_all
from openvmi.conformance.fuzz_report import read
from openvmi.conformance.model.compare import legal
from openvmi.conformance.sequence import Op as Do
from openvmi.conformance.sequence import Sequence, operation, pack, read_line
from openvmi.guest.build import build
from openvmi.hypervisors.base import Ending
from openvmi.rom.build import build as build_rom
from openvmi.running import NO_ROM, Request, run

_KEPT = Path(__file__).parent / "sequences"
PLACES = {
    "emu": Place("emu"), "emu native": Place("emu", None, "vmi=off"), "linux": Place("linux"),
    "linux native": Place("linux", None, "vmi=off"),
    "bare": Place("bare", NO_ROM), "bare template": Place("bare", "template"), "xen": Place("xen"),
}  # fmt: skip
NEEDS = {"bare": ("qemu-system-x86_64",), "xen": ("qemu-system-x86_64", "/boot/xen*.gz")}
WITH_MARKS = [pytest.param(place, marks=pytest.mark.needs(*NEEDS.get(place.on, ())), id=name)
              for name, place in PLACES.items()]


@pytest.fixture(scope="module")
def guest(top: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The sequence guest."""
    output = tmp_path_factory.mktemp("sequence") / "sequence.elf"
    build(top / "kernels" / "conform" / "sequence", output, top / "build" / "cache")
    return str(output)


class Silent:
    """Nobody looks."""

    def done(self, sequences: int, per_minute: float) -> None: ...
    def found(self, finding: fuzz.Finding) -> None: ...


def lines(*text: str) -> Sequence:
    return tuple(map(read_line, text))


def all_good(found: list[fuzz.Finding | None]) -> None:
    """Nothing differs; what does is told."""
    assert not any(found), "\n".join(line for one in found if one for line in fuzz.describe(one))


@pytest.mark.parametrize("file", sorted(path.stem for path in _KEPT.glob("*.json")))
@pytest.mark.parametrize("place", WITH_MARKS)
def test_sequences_that_are_kept(guest: str, place: Place, file: str) -> None:
    all_good(fuzz.check(place, list(read(_KEPT / f"{file}.json")), guest))


#: The same in each run of the tests, so that what fails is what was changed; openvmi fuzz is for new ones.
SEED = int(os.environ.get("OPENVMI_FUZZ_SEED", "4"))


@pytest.mark.parametrize("place", WITH_MARKS)
def test_random_sequences(guest: str, place: Place) -> None:
    result = fuzz.campaign((place,), SEED, 150, 600.0, Silent(), guest=guest)
    assert result.sequences == 150 and result.operations > 1500
    assert not result.findings, "\n".join([
        f"OPENVMI_FUZZ_SEED={SEED}; as files for {_KEPT}:",
        *(line for one in result.findings for line in [*fuzz.describe(one), one.file])])


#: Something in a ROM, what it becomes, and the call that shows it.
MISTAKES = {
    "a register lost": ("\tcmpl $VMI_BATCH_LIMIT, %esi\n", "\tincq %rbx\n\tcmpl $VMI_BATCH_LIMIT, %esi\n", 0x0303),
    "one too few": ("2:\tret\n3:\tmovq $VMI_INVALID, %rax", "2:\tsubl $1, %eax\n\tjns 4f\n\txorl %eax, %eax\n4:\tret\n"
                    "3:\tmovq $VMI_INVALID, %rax", 0x0303),
    "no limit": ("\tcmpl $VMI_BATCH_LIMIT, %esi\n\tja 3f\n", "", 0x0303),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_found_and_made_small(top: Path, guest: str, tmp_path: Path, mistake: str,
                                           monkeypatch: pytest.MonkeyPatch) -> None:
    before, after, call = MISTAKES[mistake]
    folder = tmp_path / "rom"
    folder.mkdir()
    for source in (top / "roms" / "emu").iterdir():
        text = source.read_text()
        assert source.name != "calls.S" or text.count(before) == 1
        (folder / source.name).write_text(text.replace(before, after))
    build_rom(folder, tmp_path / "emu.rom", top / "build" / "cache")
    place = Place("emu", str(tmp_path / "emu.rom"))
    monkeypatch.setattr(fuzz, "_SHRINKS", 25)
    result = fuzz.campaign((place,), 1, 400, 120.0, Silent(), most=1, guest=guest)
    assert result.findings
    finding = result.findings[0]
    assert len(finding.sequences) == 1 and len(finding.sequences[0]) <= 12
    assert call in {one.number for one in finding.sequences[0] if one.op is Do.CALL}
    file = tmp_path / "found.json"
    file.write_text(finding.file)
    again = fuzz.check(place, list(read(file)), guest)[0]
    assert again and again.signature == finding.signature
    assert fuzz.check(Place("emu"), list(read(file)), guest) == [None]


def _some_input_lost(data: bytes) -> bytes:
    return data.replace(b"0", b"")


#: Something in emu, what it does instead, and what shows it: the operation, the number of a call.
BROKEN = {
    "descriptors": ("openvmi.hypervisors.emu.segments._allowed", lambda _: lambda descriptor: True, (Do.CALL, 0x0206)),
    "floating point": ("openvmi.hypervisors.emu.cpu.Cpu.set_fpu_trap", lambda _: lambda cpu, on: None, (Do.USER, None)),
    "console": ("openvmi.machine.console.ConsoleInput.put",
                lambda put: lambda console, data: put(console, _some_input_lost(data)), (Do.CALL, 0x0701)),
}  # fmt: skip


@pytest.mark.parametrize("what", BROKEN)
def test_a_mistake_of_a_hypervisor_is_found(guest: str, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, instead, (op, number) = BROKEN[what]
    made = list(read(_KEPT / "corpus-2.json"))
    monkeypatch.setattr(name, instead(resolve_name(name)))
    found = [one for one in fuzz.check(Place("emu"), made, guest) if one]
    assert found and all(one.divergence and one.divergence.operation for one in found)
    shown = {(one.divergence.operation.op, one.divergence.operation.number if number else None)
             for one in found if one.divergence and one.divergence.operation}
    assert (op, number) in shown


def test_a_guest_that_crashes_is_started_again(guest: str) -> None:
    """Not a legal sequence: the event has a vector that nobody handles. The next one runs all the same."""
    good = lines("call irq_save")
    bad = lines("call event_bind number:8 number:0xf0", "call event_send number:8", "call irq_enable")
    assert legal(bad) != bad
    logs = run_all(Place("emu"), [good, bad, good], guest)
    assert [log.ended[:6] for log in logs] == ["", "crash:", ""]
    assert [token.letter for token in logs[1].tokens] == ["R", ";", "R", ";"]
    assert logs[0].tokens == logs[2].tokens


@pytest.mark.needs(*NEEDS["bare"])
def test_a_flood_of_events_does_not_fill_the_line(guest: str) -> None:
    """Where input keeps coming while a call takes it, each byte of it raises the event again."""
    flood = lines("call event_bind number:0x1 number:0x21", "call irq_enable",
                  *["call console_read buffer:0x0 number:0x1000"] * 8)
    assert legal(flood) == flood
    for log in run_all(Place("bare", NO_ROM), [flood] * 20, guest):
        text = "".join(map(str, log.tokens))
        assert not log.ended and log.tokens[-1].letter == "W"
        assert "V21,1" * 9 not in text
    assert fuzz.check(Place("bare", NO_ROM), [flood], guest) == [None]


@pytest.mark.parametrize(("change", "says"), [
    (lambda data: b"XSEQ" + data[4:], "has magic 51455358"), (lambda data: data[:4] + b"\1" + data[5:], "version 1"),
    (lambda data: data[:-1], "ends too early"),
    (lambda data: data[:8] + b"\xff\xff\xff\xff" + data[12:], "ends too early"),
    (lambda data: data[:6] + b"\xff\xff" + data[8:], "ends too early"), (lambda data: data[:7], "no module"),
])  # fmt: skip
def test_a_module_that_is_none_is_refused(guest: str, tmp_path: Path, change: object, says: str) -> None:
    assert callable(change)
    module = tmp_path / "module"
    module.write_bytes(change(pack([lines("call irq_save")])))
    said = bytearray()
    result = run(Request(guest, on="emu", modules=(module,)), lambda data: said.extend(data) is None)
    assert says in said.decode()
    assert result.outcome.ending is Ending.EXIT and result.outcome.code in {1, 2}


def test_an_operation_that_there_is_not_is_told(guest: str) -> None:
    from attrs import evolve

    strange = (operation(Do.CALL, 0x0999), operation(Do.INT, 99), evolve(operation(Do.POKE, 0), number=10**6),
               operation(Do.USER, 0))
    result, console = boot(Place("emu"), [strange], guest)
    assert b"=0 X;;;X;D" in console and result.outcome.ending is Ending.EXIT
