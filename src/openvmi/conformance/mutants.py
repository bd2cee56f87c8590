# SPDX-License-Identifier: MIT
"""Whether the kit notices: copies of a ROM with one thing made wrong in each, built and run against the tests.

A table of mutants is a TOML file:

    rom = "emu"                      # name or folder of the ROM whose sources are changed
    [[mutant]]
    group = "irq"                    # what it breaks
    kind = "lost event"              # one of KINDS
    wrong = "one line: what it does"
    file = "calls.S"                 # in the ROM's folder
    old = '''...'''                  # there exactly once
    new = '''...'''
    tests = "irq/irq-enable"         # how the ids of the tests begin that have to notice; without it: the group's
"""

from __future__ import annotations

import hashlib
import shutil
import tomllib
from collections.abc import Iterable, Iterator
from enum import Enum
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from attrs import field, frozen

from openvmi import resources, rom
from openvmi.abi import names
from openvmi.conformance import expected, plan
from openvmi.conformance.outcome import Outcome, Place
from openvmi.conformance.run import Runner
from openvmi.conformance.tests import Subject
from openvmi.errors import BadFileError, BuildError, RefusedError, UsageError
from openvmi.files import read_bounded
from openvmi.rom import build, compile, definition, toml
from openvmi.toolchain import Toolchain

#: What can be wrong with a ROM.
KINDS = ("wrong result", "wrong error", "lost event", "early event", "clobbered register", "missed flush",
         "wrong frame", "refusal changes state", "boundary", "revision")
#: Seconds for each boot. A mutant may hang, and that is as good as any other end.
TIMEOUT = 20.0
_TABLE_LIMIT = 1 << 20
_TEXTS = ("group", "kind", "wrong", "file", "old", "new")


@frozen
class Mutant:
    """One change, as the table has it."""

    rom: str
    group: str
    kind: str
    wrong: str
    file: str
    old: str = field(repr=False)
    new: str = field(repr=False)
    tests: str

    @property
    def name(self) -> str:
        """For people."""
        return f"{Path(self.rom).name} {self.group}, {self.kind}: {self.wrong}"


class Fate(Enum):
    """What became of a mutant."""

    CAUGHT = "CAUGHT"  #: a test failed or crashed
    REFUSED = "REFUSED"  #: it could not be built, or the guest would not run with it: no test has judged it
    SURVIVED = "SURVIVED"  #: no test noticed


@frozen
class Verdict:
    """What became of one, and by which test or why."""

    mutant: Mutant
    fate: Fate
    reason: str = ""


# ---- tables ----


def load(path: Path) -> tuple[Mutant, ...]:
    """The mutants of a table, or of all that are in a folder. :class:`BadFileError` says what is wrong with which."""
    if path.is_dir():
        found = tuple(mutant for table in sorted(path.glob("*.toml")) for mutant in load(table))
        if not found:
            raise UsageError(f"{path}: no table of mutants (*.toml) in this folder; name another")
        return found
    try:
        table = tomllib.loads(read_bounded(path, _TABLE_LIMIT, "table of mutants").decode())
    except (ValueError, RecursionError) as error:  # not UTF-8; not TOML; a number of too many digits; too deep
        raise BadFileError(f"{path}: not TOML: {error}; correct the file") from error
    entries = table.get("mutant")
    if set(table) != {"rom", "mutant"} or type(table["rom"]) is not str or type(entries) is not list:
        raise BadFileError(f"{path}: has {', '.join(table) or 'nothing'}; expected rom, a text, and [[mutant]] tables")
    return tuple(_mutant(f"{path}: mutant {number}", table["rom"], entry) for number, entry in enumerate(entries, 1))


def _mutant(where: str, of: str, entry: Any) -> Mutant:
    if type(entry) is not dict:
        raise BadFileError(f"{where}: {entry!r}, expected a table")
    if not set(_TEXTS) <= set(entry) <= {*_TEXTS, "tests"}:
        raise BadFileError(f"{where}: has {', '.join(entry)}; expected {', '.join(_TEXTS)}, and tests where fewer than "
                           "the group's have to notice")
    if wrong := [key for key, value in entry.items() if type(value) is not str or (not value and key != "new")]:
        raise BadFileError(f"{where}: {wrong[0]} = {entry[wrong[0]]!r}, expected a text")
    if Path(entry["file"]).is_absolute() or ".." in Path(entry["file"]).parts:
        raise BadFileError(f"{where}: file = {entry['file']!r}, expected one in the ROM's folder")
    groups = [group.name.lower() for group in names.Group]
    for key, known in (("group", groups), ("kind", KINDS)):
        if entry[key] not in known:
            raise BadFileError(f"{where}: {key} = {entry[key]!r}, expected one of {', '.join(known)}")
    return Mutant(rom=of, **{"tests": f"{entry['group']}/", **entry})


