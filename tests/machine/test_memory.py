# SPDX-License-Identifier: MIT
"""Guest-physical memory."""

import os

import pytest

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


def test_of_a_file() -> None:
    """Guest-physical addresses are offsets in it; it stays the caller's."""
    file = os.memfd_create("test")
    os.ftruncate(file, 0x4000)
    memory = Memory(0x2000, file)
    memory.add(Gpa(0x3000), 0x1000, writable=True, executable=False)
    assert memory.write(Gpa(0x1FFF), b"a") and memory.write(Gpa(0x3000), b"b")
    assert os.pread(file, 1, 0x1FFF) == b"a" and os.pread(file, 1, 0x3000) == b"b"
    os.pwrite(file, b"c", 0x3001)
    assert memory.read(Gpa(0x3000), 2) == b"bc" and memory.read(Gpa(0x2000), 1) is None
    memory.close()
    assert os.pread(file, 1, 0x1FFF) == b"a"
    with pytest.raises((OSError, ValueError)):
        Memory(0x8000, file)
    os.close(file)
