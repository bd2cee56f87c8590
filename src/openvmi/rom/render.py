# SPDX-License-Identifier: MIT
"""A described ROM as text for people, and as sections of a page."""

from __future__ import annotations

from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from openvmi.report.page import Facts, Grid, Section, clean
from openvmi.rom.capsule import said

_GROUPS = ("group", "name", "revision", "a guest may leave it native")
_CALLS = ("call", "name", "kind", "what is done at its sites")


def show(about: dict[str, Any], console: Console) -> None:
    """Prints what :func:`openvmi.rom.describe.describe` says."""
    facts = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    facts.add_column(style="bold")
    for name, value in _facts(about).items():
        facts.add_row(name, Text(clean(value)))
    groups = Table(*_GROUPS, box=box.SIMPLE_HEAD)
    for group in about["groups"]:
        groups.add_row(*_group(group))
    # No frame and no gaps: bytes, instruction and label of a recipe's call just fit into 80 columns.
    calls = Table(box=None, padding=(0, 2, 0, 0))
    for name in _CALLS:
        calls.add_column(name, overflow="fold", header_style="bold")
    for call in about["calls"]:
        calls.add_row(*(Text(clean(cell)) for cell in _call(call)))
    for table in (facts, groups, calls):
        console.print(table)


def sections(about: dict[str, Any]) -> list[Section]:
    """The same for a page."""
    return [
        Section("ROM", (Facts(tuple(_facts(about).items())),)),
        Section("Groups", (Grid(_GROUPS, tuple(map(_group, about["groups"]))),)),
        Section("Calls", (Grid(_CALLS, tuple(map(_call, about["calls"]))),)),
    ]


def _facts(about: dict[str, Any]) -> dict[str, str]:
    sizes, licence = about["sizes"], about["licence"]
    return {
        "ROM": f"{about['name']} {about['version']} for {about['hypervisor']}",
        "about": about["description"],
        "file": f"{about['path']}, {sizes['image']:,} bytes",
        "sha256": about["sha256"],
        "interface": f"VMI {about['interface']}, profile {about['profile'] or 'unknown'}",
        "licence": f"{licence['expression']} (class {licence['class']})",
        "text": f"{sizes['text']:,} of {sizes['text_limit']:,} bytes",
        "data": f"{sizes['data']:,} of {sizes['data_limit']:,} bytes",
        "per VCPU": f"{about['vcpu_size']} bytes; at most {about['stack']} bytes of stack",
        "recipes": f"{sizes['recipes']} bytes",
        "source": said(about["capsule"]),
        "signature": about["signature"]["reason"],
        "compiler": about["compiler"] or "unknown",
        "calls": ", ".join(f"{count} {kind}" for kind, count in about["kinds"].items() if count),
    }


def _group(group: dict[str, Any]) -> tuple[str, ...]:
    return (f"{group['number']:02x}", group["name"] or "unknown", str(group["revision"]),
            "yes" if group["may_be_native"] else "no")


def _call(call: dict[str, Any]) -> tuple[str, ...]:
    return f"{call['number']:04x}", call["name"] or "unknown", call["kind"], _action(call)


def _action(call: dict[str, Any]) -> str:
    if "target" in call:
        return f"text+{call['target']:#x}" + (f" <{call['symbol']}>" if call["symbol"] else "")
    return "\n".join(f"{line['bytes']:<18} {line['text']}" for line in call.get("instructions", []))
