# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Generated from abi/3.0 by "openvmi abi generate". Do not edit.
"""The numbers and the binary structures of the classic interface, VMI 3.0."""

import struct
from enum import IntEnum

import attrs

from openvmi.abi.layout import Layout

MAJOR = 3
MINOR = 0


class Call(IntEnum):
    """Call numbers."""

    CPUID = 0
    WRMSR = 1
    RDMSR = 2
    SetGDT = 3
    SetLDT = 4
    SetIDT = 5
    SetTR = 6
    GetGDT = 7
    GetLDT = 8
    GetIDT = 9
    GetTR = 10
    WriteGDTEntry = 11
    WriteLDTEntry = 12
    WriteIDTEntry = 13
    UpdateKernelStack = 14
    SetCR0 = 15
    SetCR2 = 16
    SetCR3 = 17
    SetCR4 = 18
    GetCR0 = 19
    GetCR2 = 20
    GetCR3 = 21
    GetCR4 = 22
    WBINVD = 23
    SetDR = 24
    GetDR = 25
    RDPMC = 26
    RDTSC = 27
    CLTS = 28
    EnableInterrupts = 29
    DisableInterrupts = 30
    GetInterruptMask = 31
    SetInterruptMask = 32
    IRET = 33
    SYSEXIT = 34
    Halt = 35
    Reboot = 36
    Shutdown = 37
    SetPxE = 38
    SetPxELong = 39
    UpdatePxE = 40
    UpdatePxELong = 41
    MachineToPhysical = 42
    PhysicalToMachine = 43
    AllocatePage = 44
    ReleasePage = 45
    InvalPage = 46
    FlushTLB = 47
    SetLinearMapping = 48
    INL = 49
    INB = 50
    INW = 51
    INSL = 52
    INSB = 53
    INSW = 54
    OUTL = 55
    OUTB = 56
    OUTW = 57
    OUTSL = 58
    OUTSB = 59
    OUTSW = 60
    SetIOPLMask = 61
    SetInitialAPState = 62
    APICWrite = 63
    APICRead = 64
    IODelay = 65
    GetCycleFrequency = 66
    GetCycleCounter = 67
    SetAlarm = 68
    CancelAlarm = 69
    GetWallclockTime = 70
    WallclockUpdated = 71
    SetCallbacks = 72
    SetLazyMode = 73


class Relocation(IntEnum):
    """What get_reloc answers for a call."""

    NONE = 0
    CALL_REL = 1
    JUMP_REL = 2
    NOP = 3


