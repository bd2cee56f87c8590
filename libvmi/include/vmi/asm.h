/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Generated from abi/4.1 by "openvmi abi generate". Do not edit. */
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
#define VMI_SIZE_NOTE_POLICY 8
#define VMI_NOTE_POLICY_LICENCE 0
#define VMI_NOTE_POLICY_FLAGS 4
#define VMI_SIZE_NOTE_SITES 16
#define VMI_NOTE_SITES_START 0
#define VMI_NOTE_SITES_END 8
#define VMI_SIZE_SITE 8
#define VMI_SITE_ADDRESS 0
#define VMI_SITE_CALL 4
#define VMI_SITE_SIZE 6
#define VMI_SITE_RESERVED 7
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
#define VMI_SIZE_ROM_CAPSULE 48
#define VMI_ROM_CAPSULE_MAGIC 0
#define VMI_ROM_CAPSULE_SIZE 4
#define VMI_ROM_CAPSULE_KIND 6
#define VMI_ROM_CAPSULE_TAR_SIZE 8
#define VMI_ROM_CAPSULE_CONTENTS_SIZE 12
#define VMI_ROM_CAPSULE_SHA256 16
#define VMI_SIZE_ROM_SIGNATURE 104
#define VMI_ROM_SIGNATURE_MAGIC 0
#define VMI_ROM_SIGNATURE_SIZE 4
#define VMI_ROM_SIGNATURE_ALGORITHM 6
#define VMI_ROM_SIGNATURE_KEY 8
#define VMI_ROM_SIGNATURE_SIGNATURE 40

#ifdef __ASSEMBLER__

/* VMI_NO_SITES as in vmi/pv.h. */

.macro VMI_INIT
#ifdef VMI_NO_SITES
	call vmi_native_init
#else
771:	call vmi_native_init
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0000
	.byte 5, 0
	.popsection
#endif
.endm

.macro VMI_PROBE
#ifdef VMI_NO_SITES
	call vmi_native_probe
#else
771:	call vmi_native_probe
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0001
	.byte 5, 0
	.popsection
#endif
.endm

.macro VMI_INFO
#ifdef VMI_NO_SITES
	call vmi_native_info
#else
771:	call vmi_native_info
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0002
	.byte 5, 0
	.popsection
#endif
.endm

.macro VMI_VCPU_INIT
#ifdef VMI_NO_SITES
	call vmi_native_vcpu_init
#else
771:	call vmi_native_vcpu_init
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0003
	.byte 5, 0
	.popsection
#endif
.endm

.macro VMI_IRQ_DISABLE
#ifdef VMI_NO_SITES
	cli
#else
771:	.byte 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e; cli
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0100
	.byte 15, 0
	.popsection
#endif
.endm

.macro VMI_IRQ_ENABLE
#ifdef VMI_NO_SITES
	sti
#else
771:	.byte 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e; sti
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0101
	.byte 15, 0
	.popsection
#endif
.endm

.macro VMI_IRQ_SAVE
#ifdef VMI_NO_SITES
	pushfq; popq %rax
#else
771:	.byte 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e; pushfq; .byte 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e; popq %rax
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0102
	.byte 16, 0
	.popsection
#endif
.endm

.macro VMI_IRQ_RESTORE
#ifdef VMI_NO_SITES
	btl $9, %edi; jnc 773f; sti; 773:
#else
771:	.byte 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e; btl $9, %edi; jnc 773f; .byte 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e; sti; 773:
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0103
	.byte 22, 0
	.popsection
#endif
.endm

.macro VMI_IRQ_SAVE_DISABLE
#ifdef VMI_NO_SITES
	pushfq; popq %rax; cli
#else
771:	.byte 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e; pushfq; .byte 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e; popq %rax; .byte 0x2e, 0x2e, 0x2e, 0x2e, 0x2e; cli
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0104
	.byte 20, 0
	.popsection
#endif
.endm

.macro VMI_HALT
#ifdef VMI_NO_SITES
	sti; hlt
#else
771:	.byte 0x2e; sti; .byte 0x2e, 0x2e; hlt
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0105
	.byte 5, 0
	.popsection
#endif
.endm

.macro VMI_IRQ_PENDING
#ifdef VMI_NO_SITES
	call vmi_native_irq_pending
#else
771:	.byte 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0xe8; .long vmi_native_irq_pending - . - 4
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0106
	.byte 15, 0
	.popsection
