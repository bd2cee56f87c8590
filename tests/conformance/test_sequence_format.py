# SPDX-License-Identifier: MIT
"""Sequences as modules, files and lines of the console; the numbers that the guest has too."""

from __future__ import annotations

import json
import re
import struct
from pathlib import Path

import pytest

from openvmi.abi.names import Call
from openvmi.conformance import sequence as seq
from openvmi.conformance.sequence import (
    Kind,
    Op,
    Value,
    call,
    from_json,
    logs,
    operation,
    pack,
    read_line,
    show,
    to_json,
)  # fmt: skip
from openvmi.errors import BadFileError

_HEADER = Path("kernels/conform/sequence/sequence.h")


def test_the_guest_has_the_same_numbers(top: Path) -> None:
    text = re.sub(r"/\*.*?\*/", "", (top / _HEADER).read_text(), flags=re.DOTALL)
    for prefix, enum in (("OP", Op), ("KIND", Kind), ("MODE", seq.Mode)):
        body = re.search(rf"enum {{([^}}]*\b{prefix}_[^}}]*)}}", text)
        assert body
        found = [name.removeprefix(f"{prefix}_") for name in re.findall(rf"\b{prefix}_\w+", body[1])]
        assert [name for name in found if name != "COUNT"] == [member.name for member in enum]
        assert [member.value for member in enum] == list(range(len(enum)))
    names = {"SEQUENCE_MAGIC": seq.MAGIC, "SEQUENCE_VERSION": seq.VERSION, "POOL": seq.POOL,
             "OPERATIONS": seq.OPERATIONS,
             "ROOTS": seq.ROOTS, "POOL_PHYSICAL": seq.POOL_PHYSICAL, "ROOT_PHYSICAL": seq.ROOT_PHYSICAL,
             "SPAN_PHYSICAL": seq.SPAN_PHYSICAL, "USER_DATA": seq.USER_DATA, "USER_MARK": seq.USER_MARK,
             "FPU_REGISTERS": len(seq.Float), "SCRATCH_WORDS": seq.SCRATCH_WORDS,
             "FIRST_SPARE": seq.FIRST_SPARE, "SPARES": seq.SPARES}
    for name, value in names.items():
        defined = re.search(rf"#define {name} (0x[0-9a-f]+|\d+)", text)
        assert defined and int(defined[1], 0) == value, name
    ops = (top / _HEADER.parent / "ops.c").read_text()
    for name, value in (("INPUT_FIRST", seq.INPUT_FIRST), ("INPUT_COUNT", seq.INPUT_COUNT)):
        assert f"#define {name} {value}" in ops or f"#define {name} {value:#x}" in ops
    programs = (top / _HEADER.parent / "programs.S").read_text()
    assert programs.count("\tPROGRAM ") == len(seq.Program)


def test_a_module_is_what_the_header_says() -> None:
    one = call(Call.PTE_SET, Value(Kind.DIRECT, 8), Value(Kind.ENTRY, 1 << 63 | 0x7003))
    data = pack([(one,), ()])
    assert data[:8] == b"VSEQ\2\0\2\0" and data[8:12] == b"\1\0\0\0" and data[-4:] == b"\0\0\0\0"
    assert data[12:44] == struct.pack("<4BI3Q", 0, 2, 3, 0, 0x0302, 8, 1 << 63 | 0x7003, 0)
    assert len(data) == 8 + 4 + 32 + 4


def test_a_module_is_bounded() -> None:
    with pytest.raises(ValueError, match="at most"):
        pack([(operation(Op.POKE, 0),) * 65])
    with pytest.raises(ValueError, match="at most"):
        pack([()] * 4097)


@pytest.mark.parametrize("line", [
    "call pte_set direct:0x8 entry:0x8000000000007003", "call irq_enable", "user load number:0x1 number:0x8000000000",
    "fpu_write mm0 number:0x2", "fpu_read xmm15", "user segment number:0x20 selector:0x1 number:0xc00000",
    "call pte_set direct:0x2000 span_entry:0x83", "call console_write text:0x0 number:0x4",
    "poke 5 vector:0x31", "handler 8 number:0x3 number:0x9", "int 2", "call timer_set clock:0x4e20",
])  # fmt: skip
def test_a_line_comes_back(line: str) -> None:
    assert show(read_line(line)) == line


@pytest.mark.parametrize("line", [
    "", "call", "call nosuch", "jump 1", "user nosuch", "fpu_read ymm0", "load x", "load -1",
    "load 4294967296", "load 0 number", "load 0 nosuch:1",
    "load 0 number:x", "load 0 number:1:2", "poke 0 number:1 number:1 number:1 number:1",
])  # fmt: skip
def test_what_is_no_operation_is_refused(line: str) -> None:
    with pytest.raises((ValueError, KeyError)):
        read_line(line)
    with pytest.raises(BadFileError, match=r"a\.json: no sequences"):
        from_json(json.dumps({"format": "openvmi-sequence-1", "sequences": [[line]]}), "a.json")


@pytest.mark.parametrize("text", [
    "", "[]", "{}", "null", '{"format": "openvmi-sequence-3", "sequences": [[]]}', '{"format": "openvmi-sequence-1"}',
    '{"format": "openvmi-sequence-1", "sequences": []}', '{"format": "openvmi-sequence-1", "sequences": [1]}',
    '{"format": "openvmi-sequence-1", "sequences": [[1]]}', "[" * 100_000,
    json.dumps({"format": "openvmi-sequence-1", "sequences": [["int 0"] * 65]}),
])  # fmt: skip
def test_a_file_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(BadFileError, match="openvmi fuzz"):
        from_json(text, "a.json")


def test_a_file_comes_back() -> None:
    given = ((read_line("int 1"), read_line("call halt")), (read_line("poke 0"),))
    assert from_json(to_json(given, about="a reason"), "a.json") == given


def test_lines_of_the_console() -> None:
    found = logs(b"OpenVMI ..\n=0 R0,1;V28,1,ffR7,0;D1f\r\n=1 ;D0\n=2 R0")
    assert {number: [str(token) for token in line] for number, line in found.items()} == {
        0: ["R0,1", ";", "V28,1,ff", "R7,0", ";", "D1f", "W0"], 1: [";", "D0", "W0"]}


def test_text_in_the_middle_of_a_line_is_counted() -> None:
    (line,) = logs(b"##=0 R3,1#;D0\r\n").values()
    assert [str(token) for token in line] == ["R3,1", ";", "D0", "W3"]
    assert [str(token) for token in logs(b"#=0 R3,1;\n")[0]] == ["R3,1", ";"]


@pytest.mark.parametrize("line", ["R0,1;V21,=1 R5", "R0,1;V21,1 ", "R0,1;V21,1xyz;D0", "R0,1;V21,1\xff"])
def test_a_line_that_is_garbled_is_read_up_to_there(line: str) -> None:
    (found,) = logs(f"=0 {line}\n".encode("latin-1")).values()
    assert [str(token) for token in found[:2]] == ["R0,1", ";"] and found[-1].letter == "V"
    assert [str(token) for token in logs(b"=0 ;R,5;D0\n")[0]] == [";", "R"]


def test_older_files_are_read() -> None:
    found = from_json('{"format": "openvmi-sequence-1", "sequences": [["int 1"]]}', "a.json")
    assert found == ((read_line("int 1"),),)


@pytest.mark.parametrize("line", ["R0,,1", "r0", "R0,1 x", "é"])
def test_a_line_that_is_none_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="unexpected"):
        seq.tokens(line)
