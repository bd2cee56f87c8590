/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include <vmi/classic-rom.h>

	.text
	.globl vmi_init
vmi_init:
	xorl	%eax, %eax
	ret

	.globl get_reloc
get_reloc:
	xorl	%edx, %edx
	cmpl	$VMI3_CALL_COUNT, %eax
	jae	2f
	calll	1f
1:	popl	%ecx
	leal	rom_table - 1b(%ecx), %ecx
	movb	2(%ecx, %eax, 4), %dl
	movzwl	(%ecx, %eax, 4), %eax
	testl	%eax, %eax
	jz	3f
	leal	-0x90(%ecx, %eax), %eax
	ret
2:	xorl	%eax, %eax
3:	ret
