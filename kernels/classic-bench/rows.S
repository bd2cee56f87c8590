/* SPDX-License-Identifier: MIT */
/*
 * Every row twice: as the native form in place, and as the ROM's function. Calls 29 to 34 are sites that the core patches,
 * five bytes long, so that there is no rest to fill; the others are indirect calls, as kernels of that time make them. What
 * sets up arguments is in both. The native forms are those of abi/3.0; where it has none, nothing stands for it.
 */
#include "client.h"

/* The preprocessor does not look into the strings below: what they name. */
	.set kernel_cs, KERNEL_CS
	.set kernel_ds, KERNEL_DS
	.set user_cs, USER_CS
	.set user_ds, USER_DS
	.set tss_selector, TSS_SELECTOR
	.set flag_if, FLAG_IF
	.set user_eip, USER_CODE
	.set user_esp, USER_STACK
	.set test_address, TEST_ADDRESS
	.set flush, VMI3_FLUSH_TLB
	.set flush_global, VMI3_FLUSH_TLB | VMI3_FLUSH_GLOBAL
	.set irq0, VMI3_ALARM_WIRED_IRQ0
	.set lvtt, VMI3_ALARM_WIRED_LVTT
	.set set_alarm, ops + 4 * VMI3_CALL_SetAlarm
	.set cancel_alarm, ops + 4 * VMI3_CALL_CancelAlarm
	.set never, 0x10000000		/* high word of an expiry */
	.set port, 0x5000		/* nobody's */
	.set msr_sysenter_cs, 0x174
	.set apic, FIX_APIC
	.set eoi, 0xb0
	.set icr, 0x300
	.set error, 0x370		/* LVT entry */
	.set to_oneself, 0x40040	/* ICR: vector 0x40 to this processor */

.macro LOOP name, before, form, after
\name:	pushal
9:	\before
	\form
	\after
	decl turns_left
	jnz 9b
	popal
	ret
.endm

/* The loop is run with `native` or with `linked` between `before` and `after`. */
.macro TWO_FORMS name, number, before, native, linked, after
	LOOP native_row_\name, "\before", "\native", "\after"
	LOOP linked_row_\name, "\before", "\linked", "\after"
	.pushsection .rodata.rows, "a"
	.long name_\name, native_row_\name, linked_row_\name, \number
	.popsection
	.pushsection .rodata
name_\name:
	.asciz "\name"
	.popsection
.endm

.macro ROW name, number, before, native, after
	TWO_FORMS \name, \number, "\before", "\native", "call *ops + 4 * \number", "\after"
.endm

/* A site, a call or a jump. Nobody comes here before it is patched: a row whose call the ROM does not answer is left out. */
.macro SITE type
8:	.byte 0xe8
	.long 0
	.pushsection .parainstructions, "a"
	.long 8b
	.byte \type, 5
	.short 0
	.popsection
.endm

.macro SITE_ROW name, number, type, before, native, after
	TWO_FORMS \name, \number, "\before", "\native", "SITE \type", "\after"
.endm

	.section .rodata.rows, "a"
	.balign 4
	.globl rows_start, rows_end
rows_start:

	.text
	.globl empty_turn
	LOOP empty_turn

	ROW cpuid, VMI3_CALL_CPUID, "xorl %eax, %eax", "cpuid"
	ROW wrmsr, VMI3_CALL_WRMSR, "movl $msr_sysenter_cs, %ecx; movl $kernel_cs, %eax; xorl %edx, %edx", "wrmsr"
	ROW rdmsr, VMI3_CALL_RDMSR, "movl $msr_sysenter_cs, %ecx", "rdmsr"

	ROW set_gdt, VMI3_CALL_SetGDT, "movl $saved_gdt, %eax", "lgdt (%eax)"
	ROW set_ldt, VMI3_CALL_SetLDT, "xorl %eax, %eax", "lldt %ax"
	ROW set_idt, VMI3_CALL_SetIDT, "movl $saved_idt, %eax", "lidt (%eax)"
	/* The task must not be busy. */
	ROW set_tr, VMI3_CALL_SetTR, "movl tss_type, %eax; andb $0xfd, (%eax); movl $tss_selector, %eax", "ltr %ax"
	ROW get_gdt, VMI3_CALL_GetGDT, "movl $scratch, %eax", "sgdt (%eax)"
	ROW get_ldt, VMI3_CALL_GetLDT, "", "sldt %eax"
	ROW get_idt, VMI3_CALL_GetIDT, "movl $scratch, %eax", "sidt (%eax)"
	ROW get_tr, VMI3_CALL_GetTR, "", "str %eax"
.macro DESCRIPTOR_ROW name, number
	ROW \name, \number, "movl $scratch, %eax; movl $1, %edx; xorl %ecx, %ecx; pushl $0", \
	    "movl %ecx, (%eax,%edx,8); movl (%esp), %ecx; movl %ecx, 4(%eax,%edx,8)", "popl %eax"
