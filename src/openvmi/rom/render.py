# SPDX-License-Identifier: MIT
"""A described ROM as text for people."""

from __future__ import annotations

from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from openvmi.rom.capsule import said


def show(about: dict[str, Any], console: Console) -> None:
    """Prints what :func:`openvmi.rom.describe.describe` says."""
    console.print(_facts(about))
    console.print(_groups(about["groups"]))
    console.print(_calls(about["calls"]))


def _facts(about: dict[str, Any]) -> Table:
    sizes, licence = about["sizes"], about["licence"]
    rows = {
        "ROM": f"{about['name']} {about['version']} for {about['hypervisor']}",
        "": about["description"],
        "file": f"{about['path']}, {sizes['image']:,} bytes",
        "sha256": about["sha256"],
        "interface": f"VMI {about['interface']}, profile {about['profile'] or 'unknown'}",
        "licence": f"{licence['expression']} (class {licence['class']})",
        "text": f"{sizes['text']:,} of {sizes['text_limit']:,} bytes",
        "data": f"{sizes['data']:,} of {sizes['data_limit']:,} bytes",
        "per VCPU": f"{about['vcpu_size']} bytes; at most {about['stack']} bytes of stack",
        "recipes": f"{sizes['recipes']} bytes",
        "source": said(about["capsule"]),
        "signature": "in the image" if about["signed"] else "none",
        "compiler": about["compiler"] or "unknown",
        "calls": ", ".join(f"{count} {kind}" for kind, count in about["kinds"].items() if count),
    }
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold")
    for name, value in rows.items():
        table.add_row(name, Text(value))
    return table


def _groups(groups: list[dict[str, Any]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("group", "name", "revision", "a guest may leave it native"):
        table.add_column(name)
    for group in groups:
        table.add_row(f"{group['number']:02x}", group["name"] or "unknown", str(group["revision"]),
                      "yes" if group["may_be_native"] else "no")
    return table


def _calls(calls: list[dict[str, Any]]) -> Table:
    # No frame and no gaps: bytes, instruction and label of a recipe's call just fit into 80 columns.
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("call", "name", "kind", "what is done at its sites"):
        table.add_column(name, overflow="fold", header_style="bold")
    for call in calls:
        table.add_row(f"{call['number']:04x}", call["name"] or "unknown", call["kind"], Text(_action(call)))
    return table


def _action(call: dict[str, Any]) -> str:
    if "target" in call:
        return f"text+{call['target']:#x}" + (f" <{call['symbol']}>" if call["symbol"] else "")
    return "\n".join(f"{line['bytes']:<18} {line['text']}" for line in call.get("instructions", []))
