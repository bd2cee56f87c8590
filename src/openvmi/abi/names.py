# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Generated from abi/4.1 by "openvmi abi generate". Do not edit.
"""The numbers of VMI 4.1."""

from enum import IntEnum, IntFlag

MAJOR = 4
MINOR = 1


class Error(IntEnum):
    """Results of calls."""

    SUCCESS = 0
    NOT_SUPPORTED = -1
    INVALID = -2
    DENIED = -3
    NO_MEMORY = -4
    BUSY = -5
    FAULT = -6


class Group(IntEnum):
    """Families of calls: high byte of the call number."""

    BASE = 0x00
    IRQ = 0x01
    TRAP = 0x02
    MMU = 0x03
    TIME = 0x04
    EVENT = 0x05
    SMP = 0x06
    SYS = 0x07
    SUSPEND = 0x08
    DEBUG = 0x09
    RANDOM = 0x0A


class Profile(IntEnum):
    """Named sets of groups."""

    BASE = 1
    PAGED = 2
    SMP = 3
    FULL = 4


class Call(IntEnum):
    """Call numbers."""

    INIT = 0x0000
    PROBE = 0x0001
    INFO = 0x0002
    VCPU_INIT = 0x0003
    IRQ_DISABLE = 0x0100
    IRQ_ENABLE = 0x0101
    IRQ_SAVE = 0x0102
    IRQ_RESTORE = 0x0103
    IRQ_SAVE_DISABLE = 0x0104
    HALT = 0x0105
    IRQ_PENDING = 0x0106
    TRAP_TABLE_SET = 0x0200
    SYSCALL_ENTRY_SET = 0x0201
    KERNEL_STACK_SET = 0x0202
    IRET = 0x0203
    SYS_RET = 0x0204
    FAULT_ADDRESS_READ = 0x0205
    DESCRIPTORS_SET = 0x0206
    TLS_SET = 0x0207
    CPUID = 0x0208
    MSR_READ = 0x0209
    MSR_WRITE = 0x020A
    FPU_TRAP_SET = 0x020B
    ADDRESS_SPACE_SET = 0x0300
    ADDRESS_SPACE_READ = 0x0301
    PTE_SET = 0x0302
    PTE_SET_BATCH = 0x0303
    PTE_UPDATE_DEFERRED = 0x0304
    PTE_MAKE = 0x0305
    PTE_READ = 0x0306
    PAGE_TABLE_ADD = 0x0307
    PAGE_TABLE_REMOVE = 0x0308
    TLB_FLUSH = 0x0309
    TLB_FLUSH_PAGE = 0x030A
    TLB_FLUSH_OTHERS = 0x030B
    LAZY_ENTER = 0x030C
    LAZY_LEAVE = 0x030D
    CLOCK_READ = 0x0400
    CLOCK_FREQUENCY = 0x0401
    WALL_CLOCK_READ = 0x0402
    STOLEN_TIME_READ = 0x0403
    TIMER_SET = 0x0404
    TIMER_CANCEL = 0x0405
    EVENT_BIND = 0x0500
    EVENT_MASK = 0x0501
    EVENT_UNMASK = 0x0502
    EVENT_ACK = 0x0503
    EVENT_SEND = 0x0504
    VCPU_START = 0x0600
    VCPU_STOP = 0x0601
    VCPU_ID = 0x0602
    IPI_SEND = 0x0603
    VCPU_YIELD = 0x0604
    CONSOLE_WRITE = 0x0700
    CONSOLE_READ = 0x0701
    SHUTDOWN = 0x0702
    MEMORY_BALLOON = 0x0703
    SUSPEND_PREPARE = 0x0800
    SUSPEND = 0x0801
    TRACE_MARK = 0x0900
    DEBUG_BREAK = 0x0901
    CRASH_REPORT = 0x0902
    RANDOM_READ = 0x0A00


class Source(IntEnum):
    """Event sources, first argument of the event calls."""

    TIMER = 0
    CONSOLE = 1
    IPI = 2
    SUSPEND = 3
    SOFT = 8


class ShutdownReason(IntEnum):
    """First argument of Shutdown."""

    EXIT = 0
    REBOOT = 1
    CRASH = 2
    REFUSED = 3


class InfoItem(IntEnum):
    """First argument of Info."""

    HYPERVISOR = 0
    HYPERVISOR_VERSION = 1
    ROM = 2
    ROM_VERSION = 3


class LinkKind(IntEnum):
    """What the ROM wants done at the sites of a call."""

    NATIVE = 0
    NOP = 1
    INLINE = 2
    CALL = 3
    JUMP = 4


class RelocationKind(IntEnum):
    """How the linker completes four bytes of a recipe."""

    TEXT = 1
    DATA = 2
    VCPU = 3


class LicenceClass(IntEnum):
    """What the licence expression of a ROM amounts to, for guests that cannot parse one."""

    UNKNOWN = 0
    PROPRIETARY = 1
    OSI = 2
    GPL = 3


class CapsuleKind(IntEnum):
    """Where the source of a ROM is (rom_capsule.kind)."""

    EMBEDDED = 1
    URL = 2


class MemoryType(IntEnum):
    """Type of a range in the boot memory map. Ranges do not overlap and are sorted by address."""

    USABLE = 1
    RESERVED = 2
    BOOT = 3
    IMAGE = 4
    MODULE = 5


class NoteType(IntEnum):
    """Types of the ELF notes with owner OpenVMI."""

    VERSION = 1
    GROUPS = 2
    ENTRY = 3
    WINDOW = 4
    DIRECT_MAP = 5
    LICENCE = 6
    SITES = 7
    POLICY = 8


class SignatureAlgorithm(IntEnum):
    """How a ROM is signed (rom_signature.algorithm)."""

    ED25519 = 1


class Taint(IntFlag):
    """Recorded facts about a running guest; bits."""

    PROPRIETARY = 1
    NO_SOURCE = 2
    UNSIGNED = 4
    FORCED = 8
    NOT_REPRODUCED = 16
    OVERRIDDEN_FIRMWARE = 32


WINDOW_SIZE = 0x10000
WINDOW_DATA = 0x2000
TEXT_LIMIT = 0x2000
DATA_LIMIT = 0x1000
VCPU_BLOCK_SIZE = 0x100
VCPU_ROM_OFFSET = 0x40
SITE_LIMIT = 0x20
EVENT_SOURCES = 0x10
DESCRIPTOR_SLOTS = 0x3
BATCH_LIMIT = 0x200
CONSOLE_LIMIT = 0x1000
RANDOM_LIMIT = 0x100
STACK_LIMIT = 0x100
BOOT_MAGIC = 0x42494d56
BOOT_PC = 0x1
BOOT_ROM_TRUSTED = 0x2
BOOT_ROM_REPRODUCED = 0x4
BOOT_FORCED = 0x8
BOOT_FIRMWARE_OVERRIDDEN = 0x10
DESCRIPTOR_MAGIC = 0x34494d56
CAPSULE_MAGIC = 0x43494d56
CAPSULE_LIMIT = 0x400000
SIGNATURE_MAGIC = 0x53494d56
ROM_MAGIC = 0x696d5663
GATE_USER = 0x1
GROUP_NEEDED = 0x1
POLICY_SIGNED = 0x1
FLAG_IF = 0x200
TLB_ALL = 0xffffffffffffffff
