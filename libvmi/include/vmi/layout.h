/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Generated from abi/4.1 by "openvmi abi generate". Do not edit. */
/* The binary structures of VMI 4.1. */
#ifndef VMI_LAYOUT_H
#define VMI_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

/*
 * What RDI points at (direct-map address) when the guest is entered.
 *
 *    0  |             magic             |             size              |
 *    8  |     major     |     minor     |             flags             |
 *   16  | memory_map                                                    |
 *   24  |       memory_map_count        |         module_count          |
 *   32  | modules                                                       |
 *   40  | command_line                                                  |
 *   48  |       command_line_size       |          vcpu_count           |
 *   56  | rom                                                           |
 *   64  |           rom_size            |        descriptor_base        |
 *   72  | window                                                        |
 *   80  | direct_map                                                    |
 *   88  | image_start                                                   |
 *   96  | image_end                                                     |
 *  104  | image                                                         |
 *  112  | page_root                                                     |
 *  120  |   kernel_cs   |   kernel_ss   |    user_cs    |    user_ss    |
 *  128  | hypervisor[16]                                                |
 *  144  | reserved                                                      |
 */
struct vmi_boot_info {
	uint32_t magic; /* BOOT_MAGIC */
	uint32_t size; /* bytes of this structure; grows at the end only */
	uint16_t major; /* version of the boot contract */
	uint16_t minor;
	uint32_t flags; /* BOOT_ bits; one that is not set says that nobody knows */
	uint64_t memory_map; /* guest-physical, memory_range[memory_map_count] */
	uint32_t memory_map_count;
	uint32_t module_count;
	uint64_t modules; /* guest-physical, module[module_count] */
	uint64_t command_line; /* guest-physical, NUL-terminated ASCII */
	uint32_t command_line_size; /* bytes without the NUL */
	uint32_t vcpu_count; /* VCPUs that may be started, at least 1 */
	uint64_t rom; /* guest-physical, the whole ROM image; 0: no ROM */
	uint32_t rom_size; /* bytes of it */
	uint32_t descriptor_base; /* selector of the first slot of DescriptorsSet */
	uint64_t window; /* guest-virtual, the ROM window; ROM text and data are mapped there */
	uint64_t direct_map; /* guest-virtual, where guest-physical 0 is mapped */
	uint64_t image_start; /* guest-virtual, lowest address of the guest's segments */
	uint64_t image_end; /* guest-virtual, first address after them */
	uint64_t image; /* guest-physical of image_start; the segments are contiguous */
	uint64_t page_root; /* guest-physical, level 4 table in use */
	uint16_t kernel_cs; /* selectors to use; RPL as the hypervisor wants it */
	uint16_t kernel_ss;
	uint16_t user_cs; /* 64-bit user code */
	uint16_t user_ss;
	uint8_t hypervisor[16]; /* name, NUL-padded, for messages before linking */
	uint64_t reserved; /* 0 */
};
_Static_assert(sizeof(struct vmi_boot_info) == 152, "size of vmi_boot_info");
_Static_assert(offsetof(struct vmi_boot_info, magic) == 0, "vmi_boot_info.magic");
_Static_assert(offsetof(struct vmi_boot_info, size) == 4, "vmi_boot_info.size");
_Static_assert(offsetof(struct vmi_boot_info, major) == 8, "vmi_boot_info.major");
_Static_assert(offsetof(struct vmi_boot_info, minor) == 10, "vmi_boot_info.minor");
_Static_assert(offsetof(struct vmi_boot_info, flags) == 12, "vmi_boot_info.flags");
_Static_assert(offsetof(struct vmi_boot_info, memory_map) == 16, "vmi_boot_info.memory_map");
_Static_assert(offsetof(struct vmi_boot_info, memory_map_count) == 24, "vmi_boot_info.memory_map_count");
_Static_assert(offsetof(struct vmi_boot_info, module_count) == 28, "vmi_boot_info.module_count");
_Static_assert(offsetof(struct vmi_boot_info, modules) == 32, "vmi_boot_info.modules");
_Static_assert(offsetof(struct vmi_boot_info, command_line) == 40, "vmi_boot_info.command_line");
_Static_assert(offsetof(struct vmi_boot_info, command_line_size) == 48, "vmi_boot_info.command_line_size");
_Static_assert(offsetof(struct vmi_boot_info, vcpu_count) == 52, "vmi_boot_info.vcpu_count");
_Static_assert(offsetof(struct vmi_boot_info, rom) == 56, "vmi_boot_info.rom");
_Static_assert(offsetof(struct vmi_boot_info, rom_size) == 64, "vmi_boot_info.rom_size");
_Static_assert(offsetof(struct vmi_boot_info, descriptor_base) == 68, "vmi_boot_info.descriptor_base");
_Static_assert(offsetof(struct vmi_boot_info, window) == 72, "vmi_boot_info.window");
_Static_assert(offsetof(struct vmi_boot_info, direct_map) == 80, "vmi_boot_info.direct_map");
_Static_assert(offsetof(struct vmi_boot_info, image_start) == 88, "vmi_boot_info.image_start");
_Static_assert(offsetof(struct vmi_boot_info, image_end) == 96, "vmi_boot_info.image_end");
_Static_assert(offsetof(struct vmi_boot_info, image) == 104, "vmi_boot_info.image");
_Static_assert(offsetof(struct vmi_boot_info, page_root) == 112, "vmi_boot_info.page_root");
_Static_assert(offsetof(struct vmi_boot_info, kernel_cs) == 120, "vmi_boot_info.kernel_cs");
_Static_assert(offsetof(struct vmi_boot_info, kernel_ss) == 122, "vmi_boot_info.kernel_ss");
_Static_assert(offsetof(struct vmi_boot_info, user_cs) == 124, "vmi_boot_info.user_cs");
_Static_assert(offsetof(struct vmi_boot_info, user_ss) == 126, "vmi_boot_info.user_ss");
_Static_assert(offsetof(struct vmi_boot_info, hypervisor) == 128, "vmi_boot_info.hypervisor");
_Static_assert(offsetof(struct vmi_boot_info, reserved) == 144, "vmi_boot_info.reserved");

