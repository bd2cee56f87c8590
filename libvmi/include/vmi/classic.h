/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Generated from abi/3.0 by "openvmi abi generate". Do not edit. */
/* Every number and structure of the classic interface, VMI 3.0 for i386, for C and for the assembler. */
#ifndef VMI_CLASSIC_H
#define VMI_CLASSIC_H

#define VMI3_MAJOR 3
#define VMI3_MINOR 0

/* Calls. */
#define VMI3_CALL_COUNT 74
#define VMI3_CALL_CPUID 0
#define VMI3_CALL_WRMSR 1
#define VMI3_CALL_RDMSR 2
#define VMI3_CALL_SetGDT 3
#define VMI3_CALL_SetLDT 4
#define VMI3_CALL_SetIDT 5
#define VMI3_CALL_SetTR 6
#define VMI3_CALL_GetGDT 7
#define VMI3_CALL_GetLDT 8
#define VMI3_CALL_GetIDT 9
#define VMI3_CALL_GetTR 10
#define VMI3_CALL_WriteGDTEntry 11
#define VMI3_CALL_WriteLDTEntry 12
#define VMI3_CALL_WriteIDTEntry 13
#define VMI3_CALL_UpdateKernelStack 14
#define VMI3_CALL_SetCR0 15
#define VMI3_CALL_SetCR2 16
#define VMI3_CALL_SetCR3 17
#define VMI3_CALL_SetCR4 18
#define VMI3_CALL_GetCR0 19
#define VMI3_CALL_GetCR2 20
#define VMI3_CALL_GetCR3 21
#define VMI3_CALL_GetCR4 22
#define VMI3_CALL_WBINVD 23
#define VMI3_CALL_SetDR 24
#define VMI3_CALL_GetDR 25
#define VMI3_CALL_RDPMC 26
#define VMI3_CALL_RDTSC 27
#define VMI3_CALL_CLTS 28
#define VMI3_CALL_EnableInterrupts 29
#define VMI3_CALL_DisableInterrupts 30
#define VMI3_CALL_GetInterruptMask 31
#define VMI3_CALL_SetInterruptMask 32
#define VMI3_CALL_IRET 33
#define VMI3_CALL_SYSEXIT 34
#define VMI3_CALL_Halt 35
#define VMI3_CALL_Reboot 36
#define VMI3_CALL_Shutdown 37
#define VMI3_CALL_SetPxE 38
#define VMI3_CALL_SetPxELong 39
#define VMI3_CALL_UpdatePxE 40
#define VMI3_CALL_UpdatePxELong 41
#define VMI3_CALL_MachineToPhysical 42
#define VMI3_CALL_PhysicalToMachine 43
#define VMI3_CALL_AllocatePage 44
#define VMI3_CALL_ReleasePage 45
#define VMI3_CALL_InvalPage 46
#define VMI3_CALL_FlushTLB 47
#define VMI3_CALL_SetLinearMapping 48
#define VMI3_CALL_INL 49
#define VMI3_CALL_INB 50
#define VMI3_CALL_INW 51
#define VMI3_CALL_INSL 52
#define VMI3_CALL_INSB 53
#define VMI3_CALL_INSW 54
#define VMI3_CALL_OUTL 55
#define VMI3_CALL_OUTB 56
#define VMI3_CALL_OUTW 57
#define VMI3_CALL_OUTSL 58
#define VMI3_CALL_OUTSB 59
#define VMI3_CALL_OUTSW 60
#define VMI3_CALL_SetIOPLMask 61
#define VMI3_CALL_SetInitialAPState 62
#define VMI3_CALL_APICWrite 63
#define VMI3_CALL_APICRead 64
#define VMI3_CALL_IODelay 65
#define VMI3_CALL_GetCycleFrequency 66
#define VMI3_CALL_GetCycleCounter 67
#define VMI3_CALL_SetAlarm 68
#define VMI3_CALL_CancelAlarm 69
#define VMI3_CALL_GetWallclockTime 70
#define VMI3_CALL_WallclockUpdated 71
#define VMI3_CALL_SetCallbacks 72
#define VMI3_CALL_SetLazyMode 73

/* What get_reloc answers for a call. */
#define VMI3_RELOCATION_NONE 0 /* The ROM does not implement the call: the client keeps its own. */
#define VMI3_RELOCATION_CALL_REL 1 /* Call the address. */
#define VMI3_RELOCATION_JUMP_REL 2 /* Jump to the address; for calls that do not return. */
#define VMI3_RELOCATION_NOP 3 /* There is nothing to do; for calls without result. Absent in early headers of 3.0. */

