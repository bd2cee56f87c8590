# SPDX-License-Identifier: MIT
"""roms/classic on an emulated processor: the local APIC's page, APICRead and APICWrite, SetInitialAPState, the stubs.

Paging stays off: the linear map is plain memory, and control registers only say where the tables are. What the code
touches beside that ends the test.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import unicorn
from attrs import define, field
from unicorn import unicorn_const as uc
from unicorn import x86_const as x86

from openvmi import resources
from openvmi.abi.classic import Call, Relocation
from openvmi.classic.build import build
from openvmi.classic.definition import read
from openvmi.classic.image import ClassicRom

LOW = 4 << 20  #: bytes of the linear map
STACK, STATE, RETURN, AP_STACK = 0x300000, 0x200000, 0x2FF000, 0x280000  # physical, in it
ANSWERS = 0x90  #: image offset of the table
TOP = 0xFF800000  #: what is looked through for the APIC
APIC, GATE, SLOTS = 0x60C, 0x618, 0x800  # roms/classic/private.h
PAE = 1 << 5
ENTRY = 0xFEE0001B  #: PCD, PWT, writable, present
DIRECTORY, TABLE, OTHER, POINTERS = 0x10000, 0x11000, 0x12000, 0x13060  # physical
#: PAGE_OFFSET, physical base of the ROM, vector of a STARTUP.
PLACES = [(0xC0000000, 0xC8000, 0xC9), (0xC0000000, 0xCB800, 0xCC), (0x80000000, 0xDC800, 0xDD),
          (0xB0000000, 0xDD000, 0xDE)]
KEPT = {x86.UC_X86_REG_EBX: 0x11111111, x86.UC_X86_REG_ESI: 0x22222222, x86.UC_X86_REG_EDI: 0x33333333,
        x86.UC_X86_REG_EBP: 0x44444444}


@define
class Client:
    """A client's memory with the ROM in it, and a call of the ROM."""

    rom: ClassicRom
    page_offset: int
    base: int
    touched: list[tuple[bool, int]] = field(factory=list)  #: (written, physical) of accesses to the linear map
    engine: Any = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.engine = unicorn.Uc(uc.UC_ARCH_X86, uc.UC_MODE_32)
        self.engine.mem_map(self.page_offset, LOW)
        self.engine.mem_map(TOP, 0x800000)
        self.put(self.base, self.rom.data)
        start = self.base & ~0xFFF
        self.engine.mem_protect(self.page_offset + start, 0x3000, uc.UC_PROT_READ | uc.UC_PROT_EXEC)
        self.engine.hook_add(uc.UC_HOOK_MEM_READ | uc.UC_HOOK_MEM_WRITE, self._touch, None, self.page_offset,
                             self.page_offset + LOW - 1)

    def _touch(self, _engine: Any, kind: int, address: int, *_: Any) -> None:
        self.touched.append((kind == uc.UC_MEM_WRITE, address - self.page_offset))

    def put(self, physical: int, data: bytes) -> None:
        self.engine.mem_write(self.page_offset + physical, data)

    def get(self, physical: int, size: int) -> bytes:
        return bytes(self.engine.mem_read(self.page_offset + physical, size))

    def word(self, physical: int) -> int:
        return int.from_bytes(self.get(physical, 4), "little")

    def register(self, linear: int, value: int | None = None) -> int:
        """Memory at a linear address among those of the APIC."""
        if value is not None:
            self.engine.mem_write(linear, value.to_bytes(4, "little"))
        return int.from_bytes(self.engine.mem_read(linear, 4), "little")

    def call(self, call: Call, eax: int, edx: int = 0, instructions: int = 30_000) -> int:
        """As clients call; EAX of the result."""
        self.touched.clear()
        stack = self.page_offset + STACK
        self.put(STACK, (self.page_offset + RETURN).to_bytes(4, "little"))
        for register, value in (*KEPT.items(), (x86.UC_X86_REG_EAX, eax), (x86.UC_X86_REG_EDX, edx),
                                (x86.UC_X86_REG_ECX, 0x55555555), (x86.UC_X86_REG_ESP, stack)):  # fmt: skip
            self.engine.reg_write(register, value)
        [target, kind] = struct.unpack_from("<HB", self.rom.data, ANSWERS + 4 * call)
        assert kind == Relocation.CALL_REL
        self.engine.emu_start(self.page_offset + self.base + target, self.page_offset + RETURN, count=instructions)
        assert self.engine.reg_read(x86.UC_X86_REG_EIP) == self.page_offset + RETURN, "it does not return"
        assert self.engine.reg_read(x86.UC_X86_REG_ESP) == stack + 4
        assert {register: self.engine.reg_read(register) for register in KEPT} == KEPT
        return int(self.engine.reg_read(x86.UC_X86_REG_EAX))

    def tables(self, pae: bool, index: int, at: int, directory: int = TABLE | 0x63, entry: int = ENTRY) -> None:
        """The directory's entry `index` and the table's entry `at`, of this kind of page tables."""
        size = 8 if pae else 4
        self.put(DIRECTORY + index * size, directory.to_bytes(size, "little"))
        self.put(TABLE + at * size, entry.to_bytes(size, "little"))
        self.put(POINTERS + 24, (DIRECTORY | 1).to_bytes(8, "little"))
        self.engine.reg_write(x86.UC_X86_REG_CR3, POINTERS if pae else DIRECTORY | 0x18)
        self.engine.reg_write(x86.UC_X86_REG_CR4, PAE | 0x90 if pae else 0x90)


