/* SPDX-License-Identifier: MIT */
/* Marks, breaks and last words: none of them changes what the guest does. */
#include "conform.h"

/* ---- TraceMark ---- */

on_stack stack_trace_mark, stack_crash_report;
leaf_call leaf_debug_break;

/* tests/conformance looks for these two among the marks of the run. */
TEST(TRACE_MARK, POSITIVE, a_mark_changes_nothing)
{
	uint64_t before = pv_clock_read();

	pv_trace_mark(1, 0x1122334455667788);
	pv_trace_mark(2, 2);
	expect("time goes on", pv_clock_read() >= before);
	same("interrupts stay disabled", pv_irq_save() & VMI_FLAG_IF, 0);
}

TEST_FRUGAL(TRACE_MARK, trace_mark, 3, 4, 0)

TEST(TRACE_MARK, BOUNDARY, every_number_is_a_mark)
{
	pv_trace_mark(0, 0);
	pv_trace_mark(UINT32_MAX, UINT64_MAX);
	raw_result(stack_trace_mark, DIRTY(5), 5, 0);
	pv_irq_enable();
	pv_trace_mark(6, 6);
	same("interrupts stay enabled", pv_irq_save() & VMI_FLAG_IF, VMI_FLAG_IF);
}

TEST(TRACE_MARK, HOSTILE, a_value_is_not_followed_and_a_flood_is_survived)
{
	pv_trace_mark(7, UNMAPPED);
	pv_trace_mark(8, NOT_CANONICAL);
	for (unsigned i = 0; i < 2000; i++)
		pv_trace_mark(9, i);
	same("the guest goes on", pv_irq_save() & VMI_FLAG_IF, 0);
}

/* ---- DebugBreak ---- */

static uint64_t changed(const struct registers *before)
{
	struct registers after;
	uint64_t result = 0;

	leaf_debug_break(before, &after);
	for (unsigned i = 0; i < REGISTERS; i++)
		result |= (uint64_t)((&after.rax)[i] != (&before->rax)[i]) << i;
	return result;
}

TEST(DEBUG_BREAK, POSITIVE, without_a_debugger_it_does_nothing)
{
	const struct registers before = patterns();

	same("every register is as before", changed(&before), 0);
	same("interrupts stay disabled", pv_irq_save() & VMI_FLAG_IF, 0);
}

TEST_FRUGAL(DEBUG_BREAK, debug_break, 0, 0, 0)

TEST(DEBUG_BREAK, BOUNDARY, interrupts_stay_enabled_and_often_is_no_harm)
{
	pv_irq_enable();
	for (unsigned i = 0; i < 100; i++)
		pv_debug_break();
	same("enabled", pv_irq_save() & VMI_FLAG_IF, VMI_FLAG_IF);
}

TEST(DEBUG_BREAK, HOSTILE, registers_full_of_bad_addresses_do_no_harm)
{
	struct registers before;

	for (unsigned i = 0; i < REGISTERS; i++)
		(&before.rax)[i] = i & 1 ? NOT_CANONICAL + i : UNMAPPED;
	same("every register is as before", changed(&before), 0);
}

/* ---- CrashReport ---- */

static struct vmi_crash_report report;

static void fill(void)
{
	static const char message[] = "the kit says so";

	report = (struct vmi_crash_report){
		.size = sizeof(report), .vector = 0xffffffff, .message = (uint64_t)message,
		.message_size = sizeof(message) - 1,
	};
}

/* Where nobody takes a report, libvmi keeps its address for the host. */
static void forget(void)
{
	vmi_link_state.crash_report = 0;
}

TEST(CRASH_REPORT, POSITIVE, it_returns_and_leaves_the_report)
{
	struct vmi_crash_report before;

	fill();
	before = report;
	pv_crash_report((uint64_t)&report);
	expect("the report is as it was", !memcmp(&report, &before, sizeof(report)));
	same("interrupts stay disabled", pv_irq_save() & VMI_FLAG_IF, 0);
	forget();
}

TEST(CRASH_REPORT, POSITIVE, it_keeps_to_the_stack_and_registers_of_its_convention)
{
	fill();
	frugal(stack_crash_report, (uint64_t)&report, 0, 0);
	forget();
}

TEST_ENDS(CRASH_REPORT, POSITIVE, a_crash_follows_it, ENDS_CRASH, 0)
{
	fill();
	pv_crash_report((uint64_t)&report);
	pv_shutdown(VMI_SHUTDOWN_CRASH, 0);
}

TEST(CRASH_REPORT, BOUNDARY, a_message_of_nothing_or_a_second_report_is_no_harm)
{
	fill();
	report.message_size = 0;
	pv_crash_report((uint64_t)&report);
	report.message = 0;
	pv_crash_report((uint64_t)&report);
	same("the guest goes on", pv_irq_save() & VMI_FLAG_IF, 0);
	forget();
}

static int64_t crash_report(uint64_t address)
{
	pv_crash_report(address);
	return VMI_FAULT; /* it has no result: to return is good */
}

TEST(CRASH_REPORT, HOSTILE, bad_addresses_in_it_and_of_it_do_no_harm)
{
	refuses_address("unmapped", crash_report, UNMAPPED);
	refuses_address("not canonical", crash_report, NOT_CANONICAL);
	refuses_address("not aligned, over the end of the addresses", crash_report, UINT64_MAX - 2);
	fill();
	report.message = NOT_CANONICAL;
	report.message_size = UINT32_MAX;
	report.size = UINT32_MAX;
	refuses_address("a message that is not there", crash_report, (uint64_t)&report);
	forget();
}

/* The host reads the report after the end, too. */
TEST_ENDS(CRASH_REPORT, HOSTILE, a_crash_with_a_report_of_rubbish_is_a_crash, ENDS_CRASH, 0)
{
	memset(&report, 0xa5, sizeof(report));
	pv_crash_report((uint64_t)&report);
	pv_shutdown(VMI_SHUTDOWN_CRASH, 0);
}
