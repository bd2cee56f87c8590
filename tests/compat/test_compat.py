# SPDX-License-Identifier: MIT
"""The time machine: what was built for a released version of the interface, with what is built now.

A guest of 4.n runs at full function on every ROM of 4 and minor version n or more. A newer guest on an older ROM is
refused by name, unless it says that it needs no more; then what the ROM lacks is absent.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import tomllib
from contextlib import suppress
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
SETS = sorted(path.parent.name for path in HERE.glob(f"*/{freeze.SUMS}"))
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
    """The same. Where time is the host's, a busy one may make a deadline late, of which these guests know nothing."""
    for _ in range(1 if place != "linux" else 3):
        found = present(guest, place)
        with suppress(AssertionError):
            passes(*found, place)
            break
        start.cache_clear()
    return found


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


def passes(result: Run, said: str, place: str) -> None:
    """All checks of a guest hold, but for those that ask too much."""
    known = re.compile("|".join(f"FAILED {pattern}" for pattern in (*TOO_MUCH, TOO_MUCH_AT.get(place, "$"))))
    failed = [line for line in said.splitlines() if "FAILED" in line]
    assert not [line for line in failed if not known.match(line)]
    assert (result.outcome.ending, result.outcome.code) == (Ending.EXIT, len(failed)), result.outcome.message
    assert result.link is not None and result.link.sites


OLD_GUESTS = [(version, path.stem) for version in SETS for path in kept(version, "guests", ".elf")]
OLD_ROMS = [version for version in SETS if version != load.CURRENT]


# ---- the sets themselves ----

def test_every_released_version_has_a_set() -> None:
    released = [version for version in load.versions() if version.startswith("4.") and version != load.CURRENT]
    assert released and set(released) <= set(SETS)


@pytest.mark.parametrize("version", SETS)
def test_a_set_is_what_it_was(version: str) -> None:
    """Its files are those of the list, byte for byte, and each is of that version."""
    assert freeze.sums(HERE / version) == (HERE / version / freeze.SUMS).read_text()
    about = tomllib.loads((HERE / version / "set.toml").read_text())
    assert about["interface"] == version and re.fullmatch("[0-9a-f]{40}", about["commit"]) and about["compiler"]
    minor = int(version.split(".")[1])
    for path in kept(version, "guests", ".elf"):
        assert guests.load(path).version == (4, minor), path
    for path in kept(version, "roms", ".rom"):
        header = load_current(path).header
        assert (header.major, header.minor) == (4, minor), path


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


def test_a_set_is_made_of_what_there_is(tmp_path: Path) -> None:
    freeze.build(tmp_path)
    names = [line.split()[1] for line in freeze.sums(tmp_path).splitlines()]
    assert {"guests/hello.elf", "guests/newest.elf", "roms/emu.rom", "roms/xen.rom", "roms/xen.shim"} <= set(names)
    for path in tmp_path.glob("guests/*"):
        assert guests.load(path).version[1] == load.interface().minor


def test_a_released_set_is_not_made_again(monkeypatch: pytest.MonkeyPatch, top: Path) -> None:
    monkeypatch.setattr("openvmi.abi.load.CURRENT", SETS[0])
    assert "is there already" in (freeze.main([]) or "")
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
