# SPDX-License-Identifier: MIT
"""A described classic ROM as text for people, and as sections of a page."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from openvmi.abi import classic
from openvmi.report.page import Facts, Grid, Section, clean
from openvmi.rom.capsule import said

_CALLS = ("call", "name", "answer", "target")


def show(about: dict[str, Any], console: Console) -> None:
    """Prints what :func:`openvmi.classic.describe.describe` says."""
    facts = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    facts.add_column(style="bold")
    for name, value in _facts(about).items():
        facts.add_row(name, Text(clean(value)))
    calls = Table(box=None, padding=(0, 2, 0, 0))
    for name in _CALLS:
        calls.add_column(name, header_style="bold")
    for call in about["calls"]:
        calls.add_row(*(Text(clean(cell)) for cell in _call(call)))
    console.print(facts)
    console.print(calls)
    for line in _wrong(about):
        console.print(Text(clean(line)))


def sections(about: dict[str, Any]) -> list[Section]:
    """The same for a page."""
    wrong = tuple(_wrong(about))
    return [
        Section("ROM", (Facts(tuple(_facts(about).items())),)),
        *([Section("What is wrong", (Grid(("finding",), tuple((line,) for line in wrong), ("bad",) * len(wrong)),))]
          if wrong else []),
        Section("Calls", (Grid(_CALLS, tuple(map(_call, about["calls"]))),)),
    ]


def _wrong(about: dict[str, Any]) -> list[str]:
    return ["wrong: {found} at offset {offset:#x}, expected {expected}; {remedy}".format(**finding)
            for finding in about["findings"]]


def _facts(about: dict[str, Any]) -> dict[str, str]:
    return {
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


def _device(pci: dict[str, int] | None) -> str:
    if pci is None:
        return "none"
    known = (pci["vendor"], pci["device"]) == (classic.PCI_VENDOR, classic.PCI_DEVICE)
    return f"{pci['vendor']:04x}:{pci['device']:04x}" + ("" if known else ", of which clients warn")


def _hole(top: int) -> str:
    return f"{(1 << 32) - top:,} bytes of addresses, from {top:#x} up" if top else "no addresses"


def _call(call: dict[str, Any]) -> tuple[str, ...]:
    return str(call["number"]), call["name"], call["kind"], _target(call)


def _target(call: dict[str, Any]) -> str:
    if "offset" in call:
        return f"image+{call['offset']:#x}"
    return f"{call['address']:#x}, outside the image" if "address" in call else ""
