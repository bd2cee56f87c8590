/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The cycle counters: real and available time are the TSC, nothing is ever stolen. Processors whose TSCs differ, or
 * that stop them, have clocks that do: nothing else here is as fine. Ring 0, flat segments, regparm(3).
 */
#include <vmi/classic-rom.h>
#include "private.h"

	.section .text.first, "ax", @progbits

	ROM3_CALL VMI3_CALL_GetCycleFrequency, get_cycle_frequency
	ROM3_CALL VMI3_CALL_GetCycleCounter, get_cycle_counter
	ROM3_CALL VMI3_CALL_WallclockUpdated, wallclock_updated

/* EDX:EAX: TSC ticks in a second. */
get_cycle_frequency:
	pushl	%ebx
	pushfl
	cli
	calll	rom_state
	movl	$1000, %eax
	mull	STATE_KHZ(%ebx)
	popfl
	popl	%ebx
	ret

/* EAX: counter; EDX:EAX: its value; stolen time, and a counter that does not exist, is 0. */
get_cycle_counter:
	cmpl	$VMI3_CYCLES_AVAILABLE, %eax
	ja	1f
	rdtsc
	ret
1:	xorl	%edx, %edx
/* EAX: 0. Nobody but the client sets its clock. */
wallclock_updated:
	xorl	%eax, %eax
	ret
