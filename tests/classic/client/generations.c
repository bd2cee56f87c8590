/* SPDX-License-Identifier: MIT */
/* Alarms as the two generations of Linux's time code use them, and the vector and mask of LVTT, which are theirs. */
#include "timing.h"

static void masked(void)
{
	unsigned before = lvtt_count[0];

	lvtt_program(LOCAL_TIMER, 1);
	alarm_set(VMI3_CYCLES_REAL | VMI3_ALARM_WIRED_LVTT, counter(VMI3_CYCLES_REAL), 0);
	arm(VMI3_CYCLES_REAL | VMI3_ALARM_WIRED_LVTT, 300, 0);
	within(3000);
	equal("a masked LVTT interrupts nobody", lvtt_count[0], before);
	check("and stays masked, its vector unchanged", (apic_read(LVTT) & 0x100ff) == (0x10000 | LOCAL_TIMER));
	lvtt_program(LOCAL_TIMER, 0);
	within(500);
	alarm_cancel(VMI3_CYCLES_REAL);
	before = lvtt_count[0];
	lvtt_program(FIRST_DEVICE, 0);
	lvtt_vector = 0;
	alarm_set(VMI3_CYCLES_REAL | VMI3_ALARM_WIRED_LVTT, counter(VMI3_CYCLES_REAL), 0);
	wait_for(before + 1, 500000);
	equal("it comes with the vector that the kernel programmed", lvtt_vector, FIRST_DEVICE);
	lvtt_vector = 0;
	arm(VMI3_CYCLES_AVAILABLE | VMI3_ALARM_WIRED_LVTT, 500, 0);
	wait_for(before + 2, 500000);
	equal("at once or later", lvtt_vector, FIRST_DEVICE);
	lvtt_program(LOCAL_TIMER, 0);
}

/* 2.6.21: periodic AVAILABLE on IRQ0, then on LVTT; idle stops it for one shot of REAL. */
static void order_of_2_6_21(uint32_t unused)
{
	const uint64_t period = cycles(2000);
	unsigned before, came;

	(void)unused;
	alarm_count = &irq0_count;
	alarm_set(VMI3_CYCLES_AVAILABLE | VMI3_ALARM_WIRED_IRQ0 | VMI3_ALARM_IS_PERIODIC, counter(1) + period, period);
	came = within(20000);
	good(came <= 11 && came >= (option("exact") ? 9 : 3), 0, came, 10);
	alarm_cancel(VMI3_CYCLES_AVAILABLE);
	within(100);
	alarm_count = &lvtt_count[0];
	before = irq0_count;
	lvtt_program(LOCAL_TIMER, 0);
	alarm_set(VMI3_CYCLES_AVAILABLE | VMI3_ALARM_WIRED_LVTT | VMI3_ALARM_IS_PERIODIC, counter(1) + period, period);
	came = within(20000);
	good(came <= 11 && came >= (option("exact") ? 9 : 3), 1, came, 10);
	good(irq0_count == before, 2, irq0_count, before);
	for (unsigned i = 0; i < 3; i++) {
		uint32_t took;

		alarm_cancel(VMI3_CYCLES_AVAILABLE);
		within(100);
		before = *alarm_count;
		arm(VMI3_CYCLES_REAL | VMI3_ALARM_WIRED_LVTT, 7000, 0);
		took = wait_for(before + 1, 500000);
		good(!early(took, 7000) && took < 7000 + alarm_slack, i, took, 7000);
		alarm_cancel(VMI3_CYCLES_REAL);
		alarm_set(VMI3_CYCLES_AVAILABLE | VMI3_ALARM_WIRED_LVTT | VMI3_ALARM_IS_PERIODIC, counter(1) + period, period);
		came = within(10000);
		good(came <= 6 && came >= (option("exact") ? 4 : 1), i, came, 5);
	}
	good(alarm_cancel(VMI3_CYCLES_AVAILABLE) == 1, 3, 0, 1);
	within(100);
}

/* Clock events: REAL only; periodic from now, then one shots; IRQ0, then LVTT with a device's vector. */
static void order_of_clock_events(uint32_t how)
{
	unsigned before, came;
	uint32_t took;

	alarm_count = how ? &lvtt_count[0] : &irq0_count;
	if (how)
		lvtt_program(FIRST_DEVICE, 0);
	alarm_set(VMI3_CYCLES_REAL | VMI3_ALARM_IS_PERIODIC | how, counter(0), cycles(4000));
	came = within(19000);
	good(came <= 6 && came >= (option("exact") ? 5 : 2), how, came, 5);
	alarm_cancel(VMI3_CYCLES_REAL | VMI3_ALARM_IS_PERIODIC | how); /* to one shot */
	within(100);
	before = *alarm_count;
	for (unsigned i = 1; i <= 5; i++) {
		arm(VMI3_CYCLES_REAL | how, 1000 * i, 0);
		took = wait_for(before + i, 500000);
		good(*alarm_count == before + i && !early(took, 1000 * i) && took < 1000 * i + alarm_slack, how, took, 1000 * i);
	}
	good(alarm_cancel(VMI3_CYCLES_REAL | how) == 0, how, 1, 0);
}

/* A kernel that programs LVTT when the alarm is set already: the ROM's mode is no business of the kernel's. */
static void vector_after(uint32_t who)
{
	unsigned came;

	alarm_count = &lvtt_count[0];
	apic_write(LVTT, 0x10000);
	alarm_set(who | VMI3_ALARM_WIRED_LVTT | VMI3_ALARM_IS_PERIODIC, counter(who), cycles(2000));
	lvtt_program(FIRST_DEVICE, 0);
	came = within(20000);
	good(came <= 11 && came >= (option("exact") ? 8 : 2), who, came, 9);
	lvtt_program(LOCAL_TIMER, 0);
	came = within(20000);
	good(came <= 11 && came >= (option("exact") ? 8 : 2), who, came, 10);
	good(alarm_cancel(who) == 1, who, 0, 1);
}

void check_generations(void)
{
	if (apic) {
		try(vector_after, VMI3_CYCLES_REAL);
		try(vector_after, VMI3_CYCLES_AVAILABLE);
		all("ticks go on when LVTT is programmed after the alarm");
		masked();
		try(order_of_2_6_21, 0);
		all("2.6.21: ticks on IRQ0, on LVTT; while idle one REAL alarm instead, then ticks again");
	}
	try(order_of_clock_events, VMI3_ALARM_WIRED_IRQ0);
	if (apic)
		try(order_of_clock_events, VMI3_ALARM_WIRED_LVTT);
	all("clock events: REAL periodic, then one shots; IRQ0, then LVTT");
}