#: The answers to each call that clients take.
ANSWERS: dict[Call, tuple[Relocation, ...]] = {
    Call.CPUID: (Relocation.NONE, Relocation.CALL_REL),
    Call.WRMSR: (Relocation.NONE, Relocation.CALL_REL, Relocation.NOP),
    Call.RDMSR: (Relocation.NONE, Relocation.CALL_REL),
    Call.SetGDT: (Relocation.NONE, Relocation.CALL_REL, Relocation.NOP),
    Call.SetLDT: (Relocation.NONE, Relocation.CALL_REL, Relocation.NOP),
    Call.SetIDT: (Relocation.NONE, Relocation.CALL_REL, Relocation.NOP),
    Call.SetTR: (Relocation.NONE, Relocation.CALL_REL, Relocation.NOP),
    Call.GetGDT: (Relocation.NONE, Relocation.CALL_REL),
    Call.GetLDT: (Relocation.NONE, Relocation.CALL_REL),
    Call.GetIDT: (Relocation.NONE, Relocation.CALL_REL),
    Call.GetTR: (Relocation.NONE, Relocation.CALL_REL),
    Call.WriteGDTEntry: (Relocation.NONE, Relocation.CALL_REL, Relocation.NOP),
    Call.WriteLDTEntry: (Relocation.NONE, Relocation.CALL_REL, Relocation.NOP),
    Call.WriteIDTEntry: (Relocation.NONE, Relocation.CALL_REL, Relocation.NOP),
    Call.UpdateKernelStack: (Relocation.NONE, Relocation.CALL_REL, Relocation.NOP),
    Call.SetCR0: (Relocation.NONE, Relocation.CALL_REL, Relocation.NOP),
    Call.SetCR2: (Relocation.NONE, Relocation.CALL_REL, Relocation.NOP),
    Call.SetCR3: (Relocation.NONE, Relocation.CALL_REL, Relocation.NOP),
    Call.SetCR4: (Relocation.NONE, Relocation.CALL_REL, Relocation.NOP),
    Call.GetCR0: (Relocation.NONE, Relocation.CALL_REL),
    Call.GetCR2: (Relocation.NONE, Relocation.CALL_REL),
    Call.GetCR3: (Relocation.NONE, Relocation.CALL_REL),
    Call.GetCR4: (Relocation.NONE, Relocation.CALL_REL),
    Call.WBINVD: (Relocation.NONE, Relocation.CALL_REL, Relocation.NOP),
    Call.SetDR: (Relocation.NONE, Relocation.CALL_REL, Relocation.NOP),
    Call.GetDR: (Relocation.NONE, Relocation.CALL_REL),
    Call.RDPMC: (Relocation.NONE, Relocation.CALL_REL),
    Call.RDTSC: (Relocation.NONE, Relocation.CALL_REL),
    Call.CLTS: (Relocation.NONE, Relocation.CALL_REL, Relocation.NOP),
    Call.EnableInterrupts: (Relocation.NONE, Relocation.CALL_REL, Relocation.NOP),
    Call.DisableInterrupts: (Relocation.NONE, Relocation.CALL_REL, Relocation.NOP),
    Call.GetInterruptMask: (Relocation.NONE, Relocation.CALL_REL),
    Call.SetInterruptMask: (Relocation.NONE, Relocation.CALL_REL, Relocation.NOP),
    Call.IRET: (Relocation.CALL_REL, Relocation.JUMP_REL),
    Call.SYSEXIT: (Relocation.CALL_REL, Relocation.JUMP_REL),
    Call.Halt: (Relocation.NONE, Relocation.CALL_REL, Relocation.NOP),
    Call.Reboot: (Relocation.NONE, Relocation.CALL_REL, Relocation.NOP),
    Call.Shutdown: (Relocation.NONE, Relocation.CALL_REL, Relocation.NOP),
    Call.SetPxE: (Relocation.NONE, Relocation.CALL_REL, Relocation.NOP),
    Call.SetPxELong: (Relocation.NONE, Relocation.CALL_REL),
    Call.UpdatePxE: (Relocation.NONE, Relocation.CALL_REL, Relocation.NOP),
    Call.UpdatePxELong: (Relocation.NONE, Relocation.CALL_REL),
    Call.MachineToPhysical: (Relocation.NONE, Relocation.CALL_REL),
    Call.PhysicalToMachine: (Relocation.NONE, Relocation.CALL_REL),
    Call.AllocatePage: (Relocation.NONE, Relocation.CALL_REL, Relocation.NOP),
    Call.ReleasePage: (Relocation.NONE, Relocation.CALL_REL, Relocation.NOP),
    Call.InvalPage: (Relocation.NONE, Relocation.CALL_REL, Relocation.NOP),
    Call.FlushTLB: (Relocation.NONE, Relocation.CALL_REL, Relocation.NOP),
    Call.SetLinearMapping: (Relocation.NONE, Relocation.CALL_REL, Relocation.NOP),
    Call.INL: (Relocation.NONE, Relocation.CALL_REL),
    Call.INB: (Relocation.NONE, Relocation.CALL_REL),
    Call.INW: (Relocation.NONE, Relocation.CALL_REL),
    Call.INSL: (Relocation.NONE, Relocation.CALL_REL),
    Call.INSB: (Relocation.NONE, Relocation.CALL_REL),
    Call.INSW: (Relocation.NONE, Relocation.CALL_REL),
    Call.OUTL: (Relocation.NONE, Relocation.CALL_REL, Relocation.NOP),
    Call.OUTB: (Relocation.NONE, Relocation.CALL_REL, Relocation.NOP),
    Call.OUTW: (Relocation.NONE, Relocation.CALL_REL, Relocation.NOP),
    Call.OUTSL: (Relocation.NONE, Relocation.CALL_REL, Relocation.NOP),
    Call.OUTSB: (Relocation.NONE, Relocation.CALL_REL, Relocation.NOP),
    Call.OUTSW: (Relocation.NONE, Relocation.CALL_REL, Relocation.NOP),
    Call.SetIOPLMask: (Relocation.NONE, Relocation.CALL_REL, Relocation.NOP),
    Call.SetInitialAPState: (Relocation.NONE, Relocation.CALL_REL, Relocation.NOP),
    Call.APICWrite: (Relocation.NONE, Relocation.CALL_REL, Relocation.NOP),
    Call.APICRead: (Relocation.NONE, Relocation.CALL_REL),
    Call.IODelay: (Relocation.NONE, Relocation.CALL_REL, Relocation.NOP),
    Call.GetCycleFrequency: (Relocation.NONE, Relocation.CALL_REL),
    Call.GetCycleCounter: (Relocation.NONE, Relocation.CALL_REL),
    Call.SetAlarm: (Relocation.NONE, Relocation.CALL_REL),
    Call.CancelAlarm: (Relocation.NONE, Relocation.CALL_REL),
    Call.GetWallclockTime: (Relocation.NONE, Relocation.CALL_REL),
    Call.WallclockUpdated: (Relocation.NONE, Relocation.CALL_REL),
    Call.SetCallbacks: (Relocation.NONE, Relocation.CALL_REL),
    Call.SetLazyMode: (Relocation.NONE, Relocation.CALL_REL, Relocation.NOP),
}