@pytest.fixture(scope="module")
def rom(work: Path) -> ClassicRom:
    top = resources.checkout()
    assert top is not None
    definition = read(top / "roms" / "classic")
    [full] = [variant for variant in definition.variants if variant.name == "classic-full"]
    return build(definition, full, work / "classic-full.rom", work)


@pytest.fixture(params=PLACES, ids=lambda place: f"{place[0] + place[1]:#x}")
def placed(request: pytest.FixtureRequest, rom: ClassicRom) -> tuple[Client, int]:
    """A client, and the vector that a STARTUP gets there."""
    page_offset, base, vector = request.param
    return Client(rom, page_offset, base), vector


@pytest.fixture
def client(rom: ClassicRom) -> Client:
    return Client(rom, 0xC0000000, 0xCB800)


# ---- the page ----


@pytest.mark.parametrize(("pae", "index", "at", "linear"), [
    (False, 1023, 1023, 0xFFFFF000), (False, 1023, 1019, 0xFFFFB000), (False, 1023, 0, 0xFFC00000),
    (False, 1022, 1023, 0xFFBFF000), (False, 1022, 0, 0xFF800000),
    (True, 511, 511, 0xFFFFF000), (True, 511, 100, 0xFFE64000), (True, 510, 7, 0xFFC07000), (True, 509, 0, 0xFFA00000),
    (True, 508, 511, 0xFF9FF000), (True, 508, 0, 0xFF800000),
])  # fmt: skip
def test_page_is_found_and_remembered(client: Client, pae: bool, index: int, at: int, linear: int) -> None:
    client.tables(pae, index, at)
    client.register(linear + 0x30, 0x50014)
    assert client.call(Call.APICRead, 0x30) == 0x50014
    assert client.word(APIC) == linear
    client.put(DIRECTORY, bytes(0x4000))
    assert client.call(Call.APICRead, 0x30) == 0x50014


def test_page_with_nx(client: Client) -> None:
    client.tables(True, 511, 3, directory=TABLE | 0x63 | 1 << 63, entry=ENTRY | 1 << 63)
    client.call(Call.APICRead, 0)
    assert client.word(APIC) == 0xFFE03000


def test_second_table_of_pae(client: Client) -> None:
    client.put(OTHER, b"\x63\x50\x34\x12\0\0\0\0" * 512)
    client.tables(True, 509, 17)
    client.put(DIRECTORY + 511 * 8, (OTHER | 0x63).to_bytes(8, "little"))
    client.call(Call.APICRead, 0)
    assert client.word(APIC) == 0xFFA11000


