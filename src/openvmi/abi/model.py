# SPDX-License-Identifier: MIT
"""What an interface definition says, as immutable objects. No parsing and no printing here."""

from __future__ import annotations

from attrs import frozen

CALL, JUMP, CS = b"\xe8", b"\xe9", b"\x2e"  #: opcodes with a rel32, and a prefix (Intel SDM volume 2A)
BRANCH = 5  #: bytes of such a call or jump
LONGEST = 15  #: bytes of an instruction at most (Intel SDM volume 3, section 2.6)
NO_PROFILE = "none"  #: of a call whose group is in no profile

#: C type and meaning of each argument and result type the definition may use.
TYPES = {
    "none": ("void", "nothing"),
    "error": ("int64_t", "0 or an error"),
    "u8": ("uint32_t", "unsigned, 8 bits"),
    "u32": ("uint32_t", "unsigned, 32 bits"),
    "u64": ("uint64_t", "unsigned, 64 bits"),
    "i64": ("int64_t", "signed, 64 bits; negative is an error"),
    "flags": ("uint64_t", "RFLAGS image, only FLAG_IF has a meaning"),
    "gpa": ("uint64_t", "guest-physical address"),
    "gva": ("uint64_t", "guest-virtual address"),
    "pte": ("uint64_t", "opaque page-table entry"),
    "ns": ("uint64_t", "nanoseconds"),
    "bytes": ("uint64_t", "size in bytes"),
    "vector": ("uint32_t", "interrupt vector"),
    "vcpu": ("uint32_t", "VCPU number"),
    "Source": ("uint32_t", "event source"),
    "ShutdownReason": ("uint32_t", "shutdown reason"),
    "InfoItem": ("uint32_t", "info item"),
}


@frozen
class Argument:
    """One argument; `type` is a key of :data:`TYPES`."""

    name: str
    type: str
    doc: str


@frozen
class Native:
    """What a site holds without a ROM: code in place (`asm`, `code`), or a call or jump to a libvmi function."""

    asm: str | None = None
    code: bytes = b""
    call: str | None = None
    jump: str | None = None

    @property
    def target(self) -> str | None:
        """The libvmi function that the site calls or jumps to, if it does."""
        return self.call or self.jump

    def fill(self, site: int) -> bytes:
        """What a site of that many bytes holds, the distance of a call or jump not yet filled in: its last four.

        CS prefixes, which 64-bit mode ignores, lengthen a call or jump to the site.
        """
        if not self.target:
            return self.code
        opcode = CALL if self.call else JUMP
        return (CS * (site - BRANCH) + opcode).ljust(site, b"\0")


@frozen
class Call:
    """One numbered operation. `site` is the bytes reserved at each place it is used."""

    name: str
    number: int
    group: str
    since: str
    convention: str
    profile: str
    arguments: tuple[Argument, ...]
    result: str
    clobbers: tuple[str, ...]
    site: int
    native: Native
    errors: tuple[str, ...]
    contract: str

    @property
    def snake(self) -> str:
        """The name as in C: IrqSaveDisable -> irq_save_disable."""
        return "".join("_" + c.lower() if c.isupper() else c for c in self.name).lstrip("_")


@frozen
class Group:
    """A family of calls. `tied` names groups that must be native when this one is."""

    id: int
    name: str
    revision: int
    may_be_native: bool
    tied: tuple[str, ...]
    doc: str
    calls: tuple[Call, ...]


@frozen
class Profile:
    """Groups that exist together: its own and those of every profile before it."""

    name: str
    value: int
    groups: tuple[str, ...]
    doc: str


@frozen
class Value:
    """A named number."""

    name: str
    value: int
    doc: str


@frozen
class Enum:
    """A set of named numbers; `prefix` is for C."""

    name: str
    prefix: str
    doc: str
    values: tuple[Value, ...]


@frozen
class Field:
    """A member of a structure: `type` is u8..u64, i8..i64; `count` > 0 makes it an array."""

    name: str
    offset: int
    type: str
    count: int
    doc: str

    @property
    def width(self) -> int:
        """Bytes of one element."""
        return int(self.type[1:]) // 8

    @property
    def size(self) -> int:
        """Bytes of the whole member."""
        return self.width * (self.count or 1)


@frozen
class Struct:
    """A binary structure, little endian, without implicit padding. `size` in bytes."""

    name: str
    doc: str
    size: int
    fields: tuple[Field, ...]


@frozen
class Convention:
    """A calling convention: which registers a call may change besides its result."""

    name: str
    clobbers: tuple[str, ...]
    doc: str


@frozen
class Interface:
    """One version of the interface, complete."""

    major: int
    minor: int
    architecture: str
    argument_registers: tuple[str, ...]
    result_register: str
    conventions: tuple[Convention, ...]
    errors: tuple[Value, ...]
    profiles: tuple[Profile, ...]
    enums: tuple[Enum, ...]
    constants: tuple[Value, ...]
    groups: tuple[Group, ...]
    structs: tuple[Struct, ...]
    vendor_groups: tuple[int, ...]  #: first and last number that vendors may give to groups; empty: none
    experimental_groups: tuple[int, ...]  #: the same of groups for experiments, which nothing is promised of

    @property
    def version(self) -> str:
        """As written: 4.0."""
        return f"{self.major}.{self.minor}"

    @property
    def calls(self) -> tuple[Call, ...]:
        """Every call, by number."""
        return tuple(call for group in self.groups for call in group.calls)

    def profile_groups(self, name: str) -> tuple[str, ...]:
        """Names of all groups in a profile, inherited ones included."""
        groups: list[str] = []
        for profile in self.profiles:
            groups += profile.groups
            if profile.name == name:
                return tuple(groups)
        raise KeyError(name)
