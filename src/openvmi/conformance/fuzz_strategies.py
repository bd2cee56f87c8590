# SPDX-License-Identifier: MIT
"""Sequences as hypothesis makes and shrinks them. Not all are legal: model.compare.legal() leaves the rest out."""

from __future__ import annotations

from itertools import chain
from typing import Any

from hypothesis import strategies as st

from openvmi.abi.names import Call
from openvmi.conformance.model.memory import CODE, HOLE, INDICES, PAGES, TOP
from openvmi.conformance.model.segments import CODE as CODE_32
from openvmi.conformance.model.segments import DATA, FORBIDDEN, SEGMENTS
from openvmi.conformance.model.state import LARGE, SPAN_PAGES
from openvmi.conformance.sequence import (
    CODE_SLOT,
    FIRST_SPARE,
    NOTHING,
    OPERATIONS,
    POOL,
    SPARES,
    USER_DATA,
    Float,
    Kind,
    Mode,
    Op,
    Operation,
    Program,
    Sequence,
    Value,
    call,
    operation,
)  # fmt: skip

Group = list[Operation]
_WRITABLE, _USER, _GLOBAL, _NX = 2, 4, 0x100, 1 << 63
_NONCANONICAL = 1 << 60
_SOFT = range(8, 12)
_SPARE = range(FIRST_SPARE, FIRST_SPARE + SPARES)
_LONG = 10**15  #: nanoseconds that do not pass

#: Pages by what they mostly are, so that operations meet: two of each level of tables, then data.
_LEVEL3, _LEVEL2, _LEVEL1, _DATA = (0, 1), (2, 3), (4, 5), range(6, POOL)


def _number(value: int) -> Value:
    return Value(Kind.NUMBER, value)


def _one(*values: Any) -> Any:
    return st.sampled_from(values)


_index = _one(*INDICES)
_address = st.builds(lambda page, word: _number(page + 8 * word),
                     st.one_of(_one(*PAGES[:2]), _one(*PAGES[:3]), _one(*PAGES)), st.one_of(_one(0, 0, 1), _index))
_wrong = _one(*map(_number, (HOLE, _NONCANONICAL, TOP, HOLE + 0xFF8)))
_any_address = st.one_of(_address, _address, _address, _wrong,
                         st.builds(lambda page, word: Value(Kind.DIRECT, page * 4096 + word * 8), _one(*_DATA), _index),
                         st.builds(lambda page, word: Value(Kind.SPAN_DIRECT, page * 4096 + word * 8),
                                   _one(*SPAN_PAGES), _index))
_word = _one(*map(_number, (0, 2, CODE, 0x1122_3344_5566_7788, 1 << 62)))
_page = st.one_of(_one(*_DATA), st.integers(0, POOL - 1))
_flags = st.builds(lambda *parts: sum(parts) + 1, _one(0, _WRITABLE), _one(_USER, 0), _one(0, 0, _NX),
                   _one(0, 0, 0, _GLOBAL), _one(0, 0, 0x200, 1 << 53))
_entry_address = st.one_of(
    st.builds(lambda page, index: Value(Kind.DIRECT, page * 4096 + index * 8), _one(4, 4, 4, 2, 0, 5),
              _one(0, 0, 1)),
    st.builds(lambda page, index: Value(Kind.DIRECT, page * 4096 + index * 8), st.integers(0, POOL - 1), _index),
    st.builds(lambda root: Value(Kind.ANCHOR, root), st.integers(0, 2)))
_entry = st.one_of(st.builds(lambda page, flags: Value(Kind.ENTRY, page << 12 | flags), _page, _flags),
                   st.builds(lambda page, flags: Value(Kind.SPAN_ENTRY, page << 12 | flags), _one(*SPAN_PAGES), _flags),
                   st.just(_number(0)), _one(_number(0x1230), _number(1 << 60)))
_large = st.builds(lambda flags: Value(Kind.SPAN_ENTRY, flags | LARGE), _flags)
_large_address = st.builds(lambda page, index: Value(Kind.DIRECT, page * 4096 + index * 8), _one(2, 2, 2, 3),
                           _one(0, 0, 1))