/*
 * One range of the boot memory map; page aligned.
 *
 *    0  | start                                                         |
 *    8  | size                                                          |
 *   16  |             type              |           reserved            |
 */
struct vmi_memory_range {
	uint64_t start; /* guest-physical */
	uint64_t size; /* bytes */
	uint32_t type; /* MemoryType */
	uint32_t reserved; /* 0 */
};
_Static_assert(sizeof(struct vmi_memory_range) == 24, "size of vmi_memory_range");
_Static_assert(offsetof(struct vmi_memory_range, start) == 0, "vmi_memory_range.start");
_Static_assert(offsetof(struct vmi_memory_range, size) == 8, "vmi_memory_range.size");
_Static_assert(offsetof(struct vmi_memory_range, type) == 16, "vmi_memory_range.type");
_Static_assert(offsetof(struct vmi_memory_range, reserved) == 20, "vmi_memory_range.reserved");

/*
 * One boot module.
 *
 *    0  | start                                                         |
 *    8  | size                                                          |
 *   16  | name                                                          |
 *   24  | reserved                                                      |
 */
struct vmi_module {
	uint64_t start; /* guest-physical, page aligned */
	uint64_t size; /* bytes */
	uint64_t name; /* guest-physical, NUL-terminated */
	uint64_t reserved; /* 0 */
};
_Static_assert(sizeof(struct vmi_module) == 32, "size of vmi_module");
_Static_assert(offsetof(struct vmi_module, start) == 0, "vmi_module.start");
_Static_assert(offsetof(struct vmi_module, size) == 8, "vmi_module.size");
_Static_assert(offsetof(struct vmi_module, name) == 16, "vmi_module.name");
_Static_assert(offsetof(struct vmi_module, reserved) == 24, "vmi_module.reserved");

/*
 * Contents of the note VERSION.
 *
 *    0  |     major     |     minor     |            profile            |
 */
struct vmi_note_version {
	uint16_t major;
	uint16_t minor;
	uint32_t profile; /* profile the guest needs */
};
_Static_assert(sizeof(struct vmi_note_version) == 8, "size of vmi_note_version");
_Static_assert(offsetof(struct vmi_note_version, major) == 0, "vmi_note_version.major");
_Static_assert(offsetof(struct vmi_note_version, minor) == 2, "vmi_note_version.minor");
_Static_assert(offsetof(struct vmi_note_version, profile) == 4, "vmi_note_version.profile");

/*
 * One entry of the note GROUPS.
 *
 *    0  | group |revisio|     flags     |
 */
struct vmi_note_group {
	uint8_t group; /* group number */
	uint8_t revision; /* lowest revision that will do */
	uint16_t flags; /* GROUP_NEEDED, or 0: wanted */
};
_Static_assert(sizeof(struct vmi_note_group) == 4, "size of vmi_note_group");
_Static_assert(offsetof(struct vmi_note_group, group) == 0, "vmi_note_group.group");
_Static_assert(offsetof(struct vmi_note_group, revision) == 1, "vmi_note_group.revision");
_Static_assert(offsetof(struct vmi_note_group, flags) == 2, "vmi_note_group.flags");

/*
 * Contents of the note POLICY.
 *
 *    0  |            licence            |             flags             |
 */
struct vmi_note_policy {
	uint32_t licence; /* lowest LicenceClass of a ROM that will do; UNKNOWN: any */
	uint32_t flags; /* POLICY_SIGNED, or 0 */
};
_Static_assert(sizeof(struct vmi_note_policy) == 8, "size of vmi_note_policy");
_Static_assert(offsetof(struct vmi_note_policy, licence) == 0, "vmi_note_policy.licence");
_Static_assert(offsetof(struct vmi_note_policy, flags) == 4, "vmi_note_policy.flags");

/*
 * Contents of the note SITES.
 *
 *    0  | start                                                         |
 *    8  | end                                                           |
 */