@pytest.mark.parametrize(("pae", "index", "directory", "entry"), [
    pytest.param(False, 1023, TABLE | 0xE3, ENTRY, id="large page"),
    pytest.param(False, 1023, TABLE | 0x62, ENTRY, id="table not present"),
    pytest.param(False, 1023, TABLE | 0x63, ENTRY & ~1, id="entry not present"),
    pytest.param(False, 1023, TABLE | 0x63, ENTRY + 0x1000, id="other frame"),
    pytest.param(False, 1023, TABLE | 0x63, 0xFEC0001B, id="I/O APIC"),
    pytest.param(False, 1021, TABLE | 0x63, ENTRY, id="too low"),
    pytest.param(False, 1023, 0x38000063, ENTRY, id="table above the linear map"),
    pytest.param(False, 1022, 0xFFFFF063, ENTRY, id="table at the end"),
    pytest.param(True, 511, TABLE | 0xE3, ENTRY, id="PAE, large page"),
    pytest.param(True, 511, TABLE | 0x62, ENTRY, id="PAE, table not present"),
    pytest.param(True, 511, TABLE | 0x63, ENTRY & ~1, id="PAE, entry not present"),
    pytest.param(True, 511, TABLE | 0x63, ENTRY | 1 << 32, id="PAE, frame above 4 GiB"),
    pytest.param(True, 511, TABLE | 0x63, ENTRY | 1 << 62, id="PAE, frame out of range"),
    pytest.param(True, 511, TABLE | 0x63 | 1 << 32, ENTRY, id="PAE, table above 4 GiB"),
    pytest.param(True, 511, 0x38000063, ENTRY, id="PAE, table above the linear map"),
    pytest.param(True, 507, TABLE | 0x63, ENTRY, id="PAE, too low"),
])  # fmt: skip
def test_page_is_not_found(client: Client, pae: bool, index: int, directory: int, entry: int) -> None:
    """Nothing is read or written then, and nothing remembered: it may be mapped later."""
    client.tables(pae, index, 5, directory, entry)
    assert client.call(Call.APICRead, 0x30) == 0
    client.call(Call.APICWrite, 0x30, 0x12345)
    assert client.word(APIC) == 0
    client.tables(pae, 511 if pae else 1023, 5)
    assert client.call(Call.APICRead, 0x30, 0) == 0
    assert client.word(APIC) == (0xFFE05000 if pae else 0xFFC05000)
    assert bytes(client.engine.mem_read(TOP, 0x800000)) == bytes(0x800000)


@pytest.mark.parametrize("pae", [False, True])
@pytest.mark.parametrize("root", [0x38000000, 0xFFFFF000])
def test_root_above_the_linear_map(client: Client, pae: bool, root: int) -> None:
    client.tables(pae, 1023, 0)
    client.engine.reg_write(x86.UC_X86_REG_CR3, root)
    assert client.call(Call.APICRead, 0x30) == 0


@pytest.mark.parametrize("pointer", [DIRECTORY, DIRECTORY | 1 | 1 << 32, 0x38000001])
def test_directory_of_pae_that_cannot_be_read(client: Client, pointer: int) -> None:
    client.tables(True, 511, 0)
    client.put(POINTERS + 24, pointer.to_bytes(8, "little"))
    assert client.call(Call.APICRead, 0x30) == 0