_root = st.builds(lambda root: Value(Kind.ROOT, root), st.integers(0, 2))
_pool = st.builds(lambda page: Value(Kind.PAGE, page << 12), st.integers(0, POOL - 1))
_soft = _one(*_SOFT)
_source = st.one_of(_soft, _soft, _soft, _one(0, 1, 1, 2, 3, 4, 15, 16, 99))
_vector = st.one_of(_one(*range(40, 44)), _one(40, 41, 32, 0, 31, 255, 256, 47))
_small = _one(*map(_number, (0, 1, 2, 3, 4, 5, 513, 0xFFFF_FFFF)))
_pointer = st.one_of(_wrong, _one(Value(Kind.SCRATCH, 0), Value(Kind.BUFFER, 0), Value(Kind.BUFFER, 4090)))
_interrupts = _one(call(Call.IRQ_ENABLE), call(Call.IRQ_ENABLE), call(Call.IRQ_DISABLE))


def _calls(number: Call, *values: Any) -> Any:
    return st.builds(lambda *given: [call(number, *given)], *values)


def _plain(*numbers: Call) -> Any:
    return _one(*([call(number)] for number in numbers))


def _newer(name: str, *values: Any) -> Any:
    """A call that the interface has from some version on; before, one that every version has."""
    return _calls(Call[name], *values) if name in Call.__members__ else _plain(Call.IRQ_SAVE)


# ---- page tables ----


def _map(root: int, path: tuple[int, int, int], pages: tuple[int, int, int], data: int, flags: int) -> Group:
    """A page mapped by tables of three levels, from the bottom, so that each entry refers to a table."""
    third, second, first = pages
    user = flags & _USER
    operations: Group = []
    for level, page, index, below, how in ((1, first, path[2], data, flags), (2, second, path[1], first, 3 | user),
                                           (3, third, path[0], second, 3 | user)):
        operations.append(call(Call.PAGE_TABLE_ADD, Value(Kind.PAGE, page << 12), _number(level)))
        operations.append(call(Call.PTE_SET, Value(Kind.DIRECT, page * 4096 + index * 8),
                               Value(Kind.ENTRY, below << 12 | how)))
    operations.append(call(Call.PTE_SET, Value(Kind.ANCHOR, root), Value(Kind.ENTRY, third << 12 | 3 | user)))
    return operations


_mapping = st.builds(
    _map, st.integers(0, 2), st.tuples(_one(0, 0, 0, 1, 511), _one(0, 0, 0, 1, 511), _one(0, 0, 1, 511)),
    st.tuples(_one(*_LEVEL3), _one(*_LEVEL2), _one(*_LEVEL1)), _one(*_DATA), _flags)


def _batch(updates: list[tuple[Value, Value]], count: int | None, pointer: Value | None) -> Group:
    operations = []
    for number, (address, value) in enumerate(updates):
        operations += [operation(Op.POKE, 2 * number, address), operation(Op.POKE, 2 * number + 1, value)]
    return [*operations, call(Call.PTE_SET_BATCH, pointer or Value(Kind.SCRATCH, 0),
                              _number(len(updates) if count is None else count))]


def _map_large(root: int, path: tuple[int, int], pages: tuple[int, int], flags: int) -> Group:
    """A large page."""
    third, second = pages
    user = flags & _USER
    above = second << 12 | 3 | user
    return [call(Call.PAGE_TABLE_ADD, Value(Kind.PAGE, second << 12), _number(2)),
            call(Call.PTE_SET, Value(Kind.DIRECT, second * 4096 + path[1] * 8), Value(Kind.SPAN_ENTRY, LARGE | flags)),
            call(Call.PAGE_TABLE_ADD, Value(Kind.PAGE, third << 12), _number(3)),
            call(Call.PTE_SET, Value(Kind.DIRECT, third * 4096 + path[0] * 8), Value(Kind.ENTRY, above)),
            call(Call.PTE_SET, Value(Kind.ANCHOR, root), Value(Kind.ENTRY, third << 12 | 3 | user))]


_mapping_large = st.builds(
    _map_large, st.integers(0, 2), st.tuples(_one(0, 0, 0, 1, 511), _one(0, 0, 0, 1, 511)),
    st.tuples(_one(*_LEVEL3), _one(*_LEVEL2)), _flags)