struct vmi_note_sites {
	uint64_t start; /* guest-virtual, array of site */
	uint64_t end; /* first address after it */
};
_Static_assert(sizeof(struct vmi_note_sites) == 16, "size of vmi_note_sites");
_Static_assert(offsetof(struct vmi_note_sites, start) == 0, "vmi_note_sites.start");
_Static_assert(offsetof(struct vmi_note_sites, end) == 8, "vmi_note_sites.end");

/*
 * One place where a call is made; it holds the native form, which fills it.
 *
 *    0  |            address            |     call      | size  |reserve|
 */
struct vmi_site {
	int32_t address; /* relative to this field */
	uint16_t call; /* call number */
	uint8_t size; /* bytes of the site */
	uint8_t reserved; /* 0 */
};
_Static_assert(sizeof(struct vmi_site) == 8, "size of vmi_site");
_Static_assert(offsetof(struct vmi_site, address) == 0, "vmi_site.address");
_Static_assert(offsetof(struct vmi_site, call) == 4, "vmi_site.call");
_Static_assert(offsetof(struct vmi_site, size) == 6, "vmi_site.size");
_Static_assert(offsetof(struct vmi_site, reserved) == 7, "vmi_site.reserved");

/*
 * One handler for TrapTableSet.
 *
 *    0  |vector | flags |   reserved    |           reserved2           |
 *    8  | handler                                                       |
 *   16  | native                                                        |
 */
struct vmi_trap_gate {
	uint8_t vector;
	uint8_t flags; /* GATE_USER */
	uint16_t reserved; /* 0 */
	uint32_t reserved2; /* 0 */
	uint64_t handler; /* entry with GS base the kernel's */
	uint64_t native; /* entry with GS base the interrupted context's */
};
_Static_assert(sizeof(struct vmi_trap_gate) == 24, "size of vmi_trap_gate");
_Static_assert(offsetof(struct vmi_trap_gate, vector) == 0, "vmi_trap_gate.vector");
_Static_assert(offsetof(struct vmi_trap_gate, flags) == 1, "vmi_trap_gate.flags");
_Static_assert(offsetof(struct vmi_trap_gate, reserved) == 2, "vmi_trap_gate.reserved");
_Static_assert(offsetof(struct vmi_trap_gate, reserved2) == 4, "vmi_trap_gate.reserved2");
_Static_assert(offsetof(struct vmi_trap_gate, handler) == 8, "vmi_trap_gate.handler");
_Static_assert(offsetof(struct vmi_trap_gate, native) == 16, "vmi_trap_gate.native");

/*
 * The architectural frame of a trap, event or system call (Intel SDM volume 3, section 6.14.2).
 *
 *    0  | rip                                                           |
 *    8  | cs                                                            |
 *   16  | rflags                                                        |
 *   24  | rsp                                                           |
 *   32  | ss                                                            |
 */
struct vmi_frame {
	uint64_t rip;
	uint64_t cs; /* low two bits 3: user mode */
	uint64_t rflags; /* bit 9: virtual interrupt flag */
	uint64_t rsp;
	uint64_t ss;
};
_Static_assert(sizeof(struct vmi_frame) == 40, "size of vmi_frame");
_Static_assert(offsetof(struct vmi_frame, rip) == 0, "vmi_frame.rip");
_Static_assert(offsetof(struct vmi_frame, cs) == 8, "vmi_frame.cs");
_Static_assert(offsetof(struct vmi_frame, rflags) == 16, "vmi_frame.rflags");
_Static_assert(offsetof(struct vmi_frame, rsp) == 24, "vmi_frame.rsp");
_Static_assert(offsetof(struct vmi_frame, ss) == 32, "vmi_frame.ss");

/*
 * One update of PteSetBatch.
 *
 *    0  | entry                                                         |
 *    8  | value                                                         |
 */
struct vmi_pte_update {
	uint64_t entry; /* direct-map address of the entry */
	uint64_t value; /* from PteMake, or 0 */
};
_Static_assert(sizeof(struct vmi_pte_update) == 16, "size of vmi_pte_update");
_Static_assert(offsetof(struct vmi_pte_update, entry) == 0, "vmi_pte_update.entry");
_Static_assert(offsetof(struct vmi_pte_update, value) == 8, "vmi_pte_update.value");

/*
 * At the GS base while in the kernel. The first 64 bytes are the kernel's, with fixed meanings; the rest is
 * the ROM's.
 *
 *    0  | self                                                          |
 *    8  | kernel                                                        |
 *   16  | scratch                                                       |
 *   24  | kernel_stack                                                  |
 *   32  | reserved                                                      |
 *   40  | canary                                                        |
 *   48  |            number             |           reserved2           |
 *   56  | reserved3                                                     |
 *   64  | rom[24]                                                       |
 */
