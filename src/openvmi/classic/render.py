# SPDX-License-Identifier: MIT
"""A described classic ROM as text for people."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from openvmi.abi import classic
from openvmi.rom.capsule import said


def show(about: dict[str, Any], console: Console) -> None:
    """Prints what :func:`openvmi.classic.describe.describe` says."""
    console.print(_facts(about))
    console.print(_calls(about["calls"]))
    for finding in about["findings"]:
        console.print(Text("wrong: {found} at offset {offset:#x}, expected {expected}; {remedy}".format(**finding)))


def _facts(about: dict[str, Any]) -> Table:
    rows = {
        "ROM": f"{about['product'] or 'UNKNOWN'} {about['version'] or ''} by {about['manufacturer'] or 'UNKNOWN'}",
        "file": f"{about['path']}, {about['size']:,} bytes",
        "sha256": about["sha256"],
        "interface": f"VMI {about['interface']}, for i386 Linux 2.6.21 to 2.6.36 with CONFIG_VMI",
        "licence": about["licence"] or "none that can be read",
        "source": said(about["capsule"]),
        "PCI device": _device(about["pci"]),
        "reserved": _hole(about["virtual_top"]),
        "answers": ", ".join(f"{count} {kind}" for kind, count in about["kinds"].items()) or "none",
    }
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold")
    for name, value in rows.items():
        table.add_row(name, Text(value))
    return table


def _device(pci: dict[str, int] | None) -> str:
    if pci is None:
        return "none"
    known = (pci["vendor"], pci["device"]) == (classic.PCI_VENDOR, classic.PCI_DEVICE)
    return f"{pci['vendor']:04x}:{pci['device']:04x}" + ("" if known else ", of which clients warn")


def _hole(top: int) -> str:
    return f"{(1 << 32) - top:,} bytes of addresses, from {top:#x} up" if top else "no addresses"


def _calls(calls: list[dict[str, Any]]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("call", "name", "answer", "target"):
        table.add_column(name, header_style="bold")
    for call in calls:
        table.add_row(str(call["number"]), call["name"], call["kind"], _target(call))
    return table


def _target(call: dict[str, Any]) -> str:
    if "offset" in call:
        return f"image+{call['offset']:#x}"
    return f"{call['address']:#x}, outside the image" if "address" in call else ""
