# SPDX-License-Identifier: MIT
"""The interface definition: it is consistent, and for each rule of consistency a definition that breaks it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from attrs import evolve

from openvmi.abi import load
from openvmi.abi.model import Argument, Field, Interface, Profile
from openvmi.errors import AbiError, UsageError


def test_current_definition_is_consistent() -> None:
    assert list(load.problems(load.interface())) == []
    assert load.versions()[-1] == load.CURRENT


def test_interface_is_one_with_sites() -> None:
    with pytest.raises(UsageError, match=r"VMI 3\.0 is a classic interface; expected a version from 4\.0 on"):
        load.interface("3.0")


def test_unknown_version() -> None:
    with pytest.raises(UsageError, match=r"there is no VMI 9\.9; known are 4\.1, 4\.0, 3\.0$"):
        load.interface("9.9")


def test_calls_of_the_brief_exist() -> None:
    """Literal: names and numbers are frozen."""
    numbers = {call.name: call.number for call in load.interface().calls}
    assert len(numbers) == 63
    assert len(load.interface("4.0").calls) == 61
    for name, number in {"Init": 0x0000, "Probe": 0x0001, "IrqDisable": 0x0100, "Halt": 0x0105, "Iret": 0x0203,
                         "PteSetBatch": 0x0303, "ClockRead": 0x0400, "EventSend": 0x0504, "VcpuYield": 0x0604,
                         "Shutdown": 0x0702, "Suspend": 0x0801, "CrashReport": 0x0902, "IrqPending": 0x0106,
                         "RandomRead": 0x0A00}.items():
        assert numbers[name] == number


def call(**fields: object) -> Callable[[Interface], Interface]:
    """Changes the first call of group irq."""
    def spoil(abi: Interface) -> Interface:
        groups = [evolve(g, calls=(evolve(g.calls[0], **fields), *g.calls[1:])) if g.name == "irq" else g
                  for g in abi.groups]
        return evolve(abi, groups=tuple(groups))
    return spoil


def group(name: str, **fields: object) -> Callable[[Interface], Interface]:
    """Changes a group."""
    return lambda abi: evolve(abi, groups=tuple(evolve(g, **fields) if g.name == name else g for g in abi.groups))


def backwards(abi: Interface) -> Interface:
    """Turns the calls of group irq around."""
    calls = next(g for g in abi.groups if g.name == "irq").calls
    return group("irq", calls=calls[::-1])(abi)


def struct(**fields: object) -> Callable[[Interface], Interface]:
    """Changes the first structure."""
    return lambda abi: evolve(abi, structs=(evolve(abi.structs[0], **fields), *abi.structs[1:]))


def gap(abi: Interface) -> Interface:
    """Moves the second member of the first structure."""
    fields = abi.structs[0].fields
    return struct(fields=(fields[0], evolve(fields[1], offset=8), *fields[2:]))(abi)


BROKEN = {
    "tied one way": (group("sys", tied=("base",)), "group sys is tied to base, which does not name it back"),
    "tied to nothing": (group("sys", tied=("gone",)), "group sys is tied to gone"),
    "order": (backwards, "group irq: calls are not in the order of their numbers"),
    "number twice": (call(number=0x0101), "number 0x0101 is used twice"),
    "name twice": (call(name="Init"), "Init: name or number"),
    "number outside its group": (call(number=0x0200), "IrqDisable: number 0x0200 is not in group 0x01"),
    "convention": (call(convention="fast"), "unknown convention 'fast'"),
    "profile of a call": (call(profile="tiny"), "IrqDisable: profile 'tiny'; its group is in base, paged, smp, full"),
    "no profile for a group that is in one": (call(profile="none"), "profile 'none'; its group is in base"),
    "a profile without the group": (group("random", calls=(evolve(load.interface().calls[-1], profile="full"),)),
                                    "RandomRead: profile 'full'; its group is in none"),
    "a call too long": (group("random", calls=(evolve(load.interface().calls[-1], site=16),)),
                        "RandomRead: a site of 16 bytes, and a call or jump has 5, with prefixes at most 15"),
    "site too small": (call(site=0), "IrqDisable: a site of 0 bytes with 15 native ones"),
    "site not filled": (call(site=17), "they must fill it"),
    "error": (call(errors=("OOPS",)), "IrqDisable: unknown errors ['OOPS']"),
    "arguments": (call(arguments=(Argument("a", "u32", ""),) * 6), "more arguments than registers"),
    "argument type": (call(arguments=(Argument("a", "float", ""),)), "unknown type 'float'"),
    "result type": (call(result="float"), "unknown type 'float'"),
    "group of a profile": (lambda abi: evolve(abi, profiles=(Profile("p", 9, ("gone",), ""),)),
                           "unknown group gone"),
    "a group of a vendor": (lambda abi: evolve(abi, vendor_groups=(0x0A, 0xEF)),
                            "group random: number 0x0a is of vendor_groups"),
    "numbers of two": (lambda abi: evolve(abi, experimental_groups=(0xEF, 0xFF)),
                       "experimental_groups and vendor_groups both have 0xef"),
    "numbers that are no range": (lambda abi: evolve(abi, vendor_groups=(0xE0,)), "vendor_groups is [224]; expected"),
    "numbers backwards": (lambda abi: evolve(abi, vendor_groups=(0xEF, 0xE0)), "vendor_groups is [239, 224]"),
    "numbers that no call has": (lambda abi: evolve(abi, experimental_groups=(0xF0, 0x100)), "at most 0xff"),
    "alignment": (struct(fields=(Field("a", 0, "u8", 0, ""), Field("b", 1, "u16", 0, "")), size=3),
                  "boot_info.b: offset 1 is not aligned to 2"),
    "gap in a structure": (gap, "boot_info.size: offset 8, expected 4"),
    "size of a structure": (struct(size=160), "boot_info: size 160, but the fields end at 152"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_inconsistent(name: str) -> None:
    spoil, said = BROKEN[name]
    abi = spoil(load.interface())
    assert any(said in problem for problem in load.problems(abi)), list(load.problems(abi))
    with pytest.raises(AbiError, match=r"^here: "):
        load.check(abi, "here")


@pytest.mark.parametrize(("file", "old", "new", "said"), [
    ("irq.toml", None, None, "No such file"),
    ("irq.toml", "[group]", "[group", "not TOML"),
    ("layouts.toml", 'type = "u32", doc = "BOOT_MAGIC"', 'type = "u24", doc = ""',
     "struct[0].fields[0].type is 'u24'; expected u8..u64"),
    ("irq.toml", "site = 15", "site = 99", "a site of 99 bytes"),
    ("interface.toml", '[interface]', '[other]', "interface is missing; expected a table"),
    ("interface.toml", "major = 4", "", "interface.major is missing; expected a whole number"),
    ("interface.toml", "major = 4", "major = 5", "interface.major is 5; expected 3 or 4"),
    ("interface.toml", "major = 4", "major = true", "interface.major is True; expected a whole number"),
    ("interface.toml", 'arguments = ["rdi", ', "arguments = [7, ", "interface.arguments[0] is 7; expected a string"),
    ("interface.toml", "vendor_groups = [0xE0", 'vendor_groups = ["e0"',
     "interface.vendor_groups[0] is 'e0'; expected a whole number"),
    ("interface.toml", 'clobbers = ["flags"]', "", "conventions.leaf.clobbers is missing; expected a list"),
    ("interface.toml", 'doc = "Done."', "", "error[0].doc is missing; expected a string"),
    ("interface.toml", 'doc = "Done."', 'doc = "Done."\nmore = 1', "error[0].more: unknown key; expected name, value"),
    ("interface.toml", 'name = "SITE_LIMIT"', 'name = "LIMIT"', "no constant SITE_LIMIT"),
    ("irq.toml", "id = 0x01", 'id = "one"', "group.id is 'one'; expected a whole number"),
    ("irq.toml", "may_be_native = true", "may_be_native = 1", "group.may_be_native is 1; expected true or false"),
    ("irq.toml", "number = 0x0100", "", "call[0].number is missing; expected a whole number"),
    ("irq.toml", "arguments = []", "arguments = [1]", "call[0].arguments[0] is 1; expected a table"),
    ("smp.toml", 'native = { asm = "{3} pause", bytes = "2e 2e 2e f3 90" }', 'native = "pause"',
     "call[4].native is 'pause'; expected a"),
    ("smp.toml", 'bytes = "2e 2e 2e f3 90"', 'bytes = "f"', "call[4].native.bytes: non-hexadecimal number"),
    ("smp.toml", 'bytes = "2e 2e 2e f3 90"', 'code = "fa"', "call[4].native.code: unknown key"),
    ("layouts.toml", "offset = 0", 'offset = "0"', "struct[0].fields[0].offset is '0'; expected a whole number"),
])
def test_bad_files(tmp_path: Path, top: Path, file: str, old: str | None, new: str | None, said: str) -> None:
    folder = Path(shutil.copytree(top / "abi" / load.CURRENT, tmp_path / load.CURRENT))
    path = folder / file
    if old is None or new is None:
        path.unlink()
    else:
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(AbiError) as caught:
        load.load(folder)
    assert said in str(caught.value) and str(caught.value).startswith(str(folder))


def test_not_text(tmp_path: Path) -> None:
    (tmp_path / "interface.toml").write_bytes(b"\xff")
    with pytest.raises(AbiError, match="not TOML"):
        load.load(tmp_path)