/* header.rom_signature: an option ROM. */
#define VMI3_ROM_SIGNATURE 0xaa55
/* header.vrom_signature: the bytes cVmi. */
#define VMI3_SIGNATURE 0x696d5663
/* pci.vendorID; a client warns about any other, and takes it. */
#define VMI3_PCI_VENDOR 0x15ad
/* pci.deviceID, likewise. */
#define VMI3_PCI_DEVICE 0x801
/* Physical address where clients begin to look for a ROM. The first that matches is used, in place. */
#define VMI3_SCAN_START 0xc0000
/* First physical address that they do not look at. */
#define VMI3_SCAN_END 0xe0000
/* They look at multiples of this. */
#define VMI3_SCAN_STEP 0x800
/* MMU calls: no flag; for debugging only. */
#define VMI3_PAGE_NORMAL 0x0
/* MMU calls: the page, or the entry's, is a page table. */
#define VMI3_PAGE_PT 0x1
/* MMU calls: it is a page directory. */
#define VMI3_PAGE_PD 0x2
/* MMU calls: it is the table of page-directory pointers (PAE). */
#define VMI3_PAGE_PDP 0x4
/* MMU calls: not used on i386. */
#define VMI3_PAGE_PML4 0x8
/* AllocatePage, ReleasePage: a PAE table. The same bit as CURRENT_AS of the other calls. */
#define VMI3_PAGE_PAE 0x10
/* AllocatePage: entries are copied from another page. The same bit as DEFER of the other calls. */
#define VMI3_PAGE_CLONE 0x20
/* AllocatePage: the page is zero already. Linux sets it for the boot directory too, which is not. */
#define VMI3_PAGE_ZEROED 0x40
/* SetPxE, UpdatePxE and their Long forms: the entry belongs to the active address space, the bits of
 * PAGE_VA_MASK are valid. */
#define VMI3_PAGE_CURRENT_AS 0x10
/* The same calls: may be queued until the TLB is flushed. */
#define VMI3_PAGE_DEFER 0x20
/* The same calls: the virtual page that the entry maps. */
#define VMI3_PAGE_VA_MASK 0xfffff000
/* FlushTLB: always set. */
#define VMI3_FLUSH_TLB 0x1
/* FlushTLB: global pages too. */
#define VMI3_FLUSH_GLOBAL 0x2
/* SetLinearMapping: slots are below this. */
#define VMI3_LINEAR_MAP_SLOTS 0x4
/* Counter: real time, the same on all CPUs; real = available + stolen. */
#define VMI3_CYCLES_REAL 0x0
/* Counter: time in which this CPU ran, or had nothing to do. */
#define VMI3_CYCLES_AVAILABLE 0x1
/* Counter: time in which this CPU was ready and did not run. */
#define VMI3_CYCLES_STOLEN 0x2
/* Counters below this have an alarm: REAL and AVAILABLE. */
#define VMI3_ALARM_COUNTERS 0x2
/* SetAlarm, CancelAlarm: the counter in the flags. */
#define VMI3_ALARM_COUNTER_MASK 0xff
/* SetAlarm: once. */
#define VMI3_ALARM_IS_ONESHOT 0x0
/* SetAlarm: again and again. */
#define VMI3_ALARM_IS_PERIODIC 0x100
/* SetAlarm: delivered as IRQ 0. */
#define VMI3_ALARM_WIRED_IRQ0 0x0
/* SetAlarm: delivered through the local APIC's timer entry, vector and mask as the kernel programmed them. */
#define VMI3_ALARM_WIRED_LVTT 0x10000
/* SetLazyMode: do everything queued; queue nothing more. */
#define VMI3_LAZY_OFF 0x0
/* SetLazyMode: MMU updates may be queued. */
#define VMI3_LAZY_MMU 0x1
/* SetLazyMode: CPU state of a context switch may be queued. */
#define VMI3_LAZY_CPU 0x2

