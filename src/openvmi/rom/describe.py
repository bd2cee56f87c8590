# SPDX-License-Identifier: MIT
"""What there is to know about a ROM, as plain data that JSON can hold."""

from __future__ import annotations

from collections import Counter
from typing import Any

from openvmi.abi.layouts import RomCall
from openvmi.abi.names import DATA_LIMIT, TEXT_LIMIT, Group, LinkKind, Profile
from openvmi.rom import capsule, disassembly
from openvmi.rom.image import RomImage
from openvmi.rom.tables import known_calls
from openvmi.units import TextOffset


def describe(image: RomImage) -> dict[str, Any]:
    """Everything `openvmi rom inspect` shows. Sizes in bytes; names are None for numbers not known here."""
    descriptor = image.descriptor
    kinds = Counter(call.kind for call in image.calls)
    return {
        "path": image.path,
        "sha256": image.sha256,
        "name": image.name,
        "version": image.version,
        "hypervisor": image.hypervisor,
        "description": image.manifest.get("description", ""),
        "interface": f"{image.header.major}.{image.header.minor}",
        "licence": {"expression": image.licence, "class": image.licence_class.name},
        "profile": _name(Profile, descriptor.profile),
        "compiler": image.manifest.get("compiler"),
        "build_id": descriptor.build_id.hex(),
        "source": descriptor.capsule_size > 0,
        "capsule": capsule.describe(image.capsule),
        "signed": descriptor.signature_size > 0,
        "stack": descriptor.stack,
        "vcpu_size": descriptor.vcpu_size,
        "sizes": {
            "image": len(image.data),
            "text": descriptor.text_size, "text_limit": TEXT_LIMIT,
            "data": descriptor.data_memory, "data_limit": DATA_LIMIT, "data_initial": descriptor.data_size,
            "recipes": descriptor.recipes_size,
        },
        "groups": [
            {"number": group.group, "name": _name(Group, group.group), "revision": group.revision,
             "may_be_native": bool(group.may_be_native)}
            for group in image.groups
        ],
        "kinds": {kind.name.lower(): kinds[kind] for kind in LinkKind},
        "calls": [_call(image, call) for call in image.calls],
    }


def _name(enum: Any, value: int) -> str | None:
    return enum(value).name.lower() if value in set(enum) else None


def _call(image: RomImage, call: RomCall) -> dict[str, Any]:
    known = known_calls().get(call.number)
    result: dict[str, Any] = {
        "number": call.number, "name": known.name if known else None, "kind": LinkKind(call.kind).name.lower(),
    }
    if call.kind in (LinkKind.CALL, LinkKind.JUMP):
        result |= {"target": call.target, "symbol": image.symbol_at(TextOffset(call.target))}
    if call.kind == LinkKind.INLINE:
        result |= {
            "size": call.size, "bytes": image.recipe(call).hex(),
            "instructions": [{"bytes": code, "text": text} for code, text in disassembly.recipe(image, call)],
            "relocations": [
                {"offset": relocation.offset, "target": disassembly.target(image, relocation)}
                for relocation in image.relocations_of(call)
            ],
        }
    return result
