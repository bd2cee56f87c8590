# SPDX-License-Identifier: MIT
"""May this guest have this ROM: by whose word not, what becomes of it when it is overridden, and what is recorded."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from attrs import evolve

from openvmi import hypervisors, resources, running
from openvmi.abi.layout import offset_of
from openvmi.abi.layouts import NotePolicy, RomDescriptor
from openvmi.abi.names import (
    BOOT_FIRMWARE_OVERRIDDEN,
    BOOT_FORCED,
    BOOT_ROM_REPRODUCED,
    BOOT_ROM_TRUSTED,
    POLICY_SIGNED,
    LicenceClass,
    Profile,
    Taint,
)
from openvmi.classic.image import ClassicRom
from openvmi.cli import main
from openvmi.errors import RefusedError, UsageError
from openvmi.guest import build, definition
from openvmi.guest.image import GuestImage
from openvmi.guest.image import load as load_guest
from openvmi.hypervisors.base import Ending
from openvmi.rom.emit import RomContents, emit
from openvmi.rom.image import RomImage
from openvmi.trust import rebuilt, signature
from openvmi.trust.settings import Settings
from openvmi.trust.signature import Kind, SignatureState
from openvmi.trust.verdict import NOTHING, Decision, Reason, admit, judge, judge_classic
from tests.rom import capsules
from tests.rom.classic_rom import image as classic_image
from tests.rom.conftest import SIGNATURE

SOURCE = capsules.packed()
CONFIG = Path("/home/u/config.toml")


@pytest.fixture
def guest(tiny_file: Path) -> GuestImage:
    """One that asks for nothing."""
    return load_guest(tiny_file)


def rom(licence: str = "MIT", kind: LicenceClass = LicenceClass.GPL, capsule: bytes = SOURCE) -> RomImage:
    """A ROM under this licence."""
    return RomImage.parse(emit(RomContents(
        licence=licence, licence_class=kind, profile=Profile.BASE, capsule=capsule, signature=SIGNATURE,
        manifest={"name": "a", "version": "1", "hypervisor": "none"})), "a.rom")


def says(monkeypatch: pytest.MonkeyPatch, kind: Kind, reason: str = "", reproduced: bool = False) -> None:
    """What is found out about signature and source."""
    monkeypatch.setattr(signature, "state", lambda image: SignatureState(kind, None, reason))
    monkeypatch.setattr(rebuilt, "known", lambda sha256: reproduced)


def test_nothing_is_said_against_the_best(guest: GuestImage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    says(monkeypatch, Kind.GOOD, reproduced=True)
    own = tmp_path / "own.rom"
    own.write_bytes(rom().data)
    verdict = judge(evolve(rom(), path=str(own)), guest, settings=Settings(LicenceClass.GPL, True), own=own)
    assert verdict.decision is Decision.LOAD and verdict.reasons == () and verdict.taint == 0
    assert verdict.flags == BOOT_ROM_TRUSTED | BOOT_ROM_REPRODUCED


def test_what_taints(guest: GuestImage, monkeypatch: pytest.MonkeyPatch) -> None:
    says(monkeypatch, Kind.UNTRUSTED, "signed by a key that you do not trust")
    verdict = judge(rom("BUSL-1.1", LicenceClass.PROPRIETARY, b""), guest, settings=Settings())
    assert verdict.decision is Decision.TAINT and verdict.flags == BOOT_FIRMWARE_OVERRIDDEN
    assert verdict.taint == Taint(sum(Taint)) & ~Taint.FORCED
    assert verdict.reasons == (
        Reason("licence", "its licence 'BUSL-1.1' has the class proprietary"), Reason("source", "it carries no source"),
        Reason("signature", "signed by a key that you do not trust"),
        Reason("rebuild", "it is not known to be rebuilt identically from its source"),
        Reason("firmware", "it is not the one that the machine itself brings"),
    )


def test_each_who_refuses_is_named(guest: GuestImage, monkeypatch: pytest.MonkeyPatch) -> None:
    says(monkeypatch, Kind.NONE, "the ROM is not signed")
    strict = evolve(guest, policy=NotePolicy(licence=LicenceClass.GPL, flags=POLICY_SIGNED))
    verdict = judge(rom("LicenseRef-Proprietary", LicenceClass.PROPRIETARY), strict, "vmi.licence=osi vmi.signed",
                    Settings(LicenceClass.OSI, True, CONFIG))
    assert verdict.decision is Decision.REFUSE and verdict.flags == 0
    found = "its licence 'LicenseRef-Proprietary' has the class proprietary"
    assert [str(reason) for reason in verdict.refusals] == [
        f"{found}, the guest asks for GPL-compatible",
        f"{found}, the user (/home/u/config.toml) asks for open source",
        f"{found}, vmi.licence asks for open source",
        "the ROM is not signed, the guest asks for a good signature by a trusted key",
        "the ROM is not signed, the user (/home/u/config.toml) asks for a good signature by a trusted key",
        "the ROM is not signed, vmi.signed asks for a good signature by a trusted key",
    ]


@pytest.mark.parametrize("by", ["argument", "option"])
def test_overridden(by: str, guest: GuestImage, monkeypatch: pytest.MonkeyPatch) -> None:
    says(monkeypatch, Kind.NONE, "the ROM is not signed")
    verdict = judge(rom(), guest, "vmi.signed" + " vmi.force" * (by == "option"), Settings(), force=by == "argument")
    assert verdict.decision is Decision.TAINT and verdict.forced and verdict.flags & BOOT_FORCED
    assert [reason.by for reason in verdict.refusals] == ["vmi.signed"]


def test_there_is_nothing_to_override(guest: GuestImage, monkeypatch: pytest.MonkeyPatch) -> None:
    says(monkeypatch, Kind.NONE)
    verdict = judge(rom(), guest, "vmi.force", Settings(), force=True)
    assert not verdict.forced and not verdict.flags & BOOT_FORCED


@pytest.mark.parametrize("kind", [Kind.BAD, Kind.REVOKED])
def test_a_wrong_signature_is_refused_unasked(kind: Kind, guest: GuestImage, monkeypatch: pytest.MonkeyPatch) -> None:
    says(monkeypatch, kind, "the signature is over another file")
    with pytest.raises(RefusedError) as refused:
        admit(rom(), guest)
    assert str(refused.value) == (
        "a.rom: the signature is over another file, openvmi asks for none or a good one; use another ROM, or --rom "
        "none; the boot option vmi.force overrides it and taints the guest")
    assert judge(rom(), guest, force=True).decision is Decision.TAINT


def test_without_a_rom_nothing_is_asked(guest: GuestImage) -> None:
    strict = Settings(LicenceClass.GPL, True)
    assert judge(None, guest, settings=strict) is NOTHING
    assert judge(rom("BUSL-1.1", LicenceClass.PROPRIETARY), guest, "vmi=off", strict) is NOTHING


def test_a_builder_who_knew_less_is_believed(guest: GuestImage, monkeypatch: pytest.MonkeyPatch) -> None:
    says(monkeypatch, Kind.NONE)
    assert judge(rom("MIT", LicenceClass.UNKNOWN), guest, "vmi.licence=osi", Settings()).decision is Decision.REFUSE


@pytest.mark.parametrize(("text", "settings", "refused"), [
    (b"GPL", Settings(LicenceClass.GPL), []), (b"MIT", Settings(LicenceClass.OSI), ["licence"]),
    (b"GPL", Settings(signed=True), ["signature"]), (b"MIT", Settings(), []),
])
def test_classic(text: bytes, settings: Settings, refused: list[str]) -> None:
    data = bytearray(classic_image())
    at = ClassicRom.parse(bytes(data)).header.license_offs
    data[at:at + len(text) + 1] = text + b"\0"
    read = ClassicRom.read(bytes(data), "old.rom")
    verdict = judge_classic(read, settings=settings)
    assert [reason.what for reason in verdict.refusals] == refused
    expected = Taint.NO_SOURCE | Taint.UNSIGNED | Taint.NOT_REPRODUCED | Taint.OVERRIDDEN_FIRMWARE
    assert verdict.taint == expected | Taint.PROPRIETARY * (text != b"GPL")
    assert judge_classic(None) is NOTHING


@pytest.mark.parametrize("value", ["GPL", "osi,gpl", ""])
def test_an_option_that_makes_no_sense_with_a_classic_rom(value: str) -> None:
    """Its client does not know the option, and would not refuse it."""
    rom = ClassicRom.parse(classic_image())
    with pytest.raises(UsageError, match=r"^boot option vmi\.licence=.*, expected one of any, osi, gpl"):
        judge_classic(rom, f"quiet vmi.licence={value}", Settings())


# ---- the command and real guests ----


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The kernel of tests/trust/policy: GPL-compatible ROMs only."""
    folder = tmp_path_factory.mktemp("policy")
    build.build(Path(__file__).parent / "policy", folder / "policy.elf", folder / "work")
    return folder / "policy.elf"


