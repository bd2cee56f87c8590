/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * GetRelocationInfo: what a client does at the sites of a call, from the table that the builder has filled.
 */
#include <vmi/classic-rom.h>
#include "private.h"

#define TABLE_OFFSET 0x90	/* of rom_table in the image: classic.lds */

	.section .text.first, "ax", @progbits

	.globl get_reloc
/*
 * Ring 0, any stack. EAX: number; EAX: linear address, EDX: type. ECX is free. A number out of range is answered
 * NONE.
 */
get_reloc:
	xorl	%edx, %edx
	cmpl	$VMI3_CALL_COUNT, %eax
	jae	2f
	calll	1f
1:	popl	%ecx
	leal	rom_table - 1b(%ecx), %ecx
	movb	2(%ecx, %eax, 4), %dl
	movzwl	(%ecx, %eax, 4), %eax
	testl	%eax, %eax			/* NONE and NOP have no target */
	jz	3f
	leal	-TABLE_OFFSET(%ecx, %eax), %eax
	ret
2:	xorl	%eax, %eax
3:	ret
