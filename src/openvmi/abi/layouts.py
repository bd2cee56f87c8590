# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Generated from abi/4.1 by "openvmi abi generate". Do not edit.
"""The binary structures of VMI 4.1."""

import struct

import attrs

from openvmi.abi.layout import Layout


@attrs.frozen(kw_only=True)
class BootInfo(Layout):
    """What RDI points at (direct-map address) when the guest is entered.

       0  |             magic             |             size              |
       8  |     major     |     minor     |             flags             |
      16  | memory_map                                                    |
      24  |       memory_map_count        |         module_count          |
      32  | modules                                                       |
      40  | command_line                                                  |
      48  |       command_line_size       |          vcpu_count           |
      56  | rom                                                           |
      64  |           rom_size            |        descriptor_base        |
      72  | window                                                        |
      80  | direct_map                                                    |
      88  | image_start                                                   |
      96  | image_end                                                     |
     104  | image                                                         |
     112  | page_root                                                     |
     120  |   kernel_cs   |   kernel_ss   |    user_cs    |    user_ss    |
     128  | hypervisor[16]                                                |
     144  | reserved                                                      |
    """

    SIZE = 152
    FORMAT = struct.Struct("<IIHHIQIIQQIIQIIQQQQQQHHHH16sQ")
    FIELDS = (
        ("magic", 0, 0),
        ("size", 4, 0),
        ("major", 8, 0),
        ("minor", 10, 0),
        ("flags", 12, 0),
        ("memory_map", 16, 0),
        ("memory_map_count", 24, 0),
        ("module_count", 28, 0),
        ("modules", 32, 0),
        ("command_line", 40, 0),
        ("command_line_size", 48, 0),
        ("vcpu_count", 52, 0),
        ("rom", 56, 0),
        ("rom_size", 64, 0),
        ("descriptor_base", 68, 0),
        ("window", 72, 0),
        ("direct_map", 80, 0),
        ("image_start", 88, 0),
        ("image_end", 96, 0),
        ("image", 104, 0),
        ("page_root", 112, 0),
        ("kernel_cs", 120, 0),
        ("kernel_ss", 122, 0),
        ("user_cs", 124, 0),
        ("user_ss", 126, 0),
        ("hypervisor", 128, 16),
        ("reserved", 144, 0),
    )

    magic: int = 0
    size: int = 0
    major: int = 0
    minor: int = 0
    flags: int = 0
    memory_map: int = 0
    memory_map_count: int = 0
    module_count: int = 0
    modules: int = 0
    command_line: int = 0
    command_line_size: int = 0
    vcpu_count: int = 0
    rom: int = 0
    rom_size: int = 0
    descriptor_base: int = 0
    window: int = 0
    direct_map: int = 0
    image_start: int = 0
    image_end: int = 0
    image: int = 0
    page_root: int = 0
    kernel_cs: int = 0
    kernel_ss: int = 0
    user_cs: int = 0
    user_ss: int = 0
    hypervisor: bytes = bytes(16)
    reserved: int = 0


@attrs.frozen(kw_only=True)
class MemoryRange(Layout):
    """One range of the boot memory map; page aligned.

       0  | start                                                         |
       8  | size                                                          |
      16  |             type              |           reserved            |
    """

    SIZE = 24
    FORMAT = struct.Struct("<QQII")
    FIELDS = (
        ("start", 0, 0),
        ("size", 8, 0),
        ("type", 16, 0),
        ("reserved", 20, 0),
    )

    start: int = 0
    size: int = 0
    type: int = 0
    reserved: int = 0


@attrs.frozen(kw_only=True)
class Module(Layout):
    """One boot module.

       0  | start                                                         |
       8  | size                                                          |
      16  | name                                                          |
      24  | reserved                                                      |
    """

    SIZE = 32
    FORMAT = struct.Struct("<QQQQ")
    FIELDS = (
        ("start", 0, 0),
        ("size", 8, 0),
        ("name", 16, 0),
        ("reserved", 24, 0),
    )

    start: int = 0
    size: int = 0
    name: int = 0
    reserved: int = 0