.endm
	DESCRIPTOR_ROW write_gdt_entry, VMI3_CALL_WriteGDTEntry
	DESCRIPTOR_ROW write_ldt_entry, VMI3_CALL_WriteLDTEntry
	DESCRIPTOR_ROW write_idt_entry, VMI3_CALL_WriteIDTEntry
	/* The client stores ESP0 itself, with a ROM and without. */
	ROW update_kernel_stack, VMI3_CALL_UpdateKernelStack, "movl $kernel_ds, %eax; movl $scratch, %edx", ""

	ROW set_cr0, VMI3_CALL_SetCR0, "movl saved_cr0, %eax", "movl %eax, %cr0"
	ROW set_cr2, VMI3_CALL_SetCR2, "", "movl %eax, %cr2"
	ROW set_cr3, VMI3_CALL_SetCR3, "movl kernel_root, %eax", "movl %eax, %cr3"
	ROW set_cr4, VMI3_CALL_SetCR4, "movl saved_cr4, %eax", "movl %eax, %cr4"
	ROW get_cr0, VMI3_CALL_GetCR0, "", "movl %cr0, %eax"
	ROW get_cr2, VMI3_CALL_GetCR2, "", "movl %cr2, %eax"
	ROW get_cr3, VMI3_CALL_GetCR3, "", "movl %cr3, %eax"
	ROW get_cr4, VMI3_CALL_GetCR4, "", "movl %cr4, %eax"
	ROW wbinvd, VMI3_CALL_WBINVD, "", "wbinvd"
	ROW set_dr, VMI3_CALL_SetDR, "movl $7, %eax; movl $0x400, %edx", "movl %edx, %dr7"
	ROW get_dr, VMI3_CALL_GetDR, "movl $7, %eax", "movl %dr7, %eax"
	ROW rdpmc, VMI3_CALL_RDPMC, "xorl %ecx, %ecx", "rdpmc"
	ROW rdtsc, VMI3_CALL_RDTSC, "", "rdtsc"
	ROW clts, VMI3_CALL_CLTS, "", "clts"

	SITE_ROW enable_interrupts, VMI3_CALL_EnableInterrupts, SITE_ENABLE, "", "sti"
	SITE_ROW disable_interrupts, VMI3_CALL_DisableInterrupts, SITE_DISABLE, "", "cli"
	SITE_ROW get_interrupt_mask, VMI3_CALL_GetInterruptMask, SITE_SAVE, "", "pushfl; popl %eax"
	SITE_ROW set_interrupt_mask_on, VMI3_CALL_SetInterruptMask, SITE_RESTORE, "movl $flag_if, %eax", "pushl %eax; popfl"
	SITE_ROW set_interrupt_mask_off, VMI3_CALL_SetInterruptMask, SITE_RESTORE, "xorl %eax, %eax", "pushl %eax; popfl"
	SITE_ROW iret, VMI3_CALL_IRET, SITE_IRET, "pushl $2; pushl $kernel_cs; pushl $7f", "iretl", "7:"

	/* To user mode, whose one instruction is SYSENTER, and back to the loop that it came from. */
	SITE_ROW iret_user, VMI3_CALL_IRET, SITE_IRET, \
		 "movl %esp, %ebp; movl $7f, %ebx; pushl $user_ds; pushl $user_esp; pushl $2; pushl $user_cs; pushl $user_eip", \
		 "iretl", "7:"
	SITE_ROW sysexit, VMI3_CALL_SYSEXIT, SITE_SYSEXIT, \
		 "movl %esp, %ebp; movl $7f, %ebx; movl $user_eip, %edx; movl $user_esp, %ecx", "sti; sysexitl", "7:"
	.globl sysenter_back, user_code
sysenter_back:
	movl %ebp, %esp
	jmpl *%ebx
user_code:
	sysenter

	/* What ends it is an interrupt that waits already. */
	ROW halt, VMI3_CALL_Halt, "movl $to_oneself, apic + icr", "sti; hlt", "cli"
	.globl wake_up
wake_up:
	movl $0, apic + eoi
	iretl

	ROW set_pxe, VMI3_CALL_SetPxE, "xorl %eax, %eax; movl $scratch, %edx", "movl %eax, (%edx)"
.macro LONG_ROW name, entry
	ROW \name, VMI3_CALL_SetPxELong, "movl $\entry, %eax; xorl %edx, %edx; movl $scratch, %ecx; pushl $0", \
	    "movl %edx, 4(%ecx); movl %eax, (%ecx)", "popl %eax"