/* Sizes of the structures and offsets of their fields. */
#define VMI3_SIZE_HEADER 144
#define VMI3_HEADER_ROM_SIGNATURE 0x00
#define VMI3_HEADER_ROM_LENGTH 0x02
#define VMI3_HEADER_ROM_ENTRY 0x03
#define VMI3_HEADER_ROM_PAD0 0x07
#define VMI3_HEADER_VROM_SIGNATURE 0x08
#define VMI3_HEADER_API_VERSION_MIN 0x0c
#define VMI3_HEADER_API_VERSION_MAJ 0x0d
#define VMI3_HEADER_JUMP_SLOTS 0x0e
#define VMI3_HEADER_RESERVED1 0x0f
#define VMI3_HEADER_VIRTUAL_TOP 0x10
#define VMI3_HEADER_RESERVED2 0x14
#define VMI3_HEADER_LICENSE_OFFS 0x16
#define VMI3_HEADER_PCI_HEADER_OFFS 0x18
#define VMI3_HEADER_PNP_HEADER_OFFS 0x1a
#define VMI3_HEADER_ROM_PAD3 0x1c
#define VMI3_HEADER_RESERVED 0x20
#define VMI3_HEADER_VMI_INIT 0x80
#define VMI3_HEADER_GET_RELOC 0x88
#define VMI3_SIZE_PCI 24
#define VMI3_PCI_SIG 0x00
#define VMI3_PCI_VENDORID 0x04
#define VMI3_PCI_DEVICEID 0x06
#define VMI3_PCI_VPDDATA 0x08
#define VMI3_PCI_SIZE 0x0a
#define VMI3_PCI_REV 0x0c
#define VMI3_PCI_CLASS 0x0d
#define VMI3_PCI_SUBCLASS 0x0e
#define VMI3_PCI_INTERFACE 0x0f
#define VMI3_PCI_CHUNKS 0x10
#define VMI3_PCI_ROM_VERSION_MIN 0x12
#define VMI3_PCI_ROM_VERSION_MAJ 0x13
#define VMI3_PCI_CODETYPE 0x14
#define VMI3_PCI_LASTROM 0x15
#define VMI3_PCI_RESERVED 0x16
#define VMI3_SIZE_PNP 18
#define VMI3_PNP_SIG 0x00
#define VMI3_PNP_REV 0x04
#define VMI3_PNP_SIZE 0x05
#define VMI3_PNP_NEXT 0x06
#define VMI3_PNP_RES 0x08
#define VMI3_PNP_DEVID 0x0a
#define VMI3_PNP_MANUFACTURER_OFFSET 0x0e
#define VMI3_PNP_PRODUCT_OFFSET 0x10
#define VMI3_SIZE_AP_STATE 92
#define VMI3_AP_STATE_CR0 0x00
#define VMI3_AP_STATE_CR2 0x04
#define VMI3_AP_STATE_CR3 0x08
#define VMI3_AP_STATE_CR4 0x0c
#define VMI3_AP_STATE_EFER 0x10
#define VMI3_AP_STATE_EIP 0x18
#define VMI3_AP_STATE_EFLAGS 0x1c
#define VMI3_AP_STATE_EAX 0x20
#define VMI3_AP_STATE_EBX 0x24
#define VMI3_AP_STATE_ECX 0x28
#define VMI3_AP_STATE_EDX 0x2c
#define VMI3_AP_STATE_ESP 0x30
#define VMI3_AP_STATE_EBP 0x34
#define VMI3_AP_STATE_ESI 0x38
#define VMI3_AP_STATE_EDI 0x3c
#define VMI3_AP_STATE_CS 0x40
#define VMI3_AP_STATE_SS 0x42
#define VMI3_AP_STATE_DS 0x44
#define VMI3_AP_STATE_ES 0x46
#define VMI3_AP_STATE_FS 0x48
#define VMI3_AP_STATE_GS 0x4a
#define VMI3_AP_STATE_LDTR 0x4c
#define VMI3_AP_STATE_GDTR_LIMIT 0x4e
#define VMI3_AP_STATE_GDTR_BASE 0x50
#define VMI3_AP_STATE_IDTR_BASE 0x54
#define VMI3_AP_STATE_IDTR_LIMIT 0x58
#define VMI3_AP_STATE_RESERVED 0x5a

#ifndef __ASSEMBLER__
#include <stddef.h>
#include <stdint.h>

/*
 * The first bytes of a ROM.
 *
 *    0  | rom_signature |rom_len|         rom_entry[4]          |rom_pad|
 *    8  |        vrom_signature         |api_ver|api_ver|jump_sl|reserve|
 *   16  |          virtual_top          |   reserved2   | license_offs  |
 *   24  |pci_header_offs|pnp_header_offs|           rom_pad3            |
 *   32  | reserved[96]                                                  |
 *  128  | vmi_init[8]                                                   |
 *  136  | get_reloc[8]                                                  |
 */
