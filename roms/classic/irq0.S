/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Channel 0 of the 8254, whose OUT is IRQ0; an interrupt is a rising edge. 16 bits of 1.193 MHz: 54.9 ms at most.
 * There is one in the machine: STATE_IRQ0 says whose alarm it has, and a client that arms it on two processors at
 * once has it garbled. Conventions: alarm.S.
 *
 * Models differ from the chip (Intel 8254 data sheet, modes and control word), and what is written here must do the
 * same in all. Measured in QEMU 7.2 without and with KVM.
 *
 * Chip: in mode 4 OUT is high, and low for one tick when the count is reached: one edge. A control word puts OUT at
 * its idle level at once, high but for mode 0, so reprogramming gives no edge. Modes 1 and 5 wait for the gate, which
 * is wired high: silent.
 *
 * QEMU: a count schedules the next change; a control word alone cancels nothing, it changes the mode by which OUT is
 * judged then. By rounding, that is just before the count in modes 0, 1, 4, 5 and just after it in mode 2. In mode 1
 * OUT is high before the count (an edge) and low after it, for good: silent is only a count written in mode 2, then
 * mode 1.
 *
 * KVM, Xen: a count starts a timer, periodic in modes 2 and 3, none in mode 5, else one shot; a control word does
 * nothing to it. Silent is only a count written in mode 5. These read mode 6 back as 2, QEMU as 6: so they are told
 * apart.
 */
#include <vmi/classic-rom.h>
#include "private.h"

#define PIT_CHANNEL_0 0x40
#define PIT_CONTROL 0x43
#define PIT_MODE(mode) (0x30 | (mode) << 1) /* channel 0, both bytes, binary */
#define PIT_STATUS_0 0xe2		/* read-back: status of channel 0 */
#define PIT_STATUS_MODE 0x0e
#define POST_PORT 0x80

	.section .text.second, "ax", @progbits

/* AL: control word, CX: count, 0 is 65536. AL is lost. */
pit_write:
	outb	%al, $PIT_CONTROL
	movb	%cl, %al
	outb	%al, $PIT_CHANNEL_0
	movb	%ch, %al
	outb	%al, $PIT_CHANNEL_0
	ret

/* EAX: who has the alarm of EBP on this processor, as in STATE_IRQ0. ECX, EDX clobbered. */
irq0_owner:
	pushl	%ebx
	movl	$1, %eax
	cpuid
	andl	$0xff000000, %ebx
	movl	%ebp, %eax
	andl	$1, %eax
	leal	1(%ebx, %eax), %eax
	popl	%ebx
	ret

	.globl irq0_arm
/*
 * The interval is cut to 65535 ticks; a one shot then gets one more, so that no rounding brings it before its expiry.
 */
irq0_arm:
	movl	%esi, %ecx
	testl	%edi, %edi
	jz	1f
	orl	$-1, %ecx
1:	movl	$0xffff, %edx			/* the most, in TSC ticks: PIT_RATIO is above 0xffff */
	xorl	%eax, %eax
	divl	STATE_PIT_RATIO(%ebx)
	cmpl	%eax, %ecx
	jae	2f
	movl	%ecx, %eax
2:	pushl	%eax
	mull	STATE_PIT_RATIO(%ebx)
	shll	%eax
	adcl	$0, %edx
	movl	%edx, %ecx
	popl	%eax
	btl	$ALARM_PERIODIC, %ebp
	jc	3f
	pushl	%eax
	rdtsc
	addl	(%esp), %eax
	adcl	$0, %edx
	addl	$4, %esp
	incl	%ecx
	pushl	$PIT_MODE(4)
	jmp	5f
3:	testl	%ebp, %ebp			/* ALARM_DUE */
	jns	4f
	pushl	%ecx
	calll	irq0_raise
	popl	%ecx
4:	orl	$-1, %eax
	orl	$-1, %edx
	pushl	$PIT_MODE(2)
	cmpl	$2, %ecx			/* mode 2 has no less */
	jae	5f
	movl	$2, %ecx
5:	movl	%eax, STATE_EXPIRY(%ebx)
	movl	%edx, STATE_EXPIRY + 4(%ebx)
	popl	%eax
	calll	pit_write
	calll	irq0_owner
	movl	%eax, STATE_IRQ0(%ebx)
	ret

/*
 * One IRQ0 now. Chip: mode 0 takes OUT low, mode 1 high. QEMU: a count makes OUT low in mode 0 and high in mode 1.
 * KVM, Xen: a shot after one tick; the accesses that follow leave it the time.
 */
irq0_raise:
	movl	$1, %ecx
	movb	$PIT_MODE(0), %al
	calll	pit_write
	movb	$PIT_MODE(1), %al
	calll	pit_write
	movb	$8, %cl
1:	outb	%al, $POST_PORT
	loop	1b
	ret

	.globl irq0_cancel
/*
 * If the 8254 has the alarm of the counter in EBP on this processor: stops it. EAX: 1: it was going to come, else 0.
 */
irq0_cancel:
	xorl	%eax, %eax
	cmpl	%eax, STATE_IRQ0(%ebx)
	je	3f
	calll	irq0_owner
	cmpl	%eax, STATE_IRQ0(%ebx)
	movl	$0, %eax
	jne	3f
	movl	%eax, STATE_IRQ0(%ebx)
	movb	$PIT_MODE(6), %al		/* mode 2 by another name */
	outb	%al, $PIT_CONTROL
	movb	$PIT_STATUS_0, %al
	outb	%al, $PIT_CONTROL
	inb	$PIT_CHANNEL_0, %al
	xorl	%ecx, %ecx
	andb	$PIT_STATUS_MODE, %al
	cmpb	$PIT_STATUS_MODE & PIT_MODE(6), %al
	je	1f
	movb	$PIT_MODE(5), %al
	calll	pit_write
	jmp	2f
1:	movb	$PIT_MODE(2), %al
	calll	pit_write
	movb	$PIT_MODE(1), %al
	outb	%al, $PIT_CONTROL
2:	rdtsc
	subl	STATE_EXPIRY(%ebx), %eax
	sbbl	STATE_EXPIRY + 4(%ebx), %edx
	sbbl	%eax, %eax
	negl	%eax
3:	ret
