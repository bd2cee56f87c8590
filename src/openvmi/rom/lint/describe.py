# SPDX-License-Identifier: MIT
"""A report as plain data, as lines, and as a page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from openvmi.rom.lint.declarations import UNPROVEN
from openvmi.rom.lint.program import RECIPES
from openvmi.rom.lint.report import Finding, Report
from openvmi.rom.lint.rules import RULES

if TYPE_CHECKING:
    from openvmi.report.page import Section

_LISTED = 4  # places in a line


def describe(report: Report) -> dict[str, Any]:
    """What `openvmi rom lint --json` prints. Sizes in bytes; offsets in the text, None elsewhere."""
    return {
        "path": report.image.path, "sha256": report.image.sha256, "name": report.image.name,
        "hypervisor": report.image.hypervisor, "hypervisor_known": report.hypervisor_known, "clean": report.clean,
        "instructions": report.instructions, "functions": report.functions, "stack": report.stack,
        "stack_declared": report.image.descriptor.stack, "privileges": report.privileges,
        "findings": [_finding(each) for each in report.findings], "left_off": report.left_off,
        "relied_on": [
            {"symbol": each.symbol, "rule": each.rule, "bound": each.bound or None, "until": each.until or None,
             "style": each.style or None, "convention": each.convention or None,
             "instruction": each.instruction or None, "reason": each.reason, "unproven": UNPROVEN[each.rule],
             "places": list(places)} for each, places in report.relied
        ],
    }


def _finding(each: Finding) -> dict[str, Any]:
    _, why, remedy = each.rule.paragraphs
    text = each.offset is not None and each.offset < RECIPES
    return {"rule": each.rule.name, "offset": each.offset if text else None, "place": each.place,
            "instruction": each.instruction, "found": each.found, "why": why, "remedy": remedy}


def summary(report: Report) -> str:
    """One line."""
    return (f"{report.image.path}: {_result(report)}; {report.instructions} instructions, "
            f"{report.functions} functions, {len(report.relied)} declarations relied on")


def _result(report: Report) -> str:
    if not report.clean:
        return f"{len(report.findings) + report.left_off} findings"
    return "clean if what it declares is right" if report.relied else "clean"


def lines(report: Report) -> Iterator[str]:
    """For a terminal."""
    told: set[str] = set()
    for each in report.findings:
        where = f"{each.place}: " if each.place else ""
        yield f"finding {each.rule.name}: {where}{each.found}"
        if each.instruction:
            yield f"    {each.instruction}"
        if each.rule.name not in told:
            told.add(each.rule.name)
            _, why, remedy = each.rule.paragraphs
            yield f"    why: {why}"
            yield f"    do:  {remedy}"
    if report.left_off:
        yield f"{report.left_off} findings more"
    if report.relied:
        yield "relied on, because the ROM declares it, and not proven:"
    for rule, what in UNPROVEN.items():
        found = [(declared, places) for declared, places in report.relied if declared.rule == rule]
        if found:
            yield f"  {rule} ({what}):"
        for declared, places in found:
            listed = ", ".join(places[:_LISTED]) + f", and {len(places) - _LISTED} more" * (len(places) > _LISTED)
            yield f"    {declared}: {declared.reason} ({listed})"
    yield f"judged for {report.image.hypervisor}: {report.privileges}"
    yield summary(report)


def sections(report: Report) -> list[Section]:
    """For a browser."""
    from openvmi.report.page import Facts, Grid, Section, Text

    image = report.image
    parts = [Section("The image", (Facts((
        ("file", image.path), ("SHA-256", image.sha256), ("ROM", f"{image.name} {image.version}"),
        ("hypervisor", f"{image.hypervisor}: {report.privileges}"),
        ("looked at", f"{report.instructions} instructions in {report.functions} functions"),
        ("stack", f"{report.stack} bytes, {image.descriptor.stack} declared"),
        ("result", _result(report)),
    )),))]
    rows: tuple[tuple[str, ...], ...]
    rows = tuple((each.rule.name, each.place, each.instruction, each.found, *each.rule.paragraphs[1:])
                 for each in report.findings)
    part = Grid(("rule", "where", "instruction", "found", "why", "remedy"), rows, ("bad",) * len(rows))
    parts.append(Section("Findings", (part if rows else Text("None."),)))
    rows = tuple((str(each), each.reason, UNPROVEN[each.rule], ", ".join(places))
                 for rule in UNPROVEN for each, places in report.relied if each.rule == rule)
    part = Grid(("declaration", "reason", "so", "places"), rows, ("open",) * len(rows))
    parts.append(Section("Declared by the ROM, relied on, and not proven", (part if rows else Text("Nothing."),)))
    rules = tuple((rule.name, rule.paragraphs[0]) for rule in RULES)
    parts.append(Section("What was looked for", (Grid(("rule", "what is found"), rules),)))
    return parts