@pytest.fixture(scope="module")
def demanding(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with VMI_POLICY_SIGNED."""
    folder = tmp_path_factory.mktemp("signed")
    about = evolve(definition.read(Path(__file__).parent / "policy"), defines=(("FLAGS", "VMI_POLICY_SIGNED"),))
    build.build_defined(about, folder / "signed.elf", folder / "work")
    return folder / "signed.elf"


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """The ROM of emu, of the class that proprietary ones have."""
    data = bytearray((resources.built("roms") / "emu.rom").read_bytes())
    image = RomImage.parse(bytes(data))
    data[image.header.descriptor + offset_of(RomDescriptor, "licence_class")] = LicenceClass.PROPRIETARY
    data[15] = (data[15] - sum(data)) & 0xFF
    (tmp_path / "closed.rom").write_bytes(data)
    return tmp_path / "closed.rom"


def test_note_is_read(policy: Path, demanding: Path) -> None:
    assert load_guest(policy).policy == NotePolicy(licence=LicenceClass.GPL, flags=0)
    assert load_guest(demanding).policy == NotePolicy(licence=LicenceClass.GPL, flags=POLICY_SIGNED)
    assert load_guest(running.find_guest("hello")).policy == NotePolicy()


def test_refused_by_its_note(policy: Path, closed: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main.run(["run", str(policy), "--on", "emu", "--rom", str(closed)]) == 121
    assert capfd.readouterr() == ("", (
        f"openvmi: {closed}: its licence 'MIT OR GPL-2.0-only' has the class proprietary, the guest asks for "
        "GPL-compatible; use another ROM, or --rom none; the boot option vmi.force overrides it and taints the "
        "guest\n"))
    assert main.run(["run", str(policy), "--on", "emu"]) == 0
    assert main.run(["run", str(policy), "--on", "emu", "--rom", "none"]) == 0


@pytest.mark.parametrize("by", [["--force"], ["--append", "vmi.force"]])
def test_overridden_by_the_user(by: list[str], policy: Path, closed: Path, tmp_path: Path,
                                capfd: pytest.CaptureFixture[str]) -> None:
    record = tmp_path / "record"
    assert main.run(["run", str(policy), "--on", "emu", "--rom", str(closed), "--json", str(record), *by]) == 0
    out, told = capfd.readouterr()
    assert out.endswith("taint 3d\n") and told == (
        "openvmi: overridden, the guest is tainted (F): its licence 'MIT OR GPL-2.0-only' has the class proprietary, "
        "the guest asks for GPL-compatible\n")
    said = json.loads(record.read_text())
    assert said["taint"] == "PUFRO" and said["trust"]["decision"] == "taint" and said["trust"]["forced"]
    assert said["trust"]["reasons"][0] == {
        "what": "licence", "found": "its licence 'MIT OR GPL-2.0-only' has the class proprietary",
        "wanted": "GPL-compatible", "by": "the guest"}


def test_the_user_s_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                  capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("OPENVMI_CONFIG", str(tmp_path))
    (tmp_path / "config.toml").write_text("[trust]\nsigned = true\n")
    assert main.run(["run", "hello", "--on", "emu"]) == 121
    assert f"the ROM is not signed, the user ({tmp_path}/config.toml) asks for" in capfd.readouterr().err
    assert main.run(["run", "hello", "--on", "emu", "--force"]) == 0
    assert "(F): the ROM is not signed" in capfd.readouterr().err
    assert main.run(["compare", "hello", "--on", "emu"]) == 121
    assert main.run(["conform", "--on", "emu", "--only", "base/"]) == 121
    (tmp_path / "config.toml").write_text("[trust]\nsigned = 7\n")
    capfd.readouterr()
    assert main.run(["run", "hello", "--on", "emu"]) == 64
    assert capfd.readouterr().err.startswith(f"openvmi: {tmp_path}/config.toml: [trust] signed = 7, expected")


def test_a_rom_that_lies_about_its_class(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    data = bytearray((resources.built("roms") / "emu.rom").read_bytes())
    data[:] = data.replace(b"MIT OR GPL-2.0-only\0", b"LicenseRef-MyVendor\0")
    data[15] = (data[15] - sum(data)) & 0xFF
    (tmp_path / "lies.rom").write_bytes(data)
    for arguments in (["run", "hello", "--on", "emu", "--rom"], ["run", "hello", "--on", "emu", "--force", "--rom"],
                      ["rom", "inspect"]):
        assert main.run([*arguments, str(tmp_path / "lies.rom")]) == 65
        told = capfd.readouterr().err
        assert "licence class 3 (GPL-compatible), and the licence 'LicenseRef-MyVendor' is unknown" in told


def test_the_guest_s_own_check(demanding: Path) -> None:
    """Where the host lets everything pass."""
    guest, own = load_guest(demanding), running.find_rom(hypervisors.get("emu"), None)
    for flags, options, refused, taint in (
        (0, "", True, None), (BOOT_ROM_TRUSTED, "", False, Taint.NO_SOURCE | Taint.NOT_REPRODUCED),
        (0, "vmi.force", False, Taint.NO_SOURCE | Taint.UNSIGNED | Taint.NOT_REPRODUCED | Taint.FORCED),
        (BOOT_FORCED | BOOT_ROM_REPRODUCED | BOOT_FIRMWARE_OVERRIDDEN, "", False,
         Taint.NO_SOURCE | Taint.UNSIGNED | Taint.FORCED | Taint.OVERRIDDEN_FIRMWARE),
    ):
        said = bytearray()
        config = running.MachineConfig(guest=guest, rom=own, command_line=options, deterministic=True,
                                       console=said.extend, boot_flags=flags)
        with hypervisors.get("emu").create(config) as machine:
            outcome = machine.run()
            link = running.read_link(guest, machine)
        assert (outcome.ending is Ending.REFUSED) == refused, said
        if refused:
            assert said.decode() == (
                "vmi: refused: nobody who loaded the ROM verified a signature by a trusted key, this kernel asks for "
                "one; use a signed ROM, or vmi.force, which taints\n")
        else:
            assert link is not None and link.taint & ~Taint.NO_SOURCE == taint & ~Taint.NO_SOURCE


def test_crash_report_and_record_have_the_taint(policy: Path, tmp_path: Path,
                                                capfd: pytest.CaptureFixture[str]) -> None:
    copy = tmp_path / "other.rom"
    shutil.copy(resources.built("roms") / "emu.rom", copy)
    assert main.run(["run", str(policy), "--on", "emu", "--rom", str(copy), "--append", "crash=1", "--json",
                     str(tmp_path / "r")]) == 120
    told = capfd.readouterr().err
    assert "not known to be rebuilt from its source, overridden firmware)" in told and "taint: " in told
    assert json.loads((tmp_path / "r").read_text())["crash"]["taint"].endswith("URO")