#: The calls that give something back.
RESULTS = frozenset({
    Call.CPUID,
    Call.RDMSR,
    Call.GetGDT,
    Call.GetLDT,
    Call.GetIDT,
    Call.GetTR,
    Call.GetCR0,
    Call.GetCR2,
    Call.GetCR3,
    Call.GetCR4,
    Call.GetDR,
    Call.RDPMC,
    Call.RDTSC,
    Call.GetInterruptMask,
    Call.INL,
    Call.INB,
    Call.INW,
    Call.INSL,
    Call.INSB,
    Call.INSW,
    Call.APICRead,
    Call.GetCycleFrequency,
    Call.GetCycleCounter,
    Call.CancelAlarm,
    Call.GetWallclockTime,
    Call.WallclockUpdated,
})

#: Calls that are answered with CALL_REL all together or not at all, by group.
WHOLE: dict[str, tuple[Call, ...]] = {
    "pae": (
        Call.SetPxELong,
        Call.UpdatePxELong,
    ),
    "time": (
        Call.GetCycleFrequency,
        Call.GetCycleCounter,
        Call.SetAlarm,
        Call.CancelAlarm,
        Call.GetWallclockTime,
    ),
}

ROM_SIGNATURE = 0xaa55
SIGNATURE = 0x696d5663
PCI_VENDOR = 0x15ad
PCI_DEVICE = 0x801
SCAN_START = 0xc0000
SCAN_END = 0xe0000
SCAN_STEP = 0x800
PAGE_NORMAL = 0x0
PAGE_PT = 0x1
PAGE_PD = 0x2
PAGE_PDP = 0x4
PAGE_PML4 = 0x8
PAGE_PAE = 0x10
PAGE_CLONE = 0x20
PAGE_ZEROED = 0x40
PAGE_CURRENT_AS = 0x10
PAGE_DEFER = 0x20
PAGE_VA_MASK = 0xfffff000
FLUSH_TLB = 0x1
FLUSH_GLOBAL = 0x2
LINEAR_MAP_SLOTS = 0x4
CYCLES_REAL = 0x0
CYCLES_AVAILABLE = 0x1
CYCLES_STOLEN = 0x2
ALARM_COUNTERS = 0x2
ALARM_COUNTER_MASK = 0xff
ALARM_IS_ONESHOT = 0x0
ALARM_IS_PERIODIC = 0x100
ALARM_WIRED_IRQ0 = 0x0
ALARM_WIRED_LVTT = 0x10000
LAZY_OFF = 0x0
LAZY_MMU = 0x1
LAZY_CPU = 0x2


@attrs.frozen(kw_only=True)
class Header(Layout):
    """The first bytes of a ROM.

       0  | rom_signature |rom_len|         rom_entry[4]          |rom_pad|
       8  |        vrom_signature         |api_ver|api_ver|jump_sl|reserve|
      16  |          virtual_top          |   reserved2   | license_offs  |
      24  |pci_header_offs|pnp_header_offs|           rom_pad3            |
      32  | reserved[96]                                                  |
     128  | vmi_init[8]                                                   |
     136  | get_reloc[8]                                                  |
    """

    SIZE = 144
    FORMAT = struct.Struct("<HB4sBIBBBBIHHHHI96s8s8s")
    FIELDS = (
        ("rom_signature", 0, 0),
        ("rom_length", 2, 0),
        ("rom_entry", 3, 4),
        ("rom_pad0", 7, 0),
        ("vrom_signature", 8, 0),
        ("api_version_min", 12, 0),
        ("api_version_maj", 13, 0),
        ("jump_slots", 14, 0),
        ("reserved1", 15, 0),
        ("virtual_top", 16, 0),
        ("reserved2", 20, 0),
        ("license_offs", 22, 0),
        ("pci_header_offs", 24, 0),
        ("pnp_header_offs", 26, 0),
        ("rom_pad3", 28, 0),
        ("reserved", 32, 96),
        ("vmi_init", 128, 8),
        ("get_reloc", 136, 8),
    )

    rom_signature: int = 0
    rom_length: int = 0
    rom_entry: bytes = bytes(4)
    rom_pad0: int = 0
    vrom_signature: int = 0
    api_version_min: int = 0
    api_version_maj: int = 0
    jump_slots: int = 0
    reserved1: int = 0
    virtual_top: int = 0
    reserved2: int = 0
    license_offs: int = 0
    pci_header_offs: int = 0
    pnp_header_offs: int = 0
    rom_pad3: int = 0
    reserved: bytes = bytes(96)
    vmi_init: bytes = bytes(8)
    get_reloc: bytes = bytes(8)


