/* SPDX-License-Identifier: MIT */
/* The console. What it carries is looked at by the tool. */
#include "conform.h"

static char buffer[VMI_CONSOLE_LIMIT + 1];

TEST(CONSOLE_WRITE, POSITIVE, what_it_takes_is_carried)
{
	static const char text[] = "a line of text";

	same("it gives how many bytes it took", pv_console_write((uint64_t)text, sizeof(text) - 1), sizeof(text) - 1);
	shown(text, sizeof(text) - 1);
}

TEST(CONSOLE_WRITE, HOSTILE, more_than_its_limit_is_invalid)
{
	same("4,097 bytes", pv_console_write((uint64_t)buffer, VMI_CONSOLE_LIMIT + 1), VMI_INVALID);
	same("2^32 bytes", pv_console_write((uint64_t)buffer, 1ull << 32), VMI_INVALID);
	same("2^64 - 1 bytes", pv_console_write((uint64_t)buffer, UINT64_MAX), VMI_INVALID);
	shown(buffer, 0);
}

static int64_t write_from(uint64_t address)
{
	return pv_console_write(address, 16);
}

TEST(CONSOLE_WRITE, HOSTILE, an_address_of_nothing_is_refused)
{
	refuses_address("unmapped", write_from, UNMAPPED);
	refuses_address("not canonical", write_from, NOT_CANONICAL);
	shown(buffer, 0);
}

TEST_NEEDS(CONSOLE_WRITE, HOSTILE, a_buffer_that_runs_into_nothing_is_refused, GROUP_BIT(MMU))
{
	refuses_address("over the end of the last page", write_from, last_page() + PAGE - 8);
}

TEST_ENDS(SHUTDOWN, POSITIVE, the_exit_status_reaches_the_host, ENDS_EXIT, 7)
{
	pv_shutdown(VMI_SHUTDOWN_EXIT, 7);
}
