/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The local APIC timer (Intel SDM 3A, 10.5.4): 32 bits at the bus clock divided. The divider says whose alarm it is,
 * so that there is no state for each processor: 16 for real, 32 for available time. Vector and mask are the client's,
 * the mode is the ROM's. Deep sleep states stop this timer on many processors, and no client knows. The erratum of the
 * Pentium (writes to the APIC without a read between) is not worked around. Conventions: alarm.S.
 */
#include <vmi/classic-rom.h>
#include "private.h"

#define SELF_IPI 0x44000		/* to self, asserted, fixed: the vector is to be added */
#define ICR_BUSY 0x10			/* delivery status, in the second byte */
#define ICR_LOOKS 1000
#define MEASURE_MS 2			/* what the first alarm of all may be late by; error about 1/2000 */

	.section .text.second, "ax", @progbits

	.globl lvtt_arm
/* The timer is there and measured. EBX, ESI, EDI are lost. */
lvtt_arm:
	movl	STATE_APIC_RATIO(%ebx), %ecx
	movl	STATE_APIC(%ebx), %ebx		/* the page */
	movl	%edi, %eax			/* EDI:ESI * ECX >> 32, at most 2^32 - 1 */
	mull	%ecx
	jc	2f
	movl	%eax, %edi
	movl	%esi, %eax
	mull	%ecx
	shll	%eax
	adcl	%edi, %edx
	jnc	3f
2:	orl	$-1, %edx
3:	btl	$0, %ebp			/* counter: half of it at half the rate */
	jnc	4f
	shrl	%edx
4:	calll	entry
	andl	$~APIC_LVTT_MODE, %ecx
	btl	$ALARM_PERIODIC, %ebp
	jc	7f
	addl	$1, %edx			/* no rounding brings it before its expiry */
	sbbl	$0, %edx
5:	movl	%ecx, APIC_LVTT(%ebx)
	calll	divider
	movl	%eax, APIC_TDCR(%ebx)
	movl	%edx, APIC_TMICT(%ebx)
6:	ret
7:	orl	$APIC_LVTT_PERIODIC, %ecx
	cmpl	$1, %edx			/* 0 would stop it */
	adcl	$0, %edx
	testl	%ebp, %ebp			/* ALARM_DUE */
	jns	5b
	calll	5b
	testl	$APIC_LVT_MASKED, %ecx
	jnz	6b
	movzbl	%cl, %edx
	orl	$SELF_IPI, %edx
	movl	$ICR_LOOKS, %ecx
8:	movl	APIC_ICR(%ebx), %eax
	testb	$ICR_BUSY, %ah
	loopnz	8b
	movl	%edx, APIC_ICR(%ebx)
	ret

/*
 * EBX: the page. ECX: the entry as the client has it; one without a vector, which the client may set after the alarm, is
 * masked with the last vector: to write a vector below 16 is an error of the APIC even where it is masked.
 */
entry:
	movl	APIC_LVTT(%ebx), %ecx
	testb	$0xf0, %cl
	jnz	9f
	orl	$APIC_LVT_MASKED | 0xff, %ecx
9:	ret

/* EAX: divide configuration of the counter in EBP. */
divider:
	movl	%ebp, %eax
	andl	$1, %eax
	leal	APIC_DIVIDE_16(%eax, %eax, APIC_DIVIDE_32 - APIC_DIVIDE_16 - 1), %eax
	ret

	.globl lvtt_prepare
/*
 * EBX: PAGE_OFFSET. Looks for the APIC's page; if there is one and nobody has done so, measures the timer: ticks at
 * divider 16 in 2^32 TSC ticks. It is masked meanwhile and stopped afterwards. EAX, ECX, EDX clobbered.
 */
lvtt_prepare:
	calll	apic_page
	testl	%eax, %eax
	jz	3f
	cmpl	$0, STATE_APIC_RATIO(%ebx)
	jne	3f
	xchgl	%eax, %ebx			/* EBX: the page */
	pushl	%esi
	pushl	%edi
	pushl	%eax
	imull	$MEASURE_MS, STATE_KHZ(%eax), %edi
	calll	entry
	pushl	%ecx
	orl	$APIC_LVT_MASKED, %ecx
	movl	%ecx, APIC_LVTT(%ebx)
	movl	$APIC_DIVIDE_16, APIC_TDCR(%ebx)
	movl	$-1, APIC_TMICT(%ebx)
	rdtsc
	movl	%eax, %ecx
	movl	APIC_TMCCT(%ebx), %esi
1:	rdtsc
	subl	%ecx, %eax
	cmpl	%edi, %eax
	jb	1b
	subl	APIC_TMCCT(%ebx), %esi
	movl	%eax, %ecx
	movl	$0, APIC_TMICT(%ebx)
	popl	%edx
	movl	%edx, APIC_LVTT(%ebx)
	orl	$-1, %eax
	cmpl	%ecx, %esi			/* faster than the TSC: no quotient of 32 bits */
	jae	2f
	movl	%esi, %edx
	xorl	%eax, %eax
	divl	%ecx
2:	popl	%ebx
	movl	%eax, STATE_APIC_RATIO(%ebx)
	popl	%edi
	popl	%esi
3:	ret

	.globl lvtt_cancel
/*
 * If this processor's timer has the alarm of the counter in EBP: stops it. EAX: 1: it was going to come, else 0.
 * Where no page of the APIC is known, none was armed. ECX, EDX clobbered.
 */
lvtt_cancel:
	xorl	%eax, %eax
	movl	STATE_APIC(%ebx), %ecx
	jecxz	2f
	movl	APIC_TMICT(%ecx), %edx
	testl	%edx, %edx
	jz	2f
	calll	divider
	movl	APIC_TDCR(%ecx), %edx
	andl	$APIC_DIVIDE_MASK, %edx
	cmpl	%eax, %edx
	movl	$0, %eax
	jne	2f
	movl	APIC_LVTT(%ecx), %edx
	andl	$APIC_LVTT_PERIODIC, %edx
	orl	APIC_TMCCT(%ecx), %edx
	movl	%eax, APIC_TMICT(%ecx)
	jz	2f
	incl	%eax
2:	ret
