# SPDX-License-Identifier: MIT
"""The ROMs of this project are clean, and what is changed in them is found."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest

from openvmi import resources
from openvmi.conformance import mutants
from openvmi.errors import BadRomError
from openvmi.rom import emit
from openvmi.rom.image import RomImage
from openvmi.rom.lint.report import Report, lint

TOP = resources.checkout()
assert TOP is not None
#: All that VMI 4 guests can have: one for each folder that names no other interface.
ROMS = sorted(path.parent.name for path in (TOP / "roms").glob("*/rom.toml")
              if 'interface = "3.0"' not in path.read_text())
MUTANTS = {mutant.wrong: mutant for mutant in mutants.load(TOP / "tests" / "conformance" / "mutants")}


def built(name: str) -> RomImage:
    return RomImage.load(resources.built("roms") / f"{name}.rom")


@pytest.mark.parametrize("name", ROMS)
def test_it_is_clean(name: str) -> None:
    """All of it is looked at."""
    image = built(name)
    report = lint(image)
    assert report.clean, [(each.rule.name, each.place, each.found) for each in report.findings]
    assert report.hypervisor_known
    assert report.instructions > image.descriptor.text_size / 8
    assert report.stack <= image.descriptor.stack


def patched(image: RomImage, text: bytes) -> Report:
    contents = emit.contents_of(image)
    parts = {field.name: getattr(contents, field.name) for field in contents.__attrs_attrs__ if field.name != "text"}
    return lint(RomImage.parse(emit.emit(emit.RomContents(**parts, text=text))))


@pytest.mark.parametrize(("name", "symbol", "old", "new", "rule"), [
    ("emu", "iret", "48 cf", "90 c3", "return"),  # iretq: nop; ret
    ("linux", "clock_read", "0f 31", "0f a2", "instruction"),  # rdtsc: cpuid
    ("linux", "frame", "f3 90", "90 90", "balance"),  # pause: two nops, and it is no retpoline any more
    ("xen", "vcpu_yield", "51", "52", "clobber"),  # pushq %rcx: %rdx
    ("template", "probe", "5b", "58", "clobber"),  # popq %rbx: %rax
])
def test_a_byte_is_changed(name: str, symbol: str, old: str, new: str, rule: str) -> None:
    """By hand, in the built image: the linter needs no source."""
    image, was = built(name), bytes.fromhex(old)
    at = image.text.index(was, next(offset for offset, label in image.symbols if label == symbol))
    report = patched(image, image.text[:at] + bytes.fromhex(new) + image.text[at + len(was):])
    assert rule in {each.rule.name for each in report.findings}, report.findings


def test_a_declaration_is_taken_out() -> None:
    """Each is needed: without it there is a finding of its rule."""
    for name in ROMS:
        contents = emit.contents_of(built(name))
        declared = contents.manifest["lint"]
        for number, each in enumerate(declared):
            rest = [other for index, other in enumerate(declared) if index != number]
            parts = {field.name: getattr(contents, field.name) for field in contents.__attrs_attrs__
                     if field.name != "manifest"}
            image = RomImage.parse(emit.emit(emit.RomContents(**parts, manifest=contents.manifest | {"lint": rest})))
            assert not lint(image).clean, (name, each)


def test_text_cut_off_anywhere() -> None:
    """Never an error, whatever the text is."""
    image = built("emu")
    for size in range(1, len(image.text), 7):
        with suppress(BadRomError):
            patched(image, image.text[:size])


def test_mutants_that_can_be_seen_in_the_code() -> None:
    """Of the wrong ROMs for which the conformance kit has tests: one that loses a register."""
    chosen = [mutant for mutant in MUTANTS.values() if re.fullmatch(r"\w+ loses R\w\w", mutant.wrong)]
    assert len(chosen) >= 5
    for mutant in chosen:
        found = lint(RomImage.load(mutants.made(mutant))).findings
        assert {each.rule.name for each in found} & {"clobber", "balance"}, mutant.wrong
