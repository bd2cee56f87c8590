# SPDX-License-Identifier: MIT
"""What blobs are: for a terminal, as JSON, as a page."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

import openvmi
from openvmi.audit.blob import Blob, some
from openvmi.audit.summary import Summary, licence
from openvmi.audit.table import COLUMNS, NOTES, QUESTIONS, UNKNOWN_TEXT, Answer, Question, Row, contradicted
from openvmi.report.page import Code, Facts, Grid, Section, Text, clean, page
from openvmi.report.screen import Screen

WIDTH = 120  #: columns where there is no terminal
_PAGE_LIMIT = 200  # blobs whose tables a page has; of more, those with findings come first
_MARKS = {Answer.YES: "", Answer.NO: "", Answer.PART: "", Answer.MAYBE: "open", Answer.UNKNOWN: "open"}


def describe(blob: Blob) -> dict[str, Any]:
    """One file, ready for JSON. `rows` is empty where `problem` says why there are no answers."""
    return {
        "openvmi": openvmi.__version__, "file": blob.path, "kind": blob.kind.value, "name": blob.name,
        "size": blob.size,
        "sha256": blob.sha256, "problem": blob.problem,
        "rows": [_row(row) for row in blob.rows],
        "contradicts": {column: [question.key for question in questions]
                        for column, questions in contradicted(blob.rows).items()} if blob.rows else {},
        "findings": [{"mark": finding.mark.name.lower(), "text": finding.text} for finding in blob.findings],
        "facts": blob.facts,
    }


def _row(row: Row) -> dict[str, Any]:
    return {
        "question": row.question.key, "title": row.question.title,
        "original": dict(zip(COLUMNS, row.question.original, strict=True)) if row.question.original else None,
        "answer": row.answer.value, "claimed": row.claimed, "evidence": list(row.evidence),
    }


def summary(found: Summary) -> dict[str, Any]:
    """The same for what many files have in common."""
    return {"summary": {
        "openvmi": openvmi.__version__, "kinds": found.kinds, "answers": found.answers, "licences": found.licences,
        "marks": found.marks, "damaged": found.damaged, "passed_over": found.passed_over,
        "remarkable": [blob.path for blob in found.remarkable],
    }}


def line(data: dict[str, Any]) -> str:
    """JSON on one line."""
    return json.dumps(data)


def print_blob(blob: Blob) -> None:
    """The table of one file and the evidence for it, on stdout."""
    screen = _screen()
    screen.print(_shown(_heading(blob)))
    if blob.problem:
        screen.print(_shown(f"no answers: {blob.problem}"))
        return
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in ("", *COLUMNS, "this one"):
        table.add_column(column)
    for row in blob.rows:
        table.add_row(row.question.title, *_original(row.question), row.text)
    screen.print(table)
    for row in blob.rows:
        screen.print(f"{row.question.title}: {row.text}")
        for evidence in row.evidence:
            screen.print(Padding(_shown(evidence), (0, 0, 0, 4)))
    for text in ("", *_remarks(blob), *_notes()):
        screen.print(_shown(text))


def print_summary(found: Summary, blobs: Sequence[Blob]) -> None:
    """The tables for many files, on stdout."""
    screen = _screen()
    kinds = ", ".join(f"{number:,} {kind}" for kind, number in found.kinds.items())
    screen.print(_shown(f"{len(blobs):,} blobs: {kinds or 'none'}; {found.passed_over:,} files not recognised"))
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in ("", *COLUMNS):
        table.add_column(column)
    table.add_column("these")
    for question in QUESTIONS:
        table.add_row(question.title, *_original(question), _counts(found.answers[question.key]))
    screen.print(table)
    for title, counts in (("licence", found.licences), ("remarkable", found.marks)):
        table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
        table.add_column(title, overflow="fold")
        table.add_column("blobs", justify="right")
        for name, number in counts.items():
            table.add_row(_shown(name), f"{number:,}")
        if counts:
            screen.print(table)
    for blob in found.remarkable:
        screen.print(_shown(f"{blob.path}: {'; '.join(f'{f.mark.value}: {f.text}' for f in blob.findings)}"))
    for blob in blobs:
        if blob.damaged:
            screen.print(_shown(f"{blob.path}: {blob.kind.value}, not in order: {blob.problem}"))


def html(blobs: Sequence[Blob], found: Summary | None) -> str:
    """The page."""
    if found is None:
        return page(f"Audit of {blobs[0].path}", [Section(_heading(blobs[0]), _parts(blobs[0])), _about()])
    sections = [Section("All", (
        Facts((*((kind, f"{number:,}") for kind, number in found.kinds.items()),
               ("files not recognised", f"{found.passed_over:,}"), ("not in order", f"{found.damaged:,}"))),
        Grid(("", *COLUMNS, "these"), tuple(
            (question.title, *_original(question), _counts(found.answers[question.key]))
            for question in QUESTIONS)),
    ))]
    for title, counts in (("Licences", found.licences), ("Remarkable", found.marks)):
        if counts:
            rows = tuple((name, f"{number:,}") for name, number in counts.items())
            sections.append(Section(title, (Grid(("", "blobs"), rows),)))
    sections.append(Section("Files", (Grid(
        ("file", "what", "licence", "remarkable"),
        tuple((blob.path, f"{blob.kind.value} {blob.name}", "" if blob.problem else licence(blob),
               blob.problem or "; ".join(f"{f.mark.value}: {f.text}" for f in blob.findings)) for blob in blobs),
        tuple("bad" if blob.problem or blob.findings else "" for blob in blobs)),)))
    shown = sorted(blobs, key=lambda blob: not (blob.findings or blob.problem))[:_PAGE_LIMIT]
    sections += [Section(_heading(blob), _parts(blob)) for blob in shown]
    if len(blobs) > len(shown):
        sections.append(Section("The others", (Text(
            f"This page has the tables of {len(shown)} of {len(blobs):,} files, the remarkable ones first; --json has "
            "all."),)))
    return page(f"Audit of {len(blobs):,} blobs", [*sections, _about()])


def _parts(blob: Blob) -> tuple[Facts | Grid | Text | Code, ...]:
    head = Facts((("file", blob.path), ("SHA-256", blob.sha256 or "not read"), ("size", f"{blob.size:,} bytes")))
    if blob.problem:
        return head, Text(f"No answers: {blob.problem}")
    grid = Grid(
        ("", *COLUMNS, "this one", "evidence"),
        tuple((row.question.title, *_original(row.question), row.text, "; ".join(row.evidence))
              for row in blob.rows),
        tuple(_MARKS[row.answer] for row in blob.rows))
    return head, grid, Text("\n".join(_remarks(blob))), Code(json.dumps(blob.facts, indent=1, ensure_ascii=False))


def _about() -> Section:
    return Section("The questions", (Text(
        "The columns are those of the proposal of 3 August 2006 (\"A proposal - binary\", linux-kernel): a blob that "
        "goes round the GPL, a vendor's hardware support, VMI, firmware in a ROM. It did not ask whether the source is "
        "available. \"It claims\": the file says so, and its bytes cannot prove it."),
        Text("\n".join(_notes()))))


def _heading(blob: Blob) -> str:
    return f"{blob.name}: {blob.kind.value}, {blob.size:,} bytes"


def _original(question: Question) -> tuple[str, ...]:
    return question.original or ("",) * len(COLUMNS)


def _remarks(blob: Blob) -> list[str]:
    """What is remarkable, and which of the four columns this blob is not."""
    lines = [f"{finding.mark.value}: {finding.text}" for finding in blob.findings]
    for column, questions in contradicted(blob.rows).items():
        if questions:
            lines.append(f"unlike {column}: {some([question.title for question in questions])}")
    return lines


def _notes() -> list[str]:
    return [f"{sign} {text}" for sign, text in NOTES.items()]


def _counts(answers: dict[str, int]) -> str:
    return ", ".join(f"{UNKNOWN_TEXT if answer == Answer.UNKNOWN.value else answer} {number:,}"
                     for answer, number in answers.items())


def _screen() -> Screen:
    return Screen(None if sys.stdout.isatty() else WIDTH)


def _shown(text: str) -> str:
    return escape(clean(text))
