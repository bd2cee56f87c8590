# SPDX-License-Identifier: MIT
"""What is shown of a ROM, and licence classes."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from openvmi.abi.names import LicenceClass
from openvmi.cli.rom import app
from openvmi.errors import BadRomError
from openvmi.rom import licence
from openvmi.rom.describe import describe
from openvmi.rom.emit import RomContents, emit
from openvmi.rom.image import RomImage
from openvmi.rom.render import show


def test_recipes_read_as_their_source(emu: RomImage) -> None:
    """The lines of roms/emu/calls.S, with names where the guest's linker writes addresses."""
    about = describe(emu)
    calls = {call["name"]: call for call in about["calls"]}
    assert [(line["bytes"], line["text"]) for line in calls["IrqEnable"]["instructions"]] == [
        ("65800c25........02", "orb $2, %gs:vcpu+0x1"),
        ("7902", "jns 0xd"),
        ("e657", "outb %al, $0x57"),
    ]
    assert [line["text"] for line in calls["TlbFlush"]["instructions"]] == [
        "pushq %rax", "movl $0x309, %eax", "outl %eax, $0x56", "popq %rax"]
    assert calls["FaultAddressRead"]["instructions"][0]["text"] == "movq %gs:vcpu+0x8, %rax"
    assert calls["Iret"]["kind"] == "jump" and calls["Iret"]["symbol"] == "iret"
    assert sum(about["kinds"].values()) == len(about["calls"]) == len(emu.calls)
    assert about["licence"] == {"expression": "MIT OR GPL-2.0-only", "class": "GPL"}
    assert about["sizes"]["text"] == len(emu.text) and about["sizes"]["text_limit"] == 8192


def test_numbers_of_newer_interfaces_have_no_name(contents: RomContents) -> None:
    about = describe(RomImage.parse(emit(contents)))
    assert about["calls"][-1] == {
        "number": 0xE001, "name": None, "kind": "call", "target": 8, "symbol": "leave"}


def test_tables_fit_a_terminal(emu: RomImage) -> None:
    out = StringIO()
    show(describe(emu), Console(file=out, width=80))
    text = out.getvalue()
    assert max(map(len, text.splitlines())) <= 80
    for part in ("emu 1.0 for emu", "of 8,192 bytes", "class GPL", "IrqRestore", "%gs:vcpu+0x1", "<iret>"):
        assert part in text


def test_commands(tmp_path: Path, emu: RomImage) -> None:
    path = tmp_path / "emu.rom"
    built = CliRunner().invoke(app, ["build", "emu", "-o", str(path), "--json"])
    assert built.exit_code == 0 and json.loads(built.stdout)["sha256"] == emu.sha256
    assert CliRunner().invoke(app, ["inspect", str(path)]).exit_code == 0
    shown = CliRunner().invoke(app, ["inspect", str(path), "--json"])
    assert json.loads(shown.stdout)["name"] == "emu"
    path.write_bytes(b"nothing")
    assert isinstance(CliRunner().invoke(app, ["inspect", str(path)]).exception, BadRomError)


@pytest.mark.parametrize(("text", "kind", "spelling"), [
    ("MIT", "GPL", None),
    ("mit or gpl-2.0", "GPL", "MIT OR GPL-2.0-only"),
    ("GPL-2.0-only", "GPL", None),
    ("Apache-2.0", "OSI", None),
    ("GPL-3.0-or-later", "OSI", None),
    ("MIT AND Apache-2.0", "OSI", None),
    ("MIT OR Apache-2.0", "GPL", None),
    ("Apache-2.0 WITH LLVM-exception", "GPL", None),
    ("GPL-2.0-only WITH Linux-syscall-note", "GPL", None),
    ("BUSL-1.1", "PROPRIETARY", None),
    ("LicenseRef-Proprietary-Example", "PROPRIETARY", None),
    ("MIT AND LicenseRef-Proprietary", "PROPRIETARY", None),
    ("MIT OR LicenseRef-Proprietary", "GPL", None),
    ("LicenseRef-Apache", "UNKNOWN", None),
    ("Glide", "UNKNOWN", None),
    ("GPL-2.0-only AND (Glide OR MIT)", "GPL", None),
])
def test_licence_class(text: str, kind: str, spelling: str | None) -> None:
    assert licence.parse(text, "here") == licence.Licence(spelling or text, LicenceClass[kind])