struct vmi3_header {
	uint16_t rom_signature; /* ROM_SIGNATURE */
	uint8_t rom_length; /* in units of 512 bytes; not read by Linux, but by the firmware */
	uint8_t rom_entry[4]; /* 16-bit code that the firmware calls */
	uint8_t rom_pad0;
	uint32_t vrom_signature; /* SIGNATURE */
	uint8_t api_version_min; /* 0 */
	uint8_t api_version_maj; /* 3; a client refuses any other */
	uint8_t jump_slots; /* not read by Linux; meaning unverified */
	uint8_t reserved1;
	uint32_t virtual_top; /* linear address from which on the hypervisor owns the address space; 0: nowhere */
	uint16_t reserved2;
	uint16_t license_offs; /* of the licence, NUL-terminated; Linux takes GPL and GPL v2, nothing else */
	uint16_t pci_header_offs; /* of struct pci; not 0 */
	uint16_t pnp_header_offs; /* of struct pnp; 0: none */
	uint32_t rom_pad3;
	uint8_t reserved[96]; /* room for the other headers */
	uint8_t vmi_init[8]; /* code */
	uint8_t get_reloc[8]; /* code */
} __attribute__((packed));
_Static_assert(sizeof(struct vmi3_header) == 144, "size of vmi3_header");
_Static_assert(offsetof(struct vmi3_header, rom_signature) == 0, "vmi3_header.rom_signature");
_Static_assert(offsetof(struct vmi3_header, rom_length) == 2, "vmi3_header.rom_length");
_Static_assert(offsetof(struct vmi3_header, rom_entry) == 3, "vmi3_header.rom_entry");
_Static_assert(offsetof(struct vmi3_header, rom_pad0) == 7, "vmi3_header.rom_pad0");
_Static_assert(offsetof(struct vmi3_header, vrom_signature) == 8, "vmi3_header.vrom_signature");
_Static_assert(offsetof(struct vmi3_header, api_version_min) == 12, "vmi3_header.api_version_min");
_Static_assert(offsetof(struct vmi3_header, api_version_maj) == 13, "vmi3_header.api_version_maj");
_Static_assert(offsetof(struct vmi3_header, jump_slots) == 14, "vmi3_header.jump_slots");
_Static_assert(offsetof(struct vmi3_header, reserved1) == 15, "vmi3_header.reserved1");
_Static_assert(offsetof(struct vmi3_header, virtual_top) == 16, "vmi3_header.virtual_top");
_Static_assert(offsetof(struct vmi3_header, reserved2) == 20, "vmi3_header.reserved2");
_Static_assert(offsetof(struct vmi3_header, license_offs) == 22, "vmi3_header.license_offs");
_Static_assert(offsetof(struct vmi3_header, pci_header_offs) == 24, "vmi3_header.pci_header_offs");
_Static_assert(offsetof(struct vmi3_header, pnp_header_offs) == 26, "vmi3_header.pnp_header_offs");
_Static_assert(offsetof(struct vmi3_header, rom_pad3) == 28, "vmi3_header.rom_pad3");
_Static_assert(offsetof(struct vmi3_header, reserved) == 32, "vmi3_header.reserved");
_Static_assert(offsetof(struct vmi3_header, vmi_init) == 128, "vmi3_header.vmi_init");
_Static_assert(offsetof(struct vmi3_header, get_reloc) == 136, "vmi3_header.get_reloc");

/*
 * PCI data structure of the option ROM.
 *
 *    0  |              sig              |   vendorID    |   deviceID    |
 *    8  |    vpdData    |     size      |  rev  | class |subclas|interfa|
 *   16  |    chunks     |rom_ver|rom_ver|codetyp|lastRom|   reserved    |
 */
