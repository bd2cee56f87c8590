# SPDX-License-Identifier: MIT
"""The tests in a kernel of the kit, read from its file without running it.

Its section `conform` is an array of struct conform_test (kernels/conform/common/conform.h), 32 bytes each: u32 number
of the call, u8 kind, ends, code and flags, u64 groups needed, u64 address of the name, u64 address of the function.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Callable
from enum import Enum
from pathlib import Path

from attrs import evolve, frozen

from openvmi.abi import names
from openvmi.errors import BadGuestError
from openvmi.files import read_bounded
from openvmi.hypervisors.base import Ending

SECTION = "conform"
PREFIX = "conform/"  #: of every id
_RECORD = struct.Struct("<I4B3Q")
_COUNT_LIMIT = 4096
_NAME_LIMIT = 120  # bytes; a line of the console has the group's name before it
_NAME = re.compile(r"([A-Z0-9_]+)~([a-z0-9_]+)")
_ENDS = (None, Ending.EXIT, Ending.REBOOT, Ending.CRASH, Ending.REFUSED)
_INPUT, _MAY_END = 1, 2
_FLAGS = _INPUT | _MAY_END


class Kind(Enum):
    """What a test is about. Every call has at least one of each."""

    POSITIVE = 1  #: its use as the contract describes it
    BOUNDARY = 2  #: the limits of that
    HOSTILE = 3  #: arguments that the contract does not allow


@frozen
class Test:
    """One test. `index` is its turn in its kernel."""

    __test__ = False  # its name makes pytest take it for one of its own

    id: str  #: conform/GROUP/CALL~VARIATION
    subject: str  #: name of the kernel
    index: int
    call: names.Call
    kind: Kind
    needs: tuple[str, ...]  #: groups, the call's own first
    ends: Ending | None = None  #: how the machine ends by it
    code: int = 0  #: exit status, for EXIT
    input: bool = False  #: a line of console input is typed for it
    may_end: bool = False  #: a guest error: a crash by it is as good as going on

    @property
    def group(self) -> str:
        """The group of its call."""
        return self.needs[0]


#: Says which tests are wanted.
Selects = Callable[[Test], bool]


def every(test: Test) -> bool:
    """Each of them is."""
    return True


@frozen
class Subject:
    """A kernel of the kit, and its tests in the order in which they run."""

    name: str
    path: Path
    tests: tuple[Test, ...]


def read(path: Path) -> Subject | None:
    """The tests of a kernel; None for one that has none. :class:`BadGuestError` for records that make no sense."""
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    try:
        file = ELFFile(io.BytesIO(read_bounded(path, what="guest")))
        section = file.get_section_by_name(SECTION)
        if section is None:
            return None
        records = section.data()
        loaded = [(segment["p_vaddr"], segment.data()) for segment in file.iter_segments("PT_LOAD")]
    except (ELFError, ValueError, KeyError, OverflowError) as error:
        raise BadGuestError(f"{path}: not a sound ELF file: {error}; build it again") from error
    if len(records) % _RECORD.size or len(records) > _COUNT_LIMIT * _RECORD.size:
        raise BadGuestError(f"{path}: section {SECTION} has {len(records)} bytes, expected at most {_COUNT_LIMIT} "
                            f"records of {_RECORD.size}; build it again")

    def text(address: int) -> bytes:
        for start, data in loaded:
            if start <= address < start + len(data):
                return data[address - start:address - start + _NAME_LIMIT + 1].partition(b"\0")[0]
        return b""

    found = [_test(path, record, text) for record in _RECORD.iter_unpack(records)]
    found.sort(key=lambda test: 0 if test.input else 2 if test.ends or test.may_end else 1)  # stable: as main.c does
    names_of = [test.id for test in found]
    if twice := sorted({name for name in names_of if names_of.count(name) > 1}):
        raise BadGuestError(f"{path}: two tests are called {twice[0]}; rename one")
    return Subject(path.stem, path, tuple(evolve(test, index=index) for index, test in enumerate(found)))


def _test(path: Path, record: tuple[int, ...], text: Callable[[int], bytes]) -> Test:
    number, kind, ends, code, flags, needs, name_at, _ = record
    said = text(name_at).decode("ascii", "replace")
    name = _NAME.fullmatch(said)

    def wrong(what: str, expected: str) -> BadGuestError:
        return BadGuestError(f"{path}: test {said!r} has {what}, expected {expected}; build it again with the headers "
                             f"of VMI {names.MAJOR}.{names.MINOR}")

    if not name or len(said) > _NAME_LIMIT:
        raise wrong("this name", f"CALL~variation, at most {_NAME_LIMIT} characters")
    if number not in names.Call.__members__.values() or names.Call(number).name != name[1]:
        raise wrong(f"call {number:#06x}", f"the number of {name[1]}")
    if kind not in (one.value for one in Kind):
        raise wrong(f"kind {kind}", "1 to 3")
    if ends >= len(_ENDS) or code > 63 or flags & ~_FLAGS:
        raise wrong(f"ends {ends}, code {code}, flags {flags}", f"at most {len(_ENDS) - 1}, 63 and {_FLAGS}")
    if needs >> len(names.Group):
        raise wrong(f"needed groups {needs:#x}", f"bits of {len(names.Group)} groups")
    group = names.Group(number >> 8)
    groups = [group, *(other for other in names.Group if needs >> other & 1 and other != group)]
    return Test(
        id=f"{PREFIX}{group.name.lower()}/{said.lower().replace('_', '-')}", subject=path.stem, index=0,
        call=names.Call(number), kind=Kind(kind), needs=tuple(one.name.lower() for one in groups), ends=_ENDS[ends],
        code=code, input=bool(flags & _INPUT), may_end=bool(flags & _MAY_END),
    )
