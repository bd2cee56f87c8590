# SPDX-License-Identifier: MIT
"""The time machine: what was built for a released version of the interface, with what is built now.

A guest of 4.n runs at full function on every ROM of 4 and minor version n or more. A newer guest on an older ROM is
refused by name, unless it says that it needs no more; then what the ROM lacks is absent.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest
from attrs import evolve

from openvmi.abi import load
from openvmi.guest import build, definition
from openvmi.guest import image as guests
from openvmi.hypervisors.base import Ending
from openvmi.rom.load import load_current
from openvmi.running import NO_ROM, Request, Run, run
from tests.compat import freeze

HERE = Path(__file__).parent
#: Of each set the SHA-256 of its list of files, and of what its definition promises (freeze.promised). Neither ever
#: changes: a set from which a file goes would be tested less, without a word. freeze.py prints the line of a new one.
PINNED = {
    "4.0": ("11982a2a3e32ee2d2599901915c65e3ef5be5ce8921649d127f77b93cf6197ea",
            "93b86138d195f14eb8ffbfba866a729bb9647896f9259425339b29668d42e065"),
}  # fmt: skip
SETS = sorted(PINNED)
PC, XEN = ("qemu-system-x86_64",), ("qemu-system-x86_64", "/boot/xen*.gz")
#: Where guests of an older version run: hypervisor, its ROM (None: the usual one), options, what it takes.
PLACES = {
    "emu": ("emu", None, "", ()), "emu native": ("emu", None, "vmi=off", ()), "bare": ("bare", NO_ROM, "", PC),
    "bare template": ("bare", "template", "", PC), "linux": ("linux", None, "", ()), "xen": ("xen", None, "", XEN),
}  # fmt: skip
#: The same of older ROMs. They need the private interface of their hypervisor as it was. That of emu and xen has been
#: added to since 4.0 and not changed; from a release that changes it on, its older ROMs belong to older releases of
#: openvmi only, and leave this list. template has none.
OLDER = {"emu": ("emu", "emu", "", ()), "bare template": ("bare", "template", "", PC), "xen": ("xen", "xen", "", XEN)}
#: Where every byte counts. Not on template: the console of 4.0's loses some when who reads is slow.
EXACT = ("emu", "xen")
#: Checks of old guests that asked for more than the contract says, as patterns of sentences.
TOO_MUCH = (
    r"base/Probe of what is no group gives 0",  # 4.0 asks for 0x0a, too, which 4.1 gave to group random
)
#: The same where only one place shows it.
TOO_MUCH_AT = {
    # Floating-point instructions in kernel mode need not raise vector 7: no process can see to that.
    "linux": r"trap/(after FpuTrapSet|so does the next vector|user mode raises it too|that was one exception)",
}
#: What 4.0's guest for the contract finds wrong where the host kept the processor from it: a deadline came late, or one
#: came that was to be replaced in time.
LATE = re.compile(r"time/(it comes at once|and not much later|a deadline that a later one replaced does not come|"
                  "a deadline replaced by an earlier one comes earlier|a deadline that was cancelled does not come|"
                  "TimerSet leaves an event that is pending|and that comes once)")
#: What it says after one of these, as the same counter is one too high.
COUNTED = re.compile(r"time/(TimerCancel leaves an event that is pending|a deadline that passes while .* waits)")
SMP = re.compile(r"event/(VcpuId|Vcpu|Ipi|IpiSend|an IPI)|irq/Vcpu")  #: checks of a group that is not everywhere
NONE = re.compile(r"^0 checks failed\r?$", re.MULTILINE)


def places(table: dict[str, tuple]) -> list:
    """Parameters, each with what it needs."""
    return [pytest.param(place, marks=pytest.mark.needs(*table[place][3])) for place in table]


@cache
def start(guest: Path, on: str, rom: str | None, options: str) -> tuple[Run, str]:
    """One run and what it said, line ends as on a terminal."""
    console = bytearray()

    def keep(data: bytes) -> bool:
        console.extend(data)
        return True

    result = run(Request(guest=str(guest), on=on, rom=rom, options=options, deterministic=on != "linux"), keep)
    return result, console.decode(errors="replace").replace("\r\n", "\n")


def present(guest: Path, place: str) -> tuple[Run, str]:
    """With what is built now."""
    on, rom, options, _ = PLACES[place]
    return start(guest, on, rom, options)


def undisturbed(guest: Path, place: str) -> tuple[Run, str]:
    """The same. Where time is the host's, a busy one may make a deadline late, of which these guests know nothing.

    A run of which nothing else is wrong is made again, twice at most.
    """
    for _ in range(1 if place != "linux" else 3):
        found = present(guest, place)
        if not only_late(unexpected(found[1], place)):
            break
        start.cache_clear()
    return found


def only_late(sentences: list[str]) -> bool:
    """Whether that is what a late deadline makes wrong, and nothing else."""
    return bool(sentences) and bool(LATE.match(sentences[0])) and all(
        LATE.match(sentence) or COUNTED.match(sentence) for sentence in sentences)


def older(guest: Path, version: str, place: str) -> tuple[Run, str]:
    """With the ROM of a set."""
    on, rom, options, _ = OLDER[place]
    return start(guest, on, str(HERE / version / "roms" / f"{rom}.rom"), options)


def kept(version: str, kind: str, suffix: str) -> list[Path]:
    """The files of a kind in a set."""
    return sorted((HERE / version / kind).glob(f"*{suffix}"))


def same(said: str) -> str:
    """What was said, less what another ROM may change: revisions, how sites were linked, times, random numbers."""
    said = re.sub(r"(\w:|revision )\d+", r"\1N", said)
    said = re.sub(r"^ +(sites|first|wrong:|\d+ sites).*\n|^\d+ checks failed\n", "", said, flags=re.MULTILINE)
    said = re.sub(rf"^(ok|FAILED) (?={'|'.join(TOO_MUCH)}).*\n", "", said, flags=re.MULTILINE)
    return re.sub(r"[\d.]+( ns| us| ms)", r"N\1", said)


def unexpected(said: str, place: str) -> list[str]:
    """What checks say that failed, but for those that ask too much."""
    known = re.compile("|".join((*TOO_MUCH, TOO_MUCH_AT.get(place, "$"))))
    failed = [line.partition("FAILED")[2].strip() for line in said.splitlines() if "FAILED" in line]
    return [sentence for sentence in failed if not known.match(sentence)]


def passes(result: Run, said: str, place: str) -> None:
    """All checks of a guest hold, but for those that ask too much."""
    assert not unexpected(said, place)
    expected = (Ending.EXIT, said.count("FAILED"))
    assert (result.outcome.ending, result.outcome.code) == expected, result.outcome.message
    assert result.link is not None and result.link.sites


OLD_GUESTS = [(version, path.stem) for version in SETS for path in kept(version, "guests", ".elf")]
OLD_ROMS = [version for version in SETS if version != load.CURRENT]


# ---- the sets themselves ----

def test_every_released_version_has_a_set() -> None:
    released = [version for version in load.versions() if version.startswith("4.") and version != load.CURRENT]
    assert released and set(released) <= set(SETS)
    assert sorted(path.parent.name for path in HERE.glob("*/set.toml")) == SETS, "a set is not in PINNED, or is gone"


@pytest.mark.parametrize("version", SETS)
def test_a_set_is_what_it_was(version: str) -> None:
    """Its files are those of the list, byte for byte, and each is of that version."""
    assert hashlib.sha256((HERE / version / freeze.SUMS).read_bytes()).hexdigest() == PINNED[version][0], (
        f"the list of what is kept of {version} is another: a released set neither loses nor gets a file")
    assert freeze.sums(HERE / version) == (HERE / version / freeze.SUMS).read_text()
    about = tomllib.loads((HERE / version / "set.toml").read_text())
    assert about["interface"] == version and re.fullmatch("[0-9a-f]{40}", about["commit"]) and about["compiler"]
    minor = int(version.split(".")[1])
    for path in kept(version, "guests", ".elf"):
        assert guests.load(path).version == (4, minor), path
    for path in kept(version, "roms", ".rom"):
        header = load_current(path).header
        assert (header.major, header.minor) == (4, minor), path


def moved(version: str, top: Path, kept: Path) -> str:
    """How the definition of a version differs from what was released; empty: not at all."""
    folder, record = top / "abi" / version, tomllib.loads((kept / freeze.DEFINITION).read_text())
    found = freeze.files(folder)
    changed = [name for name in sorted({*found, *record["files"]}) if found.get(name) != record["files"].get(name)]
    if freeze.promised(folder) != PINNED[version][1] or record["promised"] != PINNED[version][1]:
        return (f"abi/{version} promises something else than what was released as {version} ({', '.join(changed)}); "
                "what was released does not change: take it back, and change the present version")
    if changed:
        return (f"abi/{version} was released and is worded otherwise in {', '.join(changed)}. Words that are only more "
                f"precise are entered with `python tests/compat/freeze.py --words {version}` and told in CHANGELOG.md; "
                "what would surprise a guest or ROM that was built by the old words belongs into the present version")
    return ""


@pytest.mark.parametrize("version", SETS)
def test_a_released_definition_is_what_it_was(version: str, top: Path) -> None:
    assert not moved(version, top, HERE / version)


def test_an_edit_of_a_released_definition_is_told(top: Path, tmp_path: Path) -> None:
    version = SETS[0]
    kept, folder = tmp_path / "kept", tmp_path / "abi" / version
    shutil.copytree(top / "abi" / version, folder)
    kept.mkdir()
    record = kept / freeze.DEFINITION
    record.write_text((HERE / version / freeze.DEFINITION).read_text())
    assert not moved(version, tmp_path, kept)
    file, before = folder / "mmu.toml", (folder / "mmu.toml").read_text()

    # Words: told, with how they are entered deliberately.
    file.write_text(before.replace("Flushes", "Drops") + "# a remark\n")
    assert "worded otherwise in mmu.toml" in moved(version, tmp_path, kept)
    assert f"freeze.py --words {version}`" in moved(version, tmp_path, kept)
    assert freeze.take_words(kept, folder) is None
    assert not moved(version, tmp_path, kept)
    assert record.read_text().partition("[files]")[0] == (HERE / version / freeze.DEFINITION).read_text().partition(
        "[files]")[0], "and what the file says besides stays"

    # Anything else: told, and nothing enters it, not even another digest in the record.
    for old, new in (('"TlbFlush"', '"TlbFlushed"'), ("errors = []", 'errors = ["BUSY"]')):
        assert old in before
        file.write_text(before.replace(old, new, 1))
        assert f"something else than what was released as {version} (mmu.toml)" in moved(version, tmp_path, kept)
        assert "in more than its words" in (freeze.take_words(kept, folder) or "")
    held = record.read_text()
    record.write_text(held.replace(freeze.promised(top / "abi" / version), freeze.promised(folder)))
    assert freeze.take_words(kept, folder) is None and "promises something else" in moved(version, tmp_path, kept)
    record.write_text(held)

    # Nor are files added or taken away.
    file.write_text(before)
    (folder / "more.toml").write_text("")
    assert "(mmu.toml, more.toml)" in moved(version, tmp_path, kept)
    (folder / "more.toml").unlink()
    file.unlink()
    assert "(mmu.toml)" in moved(version, tmp_path, kept)


def test_only_a_late_deadline_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """And a guest that fails otherwise, now and then, is not."""
    late = "FAILED time/a deadline that a later one replaced does not come: found 0x1, expected 0x0\n"
    counted = "FAILED time/a deadline that passes while interrupts are disabled waits: found 0x5, expected 0x4\n"
    other = "FAILED mmu/PteSet sets: found 0x0, expected 0x1\n"
    known = "FAILED trap/so does the next vector instruction: found 0x4, expected 0x5\n"
    runs = 0

    def run_once(*_: object) -> tuple[None, str]:
        nonlocal runs
        runs += 1
        return None, said

    monkeypatch.setattr(sys.modules[__name__], "present", run_once)
    for said, place, expected in ((late, "linux", 3), (known + late + counted, "linux", 3), (known, "linux", 1),
                                  (counted, "linux", 1), (late + other, "linux", 1), (other, "linux", 1),
                                  (late, "emu", 1), ("", "linux", 1)):
        runs = 0
        assert undisturbed(HERE, place) == (None, said)
        assert runs == expected, said


def test_a_changed_file_is_noticed(tmp_path: Path) -> None:
    for part in ("guests", "roms"):
        (tmp_path / part).mkdir()
        for path in (HERE / SETS[0] / part).iterdir():
            (tmp_path / part / path.name).write_bytes(path.read_bytes())
    assert freeze.sums(tmp_path) == (HERE / SETS[0] / freeze.SUMS).read_text()
    (tmp_path / "roms" / "emu.rom").write_bytes(b"x")
    digest = hashlib.sha256(b"x").hexdigest()
    assert f"{digest}  roms/emu.rom\n" in freeze.sums(tmp_path)
    assert freeze.sums(tmp_path) != (HERE / SETS[0] / freeze.SUMS).read_text()


def test_stripping_leaves_what_is_loaded(top: Path, tmp_path: Path) -> None:
    whole = top / "build" / "guests" / "hello.elf"
    (tmp_path / "hello.elf").write_bytes(freeze.strip(whole.read_bytes()))
    before, after = guests.load(whole), guests.load(tmp_path / "hello.elf")
    assert len(after.data) < len(before.data) / 2
    assert (after.segments, after.records, after.entry) == (before.segments, before.records, before.entry)
    assert after.symbols().address("vmi_link_state") == before.symbols().address("vmi_link_state") is not None


def test_a_set_is_made_of_what_there_is(tmp_path: Path, top: Path, monkeypatch: pytest.MonkeyPatch,
                                        capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(freeze, "_HERE", tmp_path)
    assert freeze.main([]) is None
    made = tmp_path / load.CURRENT
    pin = re.search(rf'^    "{load.CURRENT}": \("(\w+)",\n +"(\w+)"\),$', capsys.readouterr().out, re.MULTILINE)
    assert pin and pin[1] == hashlib.sha256((made / freeze.SUMS).read_bytes()).hexdigest()
    monkeypatch.setitem(PINNED, load.CURRENT, (pin[1], pin[2]))
    assert not moved(load.CURRENT, top, made)
    names = [line.split()[1] for line in (made / freeze.SUMS).read_text().splitlines()]
    assert {"guests/hello.elf", "guests/newest.elf", "roms/emu.rom", "roms/xen.rom", "roms/xen.shim"} <= set(names)
    for path in made.glob("guests/*"):
        assert guests.load(path).version[1] == load.interface().minor


def test_a_released_set_is_not_made_again(monkeypatch: pytest.MonkeyPatch, top: Path) -> None:
    monkeypatch.setattr("openvmi.abi.load.CURRENT", SETS[0])
    assert "is there already" in (freeze.main([]) or "")
    assert "a version that is not released needs none" in (freeze.main(["--words", "4.999"]) or "")
    monkeypatch.setattr("openvmi.abi.load.CURRENT", "4.999")
    assert freeze.main(["--check"]) == "there is no set of 4.999 yet; without --check it is made"
    done = subprocess.run([sys.executable, str(HERE / "freeze.py"), "--nonsense"], capture_output=True, text=True)
    assert done.returncode == 1 and "--check" in done.stderr


# ---- an old guest, what is built now ----

@pytest.mark.parametrize("place", places(PLACES))
@pytest.mark.parametrize(("version", "name"), OLD_GUESTS)
def test_an_old_guest_runs_at_full_function(version: str, name: str, place: str) -> None:
    guest = HERE / version / "guests" / f"{name}.elf"
    result, said = undisturbed(guest, place)
    passes(result, said, place)
    assert said.startswith(f"vmi: {version} on ")
    if place in OLDER:
        before, said_before = older(guest, version, place)
        passes(before, said_before, place)
        assert place not in EXACT or same(said) == same(said_before)
    # No check is left out: as many as with its own ROM on the emulator.
    reference = older(guest, version, "emu")[1]
    sentences = [[line.split(": ")[0] for line in text.splitlines() if line.startswith(("ok ", "FAILED "))]
                 for text in (said, reference)]
    found, expected = ([s.split(" ", 1)[1] for s in some] for some in sentences)
    assert [s for s in found if not SMP.match(s)] == [s for s in expected if not SMP.match(s)]


# ---- a new guest, an old ROM ----

@pytest.fixture(scope="module")
def newest(top: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The guest in the folder beside this, built to need the present version and, undemanding, 4.0."""
    folder = tmp_path_factory.mktemp("newest")
    about = definition.read(HERE / "guest")
    built = {"demanding": (), "undemanding": (("VMI_GUEST_MINOR", "0"),)}
    for name, defines in built.items():
        build.build_defined(evolve(about, defines=defines), folder / f"{name}.elf", top / "build" / "cache")
    return {name: folder / f"{name}.elf" for name in built}