struct vmi3_pci {
	uint32_t sig; /* PCIR; not read by Linux */
	uint16_t vendorID; /* PCI_VENDOR */
	uint16_t deviceID; /* PCI_DEVICE */
	uint16_t vpdData;
	uint16_t size; /* bytes of this structure */
	uint8_t rev;
	uint8_t class;
	uint8_t subclass;
	uint8_t interface;
	uint16_t chunks; /* length of the ROM in units of 512 bytes */
	uint8_t rom_version_min; /* printed by Linux */
	uint8_t rom_version_maj; /* printed by Linux */
	uint8_t codetype;
	uint8_t lastRom; /* bit 7: no other image follows */
	uint16_t reserved;
} __attribute__((packed));
_Static_assert(sizeof(struct vmi3_pci) == 24, "size of vmi3_pci");
_Static_assert(offsetof(struct vmi3_pci, sig) == 0, "vmi3_pci.sig");
_Static_assert(offsetof(struct vmi3_pci, vendorID) == 4, "vmi3_pci.vendorID");
_Static_assert(offsetof(struct vmi3_pci, deviceID) == 6, "vmi3_pci.deviceID");
_Static_assert(offsetof(struct vmi3_pci, vpdData) == 8, "vmi3_pci.vpdData");
_Static_assert(offsetof(struct vmi3_pci, size) == 10, "vmi3_pci.size");
_Static_assert(offsetof(struct vmi3_pci, rev) == 12, "vmi3_pci.rev");
_Static_assert(offsetof(struct vmi3_pci, class) == 13, "vmi3_pci.class");
_Static_assert(offsetof(struct vmi3_pci, subclass) == 14, "vmi3_pci.subclass");
_Static_assert(offsetof(struct vmi3_pci, interface) == 15, "vmi3_pci.interface");
_Static_assert(offsetof(struct vmi3_pci, chunks) == 16, "vmi3_pci.chunks");
_Static_assert(offsetof(struct vmi3_pci, rom_version_min) == 18, "vmi3_pci.rom_version_min");
_Static_assert(offsetof(struct vmi3_pci, rom_version_maj) == 19, "vmi3_pci.rom_version_maj");
_Static_assert(offsetof(struct vmi3_pci, codetype) == 20, "vmi3_pci.codetype");
_Static_assert(offsetof(struct vmi3_pci, lastRom) == 21, "vmi3_pci.lastRom");
_Static_assert(offsetof(struct vmi3_pci, reserved) == 22, "vmi3_pci.reserved");

/*
 * Plug-and-play expansion header of the option ROM.
 *
 *    0  |              sig              |  rev  | size  |     next      |
 *    8  |      res      |             devID             |manufacturer_of|
 *   16  |product_offset |
 */
struct vmi3_pnp {
	uint32_t sig; /* $PnP; not read by Linux */
	uint8_t rev;
	uint8_t size; /* in units of 16 bytes */
	uint16_t next;
	uint16_t res; /* the standard's checksum is its high byte */
	uint32_t devID;
	uint16_t manufacturer_offset; /* of a string, from the start of the ROM; 0: Linux prints UNKNOWN */
	uint16_t product_offset; /* likewise */
} __attribute__((packed));
_Static_assert(sizeof(struct vmi3_pnp) == 18, "size of vmi3_pnp");
_Static_assert(offsetof(struct vmi3_pnp, sig) == 0, "vmi3_pnp.sig");
_Static_assert(offsetof(struct vmi3_pnp, rev) == 4, "vmi3_pnp.rev");
_Static_assert(offsetof(struct vmi3_pnp, size) == 5, "vmi3_pnp.size");
_Static_assert(offsetof(struct vmi3_pnp, next) == 6, "vmi3_pnp.next");
_Static_assert(offsetof(struct vmi3_pnp, res) == 8, "vmi3_pnp.res");
_Static_assert(offsetof(struct vmi3_pnp, devID) == 10, "vmi3_pnp.devID");
_Static_assert(offsetof(struct vmi3_pnp, manufacturer_offset) == 14, "vmi3_pnp.manufacturer_offset");
_Static_assert(offsetof(struct vmi3_pnp, product_offset) == 16, "vmi3_pnp.product_offset");

/*
 * What an application processor starts with, for SetInitialAPState. What is not in it is as after power-on.
 *
 *    0  |              cr0              |              cr2              |
 *    8  |              cr3              |              cr4              |
 *   16  | efer                                                          |
 *   24  |              eip              |            eflags             |
 *   32  |              eax              |              ebx              |
 *   40  |              ecx              |              edx              |
 *   48  |              esp              |              ebp              |
 *   56  |              esi              |              edi              |
 *   64  |      cs       |      ss       |      ds       |      es       |
 *   72  |      fs       |      gs       |     ldtr      |  gdtr_limit   |
 *   80  |           gdtr_base           |           idtr_base           |
 *   88  |  idtr_limit   |   reserved    |
 */
