# SPDX-License-Identifier: MIT
"""Everything that can be said of a ROM file's word: its form, its signature, and what it claims of itself."""

from __future__ import annotations

from pathlib import Path

from attrs import frozen

from openvmi.errors import RefusedError
from openvmi.rom.checks import CHECKS
from openvmi.rom.image import RomImage
from openvmi.trust.expression import classify
from openvmi.trust.signature import Kind, SignatureState, state
from openvmi.trust.statuses import Verdict

GOOD, BAD, OPEN = "good", "bad", "open"


_VERDICTS = {
    Kind.NONE: Verdict.UNSIGNED, Kind.UNTRUSTED: Verdict.UNKNOWN_KEY, Kind.REVOKED: Verdict.REVOKED_KEY,
    Kind.BAD: Verdict.BAD_SIGNATURE, Kind.UNVERIFIABLE: Verdict.UNVERIFIABLE, Kind.GOOD: Verdict.GOOD,
}


@frozen
class Line:
    """One thing that was looked at."""

    what: str
    mark: str  #: GOOD, BAD, or OPEN: nothing speaks for it or against it
    found: str
    reason: str


@frozen
class Verification:
    """All lines, and what they come to."""

    image: RomImage
    signature: SignatureState
    lines: tuple[Line, ...]

    @property
    def verdict(self) -> Verdict:
        """The signature first: what an unknown signer claims is worth nothing."""
        found = _VERDICTS[self.signature.kind]
        false = any(line.mark == BAD for line in self.lines)
        return Verdict.FALSE_CLAIM if found is Verdict.GOOD and false else found


def verify(path: Path) -> Verification:
    """Looks at a ROM's file. Raises as :func:`open_rom`."""
    image = open_rom(path)
    found = state(image)
    return Verification(image, found, (
        Line("format", GOOD, f"{len(image.data)} bytes", f"it keeps all {len(CHECKS)} rules of the format"),
        _signature(found), _signer(found), _licence(image), _source(image),
    ))


def open_rom(path: Path) -> RomImage:
    """A ROM that can have a signature. As :meth:`RomImage.load`; :class:`RefusedError` for a classic one."""
    from openvmi.rom.load import load

    image = load(path, checked=False)
    if isinstance(image, RomImage):
        return image
    raise RefusedError(f"{path}: a ROM of VMI {image.api[0]}.{image.api[1]}, which has no place for a signature; "
                       "expected one of version 4; openvmi audit says what can be known of this one")


def _signature(found: SignatureState) -> Line:
    if found.kind is Kind.NONE:
        return Line("signature", BAD, "none", found.reason)
    if found.kind is Kind.BAD:
        return Line("signature", BAD, "not good", found.reason)
    if found.kind is Kind.UNVERIFIABLE:
        return Line("signature", OPEN, "not checked", found.reason)
    return Line("signature", GOOD, "good", "made by the key that it names, over this very image")


def _signer(found: SignatureState) -> Line:
    if found.kind is Kind.GOOD:
        return Line("signer", GOOD, found.name or "trusted", found.reason)
    if found.kind in (Kind.UNTRUSTED, Kind.REVOKED):
        return Line("signer", BAD, found.name or found.kind.value, found.reason)
    return Line("signer", OPEN, "unknown", "only a good signature tells who signed")


def _licence(image: RomImage) -> Line:
    claimed = image.licence_class
    try:
        real = classify(image.licence)
    except ValueError as error:
        return Line("licence", BAD, image.licence, f"it claims the class {claimed.name}; no expression: {error}")
    if real != claimed:
        return Line("licence", BAD, image.licence, f"it claims the class {claimed.name}; this is {real.name}")
    return Line("licence", GOOD, image.licence, f"its class is {real.name}, as the ROM says")


def _source(image: RomImage) -> Line:
    if image.capsule is None:
        return Line("source", OPEN, "none", "the ROM carries no source capsule")
    if image.capsule.url:
        return Line("source", OPEN, "an address", f"{image.capsule.url}, which was not looked at; openvmi rom source "
                                                  "compares what you get there with the ROM's digest")
    return Line("source", GOOD, "in the image", "its digest is the one that the ROM says; openvmi rom rebuild tells "
                                                "whether the ROM is made from it")
