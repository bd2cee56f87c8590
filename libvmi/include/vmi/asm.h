/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Generated from abi/4.0 by "openvmi abi generate". Do not edit. */
/* For assembler sources: offsets of the structures, and one macro per call that makes a site. */
#ifndef VMI_ASM_H
#define VMI_ASM_H

#include <vmi/abi.h>

#define VMI_SIZE_BOOT_INFO 152
#define VMI_BOOT_INFO_MAGIC 0
#define VMI_BOOT_INFO_SIZE 4
#define VMI_BOOT_INFO_MAJOR 8
#define VMI_BOOT_INFO_MINOR 10
#define VMI_BOOT_INFO_FLAGS 12
#define VMI_BOOT_INFO_MEMORY_MAP 16
#define VMI_BOOT_INFO_MEMORY_MAP_COUNT 24
#define VMI_BOOT_INFO_MODULE_COUNT 28
#define VMI_BOOT_INFO_MODULES 32
#define VMI_BOOT_INFO_COMMAND_LINE 40
#define VMI_BOOT_INFO_COMMAND_LINE_SIZE 48
#define VMI_BOOT_INFO_VCPU_COUNT 52
#define VMI_BOOT_INFO_ROM 56
#define VMI_BOOT_INFO_ROM_SIZE 64
#define VMI_BOOT_INFO_DESCRIPTOR_BASE 68
#define VMI_BOOT_INFO_WINDOW 72
#define VMI_BOOT_INFO_DIRECT_MAP 80
#define VMI_BOOT_INFO_IMAGE_START 88
#define VMI_BOOT_INFO_IMAGE_END 96
#define VMI_BOOT_INFO_IMAGE 104
#define VMI_BOOT_INFO_PAGE_ROOT 112
#define VMI_BOOT_INFO_KERNEL_CS 120
#define VMI_BOOT_INFO_KERNEL_SS 122
#define VMI_BOOT_INFO_USER_CS 124
#define VMI_BOOT_INFO_USER_SS 126
#define VMI_BOOT_INFO_HYPERVISOR 128
#define VMI_BOOT_INFO_RESERVED 144
#define VMI_SIZE_MEMORY_RANGE 24
#define VMI_MEMORY_RANGE_START 0
#define VMI_MEMORY_RANGE_SIZE 8
#define VMI_MEMORY_RANGE_TYPE 16
#define VMI_MEMORY_RANGE_RESERVED 20
#define VMI_SIZE_MODULE 32
#define VMI_MODULE_START 0
#define VMI_MODULE_SIZE 8
#define VMI_MODULE_NAME 16
#define VMI_MODULE_RESERVED 24
#define VMI_SIZE_NOTE_VERSION 8
#define VMI_NOTE_VERSION_MAJOR 0
#define VMI_NOTE_VERSION_MINOR 2
#define VMI_NOTE_VERSION_PROFILE 4
#define VMI_SIZE_NOTE_GROUP 4
#define VMI_NOTE_GROUP_GROUP 0
#define VMI_NOTE_GROUP_REVISION 1
#define VMI_NOTE_GROUP_FLAGS 2
#define VMI_SIZE_NOTE_SITES 16
#define VMI_NOTE_SITES_START 0
#define VMI_NOTE_SITES_END 8
#define VMI_SIZE_SITE 8
#define VMI_SITE_ADDRESS 0
#define VMI_SITE_CALL 4
#define VMI_SITE_SIZE 6
#define VMI_SITE_NATIVE 7
#define VMI_SIZE_TRAP_GATE 24
#define VMI_TRAP_GATE_VECTOR 0
#define VMI_TRAP_GATE_FLAGS 1
#define VMI_TRAP_GATE_RESERVED 2
#define VMI_TRAP_GATE_RESERVED2 4
#define VMI_TRAP_GATE_HANDLER 8
#define VMI_TRAP_GATE_NATIVE 16
#define VMI_SIZE_FRAME 40
#define VMI_FRAME_RIP 0
#define VMI_FRAME_CS 8
#define VMI_FRAME_RFLAGS 16
#define VMI_FRAME_RSP 24
#define VMI_FRAME_SS 32
#define VMI_SIZE_PTE_UPDATE 16
#define VMI_PTE_UPDATE_ENTRY 0
#define VMI_PTE_UPDATE_VALUE 8
#define VMI_SIZE_VCPU_BLOCK 256
#define VMI_VCPU_BLOCK_SELF 0
#define VMI_VCPU_BLOCK_KERNEL 8
#define VMI_VCPU_BLOCK_SCRATCH 16
#define VMI_VCPU_BLOCK_KERNEL_STACK 24
#define VMI_VCPU_BLOCK_RESERVED 32
#define VMI_VCPU_BLOCK_CANARY 40
#define VMI_VCPU_BLOCK_NUMBER 48
#define VMI_VCPU_BLOCK_RESERVED2 52
#define VMI_VCPU_BLOCK_RESERVED3 56
#define VMI_VCPU_BLOCK_ROM 64
#define VMI_SIZE_VCPU_START 40
#define VMI_VCPU_START_ENTRY 0
#define VMI_VCPU_START_STACK 8
#define VMI_VCPU_START_PAGE_ROOT 16
#define VMI_VCPU_START_ARGUMENT 24
#define VMI_VCPU_START_RESERVED 32
#define VMI_SIZE_RESUME_POINT 32
#define VMI_RESUME_POINT_ENTRY 0
#define VMI_RESUME_POINT_STACK 8
#define VMI_RESUME_POINT_PAGE_ROOT 16
#define VMI_RESUME_POINT_ARGUMENT 24
#define VMI_SIZE_CRASH_REPORT 208
#define VMI_CRASH_REPORT_SIZE 0
#define VMI_CRASH_REPORT_VECTOR 4
#define VMI_CRASH_REPORT_ERROR 8
#define VMI_CRASH_REPORT_FAULT_ADDRESS 16
#define VMI_CRASH_REPORT_PAGE_ROOT 24
#define VMI_CRASH_REPORT_FRAME 32
#define VMI_CRASH_REPORT_REGISTERS 72
#define VMI_CRASH_REPORT_MESSAGE 192
#define VMI_CRASH_REPORT_MESSAGE_SIZE 200
#define VMI_CRASH_REPORT_TAINT 204
#define VMI_SIZE_ROM_HEADER 144
#define VMI_ROM_HEADER_ROM_SIGNATURE 0
#define VMI_ROM_HEADER_LENGTH 2
#define VMI_ROM_HEADER_BIOS_ENTRY 3
#define VMI_ROM_HEADER_RESERVED 7
#define VMI_ROM_HEADER_SIGNATURE 8
#define VMI_ROM_HEADER_MINOR 12
#define VMI_ROM_HEADER_MAJOR 13
#define VMI_ROM_HEADER_JUMP_SLOTS 14
#define VMI_ROM_HEADER_CHECKSUM 15
#define VMI_ROM_HEADER_VIRTUAL_TOP 16
#define VMI_ROM_HEADER_RESERVED2 20
#define VMI_ROM_HEADER_LICENCE 22
#define VMI_ROM_HEADER_PCI 24
#define VMI_ROM_HEADER_PNP 26
#define VMI_ROM_HEADER_DESCRIPTOR 28
#define VMI_ROM_HEADER_RESERVED3 32
#define VMI_ROM_HEADER_CLASSIC_INIT 128
#define VMI_ROM_HEADER_CLASSIC_RELOC 136
#define VMI_SIZE_ROM_PCI 24
#define VMI_ROM_PCI_SIGNATURE 0
#define VMI_ROM_PCI_VENDOR 4
#define VMI_ROM_PCI_DEVICE 6
#define VMI_ROM_PCI_VITAL_DATA 8
#define VMI_ROM_PCI_SIZE 10
#define VMI_ROM_PCI_REVISION 12
#define VMI_ROM_PCI_CLASS_CODE 13
#define VMI_ROM_PCI_LENGTH 16
#define VMI_ROM_PCI_ROM_MINOR 18
#define VMI_ROM_PCI_ROM_MAJOR 19
#define VMI_ROM_PCI_CODE_TYPE 20
#define VMI_ROM_PCI_INDICATOR 21
#define VMI_ROM_PCI_RESERVED 22
#define VMI_SIZE_ROM_DESCRIPTOR 144
#define VMI_ROM_DESCRIPTOR_MAGIC 0
#define VMI_ROM_DESCRIPTOR_SIZE 4
#define VMI_ROM_DESCRIPTOR_TEXT 8
#define VMI_ROM_DESCRIPTOR_TEXT_SIZE 12
#define VMI_ROM_DESCRIPTOR_DATA 16
#define VMI_ROM_DESCRIPTOR_DATA_SIZE 20
#define VMI_ROM_DESCRIPTOR_DATA_MEMORY 24
#define VMI_ROM_DESCRIPTOR_VCPU_SIZE 28
#define VMI_ROM_DESCRIPTOR_CALLS 32
#define VMI_ROM_DESCRIPTOR_CALL_COUNT 36
#define VMI_ROM_DESCRIPTOR_RELOCATIONS 40
#define VMI_ROM_DESCRIPTOR_RELOCATION_COUNT 44
#define VMI_ROM_DESCRIPTOR_RECIPES 48
#define VMI_ROM_DESCRIPTOR_RECIPES_SIZE 52
#define VMI_ROM_DESCRIPTOR_GROUPS 56
#define VMI_ROM_DESCRIPTOR_GROUP_COUNT 60
#define VMI_ROM_DESCRIPTOR_PROFILE 64
#define VMI_ROM_DESCRIPTOR_LICENCE_CLASS 65
#define VMI_ROM_DESCRIPTOR_STACK 66
#define VMI_ROM_DESCRIPTOR_RESERVED 68
#define VMI_ROM_DESCRIPTOR_MANIFEST 72
#define VMI_ROM_DESCRIPTOR_MANIFEST_SIZE 76
#define VMI_ROM_DESCRIPTOR_CAPSULE 80
#define VMI_ROM_DESCRIPTOR_CAPSULE_SIZE 84
#define VMI_ROM_DESCRIPTOR_SIGNATURE 88
#define VMI_ROM_DESCRIPTOR_SIGNATURE_SIZE 92
#define VMI_ROM_DESCRIPTOR_BUILD_ID 96
#define VMI_ROM_DESCRIPTOR_RESERVED2 128
#define VMI_SIZE_ROM_CALL 16
#define VMI_ROM_CALL_NUMBER 0
#define VMI_ROM_CALL_KIND 2
#define VMI_ROM_CALL_RELOCATION_COUNT 3
#define VMI_ROM_CALL_TARGET 4
#define VMI_ROM_CALL_RELOCATION 8
#define VMI_ROM_CALL_SIZE 12
#define VMI_ROM_CALL_RESERVED 14
#define VMI_SIZE_ROM_RELOC 12
#define VMI_ROM_RELOC_KIND 0
#define VMI_ROM_RELOC_OFFSET 1
#define VMI_ROM_RELOC_RESERVED 2
#define VMI_ROM_RELOC_TARGET 4
#define VMI_ROM_RELOC_ADDEND 8
#define VMI_SIZE_ROM_GROUP 4
#define VMI_ROM_GROUP_GROUP 0
#define VMI_ROM_GROUP_REVISION 1
#define VMI_ROM_GROUP_MAY_BE_NATIVE 2
#define VMI_ROM_GROUP_RESERVED 3

