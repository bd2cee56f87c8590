# SPDX-License-Identifier: MIT
"""May this guest have this ROM, with which taint, and who says so: the one place where that is decided on the host.

Three may ask for something: the guest's note POLICY, the user's configuration, the boot options. Each is asked; so the
strictest wins. What they refuse, their user can override, which taints. libvmi checks the same for the first and the
last (libvmi/src/gates.c); a test compares both.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from attrs import frozen

from openvmi.abi import names
from openvmi.abi.names import LicenceClass, Taint
from openvmi.errors import RefusedError, UsageError
from openvmi.guest.image import GuestImage
from openvmi.rom.image import RomImage
from openvmi.trust import settings as user
from openvmi.trust.expression import CLASS_TEXT
from openvmi.trust.settings import POLICIES, Settings

if TYPE_CHECKING:
    from openvmi.classic.image import ClassicRom

_FORCE = "vmi.force"


class Decision(Enum):
    """What becomes of a ROM."""

    LOAD = "load"
    TAINT = "taint"  #: it is loaded, and what is said against it is recorded
    REFUSE = "refuse"


@frozen
class Reason:
    """One thing that is said about a ROM. `wanted` and `by` are empty where nobody asked: it only taints."""

    what: str  #: licence, signature, source, rebuild or firmware
    found: str  #: half a sentence
    wanted: str = ""
    by: str = ""

    def __str__(self) -> str:
        return f"{self.found}, {self.by} asks for {self.wanted}" if self.by else self.found


@frozen
class Verdict:
    """The decision, why, and what the guest is told of it."""

    decision: Decision
    reasons: tuple[Reason, ...] = ()
    flags: int = 0  #: BOOT_ bits for the guest's boot information
    taint: Taint = Taint(0)  #: that the guest records, where it is told

    @property
    def forced(self) -> bool:
        """Whether a refusal was overridden."""
        return Taint.FORCED in self.taint

    @property
    def refusals(self) -> tuple[Reason, ...]:
        """What speaks against loading it, overridden or not."""
        return tuple(reason for reason in self.reasons if reason.by)


#: Of a guest that gets no ROM.
NOTHING = Verdict(Decision.LOAD)


class _Signature(NamedTuple):  # as the next two, a quicker one than attrs makes, at each start of a guest
    """What a ROM's signature is worth."""

    good: bool = False
    wrong: bool = False  #: it speaks against the ROM even where nobody asks for one
    found: str = "the ROM is not signed"


class _Offer(NamedTuple):
    """What is known of a ROM."""

    path: str
    licence: str
    kind: LicenceClass
    signature: _Signature
    source: bool  #: it carries some
    reproduced: bool
    own: bool  #: it is the one that the machine itself brings


class _Demand(NamedTuple):
    """What somebody asks of a ROM."""

    by: str
    licence: LicenceClass
    signed: bool


def judge(rom: RomImage | None, guest: GuestImage, options: str = "", settings: Settings | None = None,
          force: bool = False, own: Path | None = None) -> Verdict:
    """What becomes of a ROM that is offered to a guest with these boot options.

    `settings` are the user's unless given. `own` is the ROM that the machine itself brings; None: it brings none. An
    option that makes no sense asks for nothing here: the guest refuses to run with it.
    """
    from openvmi.machine.boot import option

    if rom is None or option(options, "vmi") == "off":
        return NOTHING
    from openvmi.trust import rebuilt

    offer = _Offer(rom.path, rom.licence, rom.licence_class, _signature_of(rom), bool(rom.descriptor.capsule_size),
                   rebuilt.known(rom), own is not None and _same(Path(rom.path), own))
    note = _Demand("the guest", LicenceClass(guest.policy.licence), bool(guest.policy.flags & names.POLICY_SIGNED))
    return _judge(offer, [note, *_demands(options, settings)], force or option(options, _FORCE) is not None)


def judge_classic(rom: ClassicRom | None, options: str = "", settings: Settings | None = None,
                  force: bool = False) -> Verdict:
    """The same for a ROM of the classic interface and its client, which knows nothing of all this.

    It has no class, source or signature; its header has a word that clients compare. It is always put among a PC's own
    firmware. :class:`UsageError` for an option that makes no sense: no guest is there to refuse it.
    """
    if rom is None:
        return NOTHING
    from openvmi.classic.checks import LICENCES
    from openvmi.machine.boot import option

    if (asked := option(options, "vmi.licence")) is not None and asked not in POLICIES:
        raise UsageError(f"boot option vmi.licence={asked!r:.80}, expected one of {', '.join(POLICIES)}")
    kind = LicenceClass.GPL if rom.licence in LICENCES else LicenceClass.UNKNOWN
    unsigned = _Signature(found="a ROM of the classic interface has no signature")
    offer = _Offer(rom.path, rom.licence or "", kind, unsigned, source=False, reproduced=False, own=False)
    return _judge(offer, [*_demands(options, settings)], force or option(options, _FORCE) is not None)