struct vmi_vcpu_block {
	uint64_t self; /* address of this block */
	uint64_t kernel; /* the kernel's own pointer */
	uint64_t scratch; /* entry code: the user's RSP */
	uint64_t kernel_stack; /* native entry code: what KernelStackSet set */
	uint64_t reserved;
	uint64_t canary; /* where compilers expect the stack protector */
	uint32_t number; /* VCPU number */
	uint32_t reserved2;
	uint64_t reserved3;
	uint64_t rom[24]; /* the ROM's */
};
_Static_assert(sizeof(struct vmi_vcpu_block) == 256, "size of vmi_vcpu_block");
_Static_assert(offsetof(struct vmi_vcpu_block, self) == 0, "vmi_vcpu_block.self");
_Static_assert(offsetof(struct vmi_vcpu_block, kernel) == 8, "vmi_vcpu_block.kernel");
_Static_assert(offsetof(struct vmi_vcpu_block, scratch) == 16, "vmi_vcpu_block.scratch");
_Static_assert(offsetof(struct vmi_vcpu_block, kernel_stack) == 24, "vmi_vcpu_block.kernel_stack");
_Static_assert(offsetof(struct vmi_vcpu_block, reserved) == 32, "vmi_vcpu_block.reserved");
_Static_assert(offsetof(struct vmi_vcpu_block, canary) == 40, "vmi_vcpu_block.canary");
_Static_assert(offsetof(struct vmi_vcpu_block, number) == 48, "vmi_vcpu_block.number");
_Static_assert(offsetof(struct vmi_vcpu_block, reserved2) == 52, "vmi_vcpu_block.reserved2");
_Static_assert(offsetof(struct vmi_vcpu_block, reserved3) == 56, "vmi_vcpu_block.reserved3");
_Static_assert(offsetof(struct vmi_vcpu_block, rom) == 64, "vmi_vcpu_block.rom");

/*
 * Argument of VcpuStart.
 *
 *    0  | entry                                                         |
 *    8  | stack                                                         |
 *   16  | page_root                                                     |
 *   24  | argument                                                      |
 *   32  | reserved                                                      |
 */
struct vmi_vcpu_start {
	uint64_t entry; /* guest-virtual */
	uint64_t stack; /* guest-virtual, end of the stack */
	uint64_t page_root; /* guest-physical */
	uint64_t argument; /* goes into RDI */
	uint64_t reserved; /* 0 */
};
_Static_assert(sizeof(struct vmi_vcpu_start) == 40, "size of vmi_vcpu_start");
_Static_assert(offsetof(struct vmi_vcpu_start, entry) == 0, "vmi_vcpu_start.entry");
_Static_assert(offsetof(struct vmi_vcpu_start, stack) == 8, "vmi_vcpu_start.stack");
_Static_assert(offsetof(struct vmi_vcpu_start, page_root) == 16, "vmi_vcpu_start.page_root");
_Static_assert(offsetof(struct vmi_vcpu_start, argument) == 24, "vmi_vcpu_start.argument");
_Static_assert(offsetof(struct vmi_vcpu_start, reserved) == 32, "vmi_vcpu_start.reserved");

/*
 * Argument of Suspend.
 *
 *    0  | entry                                                         |
 *    8  | stack                                                         |
 *   16  | page_root                                                     |
 *   24  | argument                                                      |
 */
struct vmi_resume_point {
	uint64_t entry; /* guest-virtual */
	uint64_t stack; /* guest-virtual, end of the stack */
	uint64_t page_root; /* guest-physical */
	uint64_t argument; /* kept for the guest */
};
_Static_assert(sizeof(struct vmi_resume_point) == 32, "size of vmi_resume_point");
_Static_assert(offsetof(struct vmi_resume_point, entry) == 0, "vmi_resume_point.entry");
_Static_assert(offsetof(struct vmi_resume_point, stack) == 8, "vmi_resume_point.stack");
_Static_assert(offsetof(struct vmi_resume_point, page_root) == 16, "vmi_resume_point.page_root");
_Static_assert(offsetof(struct vmi_resume_point, argument) == 24, "vmi_resume_point.argument");

/*
 * Argument of CrashReport: the state at the fault that ended the guest.
 *
 *    0  |             size              |            vector             |
 *    8  | error                                                         |
 *   16  | fault_address                                                 |
 *   24  | page_root                                                     |
 *   32  | frame[5]                                                      |
 *   72  | registers[15]                                                 |
 *  192  | message                                                       |
 *  200  |         message_size          |             taint             |
 */
struct vmi_crash_report {
	uint32_t size; /* bytes of this structure */
	uint32_t vector; /* 0xFFFFFFFF: no trap, the kernel gave up by itself */
	uint64_t error; /* error code, 0 without one */
	uint64_t fault_address; /* for page faults */
	uint64_t page_root;
	uint64_t frame[5]; /* rip cs rflags rsp ss */
	uint64_t registers[15]; /* rax rbx rcx rdx rsi rdi rbp r8 to r15 */
	uint64_t message; /* guest-virtual, ASCII */
	uint32_t message_size; /* bytes */
	uint32_t taint; /* Taint bits */
};
_Static_assert(sizeof(struct vmi_crash_report) == 208, "size of vmi_crash_report");
_Static_assert(offsetof(struct vmi_crash_report, size) == 0, "vmi_crash_report.size");
_Static_assert(offsetof(struct vmi_crash_report, vector) == 4, "vmi_crash_report.vector");
_Static_assert(offsetof(struct vmi_crash_report, error) == 8, "vmi_crash_report.error");
_Static_assert(offsetof(struct vmi_crash_report, fault_address) == 16, "vmi_crash_report.fault_address");
_Static_assert(offsetof(struct vmi_crash_report, page_root) == 24, "vmi_crash_report.page_root");
_Static_assert(offsetof(struct vmi_crash_report, frame) == 32, "vmi_crash_report.frame");
_Static_assert(offsetof(struct vmi_crash_report, registers) == 72, "vmi_crash_report.registers");
_Static_assert(offsetof(struct vmi_crash_report, message) == 192, "vmi_crash_report.message");
_Static_assert(offsetof(struct vmi_crash_report, message_size) == 200, "vmi_crash_report.message_size");
_Static_assert(offsetof(struct vmi_crash_report, taint) == 204, "vmi_crash_report.taint");

