/* SPDX-License-Identifier: MIT */
/* Tests that pass, fail, crash and lie. Each name says what must come of it. */
#include "conform.h"

static volatile unsigned ticks;

static void on_tick(struct vmi_trap *trap)
{
	(void)trap;
	ticks++; /* and no EventAck */
}

TEST(PROBE, POSITIVE, success)
{
	same("one is one", 1, 1);
}

TEST(PROBE, POSITIVE, failure_of_a_check)
{
	same("one is one", 1, 1);
	same("two is three", 2, 3);
}

TEST(PROBE, POSITIVE, failure_for_checking_nothing)
{
}

TEST(PROBE, POSITIVE, failure_for_counting_and_not_telling)
{
	same("one is one", 1, 1);
	each(1, 0);
	each(0, 7);
}

TEST(PROBE, BOUNDARY, failure_by_an_exception)
{
	same("one is one", 1, 1);
	*(volatile uint64_t *)UNMAPPED = 1;
}

/* All that reset() must put right, which the next test looks at. */
TEST(PROBE, BOUNDARY, success_that_leaves_everything_wrong)
{
	struct vmi_trap_gate none = { .vector = 3 };

	same("it is another address space", user_space()->root != boot_root, 1);
	vmi_handle(TIMER_VECTOR, on_tick);
	pv_event_bind(VMI_SOURCE_TIMER, TIMER_VECTOR);
	pv_event_bind(VMI_SOURCE_SOFT, TIMER_VECTOR + 1);
	pv_event_mask(VMI_SOURCE_SOFT);
	pv_irq_enable();
	pv_timer_set(0);
	comes(&ticks, 1);
	same("a timer is being handled", ticks, 1);
	pv_irq_disable();
	pv_event_send(VMI_SOURCE_SOFT);
	pv_timer_set(0);
	pv_trap_table_set((uint64_t)&none, 1);
	pv_kernel_stack_set(KERNEL_STACK_TOP - 4096);
	pv_lazy_enter();
	vmi_handle(14, 0);
	pv_irq_enable();
}

static void breakpoint(uint64_t unused)
{
	(void)unused;
	__asm__ volatile("int3");
}

TEST(PROBE, BOUNDARY, success_with_everything_right_again)
{
	uint64_t found;

	same("interrupts are disabled", pv_irq_save() & VMI_FLAG_IF, 0);
	same("the address space is the first", pv_address_space_read(), boot_root);
	same("a page fault is caught", load(UNMAPPED, &found), FAULTED);
	same("so is a breakpoint", attempt(breakpoint, 0), 1 + 3);
	ticks = 0;
	let();
	same("nothing was pending", ticks, 0);
	vmi_handle(TIMER_VECTOR, on_tick);
	same("the vector is free", pv_event_bind(VMI_SOURCE_SOFT, TIMER_VECTOR), 0);
	let();
	same("the source was not pending", ticks, 0);
	pv_event_send(VMI_SOURCE_SOFT);
	let();
	same("it comes", ticks, 1);
}

TEST(PROBE, HOSTILE, failure_for_lying_about_the_console)
{
	pv_console_write((uint64_t)"this", 4);
	shown("that", 4);
}


TEST(PROBE, HOSTILE, crash_by_a_shutdown)
{
	pv_shutdown(VMI_SHUTDOWN_CRASH, 0);
}

TEST(PROBE, HOSTILE, crash_by_an_exit_in_the_middle)
{
	pv_shutdown(VMI_SHUTDOWN_EXIT, 0);
}

TEST(PROBE, HOSTILE, crash_by_a_hang)
{
	for (;;)
		breathe();
}

TEST_NEEDS(PROBE, HOSTILE, skip_without_group_suspend, GROUP_BIT(SUSPEND))
{
	same("never", 0, 1);
}

TEST(PROBE, HOSTILE, skip_for_a_reason_of_its_own)
{
	same("one is one", 1, 1);
	skip("one VCPU");
}

TEST(PROBE, HOSTILE, failure_that_a_skip_does_not_hide)
{
	each(0, 5);
	skip("one VCPU");
}

TEST_MAY_END(PROBE, HOSTILE, success_by_a_crash_where_it_may_end)
{
	pv_shutdown(VMI_SHUTDOWN_CRASH, 0);
}

TEST_MAY_END(PROBE, HOSTILE, success_by_going_on_where_it_may_end)
{
	same("one is one", 1, 1);
}

TEST_MAY_END(PROBE, HOSTILE, crash_by_an_exit_where_it_may_crash)
{
	pv_shutdown(VMI_SHUTDOWN_EXIT, 0);
}

TEST_MAY_END(PROBE, HOSTILE, crash_behind_a_failure_where_it_may_end)
{
	same("two is three", 2, 3);
	pv_shutdown(VMI_SHUTDOWN_CRASH, 0);
}

TEST_ENDS(SHUTDOWN, POSITIVE, success_by_exit_9, ENDS_EXIT, 9)
{
	pv_shutdown(VMI_SHUTDOWN_EXIT, 9);
}

TEST_ENDS(SHUTDOWN, POSITIVE, failure_by_exit_8, ENDS_EXIT, 9)
{
	pv_shutdown(VMI_SHUTDOWN_EXIT, 8);
}

TEST_ENDS(SHUTDOWN, POSITIVE, failure_by_going_on, ENDS_EXIT, 9)
{
}

TEST_ENDS(SHUTDOWN, POSITIVE, skip_where_the_machine_would_end, ENDS_EXIT, 9)
{
	skip("no suspend");
}

TEST_ENDS(SHUTDOWN, POSITIVE, crash_in_place_of_a_restart, ENDS_REBOOT, 0)
{
	pv_shutdown(VMI_SHUTDOWN_CRASH, 0);
}

TEST(DEBUG_BREAK, POSITIVE, success_after_all_that)
{
	same("one is one", 1, 1);
}