# ---- from a change to a ROM ----


def change(mutant: Mutant) -> bytes:
    """The file of the ROM with the change. :class:`BadFileError` when that does not apply exactly once."""
    path = toml.find(mutant.rom) / mutant.file
    try:
        text = read_bounded(path, what="source").decode()
    except UnicodeDecodeError as error:
        raise BadFileError(f"{path}: not UTF-8: {error}; name another file in the table") from error
    if (times := text.count(mutant.old)) != 1 or mutant.new == mutant.old:
        raise BadFileError(f"{mutant.name}: the old text is {times} times in {path}, expected once and a new one that "
                           f"differs; correct the table:\n{mutant.old}")
    return text.replace(mutant.old, mutant.new).encode()


def made(mutant: Mutant, folder: Path | None = None) -> Path:
    """The built ROM of a mutant, from `folder` when it was built before. :class:`BuildError` when it cannot be."""
    changed, origin = change(mutant), toml.find(mutant.rom)
    folder = folder or resources.built("cache") / "mutants"
    seen = hashlib.sha256(b"\0".join((mutant.rom.encode(), mutant.file.encode(), changed, _origin(origin))))
    output = folder / f"{origin.resolve().name}-{seen.hexdigest()[:24]}.rom"
    if not output.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix="mutant.", dir=folder) as copy:
            sources = Path(copy, origin.resolve().name)
            shutil.copytree(origin, sources)
            (sources / mutant.file).write_bytes(changed)
            build.build(sources, output, resources.built("cache"))
    return output


@cache
def _origin(folder: Path) -> bytes:
    """A digest of all that a ROM is made of: sources, headers, the tools."""
    seen = hashlib.sha256(Toolchain.version().encode())
    for top in (folder, compile.headers(), Path(rom.__file__).parent):
        for path in sorted(top.rglob("*.*")):
            if path.is_file() and path.suffix != ".pyc":
                seen.update(f"{path.relative_to(top)} {path.stat().st_size} ".encode() + path.read_bytes())
    return seen.digest()


# ---- from a ROM to a verdict ----


def judge(mutant: Mutant, subjects: Iterable[Subject], folder: Path | None = None) -> Verdict:
    """Builds and runs one, up to the first test that notices; `folder` as of :func:`made`.

    Raises as :func:`openvmi.running.run` for anything but a refusal.
    """
    origin, known = definition.read(toml.find(mutant.rom)), expected.load()
    try:
        path = made(mutant, folder)
    except BuildError as error:
        return Verdict(mutant, Fate.REFUSED, str(error))

    def counts(test: str) -> bool:
        return not any(one.fits(f"{origin.hypervisor} {origin.name}", test) for one in known)

    runner = Runner(Place(origin.hypervisor, str(path)), selects=plan.selecting(mutant.tests), timeout=TIMEOUT,
                    ends_with=counts)
    try:
        report = runner.run(plan.chosen(subjects, mutant.tests))
    except RefusedError as error:
        return Verdict(mutant, Fate.REFUSED, str(error))
    for result in report.results:
        if result.outcome.bad and counts(result.test.id):
            return Verdict(mutant, Fate.CAUGHT, f"{result.outcome.value} {result.test.id}: {result.reason}")
    return Verdict(mutant, Fate.SURVIVED, f"ran={report.ran} skip={report.count(Outcome.SKIP)}, none of them notices")


def rates(verdicts: Iterable[Verdict]) -> Iterator[str]:
    """A line for each ROM: how many of its mutants were noticed."""
    by_rom: dict[str, list[Fate]] = {}
    for verdict in verdicts:
        by_rom.setdefault(verdict.mutant.rom, []).append(verdict.fate)
    for of, fates in by_rom.items():
        counts = " ".join(f"{fate.value.lower()}={fates.count(fate)}" for fate in Fate)
        rate = 100 * fates.count(Fate.CAUGHT) // len(fates)
        yield f"mutants: rom={Path(of).name} made={len(fates)} {counts} rate={rate}%"
