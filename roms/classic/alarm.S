/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Alarms, each on a timer of the hardware: wired to IRQ0 the machine's 8254 (irq0.S), wired to LVTT the processor's
 * local APIC timer (lvtt.S). A timer has one alarm: the other counter's is replaced. An alarm of the same counter on
 * the other timer is cancelled. Expiry and period are TSC ticks. An alarm beyond the range of its timer comes early,
 * at the range's end; a client takes it as a tick that had nothing to do. The first expiry of a periodic alarm is one
 * period from now, unless it is due: then it is at once.
 *
 * Ring 0, flat segments, regparm(3), interrupts off inside. To the two timers: EBX: PAGE_OFFSET; EBP: flags and
 * ALARM_DUE; EDI:ESI: ticks to the one shot, or the period. EAX, ECX, EDX are theirs.
 */
#include <vmi/classic-rom.h>
#include "private.h"

#define FLAGS (VMI3_ALARM_COUNTER_MASK | VMI3_ALARM_IS_PERIODIC | VMI3_ALARM_WIRED_LVTT)
#define PERIOD 24			/* on the stack of set_alarm, behind four registers, flags, return address */

	.section .text.second, "ax", @progbits

	ROM3_CALL VMI3_CALL_SetAlarm, set_alarm
	ROM3_CALL VMI3_CALL_CancelAlarm, cancel_alarm

/*
 * EAX: flags, ECX:EDX: expiry, 4(%esp): period, 8 bytes, popped by the caller; 0: one shot. Other counters: nothing.
 */
set_alarm:
	cmpb	$VMI3_CYCLES_AVAILABLE, %al
	ja	6f
	pushl	%ebp
	pushl	%ebx
	pushl	%esi
	pushl	%edi
	pushfl
	cli
	andl	$FLAGS, %eax
	movl	%eax, %ebp
	movl	%edx, %esi
	movl	%ecx, %edi
	calll	rom_state
	testl	%eax, %eax
	jnz	5f
	testl	$VMI3_ALARM_WIRED_LVTT, %ebp
	jz	8f
	calll	lvtt_prepare			/* takes its time, once: so before the look at the clock */
	cmpl	$0, STATE_APIC_RATIO(%ebx)
	jne	8f
	andl	$~VMI3_ALARM_WIRED_LVTT, %ebp	/* no APIC timer: kernels built for one have no other tick */
8:	rdtsc
	subl	%eax, %esi
	sbbl	%edx, %edi
	jc	1f
	movl	%esi, %eax
	orl	%edi, %eax
	jnz	2f
1:	xorl	%esi, %esi
	xorl	%edi, %edi
	orl	$ALARM_DUE, %ebp
2:	btl	$ALARM_PERIODIC, %ebp
	jnc	3f
	movl	PERIOD(%esp), %eax
	movl	PERIOD + 4(%esp), %edx
	movl	%eax, %ecx
	orl	%edx, %ecx
	jz	7f
	movl	%eax, %esi
	movl	%edx, %edi
3:	testl	$VMI3_ALARM_WIRED_LVTT, %ebp
	jnz	4f
	calll	lvtt_cancel
	calll	irq0_arm
	jmp	5f
4:	calll	irq0_cancel
	calll	lvtt_arm
5:	popfl
	popl	%edi
	popl	%esi
	popl	%ebx
	popl	%ebp
6:	ret
7:	btrl	$ALARM_PERIODIC, %ebp
	jmp	3b

/* EAX: counter, its flags are masked away. EAX: 1: an alarm was going to come, 0: none was. */
cancel_alarm:
	pushl	%ebp
	pushl	%ebx
	pushfl
	cli
	movzbl	%al, %ebp
	xorl	%eax, %eax
	cmpl	$VMI3_CYCLES_AVAILABLE, %ebp
	ja	1f
	calll	rom_base
	calll	irq0_cancel
	pushl	%eax
	calll	lvtt_cancel
	popl	%edx
	orl	%edx, %eax
1:	popfl
	popl	%ebx
	popl	%ebp
	ret
