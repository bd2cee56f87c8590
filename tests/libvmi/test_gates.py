# SPDX-License-Identifier: MIT
"""The guest's own gates: version, licence, groups, options. The host lets everything through here."""

from __future__ import annotations

import pytest
from attrs import evolve

from openvmi.abi.layout import offset_of
from openvmi.abi.layouts import BootInfo, NoteGroup, NoteVersion, RomGroup, RomHeader
from openvmi.abi.names import GROUP_NEEDED, MINOR, Group, LicenceClass, Profile, Taint
from openvmi.hypervisors.base import Ending
from tests.libvmi.boot import boot, guest, in_descriptor, rom, tamper, tamper_guest


def refused(result, *words: str) -> None:
    """Asserts a refusal whose message has these words, and that nothing was linked."""
    assert result.outcome.ending is Ending.REFUSED, result.console
    line = next(line for line in result.console.splitlines() if line.startswith("vmi: refused: "))
    for word in words:
        assert word in line
    assert result.link is None


def put(offset: int, value: int):
    """A change of one byte."""
    def change(data: bytearray) -> None:
        data[offset] = value
    return change


def test_it_runs_with_the_rom_and_without() -> None:
    assert boot(with_rom=rom()).outcome.code == 0
    assert boot(with_rom=None).outcome.code == 0
    off = boot(with_rom=rom(), options="vmi=off")
    assert off.outcome.code == 0 and off.link.native == off.link.sites


def test_a_newer_guest_refuses_an_older_rom() -> None:
    newer = tamper_guest(guest(), NoteVersion(major=4, minor=MINOR, profile=Profile.PAGED).pack(),
                         NoteVersion(major=4, minor=MINOR + 1, profile=Profile.PAGED).pack())
    refused(boot(newer, rom()), f"speaks VMI 4.{MINOR}", f"needs 4.{MINOR + 1} or later")


def test_a_guest_that_needs_an_older_version_only_takes_an_older_rom() -> None:
    older = tamper_guest(guest(), NoteVersion(major=4, minor=MINOR, profile=Profile.PAGED).pack(),
                         NoteVersion(major=4, minor=0, profile=Profile.PAGED).pack())
    assert boot(older, tamper(rom(), put(offset_of(RomHeader, "minor"), 0))).outcome.code == 0


def test_another_major_version_is_refused() -> None:
    classic = tamper(rom(), put(offset_of(RomHeader, "major"), 3))
    refused(boot(with_rom=classic), "speaks VMI 3.1", "needs 4.n")


def test_a_rom_newer_in_minor_is_taken() -> None:
    newer = tamper(rom(), put(offset_of(RomHeader, "minor"), 7))
    assert boot(with_rom=newer).outcome.code == 0


@pytest.mark.parametrize(("found", "policy", "passes"), [
    (LicenceClass.GPL, "gpl", True), (LicenceClass.OSI, "gpl", False), (LicenceClass.OSI, "osi", True),
    (LicenceClass.PROPRIETARY, "osi", False), (LicenceClass.UNKNOWN, "osi", False),
    (LicenceClass.PROPRIETARY, "any", True), (LicenceClass.UNKNOWN, "any", True),
])
def test_licence_classes_and_policies(found: LicenceClass, policy: str, passes: bool) -> None:
    image = rom()
    result = boot(with_rom=tamper(image, put(in_descriptor(image, "licence_class"), found)),
                  options=f"vmi.licence={policy}")
    if passes:
        assert result.outcome.code == 0
        assert (Taint.PROPRIETARY in result.link.taint) == (found <= LicenceClass.PROPRIETARY)
    else:
        refused(result, image.licence, "vmi.licence asks for", "vmi.force")


def test_a_needed_group_that_is_missing_is_refused_by_name() -> None:
    wants = NoteGroup(group=Group.DEBUG, revision=1, flags=0).pack()
    too_much = NoteGroup(group=Group.DEBUG, revision=9, flags=GROUP_NEEDED).pack()
    refused(boot(tamper_guest(guest(), wants, too_much), rom()), "group debug has revision 1", "needs 9")
    absent = NoteGroup(group=Group.SMP, revision=1, flags=GROUP_NEEDED).pack()
    refused(boot(tamper_guest(guest(), wants, absent), rom()), "group smp has revision 0", "needs 1")
    refused(boot(tamper_guest(guest(), wants, absent), None), "group smp has revision 0")


def test_a_profile_that_does_not_exist_is_refused() -> None:
    odd = tamper_guest(guest(), NoteVersion(major=4, minor=MINOR, profile=Profile.PAGED).pack(),
                       NoteVersion(major=4, minor=MINOR, profile=9).pack())
    refused(boot(odd, rom()), "profile 9", "1 to 4")


@pytest.mark.parametrize("groups", ["irq", "trap", "mmu", "time", "event", "sys", "debug", "mmu,sys",
                                    "irq,trap,mmu,time,event,sys,debug"])
def test_disabled_groups_run_native(groups: str) -> None:
    result = boot(with_rom=rom(), options=f"vmi.disable={groups}")
    assert result.outcome.ending is Ending.EXIT and result.outcome.code == 0, result.console
    for name in groups.split(","):
        revision = 2 if name == "irq" else 1
        assert f"group {name:<8} revision {revision} native" in result.console


def test_tied_groups_go_native_together() -> None:
    assert "group trap     revision 1 native" in boot(with_rom=rom(), options="vmi.disable=irq").console
    assert "group event    revision 1 native" in boot(with_rom=rom(), options="vmi.disable=time").console


@pytest.mark.parametrize(("options", "words"), [
    ("vmi=on", ["vmi=off"]),
    ("vmi", ["vmi=off"]),
    ("vmi.disable=base", ["base", "vmi=off"]),
    ("vmi.disable=irq,nonsense", ["nonsense", "no such group"]),
    ("vmi.disable=" + "irq," * 60, ["longer than"]),
    ("vmi.licence=free", ["free", "gpl, osi or any"]),
    ("vmi.licence=", ["gpl, osi or any"]),
])
def test_options_that_make_no_sense_are_refused(options: str, words: list[str]) -> None:
    refused(boot(with_rom=rom(), options=options), *words)


def test_a_group_that_the_hypervisor_cannot_run_native_is_refused_by_name() -> None:
    image = rom()
    index = [g.group for g in image.groups].index(Group.MMU)
    at = image.descriptor.groups + index * RomGroup.SIZE + offset_of(RomGroup, "may_be_native")
    refused(boot(with_rom=tamper(image, put(at, 0)), options="vmi.disable=mmu"), "mmu", "vmi.disable")


def test_words_that_only_begin_like_options_mean_nothing() -> None:
    result = boot(with_rom=rom(), options="xvmi=off vmiX=off novmi.verbose root=vmi=off")
    assert result.outcome.code == 0 and result.link.inline


def test_verbose_says_what_was_done() -> None:
    said = boot(with_rom=rom(), options="vmi.verbose").console
    assert "sites:" in said and "taint" in said


def test_exit_status_arrives() -> None:
    assert boot(with_rom=rom(), options="hello.exit=7").outcome.code == 7
    assert boot(with_rom=rom(), options="vmi=off hello.exit=63").outcome.code == 63


def test_boot_information_of_another_version_is_refused(monkeypatch) -> None:
    real = BootInfo.pack
    monkeypatch.setattr(BootInfo, "pack", lambda info: real(evolve(info, major=5)))
    refused(boot(with_rom=rom()), f"version 5.{MINOR}", "needs version 4")