@attrs.frozen(kw_only=True)
class NoteVersion(Layout):
    """Contents of the note VERSION.

       0  |     major     |     minor     |            profile            |
    """

    SIZE = 8
    FORMAT = struct.Struct("<HHI")
    FIELDS = (
        ("major", 0, 0),
        ("minor", 2, 0),
        ("profile", 4, 0),
    )

    major: int = 0
    minor: int = 0
    profile: int = 0


@attrs.frozen(kw_only=True)
class NoteGroup(Layout):
    """One entry of the note GROUPS.

       0  | group |revisio|     flags     |
    """

    SIZE = 4
    FORMAT = struct.Struct("<BBH")
    FIELDS = (
        ("group", 0, 0),
        ("revision", 1, 0),
        ("flags", 2, 0),
    )

    group: int = 0
    revision: int = 0
    flags: int = 0


@attrs.frozen(kw_only=True)
class NotePolicy(Layout):
    """Contents of the note POLICY.

       0  |            licence            |             flags             |
    """

    SIZE = 8
    FORMAT = struct.Struct("<II")
    FIELDS = (
        ("licence", 0, 0),
        ("flags", 4, 0),
    )

    licence: int = 0
    flags: int = 0


@attrs.frozen(kw_only=True)
class NoteSites(Layout):
    """Contents of the note SITES.

       0  | start                                                         |
       8  | end                                                           |
    """

    SIZE = 16
    FORMAT = struct.Struct("<QQ")
    FIELDS = (
        ("start", 0, 0),
        ("end", 8, 0),
    )

    start: int = 0
    end: int = 0


@attrs.frozen(kw_only=True)
class Site(Layout):
    """One place where a call is made; it holds the native form, which fills it.

       0  |            address            |     call      | size  |reserve|
    """

    SIZE = 8
    FORMAT = struct.Struct("<iHBB")
    FIELDS = (
        ("address", 0, 0),
        ("call", 4, 0),
        ("size", 6, 0),
        ("reserved", 7, 0),
    )

    address: int = 0
    call: int = 0
    size: int = 0
    reserved: int = 0


@attrs.frozen(kw_only=True)
class TrapGate(Layout):
    """One handler for TrapTableSet.

       0  |vector | flags |   reserved    |           reserved2           |
       8  | handler                                                       |
      16  | native                                                        |
    """

    SIZE = 24
    FORMAT = struct.Struct("<BBHIQQ")
    FIELDS = (
        ("vector", 0, 0),
        ("flags", 1, 0),
        ("reserved", 2, 0),
        ("reserved2", 4, 0),
        ("handler", 8, 0),
        ("native", 16, 0),
    )

    vector: int = 0
    flags: int = 0
    reserved: int = 0
    reserved2: int = 0
    handler: int = 0
    native: int = 0


@attrs.frozen(kw_only=True)
class Frame(Layout):
    """The architectural frame of a trap, event or system call (Intel SDM volume 3, section 6.14.2).

       0  | rip                                                           |
       8  | cs                                                            |
      16  | rflags                                                        |
      24  | rsp                                                           |
      32  | ss                                                            |
    """

    SIZE = 40
    FORMAT = struct.Struct("<QQQQQ")
    FIELDS = (
        ("rip", 0, 0),
        ("cs", 8, 0),
        ("rflags", 16, 0),
        ("rsp", 24, 0),
        ("ss", 32, 0),
    )

    rip: int = 0
    cs: int = 0
    rflags: int = 0
    rsp: int = 0
    ss: int = 0


@attrs.frozen(kw_only=True)
class PteUpdate(Layout):
    """One update of PteSetBatch.

       0  | entry                                                         |
       8  | value                                                         |
    """

    SIZE = 16
    FORMAT = struct.Struct("<QQ")
    FIELDS = (
        ("entry", 0, 0),
        ("value", 8, 0),
    )

    entry: int = 0
    value: int = 0


