/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Generated from abi/4.1 by "openvmi abi generate". Do not edit. */
/* Every number of VMI 4.1, for C and for the assembler. */
#ifndef VMI_ABI_H
#define VMI_ABI_H

#define VMI_MAJOR 4
#define VMI_MINOR 1
#define VMI_VERSION (VMI_MAJOR << 16 | VMI_MINOR)

/* Errors: negative results. */
#define VMI_SUCCESS (0) /* Done. */
#define VMI_NOT_SUPPORTED (-1) /* The call, or this use of it, does not exist here. Also the answer to an unknown call. */
#define VMI_INVALID (-2) /* An argument is outside what the contract allows. */
#define VMI_DENIED (-3) /* The hypervisor forbids it to this guest. */
#define VMI_NO_MEMORY (-4) /* The hypervisor has no resource left for it; the state is unchanged. */
#define VMI_BUSY (-5) /* Not in the present state; it may succeed later. */
#define VMI_FAULT (-6) /* A pointer argument is not mapped as the call needs it. Where the ROM follows the pointer by itself, the kernel gets a page fault in the ROM's text instead. */

/* Groups: high byte of the call numbers. */
#define VMI_GROUP_BASE 0x00
#define VMI_GROUP_IRQ 0x01
#define VMI_GROUP_TRAP 0x02
#define VMI_GROUP_MMU 0x03
#define VMI_GROUP_TIME 0x04
#define VMI_GROUP_EVENT 0x05
#define VMI_GROUP_SMP 0x06
#define VMI_GROUP_SYS 0x07
#define VMI_GROUP_SUSPEND 0x08
#define VMI_GROUP_DEBUG 0x09
#define VMI_GROUP_RANDOM 0x0a
#define VMI_GROUP_COUNT 11

/* Revisions of the groups that this version describes. */
#define VMI_REVISION_BASE 1
#define VMI_REVISION_IRQ 2
#define VMI_REVISION_TRAP 1
#define VMI_REVISION_MMU 1
#define VMI_REVISION_TIME 1
#define VMI_REVISION_EVENT 1
#define VMI_REVISION_SMP 1
#define VMI_REVISION_SYS 1
#define VMI_REVISION_SUSPEND 1
#define VMI_REVISION_DEBUG 1
#define VMI_REVISION_RANDOM 1

/* Profiles. */
#define VMI_PROFILE_BASE 1 /* A kernel without page-table management of its own. */
#define VMI_PROFILE_PAGED 2 /* Address spaces and user mode. */
#define VMI_PROFILE_SMP 3 /* More than one VCPU. */
#define VMI_PROFILE_FULL 4 /* Suspend, migration and debugging. */

