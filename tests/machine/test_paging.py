# SPDX-License-Identifier: MIT
"""The page-table walker, against tables written out by hand and against nonsense."""

from __future__ import annotations

import struct

from hypothesis import given, settings
from hypothesis import strategies as st

from openvmi.machine.memory import Memory
from openvmi.machine.paging import AddressSpace, canonical
from openvmi.units import Gpa, Gva

# Tables at 0x1000 (level 4), 0x2000 (3), 0x3000 (2), 0x4000 (1); see the entries for what is mapped.
_ENTRIES = {
    0x1000 + 8 * 0: 0x2007,
    0x1000 + 8 * 256: 0x2007,  # the upper half, the same tables
    0x2000 + 8 * 0: 0x3007,
    0x2000 + 8 * 1: 0x0000_0000_4000_0083,  # 1 GiB page at 1 GiB: writable, supervisor
    0x3000 + 8 * 0: 0x4007,
    0x3000 + 8 * 1: 0x0000_0000_0060_0085,  # 2 MiB page at 6 MiB: read-only, user
    0x4000 + 8 * 0: 0x5007,  # user, writable
    0x4000 + 8 * 1: 0x6001,  # supervisor, read-only
    0x4000 + 8 * 2: 0x8000_0000_0000_7003,  # supervisor, writable, not executable
    0x4000 + 8 * 3: 0x0009_9999_9999_9007,  # outside memory
    0x4000 + 8 * 4: 0x5006,  # not present
}


def _space(entries: dict[int, int], size: int = 0x8000) -> tuple[AddressSpace, Memory]:
    memory = Memory(size)
    for place, entry in entries.items():
        struct.pack_into("<Q", memory.ram.view, place, entry)
    return AddressSpace(memory.read, memory.write, lambda: Gpa(0x1000)), memory


def test_translations() -> None:
    space, _ = _space(_ENTRIES)
    assert space.translate(Gva(0x0123)) == 0x5123
    assert space.translate(Gva(0xFFFF_8000_0000_0123)) == 0x5123
    assert space.translate(Gva(0x20_0456)) == 0x60_0456
    assert space.translate(Gva(0x4012_3456)) == 0x4012_3456
    assert space.translate(Gva(0x4000)) is None
    assert space.translate(Gva(0x80_0000_0000)) is None
    assert space.translate(Gva(0x0000_8000_0000_0000)) is None, "not canonical"


def test_rights_are_those_of_all_levels() -> None:
    space, _ = _space(_ENTRIES)
    assert space.translate(Gva(0x0000), write=True, user=True) == 0x5000
    assert space.translate(Gva(0x1000), write=True) is None
    assert space.translate(Gva(0x1000), user=True) is None
    assert space.translate(Gva(0x2000), write=True) == 0x7000
    found = space.lookup(Gva(0x2000))
    assert found is not None and not found.executable and not found.user
    assert space.translate(Gva(0x20_0000), write=True) is None
    assert space.translate(Gva(0x20_0000), user=True) == 0x60_0000
    assert space.translate(Gva(0x4000_0000), user=True) is None


def test_reads_and_writes_cross_pages() -> None:
    space, memory = _space(_ENTRIES | {0x4000 + 8 * 1: 0x6003})
    assert space.write(Gva(0x0FFE), b"abcd")
    assert memory.read(Gpa(0x5FFE), 2) == b"ab" and memory.read(Gpa(0x6000), 2) == b"cd"
    assert space.read(Gva(0x0FFE), 4) == b"abcd"


def test_a_write_that_fails_writes_nothing() -> None:
    space, memory = _space(_ENTRIES)
    assert not space.write(Gva(0x0FFE), b"abcd"), "the second page is read-only"
    assert memory.read(Gpa(0x5FFE), 2) == b"\0\0"
    assert not space.write(Gva(0x2FFE), b"abcd"), "the second page is outside memory"
    assert memory.read(Gpa(0x7FFE), 2) == b"\0\0"
    assert space.read(Gva(0x2FFE), 4) is None


@settings(max_examples=200, deadline=None)
@given(
    tables=st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=64),
    root=st.integers(0, 2**64 - 1),
    address=st.integers(0, 2**64 + 2**48),
    size=st.integers(0, 10_000),
)
def test_hostile_tables_never_raise(tables: list[int], root: int, address: int, size: int) -> None:
    raw = (struct.pack(f"<{len(tables)}Q", *tables) * (0x4000 // 8 // len(tables) + 1))[:0x4000]
    memory = Memory(0x4000)
    memory.ram.view[:] = raw
    space = AddressSpace(memory.read, memory.write, lambda: Gpa(root))
    data = space.read(Gva(address), size)
    assert data is None or len(data) == size
    space.write(Gva(address), b"x" * size)
    memory.close()


def test_canonical() -> None:
    assert [canonical(a) for a in (0, 2**47 - 1, 2**47, 2**64 - 2**47 - 1, 2**64 - 2**47, 2**64 - 1, 2**64, -1)] == [
        True, True, False, False, True, True, False, False,
    ]  # fmt: skip
