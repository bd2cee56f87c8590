/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What is one instruction of the processor: identification, model-specific, control and debug registers, counters;
 * and the way out. Ring 0, flat segments, regparm(3); EBX, ESI, EDI, EBP are kept unless said.
 */
#include <vmi/classic-rom.h>
#include "private.h"

#define BIOS_RESET_FLAG 0x472	/* physical, u16: 0x1234 asks for a warm start */
#define WARM_START 0x1234
#define KBD_STATUS 0x64
#define KBD_BUSY 2
#define KBD_RESET 0xfe		/* pulse on the reset line */

	.section .text.first, "ax", @progbits

.macro CALL3 number, instruction:vararg
	ROM3_CALL \number, 881f
881:	\instruction
	ret
.endm

/* EAX: leaf, ECX: sub-leaf; the four outputs are what changes. */
	CALL3 VMI3_CALL_CPUID, cpuid
/* ECX: register, EDX:EAX: value. A fault in these is the caller's: the EIP is the ROM's, so fix-up tables miss it. */
	CALL3 VMI3_CALL_WRMSR, wrmsr
	CALL3 VMI3_CALL_RDMSR, rdmsr
	CALL3 VMI3_CALL_RDPMC, rdpmc
/* EDX:EAX. */
	CALL3 VMI3_CALL_RDTSC, rdtsc
	CALL3 VMI3_CALL_WBINVD, wbinvd
	CALL3 VMI3_CALL_CLTS, clts
/* EAX, in or out; nothing else changes. */
	CALL3 VMI3_CALL_SetCR0, movl %eax, %cr0
	CALL3 VMI3_CALL_SetCR2, movl %eax, %cr2
	CALL3 VMI3_CALL_SetCR3, movl %eax, %cr3
	CALL3 VMI3_CALL_SetCR4, movl %eax, %cr4
	CALL3 VMI3_CALL_GetCR0, movl %cr0, %eax
	CALL3 VMI3_CALL_GetCR2, movl %cr2, %eax
	CALL3 VMI3_CALL_GetCR3, movl %cr3, %eax
	CALL3 VMI3_CALL_GetCR4, movl %cr4, %eax

	ROM3_CALL VMI3_CALL_SetDR, set_debug
	ROM3_CALL VMI3_CALL_GetDR, get_debug
	ROM3_CALL VMI3_CALL_Reboot, reboot

/* EAX: register, EDX: value. The number is in the instruction: one form of 4 bytes for each. */
set_debug:
	calll	1f
1:	popl	%ecx
	andl	$7, %eax
	leal	2f - 1b(%ecx, %eax, 4), %ecx
	jmpl	*%ecx
2:
	.irp	number, 0, 1, 2, 3, 4, 5, 6, 7
	movl	%edx, %dr\number
	ret
	.endr

/* EAX: register; EAX: value. */
get_debug:
	calll	1f
1:	popl	%ecx
	andl	$7, %eax
	leal	2f - 1b(%ecx, %eax, 4), %ecx
	jmpl	*%ecx
2:
	.irp	number, 0, 1, 2, 3, 4, 5, 6, 7
	movl	%dr\number, %eax
	ret
	.endr

/*
 * EAX: 0 warm start, 1 cold start. Does not return: the keyboard controller, and if that does nothing, a triple
 * fault.
 */
reboot:
	cli
	calll	rom_base
	xorl	%ecx, %ecx
	testl	%eax, %eax
	jnz	1f
	movw	$WARM_START, %cx
1:	movw	%cx, BIOS_RESET_FLAG(%ebx)
	movl	$0x10000, %ecx
2:	inb	$KBD_STATUS, %al
	testb	$KBD_BUSY, %al
	loopnz	2b
	movb	$KBD_RESET, %al
	outb	%al, $KBD_STATUS
	movl	$0x10000, %ecx			/* about 60 ms for it to act */
3:	outb	%al, $0x80
	loop	3b
	pushl	%ecx
	pushl	%ecx
	lidtl	(%esp)
	int3
