# SPDX-License-Identifier: MIT
"""Guests, users and boot options that demand a signature, on every hypervisor: the host refuses, and so does libvmi."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from openvmi import resources, running
from openvmi.cli import main
from openvmi.guest.build import build
from openvmi.rom.image import RomImage
from openvmi.status import Status
from openvmi.trust import keys, store, verdict
from openvmi.trust.signature import sign
from openvmi.trust.verdict import Verdict
from tests.trust.conftest import FINGERPRINT, no_passphrase, signer

pytestmark = pytest.mark.usefixtures("home")
#: Boot flags go through its shim.
XEN = pytest.param("xen", marks=pytest.mark.needs("qemu-system-x86_64", "/boot/xen*.gz"))
BARE = pytest.mark.needs("qemu-system-x86_64")
Capture = pytest.CaptureFixture[str]
Make = Callable[..., Path]


@pytest.fixture(scope="module")
def demanding(tmp_path_factory: pytest.TempPathFactory, top: Path) -> Path:
    """The guest of this folder: its note POLICY has POLICY_SIGNED."""
    output = tmp_path_factory.mktemp("guest") / "demanding.elf"
    build(top / "tests" / "trust" / "guest", output, top / "build" / "cache")
    return output


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Path]:
    """Makes a ROM of a hypervisor: signed by a trusted key, or not quite."""
    def make(name: str, how: str = "good") -> Path:
        path = tmp_path / f"{name}.rom"
        own = keys.own("mine") if (keys.folder() / "mine.key").exists() else keys.new("mine")
        assert own.public
        rom = RomImage.load(resources.built("roms") / path.name)
        signed = sign(rom, keys.load(own.path, no_passphrase) if how != "unknown" else signer())
        if how == "good":
            store.trust(own.public, "mine")
        elif how == "revoked":
            store.revoke(own.public.fingerprint, own.public, "mine", "")
        data = bytearray(rom.data if how == "absent" else signed.data)
        if how == "bad":
            store.trust(own.public, "mine")
            data[-512 + 60] ^= 1
            data[15] = (data[15] - sum(data)) & 0xFF
        path.write_bytes(data)
        if name == "xen":
            path.with_suffix(".shim").write_bytes((resources.built("roms") / "xen.shim").read_bytes())
        return path

    return make


def run(guest: str | Path, on: str, rom: Path, tmp_path: Path, *more: str) -> tuple[int, str]:
    """Exit status and taint."""
    record = tmp_path / "record.json"
    status = main.run(["run", str(guest), "--on", on, "--rom", str(rom), "--json", str(record), *more])
    if not record.exists():
        return status, ""
    return status, json.loads(record.read_text())["taint"]


@pytest.mark.parametrize("on", ["emu", "linux", XEN])
@pytest.mark.parametrize("by", ["note", "option", "user"])
def test_a_good_one_is_enough(on: str, by: str, demanding: Path, made: Make, tmp_path: Path, home: Path,
                              capfd: Capture) -> None:
    rom = made(on)
    if by == "user":
        (home / "config.toml").write_text("[trust]\nsigned = true\n")
    more = ["--append", "vmi.signed"] if by == "option" else []
    status, taint = run(demanding if by == "note" else "hello", on, rom, tmp_path, *more)
    assert status == 0, capfd.readouterr()
    assert "U" not in taint and "F" not in taint


REASONS = {"absent": "the ROM is not signed", "unknown": "which you do not trust", "revoked": "which you have revoked",
           "bad": "the signature is not one by the key"}


@pytest.mark.parametrize("on", ["emu", "linux", XEN])
@pytest.mark.parametrize("how", REASONS)
def test_the_host_refuses(on: str, how: str, demanding: Path, made: Make, tmp_path: Path, home: Path,
                          capfd: Capture) -> None:
    rom = made(on, how)
    assert run(demanding, on, rom, tmp_path)[0] == Status.REFUSED
    told = capfd.readouterr().err
    assert REASONS[how] in told and "the guest asks for a good signature by a trusted key" in told
    assert run("hello", on, rom, tmp_path, "--append", "vmi.signed")[0] == Status.REFUSED
    told = capfd.readouterr().err
    assert REASONS[how] in told and "vmi.signed asks for" in told
    (home / "config.toml").write_text("[trust]\nsigned = true\n")
    assert run("hello", on, rom, tmp_path)[0] == Status.REFUSED
    assert REASONS[how] in (told := capfd.readouterr().err) and f"the user ({home}/config.toml) asks for" in told


def test_the_host_refuses_what_it_cannot_verify(demanding: Path, made: Make, tmp_path: Path, capfd: Capture,
                                                monkeypatch: pytest.MonkeyPatch) -> None:
    rom = made("emu")
    for name in [name for name in sys.modules if name.startswith("cryptography")]:
        monkeypatch.setitem(sys.modules, name, None)
    assert run(demanding, "emu", rom, tmp_path)[0] == Status.REFUSED
    assert "could not be checked" in (told := capfd.readouterr().err) and "pip install 'openvmi[sign]'" in told
    status, taint = run("hello", "emu", rom, tmp_path)
    assert status == 0 and "U" in taint


@pytest.mark.parametrize("on", ["emu", "linux", XEN])
@pytest.mark.parametrize("by", ["note", "option"])
def test_libvmi_refuses_by_itself(on: str, by: str, demanding: Path, made: Make, tmp_path: Path,
                                  monkeypatch: pytest.MonkeyPatch, capfd: Capture) -> None:
    """A host that asks for nothing and says nothing of a signature, as if it were another program."""
    monkeypatch.setattr(running, "admit", lambda *arguments, **more: Verdict(verdict.Decision.LOAD))
    more = ["--append", "vmi.signed"] if by == "option" else []
    assert run(demanding if by == "note" else "hello", on, made(on), tmp_path, *more)[0] == Status.REFUSED
    said = capfd.readouterr().out
    assert "vmi: refused: nobody who loaded the ROM verified a signature by a trusted key" in said
    assert f"{'this kernel' if by == 'note' else 'vmi.signed'} asks for one" in said


@pytest.mark.parametrize("on", ["emu", "linux", XEN])
def test_forced(on: str, demanding: Path, made: Make, tmp_path: Path,
                capfd: Capture) -> None:
    status, taint = run(demanding, on, made(on, "absent"), tmp_path, "--force")
    assert status == 0, capfd.readouterr()
    assert {"U", "F"} <= set(taint)


@BARE
def test_nobody_verifies_on_bare_hardware(demanding: Path, made: Make, tmp_path: Path,
                                          capfd: Capture) -> None:
    """The host has verified it, but firmware brings the ROM to the guest, and nobody tells the guest about it."""
    assert run(demanding, "bare", made("template"), tmp_path)[0] == Status.REFUSED
    assert "vmi: refused: nobody who loaded the ROM verified a signature" in capfd.readouterr().out
    status, taint = run("hello", "bare", tmp_path / "template.rom", tmp_path)
    assert status == 0 and {"U", "R"} <= set(taint)


def test_fingerprint_is_in_the_refusal(demanding: Path, made: Make, tmp_path: Path,
                                       capfd: Capture) -> None:
    assert run(demanding, "emu", made("emu", "unknown"), tmp_path)[0] == Status.REFUSED
    assert FINGERPRINT[:8] in capfd.readouterr().err
