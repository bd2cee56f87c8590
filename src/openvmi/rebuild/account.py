# SPDX-License-Identifier: MIT
"""What a rebuild came to: for programs, for a terminal, as a page. The texts in it come from files of others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from attrs import asdict

from openvmi.rebuild.code import Difference
from openvmi.rebuild.run import Outcome
from openvmi.report.page import clean

if TYPE_CHECKING:
    from rich.console import RenderableType


def describe(outcome: Outcome) -> dict[str, Any]:
    """As plain data that JSON can hold."""
    return asdict(outcome) | {"identical": outcome.identical}


def verdict(outcome: Outcome) -> str:
    """One sentence."""
    if outcome.identical:
        return f"identical: rebuilt from its own source in {outcome.seconds:.1f} s, byte for byte"
    return f"different: {len(outcome.differences)} parts are not what its source gives"


def facts(outcome: Outcome) -> list[tuple[str, str]]:
    """Names and values."""
    return [
        ("file", outcome.path), ("SHA-256", outcome.sha256), ("rebuilt", outcome.rebuilt),
        *([("boot shim", outcome.shim)] if outcome.shim else []), ("source", outcome.source),
        ("compiler", outcome.compiler), ("built with", outcome.wanted),
        ("confined", "yes" if outcome.confined else "no: the compiler could read every file of its user"),
        *(("note", note) for note in outcome.notes),
    ]


def text(outcome: Outcome) -> Iterator[RenderableType]:
    """For a terminal: the facts, then each difference with its lines side by side."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold")
    for name, value in facts(outcome):
        table.add_row(name, Text(clean(value)))
    yield table
    for difference in outcome.differences:
        yield Text(f"\n{clean(headline(difference))}", style="bold")
        if difference.rows:
            lines = Table(box=None, padding=(0, 2, 0, 0), expand=True)
            for heading in ("given", "rebuilt"):
                lines.add_column(heading, ratio=1, overflow="fold")
            for left, right in difference.rows:
                style = "" if left == right else "reverse"
                lines.add_row(Text(clean(left), style), Text(clean(right), style))
            yield lines
    yield Text(f"\n{verdict(outcome)}")


def headline(difference: Difference) -> str:
    """What differs, in a line."""
    return f"{difference.part}: given {difference.given}, rebuilt {difference.rebuilt}"


def page(outcome: Outcome) -> str:
    """As one HTML page."""
    from openvmi.report.page import Facts, Grid, Section, Text
    from openvmi.report.page import page as render

    sections = [Section("Rebuild", (Text(verdict(outcome)), Facts(tuple(facts(outcome)))))]
    for difference in outcome.differences:
        marks = tuple("" if left == right else "bad" for left, right in difference.rows)
        grid = (Grid(("given", "rebuilt"), difference.rows, marks),) if difference.rows else ()
        sections.append(Section(difference.part, (
            Text(f"given {difference.given}, rebuilt {difference.rebuilt}"), *grid)))
    return render(f"Rebuild of {outcome.path}", sections)
