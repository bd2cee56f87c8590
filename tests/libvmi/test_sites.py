# SPDX-License-Identifier: MIT
"""What the linker leaves in the sites, read back from guest memory after a run."""

from __future__ import annotations

import capstone
import pytest

from openvmi import hypervisors
from openvmi.abi.load import interface
from openvmi.abi.names import LinkKind
from openvmi.hypervisors.base import MachineConfig
from tests.libvmi.boot import guest, rom

CALLS = {call.number: call for call in interface().calls}


@pytest.fixture(scope="module")
def patched() -> dict[int, tuple[int, bytes]]:
    """Address -> call and bytes of every site of hello after linking to the ROM of emu."""
    image = guest()
    config = MachineConfig(guest=image, rom=rom(), deterministic=True)
    with hypervisors.get("emu").create(config) as machine:
        machine.run()
        read = {r.address: (r.call, machine.read_memory(r.address, r.size)) for r in image.site_records()}
    return {address: (call, data) for address, (call, data) in read.items() if data is not None}


def test_each_kind_is_there(patched: dict[int, tuple[int, bytes]]) -> None:
    assert len(patched) == len(guest().site_records())
    kinds = {answer.kind for call, _ in patched.values() if (answer := rom().call(call))}
    assert kinds == {LinkKind.NATIVE, LinkKind.INLINE, LinkKind.CALL, LinkKind.JUMP}


def test_sites_hold_what_the_rom_says(patched: dict[int, tuple[int, bytes]]) -> None:
    image = rom()
    window = guest().window
    for address, (call, data) in patched.items():
        answer = image.call(call)
        if answer is None or answer.kind == LinkKind.NATIVE:
            continue
        if answer.kind == LinkKind.INLINE:
            recipe = image.recipe(answer)
            fields = {at for r in image.relocations_of(answer) for at in range(r.offset, r.offset + 4)}
            assert all(data[i] == byte for i, byte in enumerate(recipe) if i not in fields), hex(address)
            rest = data[len(recipe):]
        else:
            assert data[0] == (0xE8 if answer.kind == LinkKind.CALL else 0xE9)
            distance = int.from_bytes(data[1:5], "little", signed=True)
            assert address + 5 + distance == window + answer.target
            rest = data[5:]
        decoder = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
        nops = list(decoder.disasm(rest, 0))
        assert sum(i.size for i in nops) == len(rest)
        assert all(i.mnemonic.split()[-1] == "nop" for i in nops)
        assert len(nops) <= -(-len(rest) // 15), "as few NOPs as there can be"


def test_recipes_reach_the_block_of_the_vcpu(patched: dict[int, tuple[int, bytes]]) -> None:
    """IrqDisable of emu: andb $0xfd, %gs:65, the flags byte in the ROM's part of the block."""
    found = [data for call, data in patched.values() if CALLS[call].name == "IrqDisable"]
    assert found and all(data[:9] == bytes.fromhex("65 80 24 25 41 00 00 00 fd") for data in found)
