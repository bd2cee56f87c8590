# SPDX-License-Identifier: MIT
"""What the linter says of an image."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from openvmi.rom.image import RomImage
from openvmi.rom.lint.analysis import Analysis
from openvmi.rom.lint.program import Program
from openvmi.rom.lint.rules import RULES, Rule
from openvmi.rom.lint.stack import of_call, solve

#: Findings that are told.
LIMIT = 500


@frozen
class Finding:
    """One of them. `place` and `instruction` are empty where it is about the image."""

    rule: Rule
    place: str
    instruction: str
    found: str
    offset: int | None


@frozen
class Report:
    """`relied` are declarations with the places they are for."""

    image: RomImage
    findings: tuple[Finding, ...]
    relied: tuple[tuple[Any, tuple[str, ...]], ...]
    left_off: int
    instructions: int
    functions: int
    stack: int  #: bytes that the call takes which takes most
    hypervisor_known: bool
    privileges: str  #: what text may do on that hypervisor, as a sentence has it

    @property
    def clean(self) -> bool:
        """No finding; `relied` has what that rests on."""
        return not self.findings


def lint(image: RomImage) -> Report:
    """Everything that the rules find in an image that was found to be in order. Never raises."""
    program = Program.of(image)
    analysis = Analysis.of(program)
    findings: list[Finding] = []
    # Declarations are judged last: the other rules note which of them they rely on.
    for rule in sorted(RULES, key=lambda rule: rule.name == "declaration"):
        for offset, found in rule.check(analysis):
            place, text = (program.place(offset), program.shown(offset)) if offset is not None else ("", "")
            findings.append(Finding(rule, place, text, found, offset))
    order = {rule.name: number for number, rule in enumerate(RULES)}
    findings.sort(key=lambda each: (order[each.rule.name], each.offset or 0))
    depths = solve(analysis)
    return Report(
        image, tuple(findings[:LIMIT]),
        tuple((each, tuple(program.place(offset) for offset in sorted(program.declared.used[each])))
              for each in program.declared.all if each in program.declared.used),
        max(0, len(findings) - LIMIT), len(analysis.reached), len(analysis.functions),
        max((depths.bytes.get((root.offset, root.kind), 0) + of_call(root.kind) for root in program.roots), default=0),
        program.table.known, program.table.text,
    )
