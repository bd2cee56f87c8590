# SPDX-License-Identifier: MIT
"""Guest-physical memory."""

from openvmi.machine.memory import Memory
from openvmi.units import Gpa


def test_accesses_stay_in_one_region() -> None:
    memory = Memory(0x3000)
    memory.add(Gpa(0x8000), 0x1000, writable=False, executable=True)
    assert memory.write(Gpa(0x2FFE), b"ab") and memory.read(Gpa(0x2FFE), 2) == b"ab"
    assert memory.read(Gpa(0x2FFE), 3) is None
    assert memory.read(Gpa(0x8FFF), 1) == b"\0"
    assert not memory.write(Gpa(0x8000), b"x"), "the guest may not write there"
    assert memory.read(Gpa(0x1 << 60), 8) is None
    memory.close()
    assert memory.read(Gpa(0), 1) is None