@pytest.mark.parametrize(("pae", "entries"), [(False, 2), (True, 4)])
def test_search_is_bounded(client: Client, pae: bool, entries: int) -> None:
    """Every table full of other pages, all of them the same one: 8 MiB of entries are looked at, once each."""
    size = 8 if pae else 4
    client.put(TABLE, (0x1234563).to_bytes(size, "little") * (4096 // size))
    client.tables(pae, 5, 5, entry=0x1234563)
    client.put(DIRECTORY, (TABLE | 0x63).to_bytes(size, "little") * (4096 // size))
    assert client.call(Call.APICRead, 0x30) == 0
    looks = [at for written, at in client.touched if not written and TABLE <= at < TABLE + 4096 and at % size == 0]
    assert len(looks) == entries * 4096 // size == 2048


# ---- registers ----


@pytest.mark.parametrize("offset", [0, 0x20, 0x320, 0xFF0])
def test_offset_and_address(placed: tuple[Client, int], offset: int) -> None:
    client, _ = placed
    client.tables(False, 1023, 0)
    client.call(Call.APICWrite, offset, 0x600D0600)
    assert client.register(0xFFC00000 + offset) == 0x600D0600
    assert client.call(Call.APICRead, offset) == client.call(Call.APICRead, 0xFFC00000 + offset) == 0x600D0600
    client.call(Call.APICWrite, 0xFF900000 + offset, 0xBAD00700)  # used as it is: the client knows where it is
    assert client.register(0xFF900000 + offset) == 0xBAD00700
    assert client.call(Call.APICRead, offset) == 0x600D0600


@pytest.mark.parametrize("register", [0x300, 0xFFC00300, 0xFF9AB300])
def test_startup_goes_to_the_rom(placed: tuple[Client, int], register: int) -> None:
    client, vector = placed
    client.tables(False, 1023, 0)
    linear = register if register > 0x1000 else 0xFFC00300
    for value in (0x600, 0x610, 0x6FF, 0x4699, 0xC0600):
        client.call(Call.APICWrite, register, value)
        assert client.register(linear) == value & ~0xFF | vector


@pytest.mark.parametrize(("register", "value"), [
    (0x300, 0xC500), (0x300, 0x8500), (0x300, 0x6FD & ~0x200), (0x300, 0x2FD), (0x300, 0x7FD), (0x310, 0x1000610),
    (0x30, 0x610), (0x340, 0x610), (0xFFC00310, 0x610), (0x304, 0x610),
])  # fmt: skip
def test_nothing_else_is_changed(placed: tuple[Client, int], register: int, value: int) -> None:
    client, _ = placed
    client.tables(False, 1023, 0)
    client.call(Call.APICWrite, register, value)
    assert client.register(register | 0xFFC00000) == value


@pytest.mark.parametrize(("ratio", "mode", "expected"), [
    (0, 0x20000, 0xEF), (1, 0x20000, 0x200EF), (1, 0, 0xEF), (1, 0x40000, 0x400EF),
])  # fmt: skip
@pytest.mark.parametrize("register", [0x320, 0xFFC00320])
def test_mode_of_lvtt_is_the_roms(placed: tuple[Client, int], register: int, ratio: int, mode: int,
                                  expected: int) -> None:
    """Kernels that set the alarm before the vector would lose the periodic mode; without alarms all is the client's."""
    client, _ = placed
    client.tables(False, 1023, 0)
    client.register(0xFFC00320, 0x100FF | mode)
    client.put(0x608, ratio.to_bytes(4, "little"))
    client.call(Call.APICWrite, register, 0xEF)
    assert client.register(0xFFC00320) == expected


# ---- start of processors ----


def _state(seed: int, cr0: int = 0x80050023) -> bytes:
    return cr0.to_bytes(4, "little") + bytes((seed + n) & 0xFF for n in range(88))


def _set(client: Client, apic_id: int, state: bytes | None, at: int = STATE) -> None:
    if state is not None:
        client.put(at, state)
    client.call(Call.SetInitialAPState, 0 if state is None else client.page_offset + at, apic_id)


def _slots(client: Client) -> dict[int, bytes]:
    """State by APIC id."""
    slots = [client.get(SLOTS + 128 * n, 128) for n in range(16)]
    return {slot[0] - 1 + slot[1] * 256: slot[4:96] for slot in slots if slot[:4] != bytes(4)}


@pytest.mark.parametrize("at", [STATE, STATE + 1, STATE + 0xFFF, STATE + 0x1000 - 45])
def test_state_is_copied(placed: tuple[Client, int], at: int) -> None:
    client, _ = placed
    client.put(0x600, b"x" * 0x200)
    client.put(at - 16, b"y" * 124)
    before = client.get(0, STACK - 256)
    _set(client, 7, _state(3), at)
    assert _slots(client) == {7: _state(3)}
    after = client.get(0, STACK - 256)
    changed = {place for place, (old, new) in enumerate(zip(before, after, strict=True)) if old != new}
    assert changed <= {*range(GATE, GATE + 8), *range(SLOTS, SLOTS + 128), *range(at, at + 92)}
    assert client.get(at, 92) == _state(3)
    low, selector, kind, high = struct.unpack("<4H", client.get(GATE, 8))
    assert (selector, kind) == (8, 0x8E00)  # code of the image's GDT; present interrupt gate of 32 bits, DPL 0
    assert 0 < (high << 16 | low) - (client.page_offset + client.base) < len(client.rom.data)


def test_own_slot_is_used_again(client: Client) -> None:
    for seed in (1, 2):
        for apic_id in (3, 0, 255, 4):
            _set(client, apic_id, _state(seed * apic_id))
    assert _slots(client) == {apic_id: _state(2 * apic_id) for apic_id in (3, 0, 255, 4)}


def test_sixteen_slots(client: Client) -> None:
    for apic_id in range(17):
        _set(client, apic_id, _state(apic_id))
    full = {apic_id: _state(apic_id) for apic_id in range(16)}
    assert _slots(client) == full
    before = client.get(0, 0x1000)
    _set(client, 99, None)
    assert client.get(0, 0x1000) == before
    _set(client, 5, None)
    _set(client, 16, _state(16))
    del full[5]
    assert _slots(client) == {**full, 16: _state(16)}


@pytest.mark.parametrize("state", [None, _state(1, 0x80050022), _state(1, 0x00050023), _state(1, 0x10)],
                         ids=["none", "not protected", "not paged", "power-on"])  # fmt: skip
def test_without_a_state_that_can_run(client: Client, state: bytes | None) -> None:
    _set(client, 1, state)
    assert _slots(client) == {}
    _set(client, 1, _state(1))
    _set(client, 2, _state(2))
    _set(client, 1, state)
    assert _slots(client) == {2: _state(2)}


@pytest.mark.parametrize("apic_id", [256, 0xFFFFFFFF])
def test_no_such_processor(client: Client, apic_id: int) -> None:
    _set(client, apic_id, _state(1))
    assert _slots(client) == {}


# ---- the processor itself, from real mode ----


@pytest.fixture(params=PLACES[:2], ids=lambda place: f"{place[1]:#x}")
def processor(request: pytest.FixtureRequest, rom: ClassicRom) -> Iterator[tuple[Any, Client, int]]:
    """One of APIC id 0 as INIT leaves it, memory at its physical addresses, and the client that starts it."""
    page_offset, base, vector = request.param
    client = Client(rom, page_offset, base)
    engine = unicorn.Uc(uc.UC_ARCH_X86, uc.UC_MODE_16)
    engine.mem_map(0, LOW)
    engine.hook_add(uc.UC_HOOK_INSN, lambda engine, _: _identify(engine), None, 1, 0, x86.UC_X86_INS_CPUID)
    yield engine, client, vector


def _identify(engine: Any) -> int:
    assert engine.reg_read(x86.UC_X86_REG_EAX) == 1
    engine.reg_write(x86.UC_X86_REG_EBX, 0x00800)
    return 1


def _start(engine: Any, client: Client, vector: int, instructions: int) -> None:
    engine.mem_write(0, client.get(0, LOW))
    engine.reg_write(x86.UC_X86_REG_CS, vector << 8)
    engine.emu_start(vector << 12, 0, count=instructions)


@pytest.mark.parametrize("others", [(), (1,), range(1, 17)], ids=len)
def test_processor_without_a_state_stays_halted(processor: tuple[Any, Client, int], others: tuple[int, ...]) -> None:
    engine, client, vector = processor
    for apic_id in others:
        _set(client, apic_id, _state(apic_id))
    before = client.get(0, LOW)
    _start(engine, client, vector, 500)
    here = (vector << 12) + (engine.reg_read(x86.UC_X86_REG_EIP) & 0xFFFF)
    assert engine.mem_read(here - 1, 3) == bytes.fromhex("f4 eb fd")  # hlt; jmp back to it
    assert engine.mem_read(0, LOW) == before


def test_processor_takes_its_state(processor: tuple[Any, Client, int]) -> None:
    """Over a map that has the physical addresses, too: without them it takes a page fault, which Unicorn has not."""
    engine, client, vector = processor
    directory = bytearray(4096)
    struct.pack_into("<I", directory, 0, 0x83)
    struct.pack_into("<I", directory, client.page_offset >> 20, 0x83)
    client.put(DIRECTORY, bytes(directory))
    descriptors = (0, 0x00CF9A000000FFFF, 0x00CF92000000FFFF, 0x00CFF2000000FFFF, 0x0040920000100FFF)
    client.put(TABLE, struct.pack("<5Q", *descriptors))
    linear = client.page_offset
    client.put(AP_STACK - 32, b"s" * 64)
    state = struct.pack(
        "<4IQ10I8HIIHH", 0x80050023, 0xABCD, DIRECTORY, 0x90, 0, linear + OTHER, 0x3002, 0xA, 0xB, 0xC, 0xD,
        linear + AP_STACK, 0xE, 0xF, 0x10, 8, 16, 27, 27, 32, 0, 0, 39, linear + TABLE, linear + 0x500, 0x7F, 0,
    )
    _set(client, 0, state, STATE + 0xFD5)
    _set(client, 3, state)
    client.put(OTHER, bytes.fromhex("f4"))
    _start(engine, client, vector, 300)
    read = {name: engine.reg_read(getattr(x86, f"UC_X86_REG_{name}")) for name in (
        "CR0", "CR2", "CR3", "CR4", "EIP", "EFLAGS", "EAX", "EBX", "ECX", "EDX", "ESP", "EBP", "ESI", "EDI", "CS", "SS",
        "DS", "ES", "FS", "GS")}
    assert read == dict(
        CR0=0x80050033, CR2=0xABCD, CR3=DIRECTORY, CR4=0x90, EIP=linear + OTHER + 1, EFLAGS=0x3002, EAX=0xA, EBX=0xB,
        ECX=0xC, EDX=0xD, ESP=linear + AP_STACK, EBP=0xE, ESI=0xF, EDI=0x10, CS=8, SS=16, DS=27, ES=27, FS=32, GS=0)
    assert engine.reg_read(x86.UC_X86_REG_GDTR)[1:3] == (linear + TABLE, 39)
    assert engine.reg_read(x86.UC_X86_REG_IDTR)[1:3] == (linear + 0x500, 0x7F)
    assert engine.mem_read(AP_STACK - 32, 64) == b"s" * 12 + engine.mem_read(AP_STACK - 20, 20) + b"s" * 32
    assert engine.mem_read(SLOTS, 4) == bytes(4)
    assert engine.mem_read(SLOTS + 128, 4) == (4).to_bytes(4, "little")