#endif
.endm

.macro VMI_TRAP_TABLE_SET
#ifdef VMI_NO_SITES
	call vmi_native_trap_table_set
#else
771:	call vmi_native_trap_table_set
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0200
	.byte 5, 0
	.popsection
#endif
.endm

.macro VMI_SYSCALL_ENTRY_SET
#ifdef VMI_NO_SITES
	call vmi_native_syscall_entry_set
#else
771:	call vmi_native_syscall_entry_set
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0201
	.byte 5, 0
	.popsection
#endif
.endm

.macro VMI_KERNEL_STACK_SET
#ifdef VMI_NO_SITES
	call vmi_native_kernel_stack_set
#else
771:	call vmi_native_kernel_stack_set
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0202
	.byte 5, 0
	.popsection
#endif
.endm

.macro VMI_IRET
#ifdef VMI_NO_SITES
	testb $2, 8(%rsp); jz 773f; swapgs; 773: iretq
#else
771:	testb $2, 8(%rsp); jz 773f; swapgs; 773: iretq
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0203
	.byte 12, 0
	.popsection
#endif
.endm

.macro VMI_SYS_RET
#ifdef VMI_NO_SITES
	.byte 0xe9; .long vmi_native_sysret - . - 4
#else
771:	.byte 0xe9; .long vmi_native_sysret - . - 4
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0204
	.byte 5, 0
	.popsection
#endif
.endm

.macro VMI_FAULT_ADDRESS_READ
#ifdef VMI_NO_SITES
	movq %cr2, %rax
#else
771:	.byte 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e; movq %cr2, %rax
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0205
	.byte 9, 0
	.popsection
#endif
.endm

.macro VMI_DESCRIPTORS_SET
#ifdef VMI_NO_SITES
	call vmi_native_descriptors_set
#else
771:	call vmi_native_descriptors_set
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0206
	.byte 5, 0
	.popsection
#endif
.endm

.macro VMI_TLS_SET
#ifdef VMI_NO_SITES
	call vmi_native_tls_set
#else
771:	call vmi_native_tls_set
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0207
	.byte 5, 0
	.popsection
#endif
.endm

.macro VMI_CPUID
#ifdef VMI_NO_SITES
	call vmi_native_cpuid
#else
771:	call vmi_native_cpuid
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0208
	.byte 5, 0
	.popsection
#endif
.endm

.macro VMI_MSR_READ
#ifdef VMI_NO_SITES
	call vmi_native_msr_read
#else
771:	call vmi_native_msr_read
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0209
	.byte 5, 0
	.popsection
#endif
.endm

.macro VMI_MSR_WRITE
#ifdef VMI_NO_SITES
	call vmi_native_msr_write
#else
771:	call vmi_native_msr_write
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x020a
	.byte 5, 0
	.popsection
#endif
.endm

.macro VMI_FPU_TRAP_SET
#ifdef VMI_NO_SITES
	call vmi_native_fpu_trap_set
#else
771:	call vmi_native_fpu_trap_set
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x020b
	.byte 5, 0
	.popsection
#endif
.endm

.macro VMI_ADDRESS_SPACE_SET
#ifdef VMI_NO_SITES
	movq %rdi, %cr3
#else
771:	.byte 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e; movq %rdi, %cr3
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0300
	.byte 9, 0
	.popsection
#endif
.endm

.macro VMI_ADDRESS_SPACE_READ
#ifdef VMI_NO_SITES
	movq %cr3, %rax
#else
771:	.byte 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e; movq %cr3, %rax
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0301
	.byte 9, 0
	.popsection
#endif
.endm

.macro VMI_PTE_SET
#ifdef VMI_NO_SITES
	movq %rsi, (%rdi)
#else
771:	{disp32} movq %rsi, (%rdi)
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0302
	.byte 7, 0
	.popsection
#endif
.endm

.macro VMI_PTE_SET_BATCH
#ifdef VMI_NO_SITES
	call vmi_native_pte_set_batch
#else
771:	call vmi_native_pte_set_batch
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0303
	.byte 5, 0
	.popsection
#endif
.endm

.macro VMI_PTE_UPDATE_DEFERRED
#ifdef VMI_NO_SITES
	movq %rsi, (%rdi)
#else
771:	{disp32} movq %rsi, (%rdi)
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0304
	.byte 7, 0
	.popsection