struct vmi3_ap_state {
	uint32_t cr0; /* Linux: 0x80050023 */
	uint32_t cr2;
	uint32_t cr3;
	uint32_t cr4;
	uint64_t efer; /* 0, but for PAE with NX */
	uint32_t eip;
	uint32_t eflags;
	uint32_t eax;
	uint32_t ebx;
	uint32_t ecx;
	uint32_t edx;
	uint32_t esp;
	uint32_t ebp;
	uint32_t esi;
	uint32_t edi;
	uint16_t cs; /* selectors; the hidden parts are loaded from the GDT given */
	uint16_t ss;
	uint16_t ds;
	uint16_t es;
	uint16_t fs;
	uint16_t gs;
	uint16_t ldtr;
	uint16_t gdtr_limit;
	uint32_t gdtr_base; /* linear */
	uint32_t idtr_base; /* linear */
	uint16_t idtr_limit;
	uint16_t reserved; /* the C compiler's padding */
} __attribute__((packed));
_Static_assert(sizeof(struct vmi3_ap_state) == 92, "size of vmi3_ap_state");
_Static_assert(offsetof(struct vmi3_ap_state, cr0) == 0, "vmi3_ap_state.cr0");
_Static_assert(offsetof(struct vmi3_ap_state, cr2) == 4, "vmi3_ap_state.cr2");
_Static_assert(offsetof(struct vmi3_ap_state, cr3) == 8, "vmi3_ap_state.cr3");
_Static_assert(offsetof(struct vmi3_ap_state, cr4) == 12, "vmi3_ap_state.cr4");
_Static_assert(offsetof(struct vmi3_ap_state, efer) == 16, "vmi3_ap_state.efer");
_Static_assert(offsetof(struct vmi3_ap_state, eip) == 24, "vmi3_ap_state.eip");
_Static_assert(offsetof(struct vmi3_ap_state, eflags) == 28, "vmi3_ap_state.eflags");
_Static_assert(offsetof(struct vmi3_ap_state, eax) == 32, "vmi3_ap_state.eax");
_Static_assert(offsetof(struct vmi3_ap_state, ebx) == 36, "vmi3_ap_state.ebx");
_Static_assert(offsetof(struct vmi3_ap_state, ecx) == 40, "vmi3_ap_state.ecx");
_Static_assert(offsetof(struct vmi3_ap_state, edx) == 44, "vmi3_ap_state.edx");
_Static_assert(offsetof(struct vmi3_ap_state, esp) == 48, "vmi3_ap_state.esp");
_Static_assert(offsetof(struct vmi3_ap_state, ebp) == 52, "vmi3_ap_state.ebp");
_Static_assert(offsetof(struct vmi3_ap_state, esi) == 56, "vmi3_ap_state.esi");
_Static_assert(offsetof(struct vmi3_ap_state, edi) == 60, "vmi3_ap_state.edi");
_Static_assert(offsetof(struct vmi3_ap_state, cs) == 64, "vmi3_ap_state.cs");
_Static_assert(offsetof(struct vmi3_ap_state, ss) == 66, "vmi3_ap_state.ss");
_Static_assert(offsetof(struct vmi3_ap_state, ds) == 68, "vmi3_ap_state.ds");
_Static_assert(offsetof(struct vmi3_ap_state, es) == 70, "vmi3_ap_state.es");
_Static_assert(offsetof(struct vmi3_ap_state, fs) == 72, "vmi3_ap_state.fs");
_Static_assert(offsetof(struct vmi3_ap_state, gs) == 74, "vmi3_ap_state.gs");
_Static_assert(offsetof(struct vmi3_ap_state, ldtr) == 76, "vmi3_ap_state.ldtr");
_Static_assert(offsetof(struct vmi3_ap_state, gdtr_limit) == 78, "vmi3_ap_state.gdtr_limit");
_Static_assert(offsetof(struct vmi3_ap_state, gdtr_base) == 80, "vmi3_ap_state.gdtr_base");
_Static_assert(offsetof(struct vmi3_ap_state, idtr_base) == 84, "vmi3_ap_state.idtr_base");
_Static_assert(offsetof(struct vmi3_ap_state, idtr_limit) == 88, "vmi3_ap_state.idtr_limit");
_Static_assert(offsetof(struct vmi3_ap_state, reserved) == 90, "vmi3_ap_state.reserved");

#endif

#endif