_tables = st.one_of(
    _mapping, _mapping, _mapping_large,
    _calls(Call.PTE_SET, _large_address, _large), _calls(Call.PTE_UPDATE_DEFERRED, _large_address, _large),
    _calls(Call.PTE_SET, _entry_address, _entry), _calls(Call.PTE_SET, _entry_address, _entry),
    _calls(Call.PTE_UPDATE_DEFERRED, _entry_address, _entry),
    st.builds(lambda group: [call(Call.LAZY_ENTER), *group], _calls(Call.PTE_UPDATE_DEFERRED, _entry_address, _entry)),
    st.builds(_batch, st.lists(st.tuples(_entry_address, _entry), max_size=4), _one(None, None, None, 0, 513, 1 << 31),
              _one(None, None, None, _number(HOLE), _number(_NONCANONICAL))),
    _calls(Call.PTE_MAKE, st.one_of(_word, st.builds(lambda page, flags: Value(Kind.PAGE, page << 12 | flags & 0xFFF),
                                                     _page, _flags),
                                   st.builds(lambda flags: Value(Kind.SPAN, flags & 0xFFF | LARGE), _flags))),
    _calls(Call.PTE_READ, st.one_of(_word, _entry, _large)),
    _calls(Call.PAGE_TABLE_ADD, st.one_of(_pool, _one(_number(1 << 50), _number(0x123), Value(Kind.PAGE, 8))), _small),
    _calls(Call.PAGE_TABLE_REMOVE, st.one_of(_pool, _pool, _root), _small),
    _calls(Call.ADDRESS_SPACE_SET, _root), _plain(Call.ADDRESS_SPACE_READ),
    _plain(Call.TLB_FLUSH, Call.LAZY_ENTER, Call.LAZY_LEAVE),
    _calls(Call.TLB_FLUSH_PAGE, _any_address),
    _calls(Call.TLB_FLUSH_OTHERS, _one(*map(_number, (0, 1, 2, 1 << 63))), _any_address),
)
_accesses = st.one_of(
    st.builds(lambda address: [operation(Op.LOAD, 0, address)], _any_address),
    st.builds(lambda address, word: [operation(Op.STORE, 0, address, word)], _any_address, _word),
    st.builds(lambda address: [operation(Op.EXECUTE, 0, address)], _any_address),
    _plain(Call.FAULT_ADDRESS_READ),
)

# ---- events and time ----


def _handler(source: int, mode: Mode, other: int) -> Group:
    return [operation(Op.HANDLER, source, _number(mode), _number(other))]


_bound = st.builds(lambda source: [call(Call.EVENT_BIND, _number(source), _number(32 + source))],
                   st.one_of(_soft, _one(0, 8)))
_events = st.one_of(
    _bound, _bound,
    _calls(Call.EVENT_BIND, _source.map(_number), _vector.map(_number)),
    *(_calls(number, _source.map(_number)) for number in (Call.EVENT_MASK, Call.EVENT_UNMASK, Call.EVENT_ACK)),
    _calls(Call.EVENT_SEND, _source.map(_number)), _calls(Call.EVENT_SEND, _soft.map(_number)),
    st.builds(_handler, st.one_of(_soft, _one(0)), _one(*Mode), _soft),
    st.builds(lambda one: [one], _interrupts), st.builds(lambda one: [one], _interrupts),
    _plain(Call.IRQ_SAVE, Call.IRQ_SAVE_DISABLE, Call.HALT),
    st.builds(lambda source: [call(Call.IRQ_DISABLE), call(Call.EVENT_SEND, _number(source)), call(Call.HALT)], _soft),
    st.just([call(Call.IRQ_DISABLE), call(Call.TIMER_SET, Value(Kind.CLOCK, 20_000)), call(Call.HALT)]),
    _calls(Call.IRQ_RESTORE, _one(_number(0x200), _number(0), _number(0xFFFF_FFFF_FFFF_FDFF))),
    _calls(Call.TIMER_SET, _one(_number(0), Value(Kind.CLOCK, 0), Value(Kind.CLOCK, 20_000), Value(Kind.CLOCK, 1000),
                                _number((1 << 64) - 1), _number(1 << 63), Value(Kind.CLOCK, _LONG))),
    _newer("IRQ_PENDING"),
    _plain(Call.TIMER_CANCEL, Call.CLOCK_READ, Call.CLOCK_FREQUENCY, Call.WALL_CLOCK_READ, Call.STOLEN_TIME_READ),
)

# ---- user mode, traps ----


