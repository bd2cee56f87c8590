# SPDX-License-Identifier: MIT
"""Two versions of the interface compared: for people and as JSON."""

from __future__ import annotations

from typing import Any

from openvmi.abi.compat import Difference, Finding, Rule, Verdict


def describe(difference: Difference) -> dict[str, Any]:
    """As JSON. `rule` and `because` are null for what breaks no rule."""
    return {
        "older": difference.older, "newer": difference.newer, "verdict": difference.verdict.name.lower(),
        "status": difference.status,
        "findings": [
            {"verdict": f.verdict.name.lower(), "where": f.where, "what": f.what,
             "rule": f.rule and f.rule.key, "because": f.rule and f.rule.value,
             "before": list(f.before), "after": list(f.after)}
            for f in difference.findings
        ],
    }


def lines(difference: Difference) -> list[str]:
    """The worst first, then the rules that are broken, then the verdict."""
    findings = sorted(difference.findings, key=lambda finding: -finding.verdict)  # stable: else as in the definition
    rules = {finding.rule for finding in findings if finding.rule}
    return [
        *[line for finding in findings for line in _lines(finding)],
        *[f"rule {rule.key}: {rule.value}" for rule in Rule if rule in rules],
        f"{difference.older} -> {difference.newer}: {difference.verdict.name.lower()}{_to_read(difference)}",
    ]


def _to_read(difference: Difference) -> str:
    """What a verdict that is about bytes does not say."""
    if difference.reworded and difference.verdict is not Verdict.REWORDED:
        return f", {difference.reworded} reworded"
    return ""


def _lines(finding: Finding) -> list[str]:
    """One, and what was said before and is now."""
    rule = f" [{finding.rule.key}]" if finding.rule else ""
    said = [f"{'':<10}  {mark} {sentence}" for mark, sentences in (("-", finding.before), ("+", finding.after))
            for sentence in sentences if sentence]
    return [f"{finding.verdict.name.lower():<10}  {finding.where}: {finding.what}{rule}", *said]
