# SPDX-License-Identifier: MIT
"""Many blobs: what they have in common, and which ones to look at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from attrs import evolve, frozen

from openvmi.audit import idents
from openvmi.audit.blob import Blob, Finding, Kind, Mark
from openvmi.audit.table import QUESTIONS

REMARKABLE = 12  #: blobs that are named


@frozen
class Summary:
    """Counts. `answers` has for each question the number of each answer, claimed ones apart."""

    kinds: dict[str, int]
    answers: dict[str, dict[str, int]]
    licences: dict[str, int]
    marks: dict[str, int]
    damaged: int
    passed_over: int
    remarkable: tuple[Blob, ...]


def summarize(blobs: Sequence[Blob], passed_over: int) -> Summary:
    """`passed_over`: files that are not recognised."""
    answers: dict[str, Counter[str]] = {which.key: Counter() for which in QUESTIONS}
    for blob in blobs:
        for row in blob.rows:
            answers[row.question.key][row.answer.value + (", claimed" if row.claimed else "")] += 1
    order = list(Mark)
    marks = Counter(finding.mark for blob in blobs for finding in blob.findings)
    worst = sorted((blob for blob in blobs if blob.findings),
                   key=lambda blob: ([order.index(f.mark) for f in blob.findings], -len(blob.findings), blob.path))
    # What most of them are is not remarkable: a kernel without signatures has thousands of unsigned modules.
    usual = {mark for mark, number in marks.items() if number * 2 > len(blobs) > REMARKABLE}
    return Summary(
        dict(Counter(blob.kind.value for blob in blobs).most_common()),
        {key: dict(found.most_common()) for key, found in answers.items()},
        dict(Counter(licence(blob) for blob in blobs if not blob.problem).most_common()),
        {mark.value: marks[mark] for mark in order if marks[mark]},
        sum(blob.damaged for blob in blobs), passed_over,
        tuple(blob for blob in worst if {f.mark for f in blob.findings} - usual)[:REMARKABLE],
    )


def licence(blob: Blob) -> str:
    """What a blob says of its licence."""
    if blob.kind is Kind.MODULE:
        return " + ".join(dict.fromkeys(blob.facts["modinfo"].get("license", []))) or "none"
    if blob.kind in (Kind.ROM, Kind.CLASSIC_ROM):
        return blob.facts["licence"] or "none"
    return "no place for one"


def related(blobs: Sequence[Blob]) -> list[Blob]:
    """The same, with findings that only show when they are looked at together."""
    wrappers: dict[str, str] = {}
    for blob in blobs:
        if blob.kind is Kind.MODULE and blob.rows and "intree" not in blob.facts["modinfo"] and _free(blob):
            wrappers.update((export["name"], blob.name) for export in blob.facts["exports"])
    return [_wrapped(blob, wrappers) for blob in blobs]


def _wrapped(blob: Blob, wrappers: dict[str, str]) -> Blob:
    if not wrappers or blob.kind is not Kind.MODULE or not blob.rows or _free(blob):
        return blob
    used = [f"{name} of {wrappers[name]}" for name in blob.facts["imports"] if name in wrappers]
    if not used:
        return blob
    text = f"uses {', '.join(used[:3])}: what the proposal calls a GPL wrapper, or a library that is free"
    return evolve(blob, findings=(Finding(Mark.WRAPPED, text), *blob.findings))


def _free(blob: Blob) -> bool:
    licences = blob.facts["modinfo"].get("license", [])
    return bool(licences) and all(map(idents.compatible, licences))