/*
 * Offset 0 of a ROM: a PCI expansion ROM header (PCI Firmware 3.0, section 5.1) that is also the header of
 * the classic VMI interface.
 *
 *    0  | rom_signature |length |         bios_entry[4]         |reserve|
 *    8  |           signature           | minor | major |jump_sl|checksu|
 *   16  |          virtual_top          |   reserved2   |    licence    |
 *   24  |      pci      |      pnp      |          descriptor           |
 *   32  | reserved3[12]                                                 |
 *  128  | classic_init[8]                                               |
 *  136  | classic_reloc[8]                                              |
 */
struct vmi_rom_header {
	uint16_t rom_signature; /* 0xAA55 */
	uint8_t length; /* whole image in 512-byte units */
	uint8_t bios_entry[4]; /* code for a BIOS: returns at once */
	uint8_t reserved; /* 0 */
	uint32_t signature; /* ROM_MAGIC */
	uint8_t minor; /* version of the interface */
	uint8_t major; /* 4; a classic client looks here and stops */
	uint8_t jump_slots; /* 0 */
	uint8_t checksum; /* makes the byte sum of the image 0 */
	uint32_t virtual_top; /* 0 */
	uint16_t reserved2; /* 0 */
	uint16_t licence; /* image offset of the SPDX expression, NUL-terminated */
	uint16_t pci; /* image offset of rom_pci */
	uint16_t pnp; /* 0: none */
	uint32_t descriptor; /* image offset of rom_descriptor */
	uint64_t reserved3[12]; /* 0 */
	uint8_t classic_init[8]; /* code for a classic client: fails */
	uint8_t classic_reloc[8]; /* code for a classic client: no relocation */
};
_Static_assert(sizeof(struct vmi_rom_header) == 144, "size of vmi_rom_header");
_Static_assert(offsetof(struct vmi_rom_header, rom_signature) == 0, "vmi_rom_header.rom_signature");
_Static_assert(offsetof(struct vmi_rom_header, length) == 2, "vmi_rom_header.length");
_Static_assert(offsetof(struct vmi_rom_header, bios_entry) == 3, "vmi_rom_header.bios_entry");
_Static_assert(offsetof(struct vmi_rom_header, reserved) == 7, "vmi_rom_header.reserved");
_Static_assert(offsetof(struct vmi_rom_header, signature) == 8, "vmi_rom_header.signature");
_Static_assert(offsetof(struct vmi_rom_header, minor) == 12, "vmi_rom_header.minor");
_Static_assert(offsetof(struct vmi_rom_header, major) == 13, "vmi_rom_header.major");
_Static_assert(offsetof(struct vmi_rom_header, jump_slots) == 14, "vmi_rom_header.jump_slots");
_Static_assert(offsetof(struct vmi_rom_header, checksum) == 15, "vmi_rom_header.checksum");
_Static_assert(offsetof(struct vmi_rom_header, virtual_top) == 16, "vmi_rom_header.virtual_top");
_Static_assert(offsetof(struct vmi_rom_header, reserved2) == 20, "vmi_rom_header.reserved2");
_Static_assert(offsetof(struct vmi_rom_header, licence) == 22, "vmi_rom_header.licence");
_Static_assert(offsetof(struct vmi_rom_header, pci) == 24, "vmi_rom_header.pci");
_Static_assert(offsetof(struct vmi_rom_header, pnp) == 26, "vmi_rom_header.pnp");
_Static_assert(offsetof(struct vmi_rom_header, descriptor) == 28, "vmi_rom_header.descriptor");
_Static_assert(offsetof(struct vmi_rom_header, reserved3) == 32, "vmi_rom_header.reserved3");
_Static_assert(offsetof(struct vmi_rom_header, classic_init) == 128, "vmi_rom_header.classic_init");
_Static_assert(offsetof(struct vmi_rom_header, classic_reloc) == 136, "vmi_rom_header.classic_reloc");

/*
 * PCI data structure (PCI Firmware 3.0, section 5.1.2; revision 0 of it, 24 bytes).
 *
 *    0  |           signature           |    vendor     |    device     |
 *    8  |  vital_data   |     size      |revisio|     class_code[3]     |
 *   16  |    length     |rom_min|rom_maj|code_ty|indicat|   reserved    |
 */