@pytest.mark.parametrize("place", places(OLDER))
@pytest.mark.parametrize("version", OLD_ROMS)
def test_a_guest_that_needs_more_is_refused_by_name(newest: dict[str, Path], version: str, place: str) -> None:
    result, said = older(newest["demanding"], version, place)
    assert result.outcome.ending is Ending.REFUSED
    assert f"vmi: refused: the ROM speaks VMI {version}, this guest needs {load.CURRENT} or later; use a newer" in said


@pytest.mark.parametrize("place", places(OLDER))
@pytest.mark.parametrize("version", OLD_ROMS)
def test_one_that_does_not_runs_without(newest: dict[str, Path], version: str, place: str) -> None:
    """IrqPending and the group random came with 4.1."""
    result, said = older(newest["undemanding"], version, place)
    passes(result, said, place)
    assert NONE.search(said)
    assert "IrqPending, revision 1\n  an unknown call says so: ok\nRandomRead, revision 0\n" in said


@pytest.mark.parametrize("place", places(PLACES))
@pytest.mark.parametrize("kind", ["demanding", "undemanding"])
def test_with_the_present_rom_everything_is_there(newest: dict[str, Path], kind: str, place: str) -> None:
    """Whatever it says that it needs. The processor that emu emulates has no random numbers of its own."""
    result, said = present(newest[kind], place)
    passes(result, said, place)
    assert NONE.search(said)
    assert "IrqPending, revision 2\n  nothing waits: ok\n" in said
    assert f"RandomRead, revision {0 if place == 'emu native' else 1}\n" in said


def test_a_run_that_is_to_be_repeated_has_the_same_random_bytes(newest: dict[str, Path]) -> None:
    first = [re.search("first: (.*)", run_again(newest["demanding"], deterministic))[1] for deterministic
             in (True, True, False, False)]
    assert first[0] == first[1] and len({*first}) == 3


def run_again(guest: Path, deterministic: bool) -> str:
    """What it says on emu, not remembered."""
    console = bytearray()

    def keep(data: bytes) -> bool:
        console.extend(data)
        return True

    run(Request(guest=str(guest), on="emu", deterministic=deterministic), keep)
    return console.decode()
