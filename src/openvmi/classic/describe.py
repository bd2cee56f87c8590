# SPDX-License-Identifier: MIT
"""What there is to know about a classic ROM, as plain data that JSON can hold."""

from __future__ import annotations

from collections import Counter
from typing import Any

from openvmi.abi.classic import Relocation
from openvmi.classic.answers import Answer, ask
from openvmi.classic.image import ClassicRom
from openvmi.rom import capsule
from openvmi.rom.finding import Finding


def describe(rom: ClassicRom) -> dict[str, Any]:
    """Everything `openvmi rom inspect` shows. Sizes in bytes; what the image does not have is None.

    `findings` is everything for which firmware or clients would refuse the ROM, or stop: empty for one in order.
    """
    said = ask(rom)
    kinds = Counter(answer.type for answer in said.answers)
    return {
        "path": rom.path,
        "sha256": rom.sha256,
        "interface": "{}.{}".format(*rom.api),
        "manufacturer": rom.manufacturer,
        "product": rom.product,
        "version": "{}.{}".format(*rom.rom_version) if rom.pci else None,
        "licence": rom.licence,
        "pci": {"vendor": rom.pci.vendorID, "device": rom.pci.deviceID} if rom.pci else None,
        "virtual_top": rom.header.virtual_top,
        "size": len(rom.data),
        "capsule": capsule.describe(rom.capsule),
        "findings": [_finding(finding) for finding in (*rom.findings, *said.findings)],
        "kinds": {_kind(kind): count for kind, count in sorted(kinds.items())},
        "calls": [_call(answer) for answer in said.answers],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {"found": finding.found, "offset": finding.offset, "expected": finding.expected, "remedy": finding.remedy}


def _kind(kind: int) -> str:
    return Relocation(kind).name.lower() if kind in set(Relocation) else str(kind)


def _call(answer: Answer) -> dict[str, Any]:
    result: dict[str, Any] = {
        "number": answer.number, "name": answer.number.name, "kind": _kind(answer.type),
    }
    if answer.type in (Relocation.CALL_REL, Relocation.JUMP_REL):
        result["address" if answer.outside else "offset"] = answer.target
    return result