#endif
.endm

.macro VMI_PTE_MAKE
#ifdef VMI_NO_SITES
	movq %rdi, %rax
#else
771:	.byte 0x2e, 0x2e; movq %rdi, %rax
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0305
	.byte 5, 0
	.popsection
#endif
.endm

.macro VMI_PTE_READ
#ifdef VMI_NO_SITES
	movq %rdi, %rax
#else
771:	.byte 0x2e, 0x2e; movq %rdi, %rax
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0306
	.byte 5, 0
	.popsection
#endif
.endm

.macro VMI_PAGE_TABLE_ADD
#ifdef VMI_NO_SITES
	call vmi_native_page_table_add
#else
771:	call vmi_native_page_table_add
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0307
	.byte 5, 0
	.popsection
#endif
.endm

.macro VMI_PAGE_TABLE_REMOVE
#ifdef VMI_NO_SITES
	call vmi_native_page_table_remove
#else
771:	call vmi_native_page_table_remove
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0308
	.byte 5, 0
	.popsection
#endif
.endm

.macro VMI_TLB_FLUSH
#ifdef VMI_NO_SITES
	movq %cr3, %rax; movq %rax, %cr3
#else
771:	.byte 0x2e; movq %cr3, %rax; .byte 0x2e, 0x2e; movq %rax, %cr3
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0309
	.byte 9, 0
	.popsection
#endif
.endm

.macro VMI_TLB_FLUSH_PAGE
#ifdef VMI_NO_SITES
	invlpg (%rdi)
#else
771:	.byte 0x2e, 0x2e; {disp32} invlpg (%rdi)
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x030a
	.byte 9, 0
	.popsection
#endif
.endm

.macro VMI_TLB_FLUSH_OTHERS
#ifdef VMI_NO_SITES
	call vmi_native_tlb_flush_others
#else
771:	call vmi_native_tlb_flush_others
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x030b
	.byte 5, 0
	.popsection
#endif
.endm

.macro VMI_LAZY_ENTER
#ifdef VMI_NO_SITES
	
#else
771:	.byte 0x0f, 0x1f, 0x44, 0x00, 0x00
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x030c
	.byte 5, 0
	.popsection
#endif
.endm

.macro VMI_LAZY_LEAVE
#ifdef VMI_NO_SITES
	
#else
771:	.byte 0x0f, 0x1f, 0x44, 0x00, 0x00
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x030d
	.byte 5, 0
	.popsection
#endif
.endm

.macro VMI_CLOCK_READ
#ifdef VMI_NO_SITES
	call vmi_native_clock_read
#else
771:	call vmi_native_clock_read
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0400
	.byte 5, 0
	.popsection
#endif
.endm

.macro VMI_CLOCK_FREQUENCY
#ifdef VMI_NO_SITES
	call vmi_native_clock_frequency
#else
771:	call vmi_native_clock_frequency
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0401
	.byte 5, 0
	.popsection
#endif
.endm

.macro VMI_WALL_CLOCK_READ
#ifdef VMI_NO_SITES
	call vmi_native_wall_clock_read
#else
771:	call vmi_native_wall_clock_read
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0402
	.byte 5, 0
	.popsection
#endif
.endm

.macro VMI_STOLEN_TIME_READ
#ifdef VMI_NO_SITES
	call vmi_native_stolen_time_read
#else
771:	call vmi_native_stolen_time_read
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0403
	.byte 5, 0
	.popsection
#endif
.endm

.macro VMI_TIMER_SET
#ifdef VMI_NO_SITES
	call vmi_native_timer_set
#else
771:	call vmi_native_timer_set
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0404
	.byte 5, 0
	.popsection
#endif
.endm

.macro VMI_TIMER_CANCEL
#ifdef VMI_NO_SITES
	call vmi_native_timer_cancel
#else
771:	call vmi_native_timer_cancel
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0405
	.byte 5, 0
	.popsection
#endif
.endm

.macro VMI_EVENT_BIND
#ifdef VMI_NO_SITES
	call vmi_native_event_bind
#else
771:	call vmi_native_event_bind
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0500
	.byte 5, 0
	.popsection
#endif
.endm

.macro VMI_EVENT_MASK
#ifdef VMI_NO_SITES
	call vmi_native_event_mask
#else
771:	call vmi_native_event_mask
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0501
	.byte 5, 0
	.popsection
