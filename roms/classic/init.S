/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * VMI_Init, the state in page 0, and the measurement on which all conversions of time rest: the TSC against channel 2
 * of the 8254 (Intel 8254 data sheet, mode 0: OUT goes low with the control word and high when the count is reached).
 */
#include <vmi/classic-rom.h>
#include "private.h"

#define PIT_CHANNEL_2 0x42
#define PIT_CONTROL 0x43
#define PIT_2_MODE_0 0xb0		/* both bytes, binary */
#define PORT_61 0x61			/* bit 0: gate of channel 2, bit 1: speaker, bit 5: OUT */
#define OUT_2 0x20

#define MEASURE_MS 50
#define MEASURE_TICKS 59659		/* 49.9999 ms at 14.31818 MHz / 12 */
#define MEASURE_TRIES 5
#define GOOD_SHIFT 13			/* good enough: start and end known to 1/8192 of the interval, error 1/16384 */

#define EFLAGS_ID 21
#define CPUID_TSC 0x10			/* leaf 1, EDX */

	.section .text.first, "ax", @progbits

	.globl rom_base
/* EBX: PAGE_OFFSET, from the return address. Nothing else changes but flags. */
rom_base:
	movl	(%esp), %ebx
	andl	$PAGE_OFFSET_MASK, %ebx
	ret

	.globl vmi_init
/*
 * Ring 0, paging on, interrupts off, no argument. EAX: 0, or -1: no TSC, page 0 is not memory, or no 8254 to measure
 * with; then the client stays native. EBX, ESI, EDI, EBP are kept.
 */
vmi_init:
	pushl	%ebx
	pushl	%edi
	calll	rom_base
	pushfl					/* CPUID exists if the flag ID can be changed */
	popl	%eax
	movl	%eax, %ecx
	btcl	$EFLAGS_ID, %eax
	pushl	%eax
	popfl
	pushfl
	popl	%eax
	pushl	%ecx
	popfl
	xorl	%ecx, %eax
	btl	$EFLAGS_ID, %eax
	jnc	1f
	movl	$1, %eax
	pushl	%ebx
	cpuid
	popl	%ebx
	testb	$CPUID_TSC, %dl
	jz	1f
	leal	STATE(%ebx), %edi
	movl	$(STATE_END - STATE) / 4, %ecx
	xorl	%eax, %eax
	rep stosl
	calll	measure
	jmp	2f
1:	orl	$-1, %eax
2:	popl	%edi
	popl	%ebx
	ret

	.globl rom_state
/*
 * Interrupts off. EBX: PAGE_OFFSET; EAX: 0, or -1: the state cannot be had. If the check word is wrong, somebody
 * wrote into page 0: the rest is not believed either. ECX, EDX clobbered.
 */
rom_state:
	movl	(%esp), %ebx
	andl	$PAGE_OFFSET_MASK, %ebx
	movl	STATE_KHZ(%ebx), %eax
	addl	STATE_PIT_RATIO(%ebx), %eax
	addl	STATE_CHECK(%ebx), %eax
	subl	$STATE_MAGIC, %eax
	jnz	1f
	ret
1:	xorl	%eax, %eax
	movl	%eax, STATE_APIC_RATIO(%ebx)
	movl	%eax, STATE_APIC(%ebx)
	movl	%eax, STATE_IRQ0(%ebx)

/*
 * EBX: PAGE_OFFSET, interrupts off. Writes KHZ, PIT_RATIO and CHECK and reads one back; EAX: 0 or -1. ECX, EDX
 * clobbered.
 *
 * ESI, EDI: TSC before and after the write that starts the count; EBP: before the last look that found OUT low; EAX:
 * after the first that found it high. The true interval lies between EBP - EDI and EAX - ESI; half their sum is
 * taken, from the try where they differ least. A try ends by OUT or after 2^31 TSC ticks. On the stack: what port
 * 0x61 was, tries left, the smallest difference, its interval.
 */
measure:
	pushl	%ebp
	pushl	%esi
	pushl	%edi
	inb	$PORT_61, %al
	andb	$0x0f, %al			/* the rest is status, written as 0 */
	pushl	%eax
	andb	$0x0c, %al			/* speaker off, gate on */
	orb	$1, %al
	outb	%al, $PORT_61
	pushl	$MEASURE_TRIES
	pushl	$-1
	pushl	$0
1:	movb	$PIT_2_MODE_0, %al
	outb	%al, $PIT_CONTROL
	movb	$MEASURE_TICKS & 0xff, %al
	outb	%al, $PIT_CHANNEL_2
	rdtsc
	movl	%eax, %esi
	movb	$MEASURE_TICKS >> 8, %al
	outb	%al, $PIT_CHANNEL_2
	rdtsc
	movl	%eax, %edi
	movl	%eax, %ebp
2:	rdtsc
	movl	%eax, %ecx
	inb	$PORT_61, %al
	testb	$OUT_2, %al
	jnz	3f
	movl	%ecx, %ebp
	subl	%esi, %ecx
	jns	2b
	movl	$0, (%esp)			/* OUT never came: no interval */
	jmp	5f
3:	rdtsc
	subl	%esi, %eax
	subl	%edi, %ebp
	leal	(%eax, %ebp), %ecx
	shrl	%ecx
	subl	%ebp, %eax
	cmpl	4(%esp), %eax
	jae	4f
	movl	%eax, 4(%esp)
	movl	%ecx, (%esp)
4:	shrl	$GOOD_SHIFT, %ecx
	cmpl	%ecx, %eax
	jb	5f
	decl	8(%esp)
	jnz	1b
5:	popl	%ecx
	addl	$8, %esp
	popl	%eax
	outb	%al, $PORT_61
	orl	$-1, %edi
	cmpl	$MEASURE_TICKS, %ecx		/* slower than the 8254, or OUT was high at once */
	jbe	6f
	movl	%ecx, %eax
	xorl	%edx, %edx
	movl	$MEASURE_MS, %esi
	divl	%esi
	movl	%eax, %esi
	movl	$MEASURE_TICKS, %edx
	xorl	%eax, %eax
	divl	%ecx
	movl	%esi, STATE_KHZ(%ebx)
	movl	%eax, STATE_PIT_RATIO(%ebx)
	addl	%esi, %eax
	negl	%eax
	addl	$STATE_MAGIC, %eax
	movl	%eax, STATE_CHECK(%ebx)
	cmpl	%esi, STATE_KHZ(%ebx)		/* memory, or not */
	jne	6f
	incl	%edi
6:	movl	%edi, %eax
	popl	%edi
	popl	%esi
	popl	%ebp
	ret
