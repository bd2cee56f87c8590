# SPDX-License-Identifier: MIT
"""Tests as they are in a kernel's file, sound and damaged."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from openvmi.abi.names import Call
from openvmi.conformance import plan, tests
from openvmi.conformance.tests import Kind, Subject
from openvmi.errors import BadGuestError, UnavailableError
from openvmi.hypervisors.base import Ending


def test_what_a_record_says(wrong: Subject) -> None:
    by_name = {test.id.split("~")[1]: test for test in wrong.tests}
    skipped = by_name["skip-without-group-suspend"]
    assert (skipped.id, skipped.call, skipped.kind, skipped.needs, skipped.ends) == (
        "conform/base/probe~skip-without-group-suspend", Call.PROBE, Kind.HOSTILE, ("base", "suspend"), None)
    ending = by_name["success-by-exit-9"]
    assert (ending.group, ending.kind, ending.ends, ending.code) == ("sys", Kind.POSITIVE, Ending.EXIT, 9)


def test_those_that_end_the_machine_come_last(wrong: Subject) -> None:
    ends = [test.ends is not None or test.may_end for test in wrong.tests]
    assert ends == sorted(ends) and [test.index for test in wrong.tests] == list(range(len(ends)))


def test_those_with_input_come_first() -> None:
    sys = next(subject for subject in plan.subjects() if subject.name == "conform-sys")
    inputs = [test.input for test in sys.tests]
    assert inputs == sorted(inputs, reverse=True) and any(inputs)


def test_coverage(wrong: Subject) -> None:
    missing = plan.uncovered(wrong.tests)
    assert "base/probe has no HOSTILE test" not in missing
    assert "sys/shutdown has no HOSTILE test" in missing and "sys/shutdown has no POSITIVE test" not in missing
    assert len(missing) == 3 * len(Call) - 5


def test_another_kernel_has_none(tiny_file: Path) -> None:
    assert tests.read(tiny_file) is None


def test_no_kernels(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="run: make build"):
        plan.subjects(tmp_path)


@pytest.mark.parametrize(("at", "layout", "value", "words"), [
    (0, "<I", 0x7777, r"call 0x7777, expected the number of PROBE"),
    (0, "<I", Call.INFO, r"call 0x0002, expected the number of PROBE"),
    (4, "B", 0, r"kind 0"),
    (4, "B", 4, r"kind 4"),
    (5, "B", 5, r"ends 5"),
    (6, "B", 64, r"code 64"),
    (7, "B", 4, r"flags 4"),
    (8, "<Q", 1 << 40, r"needed groups 0x10000000000"),
    (16, "<Q", 0, r"test '' has this name"),
    (16, "<Q", 1 << 63, r"test '' has this name"),
    (16, "<Q", 0x40000000, r"has this name, expected CALL~variation"),
])
def test_damage(wrong: Subject, tmp_path: Path, at: int, layout: str, value: int, words: str) -> None:
    data = bytearray(wrong.path.read_bytes())
    section = ELFFile(io.BytesIO(data)).get_section_by_name(tests.SECTION)["sh_offset"]
    struct.pack_into(layout, data, section + at, value)
    (tmp_path / "conform-damaged.elf").write_bytes(data)
    with pytest.raises(BadGuestError, match=words):
        tests.read(tmp_path / "conform-damaged.elf")


def test_two_of_one_name(wrong: Subject, tmp_path: Path) -> None:
    data = bytearray(wrong.path.read_bytes())
    section = ELFFile(io.BytesIO(data)).get_section_by_name(tests.SECTION)["sh_offset"]
    data[section + 32:section + 64] = data[section:section + 32]
    (tmp_path / "conform-damaged.elf").write_bytes(data)
    with pytest.raises(BadGuestError, match="two tests are called conform/base/probe~success; rename one"):
        tests.read(tmp_path / "conform-damaged.elf")


@pytest.mark.parametrize("size", [0, 4, 40, 63, 64, 5000, 30000])
def test_a_file_that_is_cut(wrong: Subject, tmp_path: Path, size: int) -> None:
    (tmp_path / "conform-cut.elf").write_bytes(wrong.path.read_bytes()[:size])
    with pytest.raises(BadGuestError):
        tests.read(tmp_path / "conform-cut.elf")
