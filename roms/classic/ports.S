/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Ports, I/O privilege and the pause between two accesses. Ring 0, flat segments.
 */
#include <vmi/classic-rom.h>

#define EFLAGS_IOPL 0x3000
#define POST_PORT 0x80		/* a write takes about a microsecond on the bus and does nothing */

	.section .text.first, "ax", @progbits

.macro PORT number, instruction:vararg
	ROM3_CALL \number, 881f
881:	\instruction
	ret
.endm

/* EDX: port, EAX: value, in or out: the rest of EAX and all else is kept. */
	PORT VMI3_CALL_INL, inl %dx, %eax
	PORT VMI3_CALL_INB, inb %dx, %al
	PORT VMI3_CALL_INW, inw %dx, %ax
	PORT VMI3_CALL_OUTL, outl %eax, %dx
	PORT VMI3_CALL_OUTB, outb %al, %dx
	PORT VMI3_CALL_OUTW, outw %ax, %dx
/* ECX: count, EDI or ESI: memory; both advance as in the native form. The direction flag is clear. */
	PORT VMI3_CALL_INSL, rep insl
	PORT VMI3_CALL_INSB, rep insb
	PORT VMI3_CALL_INSW, rep insw
	PORT VMI3_CALL_OUTSL, rep outsl
	PORT VMI3_CALL_OUTSB, rep outsb
	PORT VMI3_CALL_OUTSW, rep outsw
/* Every register is kept. */
	PORT VMI3_CALL_IODelay, outb %al, $POST_PORT

	ROM3_CALL VMI3_CALL_SetIOPLMask, set_iopl

/* EAX: level, in bits 12 and 13. The other flags stay; EAX alone is used. */
set_iopl:
	andl	$EFLAGS_IOPL, %eax
	pushfl
	andl	$~EFLAGS_IOPL, (%esp)
	orl	%eax, (%esp)
	popfl
	ret