@attrs.frozen(kw_only=True)
class Pci(Layout):
    """PCI data structure of the option ROM.

       0  |              sig              |   vendorID    |   deviceID    |
       8  |    vpdData    |     size      |  rev  | class |subclas|interfa|
      16  |    chunks     |rom_ver|rom_ver|codetyp|lastRom|   reserved    |
    """

    SIZE = 24
    FORMAT = struct.Struct("<IHHHHBBBBHBBBBH")
    FIELDS = (
        ("sig", 0, 0),
        ("vendorID", 4, 0),
        ("deviceID", 6, 0),
        ("vpdData", 8, 0),
        ("size", 10, 0),
        ("rev", 12, 0),
        ("class_", 13, 0),
        ("subclass", 14, 0),
        ("interface", 15, 0),
        ("chunks", 16, 0),
        ("rom_version_min", 18, 0),
        ("rom_version_maj", 19, 0),
        ("codetype", 20, 0),
        ("lastRom", 21, 0),
        ("reserved", 22, 0),
    )

    sig: int = 0
    vendorID: int = 0
    deviceID: int = 0
    vpdData: int = 0
    size: int = 0
    rev: int = 0
    class_: int = 0
    subclass: int = 0
    interface: int = 0
    chunks: int = 0
    rom_version_min: int = 0
    rom_version_maj: int = 0
    codetype: int = 0
    lastRom: int = 0
    reserved: int = 0


@attrs.frozen(kw_only=True)
class Pnp(Layout):
    """Plug-and-play expansion header of the option ROM.

       0  |              sig              |  rev  | size  |     next      |
       8  |      res      |             devID             |manufacturer_of|
      16  |product_offset |
    """

    SIZE = 18
    FORMAT = struct.Struct("<IBBHHIHH")
    FIELDS = (
        ("sig", 0, 0),
        ("rev", 4, 0),
        ("size", 5, 0),
        ("next", 6, 0),
        ("res", 8, 0),
        ("devID", 10, 0),
        ("manufacturer_offset", 14, 0),
        ("product_offset", 16, 0),
    )

    sig: int = 0
    rev: int = 0
    size: int = 0
    next: int = 0
    res: int = 0
    devID: int = 0
    manufacturer_offset: int = 0
    product_offset: int = 0


@attrs.frozen(kw_only=True)
class ApState(Layout):
    """What an application processor starts with, for SetInitialAPState. What is not in it is as after power-on.

       0  |              cr0              |              cr2              |
       8  |              cr3              |              cr4              |
      16  | efer                                                          |
      24  |              eip              |            eflags             |
      32  |              eax              |              ebx              |
      40  |              ecx              |              edx              |
      48  |              esp              |              ebp              |
      56  |              esi              |              edi              |
      64  |      cs       |      ss       |      ds       |      es       |
      72  |      fs       |      gs       |     ldtr      |  gdtr_limit   |
      80  |           gdtr_base           |           idtr_base           |
      88  |  idtr_limit   |   reserved    |
    """

    SIZE = 92
    FORMAT = struct.Struct("<IIIIQIIIIIIIIIIHHHHHHHHIIHH")
    FIELDS = (
        ("cr0", 0, 0),
        ("cr2", 4, 0),
        ("cr3", 8, 0),
        ("cr4", 12, 0),
        ("efer", 16, 0),
        ("eip", 24, 0),
        ("eflags", 28, 0),
        ("eax", 32, 0),
        ("ebx", 36, 0),
        ("ecx", 40, 0),
        ("edx", 44, 0),
        ("esp", 48, 0),
        ("ebp", 52, 0),
        ("esi", 56, 0),
        ("edi", 60, 0),
        ("cs", 64, 0),
        ("ss", 66, 0),
        ("ds", 68, 0),
        ("es", 70, 0),
        ("fs", 72, 0),
        ("gs", 74, 0),
        ("ldtr", 76, 0),
        ("gdtr_limit", 78, 0),
        ("gdtr_base", 80, 0),
        ("idtr_base", 84, 0),
        ("idtr_limit", 88, 0),
        ("reserved", 90, 0),
    )

    cr0: int = 0
    cr2: int = 0
    cr3: int = 0
    cr4: int = 0
    efer: int = 0
    eip: int = 0
    eflags: int = 0
    eax: int = 0
    ebx: int = 0
    ecx: int = 0
    edx: int = 0
    esp: int = 0
    ebp: int = 0
    esi: int = 0
    edi: int = 0
    cs: int = 0
    ss: int = 0
    ds: int = 0
    es: int = 0
    fs: int = 0
    gs: int = 0
    ldtr: int = 0
    gdtr_limit: int = 0
    gdtr_base: int = 0
    idtr_base: int = 0
    idtr_limit: int = 0
    reserved: int = 0