def _visit(space: int, program: Program, flags: int, first: Value, second: Value) -> Group:
    return [call(Call.ADDRESS_SPACE_SET, Value(Kind.ROOT, space)),
            operation(Op.USER, program, _number(flags), first, second)]


_user_flags = st.one_of(_one(0, 1), _one(1, 16, 17, 2, 3, 4, 5, 8, 9))


def _again(program: Program, flags: int, first: Value, second: Value = NOTHING) -> Group:
    return [operation(Op.USER, program, _number(flags), first, second)]


_programs = st.one_of(_one(Program.LOAD, Program.STORE, Program.EXECUTE, Program.SYSCALL), _one(*Program))
_floating = _one(*(program for program in Program if program.name.startswith(("READ_", "WRITE_"))))
_fpu = st.one_of(
    _calls(Call.FPU_TRAP_SET, _one(_number(0), _number(1), _number(1 << 32), _number((1 << 32) + 1))),
    st.builds(lambda register, word: [operation(Op.FPU_WRITE, register, word)], _one(*Float), _word),
    st.builds(lambda register: [operation(Op.FPU_READ, register)], _one(*Float)),
    st.builds(_again, _floating, _user_flags, _word), st.builds(_again, _floating, _user_flags, _word),
    st.builds(lambda group: [call(Call.FPU_TRAP_SET, _number(1)), *group],
              st.builds(_again, st.one_of(_floating, _programs), _one(0, 1, 17), _word)),
)


# ---- segments ----

_selector = st.builds(lambda number: Value(Kind.SELECTOR, number), st.one_of(st.integers(0, 2), st.integers(0, 4)))
_there = _one(*map(_number, (USER_DATA, USER_DATA + 0xFFC, USER_DATA + 4096, 0, 8, 0xFFC, 0x1000, USER_DATA - 0x1234,
                             0x2000_0000, 0xFFFF_F000)))
_in_slot = st.builds(lambda slot, flag: CODE_SLOT * (1 + slot) + flag, st.integers(0, 2), _one(0, 0, 1))
_compatible = st.one_of(
    _one(Program.SEGMENT, Program.SEGMENT, Program.INT3, Program.SPIN_COMPATIBLE),
    _one(Program.UD2, Program.INT_48, Program.INT_49, Program.HLT, Program.CLI, Program.STI, Program.IN, Program.DIVIDE,
         Program.INT_13, Program.SYSCALL))


def _set_slots(first: int, descriptors: list[int], count: int | None, pointer: Value | None) -> Group:
    operations = [operation(Op.POKE, number, _number(descriptor)) for number, descriptor in enumerate(descriptors)]
    return [*operations, call(Call.DESCRIPTORS_SET, _number(first), pointer or Value(Kind.SCRATCH, 0),
                              _number(len(descriptors) if count is None else count))]


_descriptor = st.one_of(_one(*SEGMENTS[:4]), _one(*SEGMENTS))
_slots = st.builds(
    _set_slots, _one(0, 0, 0, 1, 2), st.lists(st.one_of(_descriptor, _descriptor, _descriptor, _one(*FORBIDDEN)),
                                              min_size=1, max_size=3),
    _one(None, None, None, 4), _one(None, None, None, _number(HOLE), _number(_NONCANONICAL)))
_code = st.builds(lambda slot, rest: _set_slots(slot, [CODE_32, *rest], None, None), _one(0, 0, 1),
                  st.lists(_descriptor, max_size=2))


def _read_by_segment(slots: tuple[int, int], found: tuple[int, int], flag: int) -> Group:
    """32-bit code in one slot reads by the data in another one."""
    (code, data), (descriptor, where) = slots, found
    return [*_set_slots(code, [CODE_32], None, None), *_set_slots(data, [descriptor], None, None),
            *_again(Program.SEGMENT, CODE_SLOT * (1 + code) + flag, Value(Kind.SELECTOR, data), _number(where))]