#ifdef __ASSEMBLER__

.macro VMI_INIT
771:	call vmi_native_init
772:
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0000
	.byte 5
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_PROBE
771:	call vmi_native_probe
772:
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0001
	.byte 5
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_INFO
771:	call vmi_native_info
772:
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0002
	.byte 5
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_VCPU_INIT
771:	call vmi_native_vcpu_init
772:
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0003
	.byte 5
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_IRQ_DISABLE
771:	cli
772:	.byte 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0100
	.byte 16
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_IRQ_ENABLE
771:	sti
772:	.byte 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0101
	.byte 16
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_IRQ_SAVE
771:	pushfq; popq %rax
772:	.byte 0x66, 0x66, 0x66, 0x66, 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0102
	.byte 16
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_IRQ_RESTORE
771:	btl $9, %edi; jnc 773f; sti; 773:
772:	.byte 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0103
	.byte 22
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_IRQ_SAVE_DISABLE
771:	pushfq; popq %rax; cli
772:	.byte 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0104
	.byte 18
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_HALT
771:	sti; hlt
772:	.byte 0x0f, 0x1f, 0x40, 0x00
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0105
	.byte 6
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_TRAP_TABLE_SET
771:	call vmi_native_trap_table_set
772:
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0200
	.byte 5
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_SYSCALL_ENTRY_SET
771:	call vmi_native_syscall_entry_set
772:
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0201
	.byte 5
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_KERNEL_STACK_SET
771:	call vmi_native_kernel_stack_set
772:
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0202
	.byte 5
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_IRET
771:	testb $2, 8(%rsp); jz 773f; swapgs; 773: iretq
772:
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0203
	.byte 12
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_SYS_RET
771:	.byte 0xe9; .long vmi_native_sysret - . - 4
772:
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0204
	.byte 5
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_FAULT_ADDRESS_READ
771:	movq %cr2, %rax
772:	.byte 0x66, 0x66, 0x66, 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0205
	.byte 16
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_DESCRIPTORS_SET
771:	call vmi_native_descriptors_set
772:
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0206
	.byte 5
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_TLS_SET
771:	call vmi_native_tls_set
772:
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0207
	.byte 5
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_CPUID
771:	call vmi_native_cpuid
772:
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0208
	.byte 5
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_MSR_READ
771:	call vmi_native_msr_read
772:
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0209
	.byte 5
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_MSR_WRITE
771:	call vmi_native_msr_write
772:
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x020a
	.byte 5
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_FPU_TRAP_SET
771:	call vmi_native_fpu_trap_set
772:
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x020b
	.byte 5
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_ADDRESS_SPACE_SET
771:	movq %rdi, %cr3
772:	.byte 0x66, 0x66, 0x66, 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0300
	.byte 16
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_ADDRESS_SPACE_READ
771:	movq %cr3, %rax
772:	.byte 0x66, 0x66, 0x66, 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0301
	.byte 16
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_PTE_SET
771:	movq %rsi, (%rdi)
772:	.byte 0x0f, 0x1f, 0x44, 0x00, 0x00
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0302
	.byte 8
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_PTE_SET_BATCH
771:	call vmi_native_pte_set_batch
772:
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0303
	.byte 5
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_PTE_UPDATE_DEFERRED
771:	movq %rsi, (%rdi)
772:	.byte 0x0f, 0x1f, 0x44, 0x00, 0x00
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0304
	.byte 8
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_PTE_MAKE
771:	movq %rdi, %rax
772:	.byte 0x66, 0x90
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0305
	.byte 5
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_PTE_READ
771:	movq %rdi, %rax
772:	.byte 0x66, 0x90
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0306
	.byte 5
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_PAGE_TABLE_ADD
771:	call vmi_native_page_table_add
772:
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0307
	.byte 5
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_PAGE_TABLE_REMOVE
771:	call vmi_native_page_table_remove
772:
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0308
	.byte 5
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_TLB_FLUSH
771:	movq %cr3, %rax; movq %rax, %cr3
772:	.byte 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0309
	.byte 16
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_TLB_FLUSH_PAGE
771:	invlpg (%rdi)
772:	.byte 0x66, 0x66, 0x66, 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x030a
	.byte 16
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_TLB_FLUSH_OTHERS
771:	call vmi_native_tlb_flush_others
772:
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x030b
	.byte 5
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_LAZY_ENTER
771:	
772:	.byte 0x66, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x030c
	.byte 9
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_LAZY_LEAVE
771:	
772:	.byte 0x66, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x030d
	.byte 9
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_CLOCK_READ
771:	call vmi_native_clock_read
772:
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0400
	.byte 5
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_CLOCK_FREQUENCY
771:	call vmi_native_clock_frequency
772:
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0401
	.byte 5
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_WALL_CLOCK_READ
771:	call vmi_native_wall_clock_read
772:
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0402
	.byte 5
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_STOLEN_TIME_READ
771:	call vmi_native_stolen_time_read
772:
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0403
	.byte 5
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_TIMER_SET
771:	call vmi_native_timer_set
772:
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0404
	.byte 5
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_TIMER_CANCEL
771:	call vmi_native_timer_cancel
772:
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0405
	.byte 5
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_EVENT_BIND
771:	call vmi_native_event_bind
772:
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0500
	.byte 5
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_EVENT_MASK
771:	call vmi_native_event_mask
772:
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0501
	.byte 5
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_EVENT_UNMASK
771:	call vmi_native_event_unmask
772:
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0502
	.byte 5
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_EVENT_ACK
771:	call vmi_native_event_ack
772:
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0503
	.byte 5
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_EVENT_SEND
771:	call vmi_native_event_send
772:
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0504
	.byte 5
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_VCPU_START
771:	call vmi_native_vcpu_start
772:
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0600
	.byte 5
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_VCPU_STOP
771:	call vmi_native_vcpu_stop
772:
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0601
	.byte 5
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_VCPU_ID
771:	movl %gs:48, %eax
772:	.byte 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0602
	.byte 16
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_IPI_SEND
771:	call vmi_native_ipi_send
772:
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0603
	.byte 5
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_VCPU_YIELD
771:	pause
772:	.byte 0x0f, 0x1f, 0x44, 0x00, 0x00
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0604
	.byte 7
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_CONSOLE_WRITE
771:	call vmi_native_console_write
772:
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0700
	.byte 5
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_CONSOLE_READ
771:	call vmi_native_console_read
772:
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0701
	.byte 5
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_SHUTDOWN
771:	call vmi_native_shutdown
772:
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0702
	.byte 5
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_MEMORY_BALLOON
771:	call vmi_native_memory_balloon
772:
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0703
	.byte 5
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_SUSPEND_PREPARE
771:	call vmi_native_suspend_prepare
772:
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0800
	.byte 5
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_SUSPEND
771:	call vmi_native_suspend
772:
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0801
	.byte 5
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_TRACE_MARK
771:	call vmi_native_trace_mark
772:
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0900
	.byte 5
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_DEBUG_BREAK
771:	
772:	.byte 0x0f, 0x1f, 0x44, 0x00, 0x00
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0901
	.byte 5
	.byte 772b - 771b
	.popsection
.endm

.macro VMI_CRASH_REPORT
771:	call vmi_native_crash_report
772:
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0902
	.byte 5
	.byte 772b - 771b
	.popsection
.endm
#endif

#endif