#endif
.endm

.macro VMI_EVENT_UNMASK
#ifdef VMI_NO_SITES
	call vmi_native_event_unmask
#else
771:	call vmi_native_event_unmask
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0502
	.byte 5, 0
	.popsection
#endif
.endm

.macro VMI_EVENT_ACK
#ifdef VMI_NO_SITES
	call vmi_native_event_ack
#else
771:	call vmi_native_event_ack
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0503
	.byte 5, 0
	.popsection
#endif
.endm

.macro VMI_EVENT_SEND
#ifdef VMI_NO_SITES
	call vmi_native_event_send
#else
771:	call vmi_native_event_send
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0504
	.byte 5, 0
	.popsection
#endif
.endm

.macro VMI_VCPU_START
#ifdef VMI_NO_SITES
	call vmi_native_vcpu_start
#else
771:	call vmi_native_vcpu_start
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0600
	.byte 5, 0
	.popsection
#endif
.endm

.macro VMI_VCPU_STOP
#ifdef VMI_NO_SITES
	call vmi_native_vcpu_stop
#else
771:	call vmi_native_vcpu_stop
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0601
	.byte 5, 0
	.popsection
#endif
.endm

.macro VMI_VCPU_ID
#ifdef VMI_NO_SITES
	movl %gs:48, %eax
#else
771:	movl %gs:48, %eax
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0602
	.byte 8, 0
	.popsection
#endif
.endm

.macro VMI_IPI_SEND
#ifdef VMI_NO_SITES
	call vmi_native_ipi_send
#else
771:	call vmi_native_ipi_send
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0603
	.byte 5, 0
	.popsection
#endif
.endm

.macro VMI_VCPU_YIELD
#ifdef VMI_NO_SITES
	pause
#else
771:	.byte 0x2e, 0x2e, 0x2e; pause
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0604
	.byte 5, 0
	.popsection
#endif
.endm

.macro VMI_CONSOLE_WRITE
#ifdef VMI_NO_SITES
	call vmi_native_console_write
#else
771:	call vmi_native_console_write
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0700
	.byte 5, 0
	.popsection
#endif
.endm

.macro VMI_CONSOLE_READ
#ifdef VMI_NO_SITES
	call vmi_native_console_read
#else
771:	call vmi_native_console_read
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0701
	.byte 5, 0
	.popsection
#endif
.endm

.macro VMI_SHUTDOWN
#ifdef VMI_NO_SITES
	call vmi_native_shutdown
#else
771:	call vmi_native_shutdown
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0702
	.byte 5, 0
	.popsection
#endif
.endm

.macro VMI_MEMORY_BALLOON
#ifdef VMI_NO_SITES
	call vmi_native_memory_balloon
#else
771:	call vmi_native_memory_balloon
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0703
	.byte 5, 0
	.popsection
#endif
.endm

.macro VMI_SUSPEND_PREPARE
#ifdef VMI_NO_SITES
	call vmi_native_suspend_prepare
#else
771:	call vmi_native_suspend_prepare
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0800
	.byte 5, 0
	.popsection
#endif
.endm

.macro VMI_SUSPEND
#ifdef VMI_NO_SITES
	call vmi_native_suspend
#else
771:	call vmi_native_suspend
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0801
	.byte 5, 0
	.popsection
#endif
.endm

.macro VMI_TRACE_MARK
#ifdef VMI_NO_SITES
	call vmi_native_trace_mark
#else
771:	call vmi_native_trace_mark
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0900
	.byte 5, 0
	.popsection
#endif
.endm

.macro VMI_DEBUG_BREAK
#ifdef VMI_NO_SITES
	
#else
771:	.byte 0x0f, 0x1f, 0x44, 0x00, 0x00
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0901
	.byte 5, 0
	.popsection
#endif
.endm

.macro VMI_CRASH_REPORT
#ifdef VMI_NO_SITES
	call vmi_native_crash_report
#else
771:	call vmi_native_crash_report
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0902
	.byte 5, 0
	.popsection
#endif
.endm

.macro VMI_RANDOM_READ
#ifdef VMI_NO_SITES
	call vmi_native_random_read
#else
771:	call vmi_native_random_read
	.pushsection .vmi.sites, "a", @progbits
	.long 771b - .
	.short 0x0a00
	.byte 5, 0
	.popsection
#endif
.endm
#endif

#endif