def admit(rom: RomImage | None, guest: GuestImage, options: str = "", force: bool = False,
          own: Path | None = None) -> Verdict:
    """:func:`judge` for whoever is about to start the guest: :class:`RefusedError` when it may not have the ROM."""
    return _admitted(rom.path if rom else "", judge(rom, guest, options, force=force, own=own))


def admit_classic(rom: ClassicRom | None, options: str = "", force: bool = False) -> Verdict:
    """The same for a ROM of the classic interface."""
    return _admitted(rom.path if rom else "", judge_classic(rom, options, force=force))


def _admitted(path: str, verdict: Verdict) -> Verdict:
    if verdict.decision is Decision.REFUSE:
        raise RefusedError(f"{path}: {'; '.join(map(str, verdict.refusals))}; use another ROM, or --rom none; the boot "
                           f"option {_FORCE} overrides it and taints the guest")
    return verdict


def _demands(options: str, settings: Settings | None) -> Iterator[_Demand]:
    """Of the user, for all runs and for this one."""
    from openvmi.machine.boot import option

    settings = user.read() if settings is None else settings
    yield _Demand(f"the user ({settings.path})", settings.licence, settings.signed)
    asked = POLICIES.get(option(options, "vmi.licence") or "any", LicenceClass.UNKNOWN)
    yield _Demand("vmi.licence", asked, False)
    yield _Demand("vmi.signed", LicenceClass.UNKNOWN, option(options, "vmi.signed") is not None)


def _judge(offer: _Offer, demands: list[_Demand], force: bool) -> Verdict:
    good = offer.signature.good
    refusals = [*_licence(offer, demands), *([] if good else _signature(offer, demands))]
    forced = bool(refusals) and force
    taint = Taint(
        Taint.PROPRIETARY * (offer.kind <= LicenceClass.PROPRIETARY) | Taint.NO_SOURCE * (not offer.source)
        | Taint.UNSIGNED * (not good) | Taint.FORCED * forced | Taint.NOT_REPRODUCED * (not offer.reproduced)
        | Taint.OVERRIDDEN_FIRMWARE * (not offer.own))
    reasons = (*refusals, *_remarks(offer, taint, {reason.what for reason in refusals}))
    if refusals and not forced:
        return Verdict(Decision.REFUSE, reasons, taint=taint)
    flags = (names.BOOT_ROM_TRUSTED * good | names.BOOT_ROM_REPRODUCED * offer.reproduced
             | names.BOOT_FORCED * forced | names.BOOT_FIRMWARE_OVERRIDDEN * (not offer.own))
    return Verdict(Decision.TAINT if taint else Decision.LOAD, reasons, flags, taint)


def _signature_of(rom: RomImage) -> _Signature:
    if not rom.descriptor.signature_size:
        return _Signature()
    from openvmi.trust import signature

    state = signature.state(rom)
    wrong = state.kind in (signature.Kind.BAD, signature.Kind.REVOKED)
    return _Signature(state.kind is signature.Kind.GOOD, wrong, state.reason)


def _licence(offer: _Offer, demands: list[_Demand]) -> Iterator[Reason]:
    for demand in demands:
        if offer.kind < demand.licence:
            yield Reason("licence", _licence_text(offer), CLASS_TEXT[demand.licence], demand.by)


def _signature(offer: _Offer, demands: list[_Demand]) -> Iterator[Reason]:
    """Of one that is not good."""
    asked = [demand.by for demand in demands if demand.signed]
    for by in asked:
        yield Reason("signature", offer.signature.found, "a good signature by a trusted key", by)
    if not asked and offer.signature.wrong:
        yield Reason("signature", offer.signature.found, "none or a good one", "openvmi")


def _remarks(offer: _Offer, taint: Taint, said: set[str]) -> Iterator[Reason]:
    """What taints without anybody asking."""
    if Taint.PROPRIETARY in taint and "licence" not in said:
        yield Reason("licence", _licence_text(offer))
    if Taint.NO_SOURCE in taint:
        yield Reason("source", "it carries no source")
    if Taint.UNSIGNED in taint and "signature" not in said:
        yield Reason("signature", offer.signature.found)
    if Taint.NOT_REPRODUCED in taint:
        yield Reason("rebuild", "it is not known to be rebuilt identically from its source")
    if Taint.OVERRIDDEN_FIRMWARE in taint:
        yield Reason("firmware", "it is not the one that the machine itself brings")


def _licence_text(offer: _Offer) -> str:
    return f"its licence {offer.licence!r} has the class {CLASS_TEXT[offer.kind]}"


def _same(path: Path, own: Path) -> bool:
    try:
        return path.samefile(own)
    except OSError:
        return False
