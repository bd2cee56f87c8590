/* SPDX-License-Identifier: MIT */
/* Call sites as functions of their own, so that every register can be compared around each. */
#include "client.h"
#define OTHER_DS 0xb8 /* as in subjects.h */

.macro SITE type, first, second
771:	pushl %ecx
	pushl %edx
	call *ops + 4 * \first
	.ifnb \second
	pushl %eax
	call *ops + 4 * \second
	popl %eax
	.endif
	popl %edx
	popl %ecx
772:	.pushsection .parainstructions, "a"
	.long 771b
	.byte \type, 772b - 771b
	.short 0
	.popsection
.endm

	.text
.macro SITE_FUNCTION name, type, first, second
	.globl \name
\name:	SITE \type, \first, \second
	ret
.endm
	SITE_FUNCTION site_enable, SITE_ENABLE, VMI3_CALL_EnableInterrupts
	SITE_FUNCTION site_disable, SITE_DISABLE, VMI3_CALL_DisableInterrupts
	SITE_FUNCTION site_flags, SITE_SAVE, VMI3_CALL_GetInterruptMask
	SITE_FUNCTION site_restore, SITE_RESTORE, VMI3_CALL_SetInterruptMask
	SITE_FUNCTION site_save_off, SITE_SAVE_OFF, VMI3_CALL_GetInterruptMask, VMI3_CALL_DisableInterrupts

/* What waits has come when the instruction after the site runs. EAX: how many, before (EAX was 0x200). */
	.globl enable_and_count, restore_and_count
enable_and_count:
	SITE SITE_ENABLE, VMI3_CALL_EnableInterrupts
	movl irq0_count, %eax
	ret
restore_and_count:
	SITE SITE_RESTORE, VMI3_CALL_SetInterruptMask
	movl irq0_count, %eax
	ret

/* The same operations where DS and ES are no use: on the way to user mode they may be anything. */
.macro OTHER_FUNCTION name, number
	.globl \name
\name:	pushl %eax
	movl $OTHER_DS, %eax
	movl %eax, %ds
	movl %eax, %es
	popl %eax
	call *%cs:ops + 4 * \number
	pushl %eax
	movl $KERNEL_DS, %eax
	movl %eax, %ds
	movl %eax, %es
	popl %eax
	ret
.endm
	OTHER_FUNCTION other_enable, VMI3_CALL_EnableInterrupts
	OTHER_FUNCTION other_disable, VMI3_CALL_DisableInterrupts
	OTHER_FUNCTION other_flags, VMI3_CALL_GetInterruptMask
	OTHER_FUNCTION other_restore, VMI3_CALL_SetInterruptMask

/* IRET to the kernel itself, with the flags at its time of entry and the words of call_registers: EFLAGS is the first. */
	.globl iret_here, iret_target
iret_here:
	pushl 4(%esp)
	pushl $KERNEL_CS
	pushl $iret_target
	jmp site_iret
iret_target:
	ret

/* ---- programs for user mode: position-independent ---- */

	.globl program_start, program_end, program_int, program_sysenter
program_start:
program_int:
	movl $0x1234, %eax
	int $SYSTEM_CALL
program_sysenter:
	movl $0x5678, %eax
	sysenter
program_end:
