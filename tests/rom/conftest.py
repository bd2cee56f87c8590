# SPDX-License-Identifier: MIT
"""ROMs to test with: one made of parts, one built from roms/emu, and a maker of small wrong ones."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from openvmi import resources
from openvmi.abi.layouts import RomGroup, RomReloc, RomSignature
from openvmi.abi.load import interface
from openvmi.abi.names import (
    SIGNATURE_MAGIC,
    Call,
    LicenceClass,
    LinkKind,
    Profile,
    RelocationKind,
    SignatureAlgorithm,
)
from openvmi.classic.build import build as build_classic
from openvmi.classic.definition import read as read_classic
from openvmi.classic.image import ClassicRom
from openvmi.rom.build import build
from openvmi.rom.emit import Answer, RomContents
from openvmi.rom.image import RomImage
from tests.rom import capsules

TOML = """
[rom]
name = "tiny"
version = "1.2"
hypervisor = "none"
description = "For tests"
licence = "MIT"
sources = ["calls.S"]
profile = "base"
stack = 8
vcpu_size = 16
[groups]
base = { revision = 1, may_be_native = false }
irq = { revision = 2, may_be_native = true }
trap = { revision = 1, may_be_native = true }
time = { revision = 1, may_be_native = true }
event = { revision = 1, may_be_native = true }
sys = { revision = 1, may_be_native = true }
"""


#: Of the right form, and good for nothing.
SIGNATURE = RomSignature(magic=SIGNATURE_MAGIC, size=104, algorithm=SignatureAlgorithm.ED25519, key=bytes(range(32)),
                         signature=bytes(range(64))).pack()


@pytest.fixture(scope="session")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache of the compiler for all tests."""
    return tmp_path_factory.mktemp("zig")


@pytest.fixture(scope="session")
def emu(work: Path) -> RomImage:
    """The ROM of the hypervisor emu, built from its sources."""
    top = resources.checkout()
    assert top is not None
    return build(top / "roms" / "emu", work / "emu.rom", work)


@pytest.fixture
def contents() -> RomContents:
    """A small ROM that has some of everything."""
    return RomContents(
        version=(3, 7), licence="MIT", licence_class=LicenceClass.GPL, profile=Profile.BASE, stack=24, vcpu_size=16,
        groups=(RomGroup(group=0, revision=1), RomGroup(group=1, revision=1, may_be_native=1)),
        answers=(
            Answer(number=Call.INIT, kind=LinkKind.CALL, target=0),
            Answer(number=Call.IRQ_DISABLE, kind=LinkKind.NOP),
            Answer(number=Call.IRQ_ENABLE, kind=LinkKind.INLINE, recipe=bytes.fromhex("65800c2500000000 02 e800000000"),
                   relocations=(RomReloc(kind=RelocationKind.VCPU, offset=4, target=1),
                                RomReloc(kind=RelocationKind.TEXT, offset=10, target=8, addend=-4))),
            Answer(number=Call.IRET, kind=LinkKind.JUMP, target=8),
            Answer(number=0xE001, kind=LinkKind.CALL, target=8),
        ),
        text=bytes.fromhex("b801000000c3cccc 48cf"), data=b"data", data_memory=64,
        manifest={"name": "sample", "version": "3.7", "hypervisor": "none", "symbols": [[8, "leave"]]},
        capsule=capsules.packed(), signature=SIGNATURE,
    )


@pytest.fixture
def sources(tmp_path: Path) -> Callable[..., Path]:
    """Makes the folder of a ROM that answers every call natively but for what a test gives.

    `answers` maps call names (IRQ_ENABLE) to assembler lines; None leaves the call out. `extra` is appended; `toml`
    changes the definition.
    """
    def make(answers: dict[str, str | None] | None = None, extra: str = "",
             toml: Callable[[str], str] = lambda text: text) -> Path:
        abi = interface()
        lines = ["#include <vmi/rom.h>", ".text"]
        for call in abi.calls:
            if call.group in abi.profile_groups("base"):
                name = call.snake.upper()
                line = (answers or {}).get(name, f"ROM_NATIVE VMI_CALL_{name}")
                lines += [line] if line else []
        folder = tmp_path / "tiny"
        folder.mkdir()
        (folder / "calls.S").write_text("\n".join([*lines, extra, ""]))
        (folder / "rom.toml").write_text(toml(TOML))
        return folder

    return make


@pytest.fixture(scope="session")
def classic(work: Path) -> Callable[[str], ClassicRom]:
    """Builds a variant of roms/classic, such as classic-full, once in a session. Its path is that of the file."""
    top = resources.checkout()
    assert top is not None
    definition = read_classic(top / "roms" / "classic")
    variants = {variant.name: variant for variant in definition.variants}

    @cache
    def build_variant(name: str) -> ClassicRom:
        return build_classic(definition, variants[name], work / f"{name}.rom", work)

    return build_variant


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A copy of the small classic ROM of these tests, to be changed."""
    return Path(shutil.copytree(Path(__file__).parent / "data" / "classic", tmp_path / "tiny"))