/* Calls. */
#define VMI_CALL_INIT 0x0000
#define VMI_CALL_PROBE 0x0001
#define VMI_CALL_INFO 0x0002
#define VMI_CALL_VCPU_INIT 0x0003
#define VMI_CALL_IRQ_DISABLE 0x0100
#define VMI_CALL_IRQ_ENABLE 0x0101
#define VMI_CALL_IRQ_SAVE 0x0102
#define VMI_CALL_IRQ_RESTORE 0x0103
#define VMI_CALL_IRQ_SAVE_DISABLE 0x0104
#define VMI_CALL_HALT 0x0105
#define VMI_CALL_IRQ_PENDING 0x0106
#define VMI_CALL_TRAP_TABLE_SET 0x0200
#define VMI_CALL_SYSCALL_ENTRY_SET 0x0201
#define VMI_CALL_KERNEL_STACK_SET 0x0202
#define VMI_CALL_IRET 0x0203
#define VMI_CALL_SYS_RET 0x0204
#define VMI_CALL_FAULT_ADDRESS_READ 0x0205
#define VMI_CALL_DESCRIPTORS_SET 0x0206
#define VMI_CALL_TLS_SET 0x0207
#define VMI_CALL_CPUID 0x0208
#define VMI_CALL_MSR_READ 0x0209
#define VMI_CALL_MSR_WRITE 0x020a
#define VMI_CALL_FPU_TRAP_SET 0x020b
#define VMI_CALL_ADDRESS_SPACE_SET 0x0300
#define VMI_CALL_ADDRESS_SPACE_READ 0x0301
#define VMI_CALL_PTE_SET 0x0302
#define VMI_CALL_PTE_SET_BATCH 0x0303
#define VMI_CALL_PTE_UPDATE_DEFERRED 0x0304
#define VMI_CALL_PTE_MAKE 0x0305
#define VMI_CALL_PTE_READ 0x0306
#define VMI_CALL_PAGE_TABLE_ADD 0x0307
#define VMI_CALL_PAGE_TABLE_REMOVE 0x0308
#define VMI_CALL_TLB_FLUSH 0x0309
#define VMI_CALL_TLB_FLUSH_PAGE 0x030a
#define VMI_CALL_TLB_FLUSH_OTHERS 0x030b
#define VMI_CALL_LAZY_ENTER 0x030c
#define VMI_CALL_LAZY_LEAVE 0x030d
#define VMI_CALL_CLOCK_READ 0x0400
#define VMI_CALL_CLOCK_FREQUENCY 0x0401
#define VMI_CALL_WALL_CLOCK_READ 0x0402
#define VMI_CALL_STOLEN_TIME_READ 0x0403
#define VMI_CALL_TIMER_SET 0x0404
#define VMI_CALL_TIMER_CANCEL 0x0405
#define VMI_CALL_EVENT_BIND 0x0500
#define VMI_CALL_EVENT_MASK 0x0501
#define VMI_CALL_EVENT_UNMASK 0x0502
#define VMI_CALL_EVENT_ACK 0x0503
#define VMI_CALL_EVENT_SEND 0x0504
#define VMI_CALL_VCPU_START 0x0600
#define VMI_CALL_VCPU_STOP 0x0601
#define VMI_CALL_VCPU_ID 0x0602
#define VMI_CALL_IPI_SEND 0x0603
#define VMI_CALL_VCPU_YIELD 0x0604
#define VMI_CALL_CONSOLE_WRITE 0x0700
#define VMI_CALL_CONSOLE_READ 0x0701
#define VMI_CALL_SHUTDOWN 0x0702
#define VMI_CALL_MEMORY_BALLOON 0x0703
#define VMI_CALL_SUSPEND_PREPARE 0x0800
#define VMI_CALL_SUSPEND 0x0801
#define VMI_CALL_TRACE_MARK 0x0900
#define VMI_CALL_DEBUG_BREAK 0x0901
#define VMI_CALL_CRASH_REPORT 0x0902
#define VMI_CALL_RANDOM_READ 0x0a00

/* Event sources, first argument of the event calls. */
#define VMI_SOURCE_TIMER 0 /* The deadline given to TimerSet has passed. */
#define VMI_SOURCE_CONSOLE 1 /* Console input is waiting. NOT_SUPPORTED where input can only be polled. */
#define VMI_SOURCE_IPI 2 /* Sent by IpiSend from another VCPU. */
#define VMI_SOURCE_SUSPEND 3 /* The hypervisor asks for a suspend. */
#define VMI_SOURCE_SOFT 8 /* First of eight sources (8 to 15) that the guest itself raises with EventSend. */

/* First argument of Shutdown. */
#define VMI_SHUTDOWN_EXIT 0 /* The guest is done; the code is its exit status. */
#define VMI_SHUTDOWN_REBOOT 1 /* The guest wants to be started again. */
#define VMI_SHUTDOWN_CRASH 2 /* The guest met a fault that it cannot survive. */
#define VMI_SHUTDOWN_REFUSED 3 /* The guest will not run here: version, licence or a needed group. */

