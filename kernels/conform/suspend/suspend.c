/* SPDX-License-Identifier: MIT */
/* Leaving a hypervisor. */
#include "conform.h"

static struct vmi_resume_point point __attribute__((aligned(64)));
static uint8_t stack[4096] __attribute__((aligned(16)));

static void resumed(void)
{
	pv_shutdown(VMI_SHUTDOWN_EXIT, 1); /* nobody resumes here */
}

static uint64_t sound_point(void)
{
	point = (struct vmi_resume_point){
		.entry = (uint64_t)resumed, .stack = (uint64_t)stack + sizeof(stack), .page_root = boot_root,
	};
	return vmi_physical(&point);
}

static int is_answer(int64_t result)
{
	return !result || result == VMI_BUSY || result == VMI_NOT_SUPPORTED;
}

TEST(SUSPEND_PREPARE, POSITIVE, it_says_whether_a_suspend_can_happen)
{
	int64_t result = pv_suspend_prepare();

	expect("yes, BUSY or NOT_SUPPORTED", is_answer(result));
	same("interrupts stay disabled", pv_irq_save() & VMI_FLAG_IF, 0);
	if (result == VMI_NOT_SUPPORTED)
		skip("no suspend");
}

TEST_FRUGAL(SUSPEND_PREPARE, suspend_prepare, 0, 0, 0)

TEST(SUSPEND_PREPARE, BOUNDARY, asked_twice_it_says_the_same)
{
	int64_t first = pv_suspend_prepare();

	same("the second answer", pv_suspend_prepare(), first);
}

on_stack stack_suspend_prepare;

TEST(SUSPEND_PREPARE, HOSTILE, rubbish_where_it_has_no_arguments_is_ignored)
{
	int64_t before = pv_suspend_prepare();

	same("the answer", raw_result(stack_suspend_prepare, NOT_CANONICAL, UNMAPPED, UINT64_MAX), before);
}

TEST_ENDS(SUSPEND, POSITIVE, the_guest_ends_here, ENDS_EXIT, 0)
{
	int64_t result = pv_suspend_prepare();

	if (!result)
		result = pv_suspend(sound_point());
	if (result == VMI_NOT_SUPPORTED)
		skip("no suspend");
}

static uint64_t memory_end(void)
{
	const struct vmi_memory_range *range = vmi_direct(vmi_boot->memory_map);
	uint64_t end = 0;

	for (uint32_t i = 0; i < vmi_boot->memory_map_count; i++, range++)
		if (range->type != VMI_MEMORY_RESERVED && range->start + range->size > end)
			end = range->start + range->size;
	return end;
}

TEST(SUSPEND, BOUNDARY, a_resume_point_at_the_end_of_memory_is_refused)
{
	int64_t result = pv_suspend(memory_end());

	expect("behind it", result == VMI_INVALID || result == VMI_NOT_SUPPORTED);
	result = pv_suspend(memory_end() - 8);
	expect("over it", result == VMI_INVALID || result == VMI_NOT_SUPPORTED);
}

TEST(SUSPEND, HOSTILE, a_resume_point_that_makes_no_sense_is_refused)
{
	static const uint64_t bad[] = { 1ull << 51, UINT64_MAX & ~63ull, NOT_CANONICAL };

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int64_t result = pv_suspend(bad[i]);

		each(result == VMI_INVALID || result == VMI_NOT_SUPPORTED, bad[i]);
	}
	all("memory that is not the guest's");
}