@attrs.frozen(kw_only=True)
class VcpuBlock(Layout):
    """At the GS base while in the kernel. The first 64 bytes are the kernel's, with fixed meanings; the rest is the ROM's.

       0  | self                                                          |
       8  | kernel                                                        |
      16  | scratch                                                       |
      24  | kernel_stack                                                  |
      32  | reserved                                                      |
      40  | canary                                                        |
      48  |            number             |           reserved2           |
      56  | reserved3                                                     |
      64  | rom[24]                                                       |
    """

    SIZE = 256
    FORMAT = struct.Struct("<QQQQQQIIQ24Q")
    FIELDS = (
        ("self_", 0, 0),
        ("kernel", 8, 0),
        ("scratch", 16, 0),
        ("kernel_stack", 24, 0),
        ("reserved", 32, 0),
        ("canary", 40, 0),
        ("number", 48, 0),
        ("reserved2", 52, 0),
        ("reserved3", 56, 0),
        ("rom", 64, 24),
    )

    self_: int = 0
    kernel: int = 0
    scratch: int = 0
    kernel_stack: int = 0
    reserved: int = 0
    canary: int = 0
    number: int = 0
    reserved2: int = 0
    reserved3: int = 0
    rom: tuple[int, ...] = attrs.field(default=(0,) * 24, metadata={'count': 24})


@attrs.frozen(kw_only=True)
class VcpuStart(Layout):
    """Argument of VcpuStart.

       0  | entry                                                         |
       8  | stack                                                         |
      16  | page_root                                                     |
      24  | argument                                                      |
      32  | reserved                                                      |
    """

    SIZE = 40
    FORMAT = struct.Struct("<QQQQQ")
    FIELDS = (
        ("entry", 0, 0),
        ("stack", 8, 0),
        ("page_root", 16, 0),
        ("argument", 24, 0),
        ("reserved", 32, 0),
    )

    entry: int = 0
    stack: int = 0
    page_root: int = 0
    argument: int = 0
    reserved: int = 0


@attrs.frozen(kw_only=True)
class ResumePoint(Layout):
    """Argument of Suspend.

       0  | entry                                                         |
       8  | stack                                                         |
      16  | page_root                                                     |
      24  | argument                                                      |
    """

    SIZE = 32
    FORMAT = struct.Struct("<QQQQ")
    FIELDS = (
        ("entry", 0, 0),
        ("stack", 8, 0),
        ("page_root", 16, 0),
        ("argument", 24, 0),
    )

    entry: int = 0
    stack: int = 0
    page_root: int = 0
    argument: int = 0


@attrs.frozen(kw_only=True)
class CrashReport(Layout):
    """Argument of CrashReport: the state at the fault that ended the guest.

       0  |             size              |            vector             |
       8  | error                                                         |
      16  | fault_address                                                 |
      24  | page_root                                                     |
      32  | frame[5]                                                      |
      72  | registers[15]                                                 |
     192  | message                                                       |
     200  |         message_size          |             taint             |
    """

    SIZE = 208
    FORMAT = struct.Struct("<IIQQQ5Q15QQII")
    FIELDS = (
        ("size", 0, 0),
        ("vector", 4, 0),
        ("error", 8, 0),
        ("fault_address", 16, 0),
        ("page_root", 24, 0),
        ("frame", 32, 5),
        ("registers", 72, 15),
        ("message", 192, 0),
        ("message_size", 200, 0),
        ("taint", 204, 0),
    )

    size: int = 0
    vector: int = 0
    error: int = 0
    fault_address: int = 0
    page_root: int = 0
    frame: tuple[int, ...] = attrs.field(default=(0,) * 5, metadata={'count': 5})
    registers: tuple[int, ...] = attrs.field(default=(0,) * 15, metadata={'count': 15})
    message: int = 0
    message_size: int = 0
    taint: int = 0


@attrs.frozen(kw_only=True)
class RomHeader(Layout):
    """Offset 0 of a ROM: a PCI expansion ROM header (PCI Firmware 3.0, section 5.1) that is also the header of the classic VMI interface.

       0  | rom_signature |length |         bios_entry[4]         |reserve|
       8  |           signature           | minor | major |jump_sl|checksu|
      16  |          virtual_top          |   reserved2   |    licence    |
      24  |      pci      |      pnp      |          descriptor           |
      32  | reserved3[12]                                                 |
     128  | classic_init[8]                                               |
     136  | classic_reloc[8]                                              |
    """

    SIZE = 144
    FORMAT = struct.Struct("<HB4sBIBBBBIHHHHI12Q8s8s")
    FIELDS = (
        ("rom_signature", 0, 0),
        ("length", 2, 0),
        ("bios_entry", 3, 4),
        ("reserved", 7, 0),
        ("signature", 8, 0),
        ("minor", 12, 0),
        ("major", 13, 0),
        ("jump_slots", 14, 0),
        ("checksum", 15, 0),
        ("virtual_top", 16, 0),
        ("reserved2", 20, 0),
        ("licence", 22, 0),
        ("pci", 24, 0),
        ("pnp", 26, 0),
        ("descriptor", 28, 0),
        ("reserved3", 32, 12),
        ("classic_init", 128, 8),
        ("classic_reloc", 136, 8),
    )

    rom_signature: int = 0
    length: int = 0
    bios_entry: bytes = bytes(4)
    reserved: int = 0
    signature: int = 0
    minor: int = 0
    major: int = 0
    jump_slots: int = 0
    checksum: int = 0
    virtual_top: int = 0
    reserved2: int = 0
    licence: int = 0
    pci: int = 0
    pnp: int = 0
    descriptor: int = 0
    reserved3: tuple[int, ...] = attrs.field(default=(0,) * 12, metadata={'count': 12})
    classic_init: bytes = bytes(8)
    classic_reloc: bytes = bytes(8)


