/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The rest of the interrupt flag; irq.S says what holds for both.
 */
#include <vmi/classic-rom.h>

	.section .text.first, "ax", @progbits

	ROM3_CALL VMI3_CALL_EnableInterrupts, enable_interrupts
	ROM3_CALL VMI3_CALL_SetInterruptMask, set_interrupt_mask
	ROM3_CALL VMI3_CALL_Halt, halt

/*
 * Ring 0. Every register is kept. What is pending comes before the caller goes on: the shadow of STI ends with the
 * RET.
 */
enable_interrupts:
	sti
	ret

/*
 * Ring 0. EAX: bit 9 is the new flag, the others may be anything: no POPF. Every register is kept, EAX too.
 */
set_interrupt_mask:
	btl	$9, %eax
	jc	enable_interrupts
	cli
	ret

/* Ring 0. Enables interrupts and waits for one; ECX, EDX, EAX are kept too. */
halt:
	sti
	hlt
	ret
