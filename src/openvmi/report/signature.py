# SPDX-License-Identifier: MIT
"""Signatures and keys as plain data, lines for a terminal, and sections of a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openvmi.rom.signed import part
from openvmi.trust.public import PublicKey, shown

if TYPE_CHECKING:
    from openvmi.report.page import Section
    from openvmi.rom.image import RomImage
    from openvmi.trust.ring import Key
    from openvmi.trust.verification import Verification

_MARKS = {"good": "ok", "bad": "NO", "open": "--"}


def describe(found: Verification) -> dict[str, Any]:
    """What `openvmi rom verify --json` prints."""
    image = found.image
    return {
        "path": image.path, "sha256": image.sha256, "name": image.name, "version": image.version,
        "verdict": found.verdict.name.lower(), "status": int(found.verdict),
        "signature": {"state": found.signature.kind.value, "key": found.signature.key, "name": found.signature.name,
                      "reason": found.signature.reason},
        "lines": [{"what": line.what, "mark": line.mark, "found": line.found, "reason": line.reason}
                  for line in found.lines],
    }


def lines(found: Verification) -> list[str]:
    """The same for people."""
    from openvmi.trust.statuses import MEANING

    head = f"{found.image.path}: {found.image.name} {found.image.version} for {found.image.hypervisor}"
    wide = max(len(line.found) for line in found.lines)
    body = [f"  {_MARKS[line.mark]}  {line.what:<10} {line.found:<{wide}}  {line.reason}" for line in found.lines]
    return [head, *body, MEANING[found.verdict]]


def sections(found: Verification) -> list[Section]:
    """The same for a page."""
    from openvmi.report.page import Facts, Grid, Section, Text
    from openvmi.trust.statuses import MEANING

    image = found.image
    return [
        Section("Verdict", (Text(MEANING[found.verdict]), Grid(
            ("what", "found", "why"), tuple((line.what, line.found, line.reason) for line in found.lines),
            tuple(line.mark for line in found.lines)))),
        Section("File", (Facts((
            ("path", image.path), ("ROM", f"{image.name} {image.version} for {image.hypervisor}"),
            ("SHA-256", image.sha256), ("key", shown(found.signature.key) if found.signature.key else "none"),
        )),)),
    ]


def describe_written(rom: RomImage, path: str, what: str) -> dict[str, Any]:
    """What `openvmi rom sign --json` prints: which file is what now."""
    found = part(rom)
    return {"path": path, "done": what, "sha256": rom.sha256, "build_id": rom.descriptor.build_id.hex(),
            "key": PublicKey(found.key).fingerprint if found else None,
            "signature": found.signature.hex() if found else None}


def written_lines(about: dict[str, Any], shim: Path | None) -> list[str]:
    """The same for people. `shim` is a boot shim that belongs to the ROM, and is not beside what was written."""
    by = f" with the key {shown(about['key'])}" if about["key"] else ""
    return [f"{about['path']}: {about['done']}{by}", *([f"{shim}: its boot shim; copy it there, too"] if shim else [])]


def written_sections(about: dict[str, Any]) -> list[Section]:
    """The same for a page."""
    from openvmi.report.page import Facts, Section

    return [Section("Signature", (Facts(tuple((name, str(value or "none")) for name, value in about.items())),))]


def describe_keys(keys: Sequence[Key]) -> list[dict[str, Any]]:
    """What is known of keys, as data."""
    return [{
        "fingerprint": key.fingerprint, "name": key.name, "comment": key.public.comment if key.public else "",
        "states": list(key.states), "file": str(key.path) if key.path else None, "problem": key.problem,
        "public": key.public.raw.hex() if key.public else None,
    } for key in keys]


def key_lines(keys: Sequence[Key]) -> list[str]:
    """The same for people: two lines for each."""
    found = []
    for key in keys:
        comment = f"  ({key.public.comment})" if key.public and key.public.comment else ""
        found.append(f"{shown(key.fingerprint) if key.fingerprint else 'fingerprint unknown'}")
        found.append(f"  {key.name or 'no name'}{comment}: {', '.join(key.states)}")
        found += [f"  cannot be used: {key.problem}"] if key.problem else []
    return found or ["no keys yet; make one with: openvmi key new NAME, or trust one with: openvmi key trust FILE"]


def key_sections(keys: Sequence[Key]) -> list[Section]:
    """The same for a page."""
    from openvmi.report.page import Code, Grid, Section, Text

    if not keys:
        return [Section("Keys", (Text(key_lines(keys)[0]),))]
    rows = tuple((shown(key.fingerprint), key.name, ", ".join(key.states),
                  key.problem or (key.public.comment if key.public else "")) for key in keys)
    marks = tuple("bad" if key.problem or "revoked" in key.states else "good" if "trusted" in key.states else "open"
                  for key in keys)
    grid = Grid(("fingerprint", "name", "is", "comment or problem"), rows, marks)
    only = keys[0].public
    return [Section("Keys", (grid, *((Code(only.pem().decode()),) if len(keys) == 1 and only else ())))]