@attrs.frozen(kw_only=True)
class RomPci(Layout):
    """PCI data structure (PCI Firmware 3.0, section 5.1.2; revision 0 of it, 24 bytes).

       0  |           signature           |    vendor     |    device     |
       8  |  vital_data   |     size      |revisio|     class_code[3]     |
      16  |    length     |rom_min|rom_maj|code_ty|indicat|   reserved    |
    """

    SIZE = 24
    FORMAT = struct.Struct("<IHHHHB3sHBBBBH")
    FIELDS = (
        ("signature", 0, 0),
        ("vendor", 4, 0),
        ("device", 6, 0),
        ("vital_data", 8, 0),
        ("size", 10, 0),
        ("revision", 12, 0),
        ("class_code", 13, 3),
        ("length", 16, 0),
        ("rom_minor", 18, 0),
        ("rom_major", 19, 0),
        ("code_type", 20, 0),
        ("indicator", 21, 0),
        ("reserved", 22, 0),
    )

    signature: int = 0
    vendor: int = 0
    device: int = 0
    vital_data: int = 0
    size: int = 0
    revision: int = 0
    class_code: bytes = bytes(3)
    length: int = 0
    rom_minor: int = 0
    rom_major: int = 0
    code_type: int = 0
    indicator: int = 0
    reserved: int = 0


@attrs.frozen(kw_only=True)
class RomDescriptor(Layout):
    """What version 4 adds. All offsets are from the start of the image; a size of 0 means absent.

       0  |             magic             |             size              |
       8  |             text              |           text_size           |
      16  |             data              |           data_size           |
      24  |          data_memory          |           vcpu_size           |
      32  |             calls             |          call_count           |
      40  |          relocations          |       relocation_count        |
      48  |            recipes            |         recipes_size          |
      56  |            groups             |          group_count          |
      64  |profile|licence|     stack     |           reserved            |
      72  |           manifest            |         manifest_size         |
      80  |            capsule            |         capsule_size          |
      88  |           signature           |        signature_size         |
      96  | build_id[32]                                                  |
     128  | reserved2[2]                                                  |
    """

    SIZE = 144
    FORMAT = struct.Struct("<IIIIIIIIIIIIIIIIBBHIIIIIII32s2Q")
    FIELDS = (
        ("magic", 0, 0),
        ("size", 4, 0),
        ("text", 8, 0),
        ("text_size", 12, 0),
        ("data", 16, 0),
        ("data_size", 20, 0),
        ("data_memory", 24, 0),
        ("vcpu_size", 28, 0),
        ("calls", 32, 0),
        ("call_count", 36, 0),
        ("relocations", 40, 0),
        ("relocation_count", 44, 0),
        ("recipes", 48, 0),
        ("recipes_size", 52, 0),
        ("groups", 56, 0),
        ("group_count", 60, 0),
        ("profile", 64, 0),
        ("licence_class", 65, 0),
        ("stack", 66, 0),
        ("reserved", 68, 0),
        ("manifest", 72, 0),
        ("manifest_size", 76, 0),
        ("capsule", 80, 0),
        ("capsule_size", 84, 0),
        ("signature", 88, 0),
        ("signature_size", 92, 0),
        ("build_id", 96, 32),
        ("reserved2", 128, 2),
    )

    magic: int = 0
    size: int = 0
    text: int = 0
    text_size: int = 0
    data: int = 0
    data_size: int = 0
    data_memory: int = 0
    vcpu_size: int = 0
    calls: int = 0
    call_count: int = 0
    relocations: int = 0
    relocation_count: int = 0
    recipes: int = 0
    recipes_size: int = 0
    groups: int = 0
    group_count: int = 0
    profile: int = 0
    licence_class: int = 0
    stack: int = 0
    reserved: int = 0
    manifest: int = 0
    manifest_size: int = 0
    capsule: int = 0
    capsule_size: int = 0
    signature: int = 0
    signature_size: int = 0
    build_id: bytes = bytes(32)
    reserved2: tuple[int, ...] = attrs.field(default=(0,) * 2, metadata={'count': 2})


