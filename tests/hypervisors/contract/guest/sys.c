/* SPDX-License-Identifier: MIT */
/* The console, and memory given back. What the console carries is looked at from outside. */
#include "contract.h"

static char buffer[VMI_CONSOLE_LIMIT + 1];
static volatile unsigned arrived;

static void on_console(struct vmi_trap *trap)
{
	(void)trap;
	arrived++;
	pv_event_ack(VMI_SOURCE_CONSOLE);
}

static void writing(void)
{
	static const char text[] = "sys: a line\n";
	uint64_t edge = vmi_boot->direct_map + page_alloc() + PAGE - 5;
	unsigned at = 0;

	equal("ConsoleWrite of nothing gives 0", pv_console_write((uint64_t)text, 0), 0);
	equal("ConsoleWrite gives how many bytes it took", pv_console_write((uint64_t)text, sizeof(text) - 1), sizeof(text) - 1);
	/* Every byte but those that end a line, which a console may see as such; 8 in a line, as hexadecimal digits would. */
	memcpy(buffer, "sys: bytes ", 11);
	at = 11;
	for (unsigned byte = 0; byte < 256; byte++)
		if (byte != '\n' && byte != '\r')
			buffer[at++] = byte;
	buffer[at++] = '\n';
	equal("ConsoleWrite takes every byte", pv_console_write((uint64_t)buffer, at), at);
	memset(buffer, 'x', sizeof(buffer));
	memcpy(buffer, "sys: long ", 10);
	buffer[VMI_CONSOLE_LIMIT - 1] = '\n';
	equal("ConsoleWrite of 4,096 bytes takes them", pv_console_write((uint64_t)buffer, VMI_CONSOLE_LIMIT), VMI_CONSOLE_LIMIT);
	equal("ConsoleWrite of 4,097 bytes is INVALID", pv_console_write((uint64_t)buffer, VMI_CONSOLE_LIMIT + 1), VMI_INVALID);
	equal("ConsoleWrite of 2^64 - 1 bytes is INVALID", pv_console_write((uint64_t)buffer, UINT64_MAX), VMI_INVALID);
	equal("ConsoleWrite of 2^32 bytes is INVALID", pv_console_write((uint64_t)buffer, 1ull << 32), VMI_INVALID);
	memcpy((void *)edge, "edge\n", 5);
	equal("ConsoleWrite up to the end of a page takes it", pv_console_write(edge, 5), 5);
	for (unsigned i = 0; i < 26; i++) {
		char letter = 'a' + i;

		each(pv_console_write((uint64_t)&letter, 1) == 1, i);
	}
	pv_console_write((uint64_t)"\n", 1);
	all("26 single letters are taken");
}

static void on_tick(struct vmi_trap *trap)
{
	(void)trap;
	pv_event_ack(VMI_SOURCE_TIMER);
}

/* What contract.input= says comes from outside; nothing without that option. */
static void input(const char *expected)
{
	unsigned length = 0, wanted = strlen(expected);
	int can_tell;

	vmi_handle(CONSOLE_VECTOR, on_console);
	vmi_handle(TIMER_VECTOR, on_tick);
	can_tell = !pv_event_bind(VMI_SOURCE_CONSOLE, CONSOLE_VECTOR);
	pv_event_bind(VMI_SOURCE_TIMER, TIMER_VECTOR);
	for (unsigned tries = 0; length < wanted && tries < 300; tries++) {
		int64_t some = pv_console_read((uint64_t)buffer + length, length ? 64 : 1);

		each(some >= 0 && some <= (length ? 64 : 1), some);
		length += some > 0 ? some : 0;
		if (some > 0)
			continue;
		pv_timer_set(pv_clock_read() + 1000000);
		pv_halt();
	}
	pv_irq_enable();
	breathe();
	pv_irq_disable();
	pv_timer_cancel();
	if (can_tell)
		pv_event_bind(VMI_SOURCE_CONSOLE, 0);
	pv_event_bind(VMI_SOURCE_TIMER, 0);
	all("ConsoleRead never waits and never gives more than the room");
	equal("ConsoleRead gives what was sent", length == wanted && !memcmp(buffer, expected, wanted), 1);
	check("CONSOLE is raised when input arrives, or is NOT_SUPPORTED", arrived || !can_tell);
}

static void reading(void)
{
	char expected[64];

	equal("ConsoleRead of 4,097 bytes is INVALID", pv_console_read((uint64_t)buffer, VMI_CONSOLE_LIMIT + 1), VMI_INVALID);
	if (vmi_option("contract.input", expected, sizeof(expected)))
		input(expected);
	equal("ConsoleRead without input gives 0", pv_console_read((uint64_t)buffer, sizeof(buffer) - 1), 0);
	equal("ConsoleRead without room gives 0", pv_console_read((uint64_t)buffer, 0), 0);
}

static void balloon(void)
{
	uint64_t pages[2] = { page_alloc(), page_alloc() };
	int64_t result;

	result = pv_memory_balloon((uint64_t)pages, VMI_BATCH_LIMIT + 1, 1);
	check("MemoryBalloon of 513 pages is INVALID or NOT_SUPPORTED", result == VMI_INVALID || result == VMI_NOT_SUPPORTED);
	result = pv_memory_balloon((uint64_t)pages, 0, 1);
	check("MemoryBalloon of nothing gives 0, or is NOT_SUPPORTED", !result || result == VMI_NOT_SUPPORTED);
	result = pv_memory_balloon((uint64_t)pages, 2, 1);
	check("MemoryBalloon takes two pages, or is NOT_SUPPORTED", result == 2 || result == VMI_NOT_SUPPORTED);
	if (result == 2) {
		each(pv_memory_balloon((uint64_t)pages, 2, 0) == 2, 0);
		each(!*(uint64_t *)vmi_direct(pages[0]) && !*(uint64_t *)vmi_direct(pages[1]), 1);
	} else {
		each(pv_memory_balloon((uint64_t)pages, 2, 0) == VMI_NOT_SUPPORTED, 2);
	}
	all("and gives them again zeroed, or is NOT_SUPPORTED again");
}

void check_sys(void)
{
	writing();
	reading();
	balloon();
}