/* First argument of Info. */
#define VMI_INFO_HYPERVISOR 0 /* Name of the hypervisor. */
#define VMI_INFO_HYPERVISOR_VERSION 1 /* Its version. */
#define VMI_INFO_ROM 2 /* Name of the ROM; empty without one. */
#define VMI_INFO_ROM_VERSION 3 /* Its version; empty without one. */

/* What the ROM wants done at the sites of a call. */
#define VMI_LINK_NATIVE 0 /* Leave the native bytes. */
#define VMI_LINK_NOP 1 /* The call does nothing here: fill the site with no-operations. */
#define VMI_LINK_INLINE 2 /* Write the recipe into the site. */
#define VMI_LINK_CALL 3 /* Call the ROM text. */
#define VMI_LINK_JUMP 4 /* Jump to the ROM text. */

/* How the linker completes four bytes of a recipe. */
#define VMI_RELOC_TEXT 1 /* rel32 to an offset in the ROM text. */
#define VMI_RELOC_DATA 2 /* rel32 to an offset in the ROM data. */
#define VMI_RELOC_VCPU 3 /* 32-bit displacement from the GS base to an offset in the ROM's part of the VCPU block. */

/* What the licence expression of a ROM amounts to, for guests that cannot parse one. */
#define VMI_LICENCE_UNKNOWN 0 /* Not classified. */
#define VMI_LICENCE_PROPRIETARY 1 /* Not an open-source licence. */
#define VMI_LICENCE_OSI 2 /* Open source, not compatible with GPL-2.0-only. */
#define VMI_LICENCE_GPL 3 /* Compatible with GPL-2.0-only. */

/* Where the source of a ROM is (rom_capsule.kind). */
#define VMI_CAPSULE_EMBEDDED 1 /* Behind the structure: the tar, as an xz stream. */
#define VMI_CAPSULE_URL 2 /* Behind the structure: the address of the tar, ASCII without NUL. */

/* Type of a range in the boot memory map. Ranges do not overlap and are sorted by address. */
#define VMI_MEMORY_USABLE 1 /* Free memory. */
#define VMI_MEMORY_RESERVED 2 /* Not memory, or never the guest's. */
#define VMI_MEMORY_BOOT 3 /* Boot information, first page tables, boot stack, ROM image: free once the guest no longer needs them. */
#define VMI_MEMORY_IMAGE 4 /* The guest's own segments. */
#define VMI_MEMORY_MODULE 5 /* A boot module. */

/* Types of the ELF notes with owner OpenVMI. */
#define VMI_NOTE_VERSION 1 /* The version that the guest was built for and the profile it needs (note_version). */
#define VMI_NOTE_GROUPS 2 /* Groups needed or wanted beyond the profile (array of note_group). */
#define VMI_NOTE_ENTRY 3 /* Guest-virtual entry address (u64). */
#define VMI_NOTE_WINDOW 4 /* Guest-virtual address of the ROM window (u64, page aligned, WINDOW_SIZE bytes). */
#define VMI_NOTE_DIRECT_MAP 5 /* Guest-virtual base at which all memory is mapped (u64, 1 GiB aligned). */
#define VMI_NOTE_LICENCE 6 /* SPDX licence expression of the guest (text). */
#define VMI_NOTE_SITES 7 /* Where the site records are (note_sites). */
#define VMI_NOTE_POLICY 8 /* What the guest demands of a ROM (note_policy). Optional; without it: nothing. */

/* How a ROM is signed (rom_signature.algorithm). */
#define VMI_SIGNATURE_ED25519 1 /* Ed25519 (RFC 8032, section 5.1). */

/* Recorded facts about a running guest; bits. */
#define VMI_TAINT_PROPRIETARY 1 /* P: the ROM is not open source, or of unknown licence. */
#define VMI_TAINT_NO_SOURCE 2 /* S: the ROM carries no source. */
#define VMI_TAINT_UNSIGNED 4 /* U: the ROM is unsigned, or nobody whom its user trusts is known to have signed it. */
#define VMI_TAINT_FORCED 8 /* F: a refusal was overridden. */
#define VMI_TAINT_NOT_REPRODUCED 16 /* R: the ROM is not known to have been rebuilt identically from its source. */
#define VMI_TAINT_OVERRIDDEN_FIRMWARE 32 /* O: the machine's own firmware was replaced by somebody's. */

