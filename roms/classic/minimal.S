/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * VMI_Init of the ROM that does next to nothing.
 */

	.section .text.first, "ax", @progbits

	.globl vmi_init
/* Ring 0, paging on, interrupts off. EAX: 0, success. Touches nothing else. */
vmi_init:
	xorl	%eax, %eax
	ret
