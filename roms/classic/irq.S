/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The interrupt flag and the returns: what no client can do without. The sites of these calls save no register, and the
 * segment registers DS and ES may be user mode's: nothing but flags (and EAX as a result) may change, and memory is
 * reached through SS only.
 */
#include <vmi/classic-rom.h>

	.section .text.first, "ax", @progbits

	ROM3_CALL VMI3_CALL_DisableInterrupts, disable_interrupts
	ROM3_CALL VMI3_CALL_GetInterruptMask, get_interrupt_mask
	ROM3_JUMP VMI3_CALL_IRET, return_from_interrupt
	ROM3_JUMP VMI3_CALL_SYSEXIT, return_from_system_call

/* Ring 0. Every register is kept. */
disable_interrupts:
	cli
	ret

/* Ring 0. EAX: EFLAGS, of which bit 9 counts. */
get_interrupt_mask:
	pushfl
	popl	%eax
	ret

/* Ring 0, the frame at (%esp), every register the target context's. */
return_from_interrupt:
	iretl

/* Ring 0. EDX: user EIP, ECX: user ESP. No interrupt comes between the two: that is the shadow of STI. */
return_from_system_call:
	sti
	sysexitl
