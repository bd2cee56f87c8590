# SPDX-License-Identifier: MIT
"""A guest image for people and as JSON."""

from __future__ import annotations

from collections import Counter
from typing import Any

from openvmi.abi import load
from openvmi.abi.names import GROUP_NEEDED, Group, Profile
from openvmi.guest.image import GuestImage
from openvmi.sizes import show


def describe(image: GuestImage) -> dict[str, Any]:
    """Everything that the file says, with numbers named where they have a name."""
    return {
        "path": image.path, "name": image.name, "sha256": image.sha256, "bytes": len(image.data),
        "version": f"{image.version[0]}.{image.version[1]}",
        "profile": _name(Profile, image.profile),
        "licence": image.licence,
        "groups": [
            {"group": _name(Group, g.group), "revision": g.revision, "needed": bool(g.flags & GROUP_NEEDED)}
            for g in image.groups
        ],
        "entry": image.entry, "window": image.window, "direct_map": image.direct_map,
        "image_start": image.image_start, "image_end": image.image_end,
        "segments": [
            {"virtual": s.virtual, "physical": s.physical, "file_size": len(s.data), "memory_size": s.memory_size,
             "writable": s.writable, "executable": s.executable}
            for s in image.segments
        ],
        "site_count": len(image.records), "sites": _sites(image), "symbols": len(image.symbols()),
    }


def lines(image: GuestImage) -> list[str]:
    """The same as text."""
    about = describe(image)
    groups = [f"{g['group']} {g['revision']} ({'needed' if g['needed'] else 'wanted'})" for g in about["groups"]]
    entry = image.symbols().lookup(image.entry)
    return [
        f"{about['path']}: OpenVMI guest, {about['bytes']} bytes",
        f"sha256      {about['sha256']}",
        f"built for   VMI {about['version']}, profile {about['profile']}",
        f"groups      {', '.join(groups) or 'those of the profile'}",
        f"licence     {about['licence']}",
        f"entry       {image.entry:#x}{f' {entry[0]}' if entry else ''}",
        f"ROM window  {image.window:#x}",
        f"direct map  {image.direct_map:#x}",
        "segments    virtual             physical      file      memory",
        *[f"  {'r'}{'w' if s.writable else '-'}{'x' if s.executable else '-'}       "
          f"{s.virtual:#018x}  {s.physical:#010x}  {len(s.data):>8}  {s.memory_size:>8}" for s in image.segments],
        f"image       {image.image_start:#x} to {image.image_end:#x} ({show(image.image_end - image.image_start)})",
        f"symbols     {about['symbols'] or 'none: stripped'}",
        f"sites       {about['site_count']}",
        *[f"  {name:<18} {count:>5}" for name, count in about["sites"].items()],
    ]


def _sites(image: GuestImage) -> dict[str, int]:
    """Sites by the name of their call, by number."""
    known = {call.number: call.name for call in load.interface().calls}
    counts = Counter(record.call for record in image.records)
    return {known.get(number, f"{number:#06x}"): count for number, count in sorted(counts.items())}


def _name(kind: type[Group] | type[Profile], value: int) -> str:
    return kind(value).name.lower() if value in list(kind) else f"{value:#x}"