@attrs.frozen(kw_only=True)
class RomCall(Layout):
    """What a ROM answers for one call. A call without entry is NATIVE.

       0  |    number     | kind  |relocat|            target             |
       8  |          relocation           |     size      |   reserved    |
    """

    SIZE = 16
    FORMAT = struct.Struct("<HBBIIHH")
    FIELDS = (
        ("number", 0, 0),
        ("kind", 2, 0),
        ("relocation_count", 3, 0),
        ("target", 4, 0),
        ("relocation", 8, 0),
        ("size", 12, 0),
        ("reserved", 14, 0),
    )

    number: int = 0
    kind: int = 0
    relocation_count: int = 0
    target: int = 0
    relocation: int = 0
    size: int = 0
    reserved: int = 0


@attrs.frozen(kw_only=True)
class RomReloc(Layout):
    """Four bytes of a recipe to complete.

       0  | kind  |offset |   reserved    |            target             |
       8  |            addend             |
    """

    SIZE = 12
    FORMAT = struct.Struct("<BBHIi")
    FIELDS = (
        ("kind", 0, 0),
        ("offset", 1, 0),
        ("reserved", 2, 0),
        ("target", 4, 0),
        ("addend", 8, 0),
    )

    kind: int = 0
    offset: int = 0
    reserved: int = 0
    target: int = 0
    addend: int = 0


@attrs.frozen(kw_only=True)
class RomGroup(Layout):
    """A group that the ROM implements.

       0  | group |revisio|may_be_|reserve|
    """

    SIZE = 4
    FORMAT = struct.Struct("<BBBB")
    FIELDS = (
        ("group", 0, 0),
        ("revision", 1, 0),
        ("may_be_native", 2, 0),
        ("reserved", 3, 0),
    )

    group: int = 0
    revision: int = 0
    may_be_native: int = 0
    reserved: int = 0


@attrs.frozen(kw_only=True)
class RomCapsule(Layout):
    """The source of a ROM: this, then what kind says, up to the end of the part. A ROM of the classic interface has it behind the image that its length tells.

       0  |             magic             |     size      |     kind      |
       8  |           tar_size            |         contents_size         |
      16  | sha256[32]                                                    |
    """

    SIZE = 48
    FORMAT = struct.Struct("<IHHII32s")
    FIELDS = (
        ("magic", 0, 0),
        ("size", 4, 0),
        ("kind", 6, 0),
        ("tar_size", 8, 0),
        ("contents_size", 12, 0),
        ("sha256", 16, 32),
    )

    magic: int = 0
    size: int = 0
    kind: int = 0
    tar_size: int = 0
    contents_size: int = 0
    sha256: bytes = bytes(32)


@attrs.frozen(kw_only=True)
class RomSignature(Layout):
    """The signature of a ROM. Signed are the 24 bytes "OpenVMI ROM signature 1" and NUL, then the image with the signature's 64 bytes and rom_header.checksum as zeros.

       0  |             magic             |     size      |   algorithm   |
       8  | key[32]                                                       |
      40  | signature[64]                                                 |
    """

    SIZE = 104
    FORMAT = struct.Struct("<IHH32s64s")
    FIELDS = (
        ("magic", 0, 0),
        ("size", 4, 0),
        ("algorithm", 6, 0),
        ("key", 8, 32),
        ("signature", 40, 64),
    )

    magic: int = 0
    size: int = 0
    algorithm: int = 0
    key: bytes = bytes(32)
    signature: bytes = bytes(64)