.endm
	LONG_ROW set_pxe_long_absent, 0		/* what is replaced: it was written in the turn before */
	LONG_ROW set_pxe_long_present, 1
	ROW update_pxe, VMI3_CALL_UpdatePxE, "movl $scratch, %eax; xorl %edx, %edx", ""
	ROW update_pxe_long, VMI3_CALL_UpdatePxELong, "movl $scratch, %eax; xorl %edx, %edx", ""
	ROW allocate_page, VMI3_CALL_AllocatePage, "xorl %eax, %eax; xorl %edx, %edx; xorl %ecx, %ecx; pushl $0; pushl $0", "", \
	    "popl %eax; popl %eax"
	ROW release_page, VMI3_CALL_ReleasePage, "xorl %eax, %eax; xorl %edx, %edx", ""
	ROW inval_page, VMI3_CALL_InvalPage, "movl $test_address, %eax", "invlpg (%eax)"
	ROW flush_tlb, VMI3_CALL_FlushTLB, "movl $flush, %eax", "movl %cr3, %eax; movl %eax, %cr3"
	ROW flush_tlb_global, VMI3_CALL_FlushTLB, "movl $flush_global, %eax", ""
	ROW set_linear_mapping, VMI3_CALL_SetLinearMapping, "xorl %eax, %eax; xorl %edx, %edx; xorl %ecx, %ecx; pushl $0", "", \
	    "popl %eax"
	ROW set_lazy_mode, VMI3_CALL_SetLazyMode, "xorl %eax, %eax", ""

	ROW inl, VMI3_CALL_INL, "movl $port, %edx", "inl %dx, %eax"
	ROW inb, VMI3_CALL_INB, "movl $port, %edx", "inb %dx, %al"
	ROW inw, VMI3_CALL_INW, "movl $port, %edx", "inw %dx, %ax"
	ROW outl, VMI3_CALL_OUTL, "movl $port, %edx", "outl %eax, %dx"
	ROW outb, VMI3_CALL_OUTB, "movl $port, %edx", "outb %al, %dx"
	ROW outw, VMI3_CALL_OUTW, "movl $port, %edx", "outw %ax, %dx"
.macro STRING_ROW name, number, pointer, native
	ROW \name, \number, "movl $port, %edx; movl $scratch, %\pointer; movl $1, %ecx", "\native"
.endm
	STRING_ROW insl, VMI3_CALL_INSL, edi, "rep insl %dx, %es:(%edi)"
	STRING_ROW insb, VMI3_CALL_INSB, edi, "rep insb %dx, %es:(%edi)"
	STRING_ROW insw, VMI3_CALL_INSW, edi, "rep insw %dx, %es:(%edi)"
	STRING_ROW outsl, VMI3_CALL_OUTSL, esi, "rep outsl %ds:(%esi), %dx"
	STRING_ROW outsb, VMI3_CALL_OUTSB, esi, "rep outsb %ds:(%esi), %dx"
	STRING_ROW outsw, VMI3_CALL_OUTSW, esi, "rep outsw %ds:(%esi), %dx"
	ROW set_iopl_mask, VMI3_CALL_SetIOPLMask, "xorl %eax, %eax", \
	    "pushfl; popl %edx; andl $0xffffcfff, %edx; orl %eax, %edx; pushl %edx; popfl"
	ROW io_delay, VMI3_CALL_IODelay, "", "outb %al, $0x80"

	ROW apic_write_address, VMI3_CALL_APICWrite, "movl $apic + error, %eax; movl $0x10000, %edx", "movl %edx, (%eax)"
	ROW apic_read_address, VMI3_CALL_APICRead, "movl $apic + error, %eax", "movl (%eax), %eax"
	/* As Linux calls: the ROM has to know where the page is. Linux's own code knows. */
	ROW apic_write_offset, VMI3_CALL_APICWrite, "movl $error, %eax; movl $0x10000, %edx", "movl %edx, apic(%eax)"
	ROW apic_read_offset, VMI3_CALL_APICRead, "movl $error, %eax", "movl apic(%eax), %eax"
	ROW set_initial_ap_state, VMI3_CALL_SetInitialAPState, "movl $ap_state, %eax; movl $1, %edx", ""

	ROW get_cycle_frequency, VMI3_CALL_GetCycleFrequency, "", ""
	ROW get_cycle_counter, VMI3_CALL_GetCycleCounter, "xorl %eax, %eax", "rdtsc"
.macro ALARM_ROWS wiring
	ROW set_alarm_\wiring, VMI3_CALL_SetAlarm, \
	    "movl $\wiring, %eax; xorl %edx, %edx; movl $never, %ecx; pushl $0; pushl $0", "", "popl %eax; popl %eax"
	TWO_FORMS set_cancel_alarm_\wiring, VMI3_CALL_CancelAlarm, \
		  "movl $\wiring, %eax; xorl %edx, %edx; movl $never, %ecx; pushl $0; pushl $0", "xorl %eax, %eax", \
		  "call *set_alarm; xorl %eax, %eax; call *cancel_alarm", "popl %eax; popl %eax"
.endm
	ALARM_ROWS irq0
	ALARM_ROWS lvtt
	ROW get_wallclock_time, VMI3_CALL_GetWallclockTime, "", ""
	ROW wallclock_updated, VMI3_CALL_WallclockUpdated, "", ""

	.section .rodata.rows, "a"
rows_end:

	.section .rodata
	.balign 4
ap_state:
	.long 0x80000001		/* CR0: PG, PE */
	.skip VMI3_SIZE_AP_STATE - 4

	.section .bss
	.balign 8
	.globl turns_left, saved_cr0, saved_cr4, tss_type, saved_gdt, saved_idt
turns_left:	.skip 4
saved_cr0:	.skip 4
saved_cr4:	.skip 4
tss_type:	.skip 4
saved_gdt:	.skip 8
saved_idt:	.skip 8
scratch:	.skip 32
