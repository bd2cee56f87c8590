/* SPDX-License-Identifier: MIT */
/* The end, and memory given back. */
#include "conform.h"

/* ---- Shutdown ---- */

TEST_ENDS(SHUTDOWN, POSITIVE, an_exit_status_reaches_the_host, ENDS_EXIT, 7)
{
	pv_irq_enable();
	pv_shutdown(VMI_SHUTDOWN_EXIT, 7);
}

TEST_ENDS(SHUTDOWN, POSITIVE, a_wish_for_a_restart_reaches_the_host, ENDS_REBOOT, 0)
{
	pv_shutdown(VMI_SHUTDOWN_REBOOT, 0);
}

TEST_ENDS(SHUTDOWN, POSITIVE, a_refusal_reaches_the_host, ENDS_REFUSED, 0)
{
	pv_shutdown(VMI_SHUTDOWN_REFUSED, 0);
}

TEST_ENDS(SHUTDOWN, BOUNDARY, a_code_above_63_is_taken_as_63, ENDS_EXIT, 63)
{
	pv_shutdown(VMI_SHUTDOWN_EXIT, 64);
}

TEST_ENDS(SHUTDOWN, HOSTILE, an_unknown_reason_is_a_crash, ENDS_CRASH, 0)
{
	pv_shutdown(0x7fffffff, 3);
}

/* ---- MemoryBalloon: may be NOT_SUPPORTED, then always ---- */

static uint64_t pages[VMI_BATCH_LIMIT + 1];

TEST(MEMORY_BALLOON, POSITIVE, pages_given_back_come_again_zeroed)
{
	int64_t given;

	for (unsigned i = 0; i < 4; i++) {
		pages[i] = page_alloc();
		memset(vmi_direct(pages[i]), 0x5a, PAGE);
	}
	given = pv_memory_balloon((uint64_t)pages, 4, 1);
	if (given == VMI_NOT_SUPPORTED) {
		skip("no MemoryBalloon");
		return;
	}
	same("it takes the pages", given, 4);
	same("it gives them", pv_memory_balloon((uint64_t)pages, 4, 0), 4);
	for (unsigned i = 0; given == 4 && i < 4; i++)
		for (const uint64_t *word = vmi_direct(pages[i]), *end = word + PAGE / 8; word < end; word++)
			each(!*word, (uint64_t)word);
	all("they are zeroed");
}

TEST(MEMORY_BALLOON, BOUNDARY, what_is_not_supported_is_so_both_ways_and_takes_nothing)
{
	pages[0] = page_alloc();
	memset(vmi_direct(pages[0]), 0x5a, PAGE);
	if (pv_memory_balloon((uint64_t)pages, 1, 1) != VMI_NOT_SUPPORTED) {
		skip("there is MemoryBalloon");
		return;
	}
	same("to ask for pages is not either", pv_memory_balloon((uint64_t)pages, 1, 0), VMI_NOT_SUPPORTED);
	same("the page is as it was", *(uint64_t *)vmi_direct(pages[0]), 0x5a5a5a5a5a5a5a5a);
}

TEST_FRUGAL(MEMORY_BALLOON, memory_balloon, (uint64_t)pages, 0, 1)

TEST(MEMORY_BALLOON, BOUNDARY, a_list_of_nothing_changes_nothing)
{
	int64_t given = pv_memory_balloon((uint64_t)pages, 0, 1);
	int64_t taken = pv_memory_balloon((uint64_t)pages, 0, 0);

	expect("to give", !given || given == VMI_NOT_SUPPORTED);
	same("to take", taken, given);
}

TEST(MEMORY_BALLOON, HOSTILE, more_than_a_batch_is_refused)
{
	int64_t result;

	for (unsigned i = 0; i <= VMI_BATCH_LIMIT; i++)
		pages[i] = 0;
	result = pv_memory_balloon((uint64_t)pages, VMI_BATCH_LIMIT + 1, 1);
	expect("513 pages", result == VMI_INVALID || result == VMI_NOT_SUPPORTED);
	result = pv_memory_balloon((uint64_t)pages, UINT32_MAX, 1);
	expect("2^32 - 1 pages", result == VMI_INVALID || result == VMI_NOT_SUPPORTED);
}

static int64_t give_list(uint64_t address)
{
	int64_t result = pv_memory_balloon(address, 2, 1);

	return result == VMI_NOT_SUPPORTED ? VMI_INVALID : result;
}

TEST(MEMORY_BALLOON, HOSTILE, a_list_at_an_address_of_nothing_is_refused)
{
	refuses_address("unmapped", give_list, UNMAPPED);
	refuses_address("not canonical", give_list, NOT_CANONICAL);
}

TEST(MEMORY_BALLOON, HOSTILE, pages_that_are_not_the_guests_are_not_taken)
{
	static const uint64_t bad[] = { UINT64_MAX, 1ull << 51, 1, PAGE + 8 };

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		pages[0] = bad[i];
		each(pv_memory_balloon((uint64_t)pages, 1, 1) <= 0, bad[i]);
	}
	all("none is");
}
