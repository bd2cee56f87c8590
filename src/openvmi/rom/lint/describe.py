# SPDX-License-Identifier: MIT
"""A report as plain data, as lines, and as a page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from openvmi.rom.lint.program import RECIPES
from openvmi.rom.lint.report import Finding, Report
from openvmi.rom.lint.rules import RULES

if TYPE_CHECKING:
    from openvmi.report.page import Section


def describe(report: Report) -> dict[str, Any]:
    """What `openvmi rom lint --json` prints. Sizes in bytes; offsets in the text, None elsewhere."""
    return {
        "path": report.image.path, "sha256": report.image.sha256, "name": report.image.name,
        "hypervisor": report.image.hypervisor, "hypervisor_known": report.hypervisor_known, "clean": report.clean,
        "instructions": report.instructions, "functions": report.functions, "stack": report.image.descriptor.stack,
        "findings": [_finding(each) for each in report.findings], "left_off": report.left_off,
        "notes": [_finding(each) for each in report.notes],
        "relied_on": [
            {"symbol": each.symbol, "rule": each.rule, "bound": each.bound or None, "until": each.until or None,
             "reason": each.reason, "places": list(places)} for each, places in report.relied
        ],
    }


def _finding(each: Finding) -> dict[str, Any]:
    _, why, remedy = each.rule.paragraphs
    text = each.offset is not None and each.offset < RECIPES
    return {"rule": each.rule.name, "offset": each.offset if text else None, "place": each.place,
            "instruction": each.instruction, "found": each.found, "why": why, "remedy": remedy}


def summary(report: Report) -> str:
    """One line."""
    result = "clean" if report.clean else f"{len(report.findings) + report.left_off} findings"
    return (f"{report.image.path}: {result}; {report.instructions} instructions, {report.functions} functions, "
            f"{len(report.relied)} declarations relied on, {len(report.notes)} notes")


def lines(report: Report) -> Iterator[str]:
    """For a terminal."""
    told: set[str] = set()
    for each in (*report.findings, *report.notes):
        where = f"{each.place}: " if each.place else ""
        yield f"{'note' if each.rule.note else 'finding'} {each.rule.name}: {where}{each.found}"
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
        yield "relied on, because the ROM declares it:"
    for declared, places in report.relied:
        yield f"    {declared}: {declared.reason} ({', '.join(places[:4])}{', ...' if len(places) > 4 else ''})"
    yield summary(report)


def sections(report: Report) -> list[Section]:
    """For a browser."""
    from openvmi.report.page import Facts, Grid, Section, Text

    image = report.image
    parts = [Section("The image", (Facts((
        ("file", image.path), ("SHA-256", image.sha256), ("ROM", f"{image.name} {image.version}"),
        ("hypervisor", image.hypervisor + ("" if report.hypervisor_known else " (not known here)")),
        ("looked at", f"{report.instructions} instructions in {report.functions} functions"),
        ("result", "clean" if report.clean else f"{len(report.findings) + report.left_off} findings"),
    )),))]
    rows: tuple[tuple[str, ...], ...]
    for title, found, mark in (("Findings", report.findings, "bad"), ("Notes", report.notes, "open")):
        rows = tuple((each.rule.name, each.place, each.instruction, each.found, *each.rule.paragraphs[1:])
                     for each in found)
        part = Grid(("rule", "where", "instruction", "found", "why", "remedy"), rows, (mark,) * len(rows))
        parts.append(Section(title, (part if rows else Text("None."),)))
    rows = tuple((each.symbol, each.rule, str(each.bound or each.until), each.reason, ", ".join(places))
                 for each, places in report.relied)
    part = Grid(("symbol", "rule", "bound, or what ends it", "reason", "places"), rows)
    parts.append(Section("Declared by the ROM, and relied on", (part if rows else Text("Nothing."),)))
    rules = tuple((rule.name, rule.paragraphs[0]) for rule in RULES)
    parts.append(Section("What was looked for", (Grid(("rule", "what is found"), rules),)))
    return parts