struct vmi_rom_pci {
	uint32_t signature; /* PCIR */
	uint16_t vendor;
	uint16_t device;
	uint16_t vital_data; /* 0 */
	uint16_t size; /* 24 */
	uint8_t revision; /* 0 */
	uint8_t class_code[3]; /* FF 00 00: no class */
	uint16_t length; /* as rom_header.length */
	uint8_t rom_minor; /* version of this ROM */
	uint8_t rom_major;
	uint8_t code_type; /* 0: x86 */
	uint8_t indicator; /* 0x80: last image */
	uint16_t reserved; /* 0 */
};
_Static_assert(sizeof(struct vmi_rom_pci) == 24, "size of vmi_rom_pci");
_Static_assert(offsetof(struct vmi_rom_pci, signature) == 0, "vmi_rom_pci.signature");
_Static_assert(offsetof(struct vmi_rom_pci, vendor) == 4, "vmi_rom_pci.vendor");
_Static_assert(offsetof(struct vmi_rom_pci, device) == 6, "vmi_rom_pci.device");
_Static_assert(offsetof(struct vmi_rom_pci, vital_data) == 8, "vmi_rom_pci.vital_data");
_Static_assert(offsetof(struct vmi_rom_pci, size) == 10, "vmi_rom_pci.size");
_Static_assert(offsetof(struct vmi_rom_pci, revision) == 12, "vmi_rom_pci.revision");
_Static_assert(offsetof(struct vmi_rom_pci, class_code) == 13, "vmi_rom_pci.class_code");
_Static_assert(offsetof(struct vmi_rom_pci, length) == 16, "vmi_rom_pci.length");
_Static_assert(offsetof(struct vmi_rom_pci, rom_minor) == 18, "vmi_rom_pci.rom_minor");
_Static_assert(offsetof(struct vmi_rom_pci, rom_major) == 19, "vmi_rom_pci.rom_major");
_Static_assert(offsetof(struct vmi_rom_pci, code_type) == 20, "vmi_rom_pci.code_type");
_Static_assert(offsetof(struct vmi_rom_pci, indicator) == 21, "vmi_rom_pci.indicator");
_Static_assert(offsetof(struct vmi_rom_pci, reserved) == 22, "vmi_rom_pci.reserved");

/*
 * What version 4 adds. All offsets are from the start of the image; a size of 0 means absent.
 *
 *    0  |             magic             |             size              |
 *    8  |             text              |           text_size           |
 *   16  |             data              |           data_size           |
 *   24  |          data_memory          |           vcpu_size           |
 *   32  |             calls             |          call_count           |
 *   40  |          relocations          |       relocation_count        |
 *   48  |            recipes            |         recipes_size          |
 *   56  |            groups             |          group_count          |
 *   64  |profile|licence|     stack     |           reserved            |
 *   72  |           manifest            |         manifest_size         |
 *   80  |            capsule            |         capsule_size          |
 *   88  |           signature           |        signature_size         |
 *   96  | build_id[32]                                                  |
 *  128  | reserved2[2]                                                  |
 */
