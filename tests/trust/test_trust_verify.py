# SPDX-License-Identifier: MIT
"""openvmi key, openvmi rom sign and verify as their users have them; and against openssl."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from openvmi import resources
from openvmi.cli import main
from openvmi.rom.image import RomImage
from openvmi.status import Status
from openvmi.trust.statuses import MEANING, Verdict
from tests.bad_input.damage import Rom, emu_rom
from tests.trust.conftest import FINGERPRINT, PRIVATE_SSH, PUBLIC_SSH

pytestmark = pytest.mark.usefixtures("home")
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A ROM, not signed."""
    (tmp_path / "my.rom").write_bytes(emu_rom())
    return tmp_path / "my.rom"


def ok(*arguments: str | Path) -> None:
    assert main.run(list(map(str, arguments))) == 0, arguments


def verdict(file: Path) -> int:
    return main.run(["rom", "verify", str(file)])


def test_each_verdict(file: Path, home: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    assert verdict(file) == Verdict.UNSIGNED == 1
    ok("key", "new", "mine", "--comment", "for tests")
    ok("rom", "sign", file, "--key", "mine")
    assert verdict(file) == Verdict.UNKNOWN_KEY == 2
    ok("key", "trust", "mine")
    capsys.readouterr()
    assert verdict(file) == Verdict.GOOD == 0
    told = capsys.readouterr().out
    assert "signed by mine (" in told and told.endswith(f"{MEANING[Verdict.GOOD]}\n")
    good = file.read_bytes()
    file.write_bytes(RomImage.parse(good).data[:-512] + bytes(512))
    assert verdict(file) == Status.BAD_FILE == 65
    spoilt = bytearray(good)
    spoilt[-512 + 50] ^= 1
    spoilt[15] = (spoilt[15] - sum(spoilt)) & 0xFF
    file.write_bytes(spoilt)
    assert verdict(file) == Verdict.BAD_SIGNATURE == 4
    file.write_bytes(good)
    with monkeypatch.context() as patch:
        for name in [name for name in sys.modules if name.startswith("cryptography")]:
            patch.setitem(sys.modules, name, None)
        assert verdict(file) == Verdict.UNVERIFIABLE == 69
    ok("key", "remove", "mine")
    assert verdict(file) == 2
    ok("key", "revoke", "mine", "--reason", "lost")
    assert verdict(file) == Verdict.REVOKED_KEY == 3


def test_a_false_claim_of_a_trusted_signer(file: Path, capsys: Capture) -> None:
    file.write_bytes(Rom().descriptor("licence_class", 1, "B").data)
    ok("key", "new", "mine")
    ok("rom", "sign", file, "--key", "mine")
    assert verdict(file) == 2
    ok("key", "trust", "mine")
    capsys.readouterr()
    assert verdict(file) == Verdict.FALSE_CLAIM == 5
    assert "it claims the class PROPRIETARY; this is GPL" in capsys.readouterr().out


def test_help_has_every_status(capsys: Capture) -> None:
    ok("rom", "verify", "--help")
    told = capsys.readouterr().out
    assert all(f"  {status.value:<4}  {text}" in told for status, text in MEANING.items())


def test_json_and_page(file: Path, tmp_path: Path, capsys: Capture) -> None:
    ok("key", "new", "mine")
    ok("key", "trust", "mine")
    capsys.readouterr()
    ok("rom", "sign", file, "--key", "mine", "--json", "--html", tmp_path / "s.html")
    done = json.loads(capsys.readouterr().out)
    assert main.run(["rom", "verify", str(file), "--json", "--html", str(tmp_path / "v.html")]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["verdict"], found["status"], found["signature"]["state"]) == ("good", 0, "good")
    assert found["signature"]["key"] == done["key"] and found["sha256"] == done["sha256"]
    assert [line["what"] for line in found["lines"]] == ["format", "signature", "signer", "licence", "source"]
    ok("key", "list", "--json", "--html", tmp_path / "k.html")
    listed, = json.loads(capsys.readouterr().out)
    assert (listed["name"], listed["states"], listed["fingerprint"]) == ("mine", ["own", "trusted"], done["key"])
    for page in ("s", "v", "k"):
        text = (tmp_path / f"{page}.html").read_text()
        assert text.startswith("<!DOCTYPE html>") and done["key"][:8] in text


def test_sign_replace_remove(file: Path, tmp_path: Path, capsys: Capture) -> None:
    before = file.read_bytes()
    ok("key", "new", "one")
    ok("key", "new", "two")
    ok("rom", "sign", file, "--key", "one", "-o", tmp_path / "out.rom")
    assert file.read_bytes() == before
    ok("rom", "sign", file, "--key", "one")
    assert file.read_bytes() == (tmp_path / "out.rom").read_bytes() != before
    capsys.readouterr()
    assert main.run(["rom", "sign", str(file), "--key", "two"]) == Status.REFUSED
    assert "signed already; to sign it anew, use --replace" in capsys.readouterr().err
    ok("rom", "sign", file, "--key", "two", "--replace")
    assert "signature replaced" in capsys.readouterr().out
    assert RomImage.load(file).descriptor.build_id == RomImage.parse(before).descriptor.build_id
    ok("rom", "sign", file, "--remove")
    assert file.read_bytes() == before
    assert main.run(["rom", "sign", str(file), "--remove"]) == Status.USAGE


def test_a_shim_is_named(tmp_path: Path, capsys: Capture) -> None:
    for name in ("xen.rom", "xen.shim"):
        (tmp_path / name).write_bytes((resources.built("roms") / name).read_bytes())
    (tmp_path / "out").mkdir()
    ok("key", "new", "mine")
    capsys.readouterr()
    ok("rom", "sign", tmp_path / "xen.rom", "--key", "mine", "-o", tmp_path / "out" / "xen.rom")
    assert f"{tmp_path}/xen.shim: its boot shim; copy it there, too" in capsys.readouterr().out


def test_key_of_openssh(file: Path, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "id").write_bytes(PRIVATE_SSH)
    (tmp_path / "id").chmod(0o600)
    (tmp_path / "id.pub").write_bytes(PUBLIC_SSH + b" me@here\n")
    ok("rom", "sign", file, "--key", tmp_path / "id")
    ok("key", "trust", tmp_path / "id.pub", "--name", "me")
    assert verdict(file) == 0
    capsys.readouterr()
    ok("key", "export", FINGERPRINT[:8], "--ssh")
    assert capsys.readouterr().out.encode() == PUBLIC_SSH + b" me@here\n"
    ok("key", "show", "me")
    assert "me  (me@here): trusted" in capsys.readouterr().out


def test_passphrases(file: Path, tmp_path: Path, capsys: Capture) -> None:
    secret = tmp_path / "secret"
    secret.write_text("open sesame\nmore\n")
    secret.chmod(0o644)
    assert main.run(["key", "new", "mine", "--passphrase-file", str(secret)]) == Status.REFUSED
    secret.chmod(0o600)
    ok("key", "new", "mine", "--passphrase-file", secret)
    ok("rom", "sign", file, "--key", "mine", "--passphrase-file", secret)
    assert main.run(["rom", "sign", str(file), "--key", "mine", "--replace"]) == Status.USAGE
    assert "there is no terminal to ask for it; use --passphrase-file" in capsys.readouterr().err


def test_passphrase_from_a_terminal(file: Path, tmp_path: Path) -> None:
    def typed(*arguments: str, answers: list[bytes]) -> int:
        pid, terminal = pty.fork()
        if not pid:
            os.execv(sys.executable, [sys.executable, "-m", "openvmi.cli.main", *arguments])
        said = b""
        for prompt, answer in zip((b"assphrase", b"Again"), answers, strict=False):
            while prompt not in said:
                said += os.read(terminal, 1024)
            os.write(terminal, answer + b"\n")
        try:
            while more := os.read(terminal, 1024):
                said += more
        except OSError:  # the other side is closed
            pass
        assert not any(answer in said for answer in answers), said
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    assert typed("key", "new", "mine", "--passphrase", answers=[b"sesame1", b"sesame2"]) == Status.USAGE
    assert typed("key", "new", "mine", "--passphrase", answers=[b"sesame1", b"sesame1"]) == 0
    assert typed("rom", "sign", str(file), "--key", "mine", answers=[b"sesame1"]) == 0
    assert RomImage.load(file).descriptor.signature_size == 104


@pytest.mark.needs("openssl")
def test_openssl_agrees(file: Path, tmp_path: Path, home: Path) -> None:
    """Over what --message wrote: openssl takes our signature, not over other bytes, and makes ones that we take."""
    def openssl(*arguments: str | Path) -> int:
        return subprocess.run(["openssl", *map(str, arguments)], capture_output=True).returncode

    message, signature, public = tmp_path / "message", tmp_path / "signature", tmp_path / "public.pem"
    before = file.read_bytes()
    ok("key", "new", "mine")
    ok("key", "export", "mine", "-o", public)
    ok("rom", "sign", file, "--key", "mine", "--message", message)
    assert file.read_bytes() == before
    ok("rom", "sign", file, "--key", "mine")
    signature.write_bytes(file.read_bytes()[-512 + 40:-512 + 104])
    verify = ("pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", public, "-in", message, "-sigfile", signature)
    assert openssl(*verify) == 0
    message.write_bytes(message.read_bytes()[:-1] + b"\1")
    assert openssl(*verify) != 0

    theirs, ours = tmp_path / "theirs.key", tmp_path / "theirs.pub"
    assert openssl("genpkey", "-algorithm", "ed25519", "-out", theirs) == 0
    assert openssl("pkey", "-in", theirs, "-pubout", "-out", ours) == 0
    ok("rom", "sign", file, "--key", ours, "--message", message)
    assert openssl("pkeyutl", "-sign", "-rawin", "-inkey", theirs, "-in", message, "-out", signature) == 0
    ok("rom", "sign", file, "--key", ours, "--attach", signature, "--replace")
    ok("key", "trust", ours)
    assert verdict(file) == 0
    attached = file.read_bytes()
    theirs.chmod(0o600)
    ok("rom", "sign", file, "--key", theirs, "--replace")
    assert file.read_bytes() == attached  # Ed25519 has one signature for a key and a message
    signature.write_bytes(signature.read_bytes()[::-1])
    assert main.run(["rom", "sign", str(file), "--key", str(ours), "--attach", str(signature), "--replace"]) == 65
    assert file.read_bytes() == attached


def test_list_tells_of_what_is_damaged(home: Path, tmp_path: Path, capsys: Capture) -> None:
    ok("key", "list")
    assert "no keys yet" in capsys.readouterr().out
    (tmp_path / "their.pub").write_bytes(PUBLIC_SSH)
    ok("key", "trust", tmp_path / "their.pub")
    ok("key", "new", "mine")
    ok("key", "list")
    assert "  their: trusted\n" in capsys.readouterr().out
    (home / "trusted" / f"{FINGERPRINT}.pub").write_bytes(b"")
    (home / "keys" / "mine.key").chmod(0o644)
    assert main.run(["key", "list"]) == Status.BAD_FILE
    told = capsys.readouterr().out
    assert told.count("cannot be used: ") == 2 and "chmod 600" in told and "no public keys" in told
    ok("key", "remove", FINGERPRINT[:8])
    (home / "keys" / "mine.key").chmod(0o600)
    ok("key", "remove", "--private", "mine")
    assert os.listdir(home / "keys") == os.listdir(home / "trusted") == []


@pytest.mark.parametrize(("arguments", "says"), [
    (["key", "trust", "0" * 64], "trusting needs the file with the key"),
    (["key", "export", "0" * 64], "ask its owner for the key"),
    (["key", "remove", "mine"], "to delete the private key: openvmi key remove --private mine"),
    (["key", "remove", "--private", "other"], "no key 'other' in "),
    (["key", "new", "mine"], "is there already"),
    (["key", "show", "nobody"], "neither a name, nor the beginning"),
    (["rom", "sign", "x", "--key", "mine", "--remove"], "expected --key, with one of"),
    (["rom", "sign", "x", "--key", "mine", "--message", "m", "--attach", "a"], "expected --key, with one of"),
])
def test_usage(arguments: list[str], says: str, capsys: Capture) -> None:
    ok("key", "new", "mine")
    capsys.readouterr()
    assert main.run(arguments) == Status.USAGE
    told = capsys.readouterr()
    assert says in told.err and told.err.count("\n") == 1 and not told.out