_data_there = (
    _one((0, 1), (1, 0), (0, 2), (2, 1)),
    _one((DATA, USER_DATA), (CODE_32, USER_DATA + 0xFFC), (SEGMENTS[3], 0), (SEGMENTS[3], 0xFFC), (SEGMENTS[3], 0x1000),
         (SEGMENTS[4], USER_DATA - 0x1234), (SEGMENTS[5], 8), (SEGMENTS[5], 0x10), (SEGMENTS[6], USER_DATA),
         (SEGMENTS[7], USER_DATA), (0, 0), (DATA, 0x1_0000_0000 + USER_DATA)),
    _one(0, 0, 1),
)
_segments = st.one_of(
    _slots, _code,
    st.builds(_again, _compatible, st.one_of(_in_slot, _in_slot, _one(0, 1)), _selector, _there),
    st.builds(_again, _compatible, _in_slot, _selector, _there),
    st.builds(_again, st.just(Program.SEGMENT), _in_slot, _selector, _there), st.builds(_read_by_segment, *_data_there),
    st.builds(_read_by_segment, *_data_there),
)
_excursions = st.one_of(
    st.builds(_visit, _one(1, 2), _programs, _user_flags, _any_address, _word),
    st.builds(_again, _programs, _user_flags, _any_address, _word),
    _calls(Call.TLS_SET, st.one_of(_address, _one(_number(0), _number(_NONCANONICAL), _number(TOP))),
           st.one_of(_address, _one(_number(0), _number(_NONCANONICAL)))),
    _calls(Call.KERNEL_STACK_SET, _one(Value(Kind.STACK, 0), Value(Kind.STACK, 1), _number(8), _number(_NONCANONICAL))),
)


def _gates(gates: list[tuple[int, int, int]], count: int | None, pointer: Value | None) -> Group:
    operations = []
    for number, (vector, flags, to) in enumerate(gates):
        operations += [operation(Op.POKE, 3 * number, _number(vector | flags << 8)),
                       operation(Op.POKE, 3 * number + 1, Value(Kind.VECTOR, to)),
                       operation(Op.POKE, 3 * number + 2, Value(Kind.NATIVE, to))]
    return [*operations, call(Call.TRAP_TABLE_SET, pointer or Value(Kind.SCRATCH, 0),
                              _number(len(gates) if count is None else count))]


_traps = st.one_of(
    st.builds(_gates, st.lists(st.tuples(_one(*_SPARE), _one(0, 1), _one(*_SPARE)), max_size=3),
              _one(None, None, None, 257, 0xFFFF_FFFF), _one(None, None, None, _number(HOLE), _number(_NONCANONICAL))),
    st.builds(lambda number: [operation(Op.INT, number)], st.integers(0, SPARES - 1)),
    _calls(Call.SYSCALL_ENTRY_SET, _one(_number(_NONCANONICAL), _number(0)), _one(_number(_NONCANONICAL))),
    _calls(Call.DESCRIPTORS_SET, _small, _pointer, _small),
    _calls(Call.CPUID, _one(_number(0), _number(1), _number(0x1234_5678)), _small, _pointer),
    _calls(Call.MSR_READ, st.just(_number(0x1234_5678)), _pointer),
    _calls(Call.MSR_WRITE, st.just(_number(0x1234_5678)), _small),
)
_sizes = _one(*map(_number, (0, 1, 4, 100, 4096, 4097, (1 << 64) - 1)))
_hashes = Value(Kind.TEXT, 0)
_reads = _calls(Call.CONSOLE_READ, _one(Value(Kind.BUFFER, 0), Value(Kind.BUFFER, 4090)),
                _one(*map(_number, (1, 1, 3, 70))))
_smp = st.one_of(
    _plain(Call.VCPU_ID, Call.VCPU_YIELD, Call.VCPU_STOP),
    _calls(Call.VCPU_START, _small, st.one_of(_pointer, st.just(Value(Kind.SCRATCH, 0)))),
    _calls(Call.IPI_SEND, _one(*map(_number, (0, 1, 1, 1, 2, 3, 1 << 63)))),
)
_rest = st.one_of(
    _calls(Call.PROBE, _one(*map(_number, (*range(11), 0xE0, 0xFFFF_FFFF)))),
    _calls(Call.INFO, _one(*map(_number, (0, 1, 2, 3, 4, 0xFFFF_FFFF))), _pointer, _sizes),
    _calls(Call.INIT, _one(*map(_number, (0, 0x30000, 0x50000, 0x4FFFF)))),
    _calls(Call.VCPU_INIT, _one(*map(_number, (0, 1, 0xFFFF_FFFF))),
           _one(_number(8), _number(_NONCANONICAL), _number(64))),
    _calls(Call.CONSOLE_WRITE, st.one_of(_pointer, st.just(_hashes)), _sizes),
    _calls(Call.CONSOLE_READ, st.one_of(_pointer, st.just(_hashes)), _sizes), _reads, _reads,
    _calls(Call.MEMORY_BALLOON, _pointer, _small, _small), _smp,
    _newer("RANDOM_READ", st.one_of(_pointer, st.just(_hashes)), _sizes),
    _calls(Call.TRACE_MARK, _small, _small), _plain(Call.DEBUG_BREAK),
    _calls(Call.CRASH_REPORT, st.one_of(_wrong, st.just(Value(Kind.SCRATCH, 0)))),
)