struct vmi_rom_descriptor {
	uint32_t magic; /* DESCRIPTOR_MAGIC */
	uint32_t size; /* bytes of this structure; grows at the end only */
	uint32_t text; /* 16-byte aligned */
	uint32_t text_size; /* at most TEXT_LIMIT */
	uint32_t data; /* initial contents of the data page */
	uint32_t data_size; /* at most data_memory */
	uint32_t data_memory; /* with what starts as zero, at most DATA_LIMIT */
	uint32_t vcpu_size; /* bytes used of the ROM's part of the VCPU block */
	uint32_t calls; /* array of rom_call, by ascending number */
	uint32_t call_count;
	uint32_t relocations; /* array of rom_reloc */
	uint32_t relocation_count;
	uint32_t recipes; /* the bytes of all recipes */
	uint32_t recipes_size;
	uint32_t groups; /* array of rom_group, by ascending number */
	uint32_t group_count;
	uint8_t profile; /* profile that the ROM passes */
	uint8_t licence_class; /* LicenceClass of the SPDX expression */
	uint16_t stack; /* most bytes of stack a call uses */
	uint32_t reserved; /* 0 */
	uint32_t manifest; /* JSON, UTF-8 */
	uint32_t manifest_size;
	uint32_t capsule; /* rom_capsule and what stands behind it */
	uint32_t capsule_size;
	uint32_t signature; /* rom_signature, at the start of the image's last 512 bytes, zeros behind it */
	uint32_t signature_size;
	uint8_t build_id[32]; /* SHA-256 over text, data, recipes, calls, relocations, groups, each after its size as u32 */
	uint64_t reserved2[2]; /* 0 */
};
_Static_assert(sizeof(struct vmi_rom_descriptor) == 144, "size of vmi_rom_descriptor");
_Static_assert(offsetof(struct vmi_rom_descriptor, magic) == 0, "vmi_rom_descriptor.magic");
_Static_assert(offsetof(struct vmi_rom_descriptor, size) == 4, "vmi_rom_descriptor.size");
_Static_assert(offsetof(struct vmi_rom_descriptor, text) == 8, "vmi_rom_descriptor.text");
_Static_assert(offsetof(struct vmi_rom_descriptor, text_size) == 12, "vmi_rom_descriptor.text_size");
_Static_assert(offsetof(struct vmi_rom_descriptor, data) == 16, "vmi_rom_descriptor.data");
_Static_assert(offsetof(struct vmi_rom_descriptor, data_size) == 20, "vmi_rom_descriptor.data_size");
_Static_assert(offsetof(struct vmi_rom_descriptor, data_memory) == 24, "vmi_rom_descriptor.data_memory");
_Static_assert(offsetof(struct vmi_rom_descriptor, vcpu_size) == 28, "vmi_rom_descriptor.vcpu_size");
_Static_assert(offsetof(struct vmi_rom_descriptor, calls) == 32, "vmi_rom_descriptor.calls");
_Static_assert(offsetof(struct vmi_rom_descriptor, call_count) == 36, "vmi_rom_descriptor.call_count");
_Static_assert(offsetof(struct vmi_rom_descriptor, relocations) == 40, "vmi_rom_descriptor.relocations");
_Static_assert(offsetof(struct vmi_rom_descriptor, relocation_count) == 44, "vmi_rom_descriptor.relocation_count");
_Static_assert(offsetof(struct vmi_rom_descriptor, recipes) == 48, "vmi_rom_descriptor.recipes");
_Static_assert(offsetof(struct vmi_rom_descriptor, recipes_size) == 52, "vmi_rom_descriptor.recipes_size");
_Static_assert(offsetof(struct vmi_rom_descriptor, groups) == 56, "vmi_rom_descriptor.groups");
_Static_assert(offsetof(struct vmi_rom_descriptor, group_count) == 60, "vmi_rom_descriptor.group_count");
_Static_assert(offsetof(struct vmi_rom_descriptor, profile) == 64, "vmi_rom_descriptor.profile");
_Static_assert(offsetof(struct vmi_rom_descriptor, licence_class) == 65, "vmi_rom_descriptor.licence_class");
_Static_assert(offsetof(struct vmi_rom_descriptor, stack) == 66, "vmi_rom_descriptor.stack");
_Static_assert(offsetof(struct vmi_rom_descriptor, reserved) == 68, "vmi_rom_descriptor.reserved");
_Static_assert(offsetof(struct vmi_rom_descriptor, manifest) == 72, "vmi_rom_descriptor.manifest");
_Static_assert(offsetof(struct vmi_rom_descriptor, manifest_size) == 76, "vmi_rom_descriptor.manifest_size");
_Static_assert(offsetof(struct vmi_rom_descriptor, capsule) == 80, "vmi_rom_descriptor.capsule");
_Static_assert(offsetof(struct vmi_rom_descriptor, capsule_size) == 84, "vmi_rom_descriptor.capsule_size");
_Static_assert(offsetof(struct vmi_rom_descriptor, signature) == 88, "vmi_rom_descriptor.signature");
_Static_assert(offsetof(struct vmi_rom_descriptor, signature_size) == 92, "vmi_rom_descriptor.signature_size");
_Static_assert(offsetof(struct vmi_rom_descriptor, build_id) == 96, "vmi_rom_descriptor.build_id");
_Static_assert(offsetof(struct vmi_rom_descriptor, reserved2) == 128, "vmi_rom_descriptor.reserved2");

/*
 * What a ROM answers for one call. A call without entry is NATIVE.
 *
 *    0  |    number     | kind  |relocat|            target             |
 *    8  |          relocation           |     size      |   reserved    |
 */
struct vmi_rom_call {
	uint16_t number; /* call number */
	uint8_t kind; /* LinkKind */
	uint8_t relocation_count; /* relocations of the recipe */
	uint32_t target; /* CALL, JUMP: offset in the text; INLINE: offset in the recipes */
	uint32_t relocation; /* index of its first relocation */
	uint16_t size; /* INLINE: bytes of the recipe */
	uint16_t reserved; /* 0 */
};
_Static_assert(sizeof(struct vmi_rom_call) == 16, "size of vmi_rom_call");
_Static_assert(offsetof(struct vmi_rom_call, number) == 0, "vmi_rom_call.number");
_Static_assert(offsetof(struct vmi_rom_call, kind) == 2, "vmi_rom_call.kind");
_Static_assert(offsetof(struct vmi_rom_call, relocation_count) == 3, "vmi_rom_call.relocation_count");
_Static_assert(offsetof(struct vmi_rom_call, target) == 4, "vmi_rom_call.target");
_Static_assert(offsetof(struct vmi_rom_call, relocation) == 8, "vmi_rom_call.relocation");
_Static_assert(offsetof(struct vmi_rom_call, size) == 12, "vmi_rom_call.size");
_Static_assert(offsetof(struct vmi_rom_call, reserved) == 14, "vmi_rom_call.reserved");

