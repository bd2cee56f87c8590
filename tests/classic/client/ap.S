/* SPDX-License-Identifier: MIT */
/* Where the second processor starts: its registers to ap_report, in the order of words[] in smp.c. No stack until then. */
#include "client.h"

#define WORD(index) %ss:ap_report + 4 * (index)

	.text
	.globl ap_entry
ap_entry:
	movl %eax, WORD(0)
	movl %ebx, WORD(1)
	movl %ecx, WORD(2)
	movl %edx, WORD(3)
	movl %ebp, WORD(4)
	movl %esi, WORD(5)
	movl %edi, WORD(6)
	movl %esp, WORD(7)
	pushfl
	popl WORD(8)
	movl %cr0, %eax
	movl %eax, WORD(9)
	movl %cr2, %eax
	movl %eax, WORD(10)
	movl %cr3, %eax
	movl %eax, WORD(11)
	movl %cr4, %eax
	movl %eax, WORD(12)
	xorl %eax, %eax
	movl %eax, WORD(13)
	cmpl $0, %cs:nx
	je 1f
	movl $0xc0000080, %ecx
	rdmsr
	movl %eax, WORD(13)
1:	xorl %eax, %eax
	movw %cs, %ax
	movl %eax, WORD(14)
	movw %ss, %ax
	movl %eax, WORD(15)
	movw %ds, %ax
	movl %eax, WORD(16)
	movw %es, %ax
	movl %eax, WORD(17)
	movw %fs, %ax
	movl %eax, WORD(18)
	movw %gs, %ax
	movl %eax, WORD(19)
	sldt %eax
	movzwl %ax, %eax
	movl %eax, WORD(20)
	subl $8, %esp
	movl $0, (%esp)
	sgdtl (%esp)
	movzwl (%esp), %eax
	movl %eax, WORD(21)
	movl 2(%esp), %eax
	movl %eax, WORD(22)
	sidtl (%esp)
	movzwl (%esp), %eax
	movl %eax, WORD(23)
	movl 2(%esp), %eax
	movl %eax, WORD(24)
	addl $8, %esp
	movl $KERNEL_DS, %eax
	movl %eax, %ds
	movl %eax, %es
	movl $1, ap_report + 100
2:	pause
	cmpl $2, ap_report + 100
	jne 2b
	call ap_main
3:	hlt
	jmp 3b
