# SPDX-License-Identifier: MIT
"""Definitions by strangers: each bound, and what is said when it is broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from openvmi.abi import load
from openvmi.errors import AbiError
from tests.fuzz.targets import abi


@pytest.mark.parametrize(("which", "old", "new", "message"), [
    (0, "value = 32", "value = 0x1" + 16 * "0", "constant[0].value has 65 bits; expected at most 64"),
    (0, 'name = "A"', 'name = "\\u001b[2J"', r"enum[0].values[0].name has '\x1b[2J'; expected characters that can be"),
    (0, "[conventions.c]", '[conventions."\\u0007"]', r"conventions has '\x07'; expected characters that can be"),
    (0, '["rdi", "rsi"]', str(["r"] * 257), "interface.arguments has 257 entries; expected at most 256"),
    (0, 'groups = ["base"]\n[conv', 'groups = ["../base"]\n[conv', "interface.groups has '../base'; expected small"),
    (0, 'groups = ["base"]\n[conv', 'groups = ["base", "base"]\n[conv', "has 2 names, 1 of them different"),
    (0, 'groups = ["base"]\n[conv', f"groups = {[f'g{n}' for n in range(65)]}\n[conv", "has 65 names, 65 of them"),
    (0, 'name = "A"', "name = 0x" + 4000 * "f", "enum[0].values[0].name is nothing that can be shown; expected"),
    (2, "16", "65537", "s: size 65537, expected at most 65536"),
    (2, "u8[12]", "u8[100000]", "struct[0].fields[1].type is 'u8[100000]'; expected u8..u64"),
    (2, 'doc = "d"\nsize', f'doc = "{"d" * 65536}"\nsize', "larger than 65536 bytes"),
])
def test_bounds(tmp_path: Path, which: int, old: str, new: str, message: str) -> None:
    for number, (name, text) in enumerate(zip(abi.NAMES, abi.GIVEN, strict=True)):
        assert number != which or old in text
        (tmp_path / name).write_text(text.replace(old, new) if number == which else text)
    with pytest.raises(AbiError) as caught:
        load.load(tmp_path)
    assert message in str(caught.value)


def test_a_classic_one_with_many_calls(tmp_path: Path, top: Path) -> None:
    for file in (top / "abi" / "3.0").glob("*.toml"):
        (tmp_path / file.name).write_text(file.read_text().replace("\ncalls = ", "\ncalls = 1000000000"))
    with pytest.raises(AbiError, match="calls; expected at most 1024"):
        load.load(tmp_path)


def test_a_file_that_is_none(tmp_path: Path) -> None:
    """It would be read for ever."""
    (tmp_path / "interface.toml").symlink_to("/dev/zero")
    with pytest.raises(AbiError, match="not a regular file"):
        load.load(tmp_path)
