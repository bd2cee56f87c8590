# SPDX-License-Identifier: MIT
"""The native forms of the classic interface against the assembler, in 32-bit mode."""

from __future__ import annotations

from pathlib import Path

import capstone
import pytest
from elftools.elf.elffile import ELFFile

from openvmi.abi import load
from openvmi.abi.classic_model import ClassicCall
from openvmi.toolchain import I386, Toolchain

CALLS = load.classic().calls
CODED = [call for call in CALLS if call.native.code]


@pytest.fixture(scope="module")
def assembled(top: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What the assembler makes of each text: one section each, so that none can borrow from its neighbour."""
    work = tmp_path_factory.mktemp("native")
    source = work / "all.S"
    source.write_text("".join(f'.section .form.{c.name}, "ax", @progbits\n{c.native.asm}\n' for c in CODED))
    Toolchain(top / "build" / "cache", I386).compile(source, work / "out.o")
    with (work / "out.o").open("rb") as file:
        elf = ELFFile(file)
        assert elf.elfclass == 32
        return {call.name: elf.get_section_by_name(f".form.{call.name}").data() for call in CODED}


@pytest.mark.parametrize("call", CODED, ids=lambda c: c.name)
def test_bytes_are_what_the_text_assembles_to(assembled: dict[str, bytes], call: ClassicCall) -> None:
    assert assembled[call.name] == call.native.code
    decoder = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_32)
    instructions = list(decoder.disasm(call.native.code, 0))
    assert sum(i.size for i in instructions) == len(call.native.code)
    assert len(instructions) == len(str(call.native.asm).split(";"))


def test_literal_bytes() -> None:
    """From the Intel manual, not from this project's assembler."""
    code = {call.name: call.native.code.hex() for call in CODED}
    assert {name: code[name] for name in ("CPUID", "EnableInterrupts", "DisableInterrupts", "GetInterruptMask", "IRET",
                                          "SYSEXIT", "Halt", "RDTSC", "SetCR3", "InvalPage", "IODelay")} == {
        "CPUID": "0fa2", "EnableInterrupts": "fb", "DisableInterrupts": "fa", "GetInterruptMask": "9c58", "IRET": "cf",
        "SYSEXIT": "fb0f35", "Halt": "fbf4", "RDTSC": "0f31", "SetCR3": "0f22d8", "InvalPage": "0f0138",
        "IODelay": "e680"}


def test_calls_without_code() -> None:
    assert {c.name for c in CALLS if c.native.asm == ""} == {
        "UpdateKernelStack", "UpdatePxE", "UpdatePxELong", "AllocatePage", "ReleasePage", "SetLinearMapping",
        "SetLazyMode"}
    assert {c.number for c in CALLS if c.native.asm is None} == {36, 37, 42, 43, 62, 66, 68, 69, 70, 71, 72}