/*
 * Four bytes of a recipe to complete.
 *
 *    0  | kind  |offset |   reserved    |            target             |
 *    8  |            addend             |
 */
struct vmi_rom_reloc {
	uint8_t kind; /* RelocationKind */
	uint8_t offset; /* of the four bytes in the recipe */
	uint16_t reserved; /* 0 */
	uint32_t target; /* offset in text, data, or the ROM's part of the VCPU block */
	int32_t addend; /* TEXT, DATA: value = target address + addend - field address, as R_X86_64_PC32 (System V psABI); VCPU: 0 */
};
_Static_assert(sizeof(struct vmi_rom_reloc) == 12, "size of vmi_rom_reloc");
_Static_assert(offsetof(struct vmi_rom_reloc, kind) == 0, "vmi_rom_reloc.kind");
_Static_assert(offsetof(struct vmi_rom_reloc, offset) == 1, "vmi_rom_reloc.offset");
_Static_assert(offsetof(struct vmi_rom_reloc, reserved) == 2, "vmi_rom_reloc.reserved");
_Static_assert(offsetof(struct vmi_rom_reloc, target) == 4, "vmi_rom_reloc.target");
_Static_assert(offsetof(struct vmi_rom_reloc, addend) == 8, "vmi_rom_reloc.addend");

/*
 * A group that the ROM implements.
 *
 *    0  | group |revisio|may_be_|reserve|
 */
struct vmi_rom_group {
	uint8_t group; /* group number */
	uint8_t revision;
	uint8_t may_be_native; /* 1: the hypervisor can run the guest with this group native */
	uint8_t reserved; /* 0 */
};
_Static_assert(sizeof(struct vmi_rom_group) == 4, "size of vmi_rom_group");
_Static_assert(offsetof(struct vmi_rom_group, group) == 0, "vmi_rom_group.group");
_Static_assert(offsetof(struct vmi_rom_group, revision) == 1, "vmi_rom_group.revision");
_Static_assert(offsetof(struct vmi_rom_group, may_be_native) == 2, "vmi_rom_group.may_be_native");
_Static_assert(offsetof(struct vmi_rom_group, reserved) == 3, "vmi_rom_group.reserved");

/*
 * The source of a ROM: this, then what kind says, up to the end of the part. A ROM of the classic interface
 * has it behind the image that its length tells.
 *
 *    0  |             magic             |     size      |     kind      |
 *    8  |           tar_size            |         contents_size         |
 *   16  | sha256[32]                                                    |
 */
struct vmi_rom_capsule {
	uint32_t magic; /* CAPSULE_MAGIC */
	uint16_t size; /* bytes of this structure; grows at the end only */
	uint16_t kind; /* CapsuleKind */
	uint32_t tar_size; /* bytes of the tar, at most CAPSULE_LIMIT */
	uint32_t contents_size; /* bytes behind the structure */
	uint8_t sha256[32]; /* of the tar */
};
_Static_assert(sizeof(struct vmi_rom_capsule) == 48, "size of vmi_rom_capsule");
_Static_assert(offsetof(struct vmi_rom_capsule, magic) == 0, "vmi_rom_capsule.magic");
_Static_assert(offsetof(struct vmi_rom_capsule, size) == 4, "vmi_rom_capsule.size");
_Static_assert(offsetof(struct vmi_rom_capsule, kind) == 6, "vmi_rom_capsule.kind");
_Static_assert(offsetof(struct vmi_rom_capsule, tar_size) == 8, "vmi_rom_capsule.tar_size");
_Static_assert(offsetof(struct vmi_rom_capsule, contents_size) == 12, "vmi_rom_capsule.contents_size");
_Static_assert(offsetof(struct vmi_rom_capsule, sha256) == 16, "vmi_rom_capsule.sha256");

/*
 * The signature of a ROM. Signed are the 24 bytes "OpenVMI ROM signature 1" and NUL, then the image with the
 * signature's 64 bytes and rom_header.checksum as zeros.
 *
 *    0  |             magic             |     size      |   algorithm   |
 *    8  | key[32]                                                       |
 *   40  | signature[64]                                                 |
 */
struct vmi_rom_signature {
	uint32_t magic; /* SIGNATURE_MAGIC */
	uint16_t size; /* bytes of this structure */
	uint16_t algorithm; /* SignatureAlgorithm */
	uint8_t key[32]; /* public key of the signer */
	uint8_t signature[64]; /* as RFC 8032 has it: R, S */
};
_Static_assert(sizeof(struct vmi_rom_signature) == 104, "size of vmi_rom_signature");
_Static_assert(offsetof(struct vmi_rom_signature, magic) == 0, "vmi_rom_signature.magic");
_Static_assert(offsetof(struct vmi_rom_signature, size) == 4, "vmi_rom_signature.size");
_Static_assert(offsetof(struct vmi_rom_signature, algorithm) == 6, "vmi_rom_signature.algorithm");
_Static_assert(offsetof(struct vmi_rom_signature, key) == 8, "vmi_rom_signature.key");
_Static_assert(offsetof(struct vmi_rom_signature, signature) == 40, "vmi_rom_signature.signature");

#endif
