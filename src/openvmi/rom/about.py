# SPDX-License-Identifier: MIT
"""Checks of what a ROM image says about itself: licence and manifest."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from openvmi.abi.layout import offset_of
from openvmi.abi.layouts import RomHeader
from openvmi.abi.names import LicenceClass
from openvmi.rom.container import at
from openvmi.rom.finding import Finding
from openvmi.trust.expression import CLASS_TEXT, classify

if TYPE_CHECKING:
    from openvmi.rom.image import RomImage

#: Bytes of a licence expression, its NUL not counted.
LICENCE_LIMIT = 255
#: Bytes of a manifest.
MANIFEST_LIMIT = 64 << 10
#: Characters of any name in a manifest.
NAME_LIMIT = 128
NAMES = ("name", "version", "hypervisor")
#: Entries that may be missing.
OPTIONAL = ("description", "compiler", "abi")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def printable(text: Any, limit: int = NAME_LIMIT) -> bool:
    """Whether this is a text that a terminal shows as it is: no control characters, not empty, not long."""
    return isinstance(text, str) and 0 < len(text) <= limit and text.isascii() and text.isprintable()


def licence(image: RomImage) -> Iterator[Finding]:
    """A licence expression is there, and a known class for it."""
    offset = image.header.licence
    room = image.data[offset:offset + LICENCE_LIMIT + 1]
    text = room.partition(b"\0")[0]
    if offset < RomHeader.SIZE or b"\0" not in room or not printable(text.decode("latin-1"), LICENCE_LIMIT):
        yield Finding(f"licence {text[:20]!r}", offset_of(RomHeader, "licence"),
                      f"the offset of 1 to {LICENCE_LIMIT} printable ASCII bytes and a NUL")
    if image.descriptor.licence_class not in set(LicenceClass):
        yield Finding(f"licence class {image.descriptor.licence_class}", at(image, "licence_class"),
                      f"0 to {max(LicenceClass)}")


def licence_class(image: RomImage) -> Iterator[Finding]:
    """The expression can be read, and the class says no more than it: guests know the class only.

    It may say less: by an older list of licences.
    """
    try:
        known = classify(image.licence)
    except ValueError as error:
        yield Finding(f"licence {image.licence!r} ({error})", image.header.licence, "an SPDX licence expression")
        return
    if image.licence_class > known:
        yield Finding(f"licence class {image.licence_class} ({CLASS_TEXT[image.licence_class]}), and the licence "
                      f"{image.licence!r} is {CLASS_TEXT[known]}", at(image, "licence_class"), f"at most {known}",
                      "the ROM claims too much or openvmi knows too little: get a corrected ROM or a newer openvmi")


def manifest(image: RomImage) -> Iterator[Finding]:
    """The manifest is a JSON object of sane size that names the ROM."""
    size = image.descriptor.manifest_size
    if size > MANIFEST_LIMIT:
        yield Finding(f"a manifest of {size} bytes", at(image, "manifest_size"), f"at most {MANIFEST_LIMIT}")
        return
    try:
        found = image.manifest
        # Lone surrogates are valid JSON and break every later output.
        json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        yield Finding(f"a manifest that cannot be read ({type(error).__name__})", image.descriptor.manifest,
                      "a JSON object in UTF-8")
        return
    if not isinstance(found, dict):
        yield Finding(f"a manifest that is a JSON {type(found).__name__}", image.descriptor.manifest, "an object")
        return
    for name in (*NAMES, *(name for name in OPTIONAL if name in found)):
        if not printable(found.get(name)):
            yield Finding(f"manifest entry {name}: {found.get(name)!r:.40}", image.descriptor.manifest,
                          f"1 to {NAME_LIMIT} printable ASCII characters")
    if "shim" in found and not (isinstance(found["shim"], str) and _SHA256.fullmatch(found["shim"])):
        yield Finding(f"manifest entry shim: {found['shim']!r:.40}", image.descriptor.manifest,
                      "the SHA-256 of the boot shim in hexadecimal")


def symbols(image: RomImage) -> Iterator[Finding]:
    """The manifest's symbols, where it has them, are labels in the text."""
    found = image.manifest.get("symbols", [])
    if not isinstance(found, list) or not all(_is_symbol(entry, image.descriptor.text_size) for entry in found):
        yield Finding("a manifest whose symbols are wrong", image.descriptor.manifest, "pairs [offset in text, name]")


def _is_symbol(entry: Any, text_size: int) -> bool:
    return (isinstance(entry, list) and len(entry) == 2 and type(entry[0]) is int
            and 0 <= entry[0] <= text_size and printable(entry[1]))
