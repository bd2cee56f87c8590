# SPDX-License-Identifier: MIT
"""Whatever a guest does, its run ends by an Outcome."""

from __future__ import annotations

import re
import struct

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openvmi.hypervisors.base import Ending
from openvmi.hypervisors.emu.ending import GuestEnd
from openvmi.hypervisors.emu.hypercalls import CALLS, Hypercalls
from openvmi.machine.paging import USER
from openvmi.units import Gpa, Gva
from tests.hypervisors.emu.cases import Cases, change_leaf, make

_INTERESTING = st.sampled_from([0, 1, 2, 8, 255, 4096, 0x4001_0000, 0x4001_0FF8, 0x4010_0000, 0x7FFF_FFFF_FFFF,
                                0x8000_0000_0000, 2**32 - 1, 2**63, 2**64 - 8, 2**64 - 1])  # fmt: skip
_WORD = st.one_of(_INTERESTING, st.integers(0, 2**64 - 1))
_SETTINGS = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@_SETTINGS
@given(
    linked=st.booleans(),
    calls=st.lists(st.tuples(st.sampled_from([*CALLS, 0x123, 2**32 - 1]), st.lists(_WORD, min_size=15, max_size=15)),
                   min_size=1, max_size=30),
)  # fmt: skip
def test_calls_with_any_arguments(cases: Cases, linked: bool, calls: list[tuple[int, list[int]]]) -> None:
    machine, _ = make(cases, "exit")
    with machine:
        machine.vcpu.link(linked)
        machine.vcpu.init_block(cases.symbols["block"])
        handler = Hypercalls(machine)
        for number, values in calls:
            machine.vcpu.cpu.general[1:16] = values
            machine.vcpu.cpu.general[0] = number
            try:
                handler.perform()
            except GuestEnd as end:
                assert end.ending in Ending


# Bytes that make privileged, system and returning instructions likely.
_LIKELY = """
    fa fb f4 0f01f8 0f01f9 0f09 0f06 0f30 0f32 0f31 0f05 480f07 48cf cf cd03 cc cd80 0f0b 0f34 0f35 0f22d8 0f22c0
    0f22e0 0f20d0 0f22d0 0f01d0 0f01c8 0f0114 0f011c24 0f00d8 0f00d0 0f01f0 0f0138 0f001426 e756 ef ec 6c 6e f36c 9c
    9d 50 58 0fa2 8ed8 8ee0 8ed0 cb ff2c24 f3480faed8 0f23c0 0f21f8 0f013c24 66 48 f0 f3 64 65
"""
_PIECES = [bytes.fromhex(piece) for piece in re.findall(r"\S+", _LIKELY)]
_CODE = st.lists(
    st.one_of(st.binary(min_size=1, max_size=4), st.sampled_from(_PIECES)),
    min_size=1,
    max_size=40,
).map(b"".join)


@_SETTINGS
@given(code=_CODE, linked=st.booleans(), user=st.booleans(), registers=st.lists(_WORD, min_size=16, max_size=16))
def test_any_code(cases: Cases, code: bytes, linked: bool, user: bool, registers: list[int]) -> None:
    machine, _ = make(cases, "exit", timeout=0.05)
    with machine:
        cpu, vcpu = machine.vcpu.cpu, machine.vcpu
        at = 0x4002_0000
        change_leaf(machine, at, lambda entry: entry | USER if user else entry & ~USER)
        vcpu.memory.write(Gpa(0x12_0000), code + b"\xeb\xfe")
        vcpu.link(linked)
        vcpu.init_block(cases.symbols["block"])
        vcpu.kernel_stack = Gva(cases.symbols["stack_top"])
        cpu.general[0:16] = registers
        cpu.general[4] = cases.symbols["stack_top"] - 64
        vcpu.space.write(Gva(cpu.general[4]), struct.pack("<5Q", at, 0x2B if user else 0x09, 0x202, at + 0x1000, 0x23))
        cpu.rip = at
        if user:
            code_segment, stack = vcpu.segments.code(0x2B), vcpu.segments.stack(0x23)
            assert code_segment and stack
            cpu.load_code(0x2B, code_segment, 0x23, stack)
        assert machine.run().ending in Ending
