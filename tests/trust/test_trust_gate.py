# SPDX-License-Identifier: MIT
"""The host and the guest decide alike: judge() and libvmi's gate, expression by expression, policy by policy."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from openvmi.abi.layouts import NotePolicy
from openvmi.abi.names import BOOT_ROM_REPRODUCED, BOOT_ROM_TRUSTED, POLICY_SIGNED, LicenceClass, Profile, Taint
from openvmi.guest.image import GuestImage
from openvmi.guest.image import load as load_guest
from openvmi.machine.boot import option
from openvmi.rom.emit import RomContents, emit
from openvmi.rom.image import RomImage
from openvmi.trust import rebuilt, signature
from openvmi.trust.settings import POLICIES, Settings
from openvmi.trust.signature import Kind, SignatureState
from openvmi.trust.verdict import Decision, _demands, _judge, _Offer, _Signature, judge
from tests.rom import capsules
from tests.rom.conftest import SIGNATURE
from tests.trust import gate
from tests.trust.test_trust_licence import EXPRESSIONS

ANY = Settings()
SOURCE = capsules.packed()


@pytest.fixture(scope="module")
def asks(top: Path, tmp_path_factory: pytest.TempPathFactory) -> gate.Gate:
    """The guest's own gate."""
    return gate.load(top, tmp_path_factory.mktemp("gate"))


@pytest.fixture
def guest(tiny_file: Path) -> GuestImage:
    """One that asks for nothing."""
    return load_guest(tiny_file)


def rom(licence: str, kind: LicenceClass, capsule: bytes = b"", signature: bytes = b"") -> RomImage:
    """A ROM under this licence."""
    return RomImage.parse(emit(RomContents(
        licence=licence, licence_class=kind, profile=Profile.BASE, capsule=capsule, signature=signature,
        manifest={"name": "a", "version": "1", "hypervisor": "none"})))


def test_every_expression_under_every_policy(asks: gate.Gate, guest: GuestImage) -> None:
    for (text, kind), (policy, lowest) in product(EXPRESSIONS, POLICIES.items()):
        if not text.strip() or not text.isascii():
            continue
        image = rom(text, kind)
        for note, options in ((lowest, ""), (LicenceClass.UNKNOWN, f"vmi.licence={policy}"), (lowest, "vmi.force")):
            verdict = judge(image, evolve(guest, policy=NotePolicy(licence=note, flags=0)), options, ANY)
            refused, taint = asks(image.descriptor.licence_class, 0, verdict.flags, note, 0, options)
            wanted = kind < lowest and options != "vmi.force"
            assert (verdict.decision is Decision.REFUSE) == bool(refused) == wanted, (text, policy, options)
            assert refused in (0, gate.LICENCE)
            if not refused:
                assert taint == verdict.taint & ~Taint.OVERRIDDEN_FIRMWARE, (text, policy, options)
                assert bool(taint & Taint.FORCED) == (kind < lowest)


@pytest.mark.parametrize(("kind", "reproduced", "capsule"), list(product(Kind, [False, True], [b"", SOURCE])))
def test_signature_source_and_rebuild(kind: Kind, reproduced: bool, capsule: bytes, asks: gate.Gate, guest: GuestImage,
                                      monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signature, "state", lambda image: SignatureState(kind, None, "so it is"))
    monkeypatch.setattr(rebuilt, "known", lambda sha256: reproduced)
    image = rom("MIT", LicenceClass.GPL, capsule, SIGNATURE)
    for flags, options in ((0, ""), (POLICY_SIGNED, ""), (0, "vmi.signed"), (POLICY_SIGNED, "vmi.force")):
        verdict = judge(image, evolve(guest, policy=NotePolicy(licence=0, flags=flags)), options, ANY)
        refused, taint = asks(3, len(capsule), verdict.flags, 0, flags, options)
        if kind in (Kind.BAD, Kind.REVOKED) and not flags and not options:
            assert verdict.decision is Decision.REFUSE and not refused  # the host alone knows
            continue
        assert (verdict.decision is Decision.REFUSE) == bool(refused) == (
            kind is not Kind.GOOD and "force" not in options and bool(flags or options)), options
        assert refused in (0, gate.SIGNATURE)
        assert bool(verdict.flags & BOOT_ROM_TRUSTED) == (kind is Kind.GOOD and not refused)
        if not refused:
            assert bool(verdict.flags & BOOT_ROM_REPRODUCED) == reproduced
            assert taint == verdict.taint & ~Taint.OVERRIDDEN_FIRMWARE


_WORDS = ("vmi.force", "vmi.force=0", "vmi.forced", "vmi.signed", "vmi.signed=no", "vmi.signedx", "vmi.licence=gpl",
          "vmi.licence=osi", "vmi.licence=any", "\tvmi.force", "vmi.force\n", "VMI.force", "vmi.licences=gpl", "", "x")


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(_WORDS), max_size=5), st.sampled_from(LicenceClass), st.booleans())
def test_boot_options_are_read_alike(asks: gate.Gate, words: list[str], kind: LicenceClass, trusted: bool) -> None:
    line = " ".join(words)
    verdict = _judge(_Offer("", "", kind, _Signature(trusted), True, True, True), [*_demands(line, ANY)],
                     option(line, "vmi.force") is not None)
    refused, taint = asks(kind, 1, verdict.flags if verdict.decision is not Decision.REFUSE
                          else BOOT_ROM_TRUSTED * trusted | BOOT_ROM_REPRODUCED, 0, 0, line)
    assert (verdict.decision is Decision.REFUSE) == bool(refused)
    assert refused or taint == verdict.taint


@pytest.mark.parametrize("kind", [4, 128, 255])
def test_a_class_that_does_not_exist_is_the_lowest(kind: int, asks: gate.Gate) -> None:
    """The host takes no such ROM; firmware might."""
    assert asks(kind, 0, 0, LicenceClass.PROPRIETARY, 0, "")[0] == gate.LICENCE
    assert asks(kind, 0, 0, 0, 0, "vmi.licence=osi")[0] == gate.LICENCE
    refused, taint = asks(kind, 0, 0, 0, 0, "")
    assert not refused and Taint(taint) & Taint.PROPRIETARY


def test_the_guest_refuses_a_policy_that_does_not_exist(asks: gate.Gate) -> None:
    assert asks(3, 0, 0, 4, 0, "")[0] == gate.LICENCE
    for options in ("vmi.licence=free", "vmi.licence=", "vmi.licence"):
        assert asks(3, 0, 0, 0, 0, options)[0] == gate.OPTION


def test_a_boot_option_cannot_loosen_what_the_guest_asks(asks: gate.Gate, guest: GuestImage) -> None:
    strict = evolve(guest, policy=NotePolicy(licence=LicenceClass.GPL, flags=0))
    image = rom("EPL-2.0", LicenceClass.OSI)
    assert asks(LicenceClass.OSI, 0, 0, LicenceClass.GPL, 0, "vmi.licence=any")[0] == gate.LICENCE
    assert judge(image, strict, "vmi.licence=any", ANY).decision is Decision.REFUSE
    assert judge(image, strict, "vmi=off", ANY).decision is Decision.LOAD