/* Bytes of guest-virtual space for the ROM: text at 0, data at WINDOW_DATA, the rest private to the
 * hypervisor. */
#define VMI_WINDOW_SIZE 0x10000
/* Offset of the ROM data page in the window. */
#define VMI_WINDOW_DATA 0x2000
/* A ROM's text is at most two pages. */
#define VMI_TEXT_LIMIT 0x2000
/* A ROM's data is at most one page. */
#define VMI_DATA_LIMIT 0x1000
/* Bytes at the GS base of each VCPU while in the kernel; 64-byte aligned. */
#define VMI_VCPU_BLOCK_SIZE 0x100
/* Where the ROM's private part of the VCPU block begins. */
#define VMI_VCPU_ROM_OFFSET 0x40
/* No site is longer. */
#define VMI_SITE_LIMIT 0x20
/* Event sources are below this. */
#define VMI_EVENT_SOURCES 0x10
/* Segment descriptors that DescriptorsSet may set. */
#define VMI_DESCRIPTOR_SLOTS 0x3
/* Page-table updates in one PteSetBatch. */
#define VMI_BATCH_LIMIT 0x200
/* Bytes in one ConsoleWrite or ConsoleRead. */
#define VMI_CONSOLE_LIMIT 0x1000
/* Bytes in one RandomRead. */
#define VMI_RANDOM_LIMIT 0x100
/* Bytes of stack that a ROM's call may use at most. */
#define VMI_STACK_LIMIT 0x100
/* boot_info.magic: the bytes VMIB. */
#define VMI_BOOT_MAGIC 0x42494d56
/* boot_info.flags: the PC devices exist (ports, local APIC) and the direct map covers their memory. */
#define VMI_BOOT_PC 0x1
/* boot_info.flags: whoever loaded the ROM verified its signature, by a key that its user trusts. */
#define VMI_BOOT_ROM_TRUSTED 0x2
/* boot_info.flags: this very ROM image was rebuilt identically from its own source. */
#define VMI_BOOT_ROM_REPRODUCED 0x4
/* boot_info.flags: a policy refused the ROM, and its user overrode that. */
#define VMI_BOOT_FORCED 0x8
/* boot_info.flags: firmware given by the user runs in place of the machine's own. */
#define VMI_BOOT_FIRMWARE_OVERRIDDEN 0x10
/* rom_descriptor.magic: the bytes VMI4. */
#define VMI_DESCRIPTOR_MAGIC 0x34494d56
/* rom_capsule.magic: the bytes VMIC. */
#define VMI_CAPSULE_MAGIC 0x43494d56
/* Bytes of the tar of a source capsule. */
#define VMI_CAPSULE_LIMIT 0x400000
/* rom_signature.magic: the bytes VMIS. */
#define VMI_SIGNATURE_MAGIC 0x53494d56
/* rom_header.signature: the bytes cVmi, as in the classic interface. */
#define VMI_ROM_MAGIC 0x696d5663
/* trap_gate.flags: user mode may raise the vector with INT n. */
#define VMI_GATE_USER 0x1
/* note_group.flags: without this group the guest refuses to run. */
#define VMI_GROUP_NEEDED 0x1
/* note_policy.flags: the ROM must be signed by a key that its user trusts (BOOT_ROM_TRUSTED). */
#define VMI_POLICY_SIGNED 0x1
/* The interrupt flag in what IrqSave returns and in a saved RFLAGS. */
#define VMI_FLAG_IF 0x200
/* TlbFlushOthers: every address. */
#define VMI_TLB_ALL 0xffffffffffffffff

#endif