def _weighted(*parts: tuple[int, Any]) -> Any:
    return st.one_of(*(part for weight, part in parts for _ in range(weight)))


#: What a sequence may begin with: mapped pages with code in one, bound events, a space with user mode.
_code_there = [operation(Op.STORE, 0, Value(Kind.DIRECT, _DATA[0] * 4096), _number(CODE))]
_kernel_page = _map(0, (0, 0, 0), (0, 2, 4), _DATA[0], 3)
_large_page = _map_large(0, (0, 0), (0, 2), 3)
_large_user_page = _map_large(1, (0, 0), (0, 2), 7)
_span_code = [operation(Op.STORE, 0, Value(Kind.SPAN_DIRECT, page << 12), _number(CODE))
              for page in SPAN_PAGES[:2]]
_user_pages = [call(Call.ADDRESS_SPACE_SET, Value(Kind.ROOT, 1)), *_map(1, (0, 0, 0), (0, 2, 4), _DATA[0], 7),
               call(Call.PTE_SET, Value(Kind.DIRECT, 4 * 4096 + 8), Value(Kind.ENTRY, _DATA[1] << 12 | 7)),
               call(Call.PTE_SET, Value(Kind.ANCHOR, 2), Value(Kind.ENTRY, 7))]
_sources = [call(Call.EVENT_BIND, _number(source), _number(32 + source)) for source in (0, *_SOFT)]

_themes = {
    "anything": ([], _weighted((2, _tables), (2, _accesses), (2, _events), (2, _excursions), (1, _traps), (1, _rest),
                                (1, _fpu), (1, _segments))),
    "memory": ([*_kernel_page, *_code_there], _weighted((4, _tables), (4, _accesses), (1, _events))),
    "events": (_sources, _weighted((8, _events), (1, _traps), (1, _tables), (1, _rest))),
    "user": ([*_user_pages, *_code_there],
             _weighted((3, _excursions), (2, _tables), (1, _accesses), (1, _traps), (1, _events))),
    "large pages": ([*_large_page, *_span_code], _weighted((4, _tables), (4, _accesses), (1, _mapping_large))),
    "large pages of user mode": (
        [call(Call.ADDRESS_SPACE_SET, Value(Kind.ROOT, 1)), *_large_user_page, *_span_code],
        _weighted((3, _excursions), (3, _tables), (1, _accesses), (1, _events))),
    "floating point": ([call(Call.ADDRESS_SPACE_SET, Value(Kind.ROOT, 1)), _sources[1]],
                       _weighted((8, _fpu), (2, _events), (1, _excursions), (1, _rest))),
    "segments": ([call(Call.ADDRESS_SPACE_SET, Value(Kind.ROOT, 1)), _sources[1],
                  *_set_slots(0, [CODE_32, SEGMENTS[3], DATA], None, None)],
                 _weighted((8, _segments), (1, _events), (1, _excursions), (1, _fpu))),
    "console": ([call(Call.EVENT_BIND, _number(1), _number(33))],
                _weighted((3, _reads), (2, _rest), (2, _events), (1, _smp))),
    "user events": ([*_user_pages, *_sources], _weighted((3, _excursions), (4, _events), (1, _tables))),
}


@st.composite
def sequences(draw: Any, size: int = 24) -> Sequence:
    """Sequences of at most so many groups, each of one to a few operations."""
    before, group = _themes[draw(st.sampled_from(list(_themes)))]
    # A list would be short nearly always, or could not be short at all.
    count = draw(st.integers(0, size))
    return tuple(chain(before, *(draw(group) for _ in range(count))))[:OPERATIONS]
