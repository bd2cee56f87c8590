# SPDX-License-Identifier: MIT
"""What the linter says of a classic ROM: as plain data, as lines, and as a page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from attrs import frozen

from openvmi.classic.image import ClassicRom
from openvmi.classic.lint_analysis import Analysis
from openvmi.classic.lint_rules import RULES, ClassicRule
from openvmi.rom.lint.instruction import shown
from openvmi.rom.lint.report import LIMIT
from openvmi.rom.lint.sensitive import is_sensitive

if TYPE_CHECKING:
    from openvmi.report.page import Section

#: Also sensitive in code of 32 bits.
_FLAGS = ("pushfd", "popfd")
#: What a clean report does not say.
NOT_CHECKED = (
    "code that no client enters by a call: the start of further processors, code of 16 bits, the BIOS entry",
    "addresses outside of the image that get_reloc answers",
    "answers of get_reloc that depend on its stack pointer, its return address, what registers happen to hold or what "
    "processors leave undefined; what else tells who asks is a finding",
    "whether what a loop waits for ever comes; the loops that wait are listed",
    "flags: of POPF neither the interrupt flag nor IOPL is followed",
    "pointers that clients pass, have in registers (EBP), or that are loaded from memory other than the call's stack: "
    "they are taken to lead neither to the ROM nor to what is on the stack",
    "addresses that are put together again bit by bit, by flags or conditional jumps",
    "absolute addresses outside of the ROMs' area, and what is put together from numbers that are not known",
    "stack that interrupts take, and what the client has used of it before the call",
    "which privileged instructions a hypervisor takes: the image does not say for which one it is",
    "what the calls do",
)


@frozen
class ClassicFinding:
    """One of them. `place` and `instruction` are empty where it is about the image."""

    rule: ClassicRule
    offset: int | None
    instruction: str
    found: str

    @property
    def place(self) -> str:
        """For people."""
        return "" if self.offset is None else f"image+{self.offset:#x}"


@frozen
class ClassicReport:
    """`privileged` has what needs ring 0 or a virtual form, by mnemonic: how many. `outside`: answers not looked at."""

    rom: ClassicRom
    findings: tuple[ClassicFinding, ...]
    left_off: int
    instructions: int
    functions: int
    entries: int
    unreached: int  #: bytes of the image that are no reached instruction: data, or what NOT_CHECKED says
    outside: int
    privileged: dict[str, int]
    stack: int  #: bytes of the call that takes most, its return address among them
    deepest: str  #: its name
    waits: tuple[int, ...]  #: loops without a bound that may end by what they read

    @property
    def clean(self) -> bool:
        """No finding."""
        return not self.findings


def lint(rom: ClassicRom) -> ClassicReport:
    """Everything that the rules find in an image that was found to be in order. Never raises for what it has."""
    analysis = Analysis.of(rom)
    findings = []
    for rule in RULES:
        for offset, found in rule.check(analysis):
            text = shown(rom.data, offset, offset, bits=32) if offset is not None else ""
            findings.append(ClassicFinding(rule, offset, text, found))
    privileged: dict[str, int] = {}
    covered: set[int] = set()
    for each in analysis.reached.values():
        covered.update(range(each.offset, each.end))
        if is_sensitive(each) or each.mnemonic in _FLAGS:
            privileged[each.mnemonic] = privileged.get(each.mnemonic, 0) + 1
    return ClassicReport(
        rom, tuple(findings[:LIMIT]), max(0, len(findings) - LIMIT), len(analysis.reached), len(analysis.entered),
        len(analysis.roots), len(rom.data) - len(covered),
        sum(answer.outside for answer in analysis.answers.answers), dict(sorted(privileged.items())), *analysis.stack,
        tuple(sorted(analysis.waits)))


def describe(report: ClassicReport) -> dict[str, Any]:
    """What `openvmi rom lint --json` prints. Offsets are in the image."""
    rom = report.rom
    return {
        "path": rom.path, "sha256": rom.sha256, "name": rom.product, "interface": "{}.{}".format(*rom.api),
        "clean": report.clean, "instructions": report.instructions, "functions": report.functions,
        "entries": report.entries, "unreached": report.unreached, "outside": report.outside,
        "privileged": report.privileged, "stack": report.stack, "deepest": report.deepest,
        "waits": list(report.waits), "not_checked": list(NOT_CHECKED),
        "findings": [{"rule": each.rule.name, "offset": each.offset, "place": each.place,
                      "instruction": each.instruction, "found": each.found, "why": each.rule.paragraphs[1],
                      "remedy": each.rule.paragraphs[2]} for each in report.findings],
        "left_off": report.left_off,
    }


def _result(report: ClassicReport) -> str:
    return "clean" if report.clean else f"{len(report.findings) + report.left_off} findings"


def _privileged(report: ClassicReport) -> str:
    return ", ".join(f"{name} {count}" for name, count in report.privileged.items()) or "none"


def _waits(report: ClassicReport) -> str:
    return ", ".join(f"image+{offset:#x}" for offset in report.waits) or "none"


def lines(report: ClassicReport) -> Iterator[str]:
    """For a terminal."""
    told: set[str] = set()
    for each in report.findings:
        yield f"finding {each.rule.name}: {each.place}{': ' * bool(each.place)}{each.found}"
        if each.instruction:
            yield f"    {each.instruction}"
        if each.rule.name not in told:
            told.add(each.rule.name)
            yield f"    why: {each.rule.paragraphs[1]}"
            yield f"    do:  {each.rule.paragraphs[2]}"
    if report.left_off:
        yield f"{report.left_off} findings more"
    yield f"instructions that need a privilege: {_privileged(report)}"
    yield f"stack: {report.stack} bytes at most" + f", in {report.deepest}" * bool(report.deepest)
    yield f"loops that wait for a port, a counter or memory: {_waits(report)}"
    yield "not checked in a ROM of the classic interface:"
    for what in NOT_CHECKED:
        yield f"  {what}"
    yield (f"{report.rom.path}: {_result(report)}; {report.instructions} instructions, {report.functions} functions "
           f"from {report.entries} entries; {report.unreached} of {len(report.rom.data)} bytes are not reached, "
           f"{report.outside} answers lead outside")


def sections(report: ClassicReport) -> list[Section]:
    """For a browser."""
    from openvmi.report.page import Facts, Grid, Section, Text

    rows = tuple((each.rule.name, each.place, each.instruction, each.found, *each.rule.paragraphs[1:])
                 for each in report.findings)
    grid = Grid(("rule", "where", "instruction", "found", "why", "remedy"), rows, ("bad",) * len(rows))
    open_ones = Grid(("what",), tuple((each,) for each in NOT_CHECKED), ("open",) * len(NOT_CHECKED))
    return [
        Section("The image", (Facts((
            ("file", report.rom.path), ("SHA-256", report.rom.sha256), ("ROM", report.rom.product or "UNKNOWN"),
            ("interface", "VMI {}.{}".format(*report.rom.api)),
            ("looked at", f"{report.instructions} instructions in {report.functions} functions"),
            ("not reached", f"{report.unreached} bytes; {report.outside} answers lead outside"),
            ("need a privilege", _privileged(report)), ("stack", f"{report.stack} bytes: {report.deepest}"),
            ("loops that wait", _waits(report)), ("result", _result(report)),
        )),)),
        Section("Findings", (grid if rows else Text("None."),)),
        Section("Not checked", (open_ones,)),
        Section("What was looked for", (Grid(("rule", "what is found"), tuple(
            (rule.name, rule.paragraphs[0]) for rule in RULES)),)),
    ]
