/* SPDX-License-Identifier: MIT */
/* The console. What it carries is looked at by the tool. */
#include "conform.h"

static char buffer[VMI_CONSOLE_LIMIT + 1];

/* ---- ConsoleWrite ---- */

TEST(CONSOLE_WRITE, POSITIVE, what_it_takes_is_carried)
{
	static const char text[] = "a line of text";

	same("it gives how many bytes it took", pv_console_write((uint64_t)text, sizeof(text) - 1), sizeof(text) - 1);
	shown(text, sizeof(text) - 1);
}

/* But those that end a line, which a console may see as such. */
TEST(CONSOLE_WRITE, POSITIVE, every_byte_is_carried_unchanged)
{
	unsigned length = 0;

	buffer[length++] = ':'; /* no line of the kit's own begins so */
	for (unsigned byte = 0; byte < 256; byte++)
		if (byte != '\n' && byte != '\r')
			buffer[length++] = byte;
	same("it takes all of them", pv_console_write((uint64_t)buffer, length), length);
	shown(buffer, length);
}

TEST(CONSOLE_WRITE, POSITIVE, single_letters_come_in_order)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz";

	for (unsigned i = 0; i < 26; i++)
		each(pv_console_write((uint64_t)letters + i, 1) == 1, i);
	all("each is taken");
	shown(letters, 26);
}

TEST_FRUGAL(CONSOLE_WRITE, console_write, (uint64_t)"x", 1, 0)

TEST(CONSOLE_WRITE, BOUNDARY, nothing_is_taken_of_nothing)
{
	same("it gives 0", pv_console_write((uint64_t)buffer, 0), 0);
	shown(buffer, 0);
}

TEST(CONSOLE_WRITE, BOUNDARY, its_limit_is_taken_as_a_whole)
{
	memset(buffer, 'x', VMI_CONSOLE_LIMIT);
	same("it takes 4,096 bytes", pv_console_write((uint64_t)buffer, VMI_CONSOLE_LIMIT), VMI_CONSOLE_LIMIT);
	shown(buffer, VMI_CONSOLE_LIMIT);
}

TEST_NEEDS(CONSOLE_WRITE, BOUNDARY, a_buffer_may_end_where_nothing_follows, GROUP_BIT(MMU))
{
	char *edge = (char *)last_page() + PAGE - 4;

	memcpy(edge, "edge", 4);
	same("it takes all of it", pv_console_write((uint64_t)edge, 4), 4);
	shown("edge", 4);
}

TEST(CONSOLE_WRITE, BOUNDARY, interrupts_stay_as_they_are)
{
	pv_irq_enable();
	pv_console_write((uint64_t)"on", 2);
	same("enabled", pv_irq_save() & VMI_FLAG_IF, VMI_FLAG_IF);
	pv_irq_disable();
	pv_console_write((uint64_t)"off", 3);
	same("disabled", pv_irq_save() & VMI_FLAG_IF, 0);
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
	refuses_address("over the end of the addresses", write_from, UINT64_MAX - 7);
	shown(buffer, 0);
}

/* What comes before the border may have been carried. */
TEST_NEEDS(CONSOLE_WRITE, HOSTILE, a_buffer_that_runs_into_nothing_is_refused, GROUP_BIT(MMU))
{
	memset((char *)last_page() + PAGE - 8, 'x', 8);
	refuses_address("over the end of the last page", write_from, last_page() + PAGE - 8);
}

/* ---- ConsoleRead ---- */

static volatile unsigned arrived;

static void on_console(struct vmi_trap *trap)
{
	(void)trap;
	arrived++;
	pv_event_ack(VMI_SOURCE_CONSOLE);
}

TEST_INPUT(CONSOLE_READ, POSITIVE, what_is_typed_is_read)
{
	static const char expected[] = INPUT_LINE;
	unsigned length = 0;
	int can_tell;

	arrived = 0;
	vmi_handle(CONSOLE_VECTOR, on_console);
	can_tell = !pv_event_bind(VMI_SOURCE_CONSOLE, CONSOLE_VECTOR);
	memset(buffer, 0x7e, sizeof(buffer));
	while (length < sizeof(expected) - 1) {
		/* One byte first, then no more than is left. */
		uint64_t room = length ? sizeof(expected) - 1 - length : 1;
		int64_t some = read_some((uint64_t)buffer + length, room);

		each(some > 0 && (uint64_t)some <= room, some);
		if (some <= 0)
			break;
		length += some;
	}
	all("each time it gives something, and never more than the room");
	expect("it is what was typed", length == sizeof(expected) - 1 && !memcmp(buffer, expected, length));
	same("nothing is written behind it", (uint8_t)buffer[length], 0x7e);
	let();
	expect("CONSOLE was raised, or is NOT_SUPPORTED", arrived || !can_tell);
}

TEST_FRUGAL(CONSOLE_READ, console_read, (uint64_t)buffer, 100, 0)

TEST(CONSOLE_READ, BOUNDARY, without_input_it_gives_0_and_writes_nothing)
{
	memset(buffer, 0x7e, sizeof(buffer));
	same("with all the room there may be", pv_console_read((uint64_t)buffer, VMI_CONSOLE_LIMIT), 0);
	same("with room for a byte", pv_console_read((uint64_t)buffer, 1), 0);
	same("without room", pv_console_read((uint64_t)buffer, 0), 0);
	for (unsigned i = 0; i < sizeof(buffer); i++)
		each(buffer[i] == 0x7e, i);
	all("the buffer is as it was");
}

TEST(CONSOLE_READ, HOSTILE, more_than_its_limit_is_invalid)
{
	same("4,097 bytes", pv_console_read((uint64_t)buffer, VMI_CONSOLE_LIMIT + 1), VMI_INVALID);
	same("2^32 bytes", pv_console_read((uint64_t)buffer, 1ull << 32), VMI_INVALID);
	same("2^64 - 1 bytes", pv_console_read((uint64_t)buffer, UINT64_MAX), VMI_INVALID);
}

static int64_t read_to(uint64_t address)
{
	int64_t some = read_some(address, 1);

	return some ? some : VMI_SUCCESS; /* the input did not come, and nothing was tried */
}

static int64_t read_now(uint64_t address)
{
	return pv_console_read(address, 5);
}

static void refuses_buffers(void)
{
	refuses_address("unmapped", read_now, UNMAPPED);
	refuses_address("not canonical", read_now, NOT_CANONICAL);
	refuses_address("read-only", read_now, (uint64_t)vmi_image_start);
	if (vmi_revision(VMI_GROUP_MMU))
		refuses_address("over the end of the last page", read_now, last_page() + PAGE - 4);
}

TEST(CONSOLE_READ, HOSTILE, a_buffer_that_is_not_there_is_refused_with_nothing_waiting_too)
{
	refuses_buffers();
	same("with a buffer there is nothing", pv_console_read((uint64_t)buffer, VMI_CONSOLE_LIMIT), 0);
}

TEST_INPUT(CONSOLE_READ, HOSTILE, a_buffer_that_is_not_there_takes_no_input)
{
	static const char expected[] = INPUT_LINE;
	unsigned length = 0;

	while (length < sizeof(expected) - 1) {
		int64_t some = read_some((uint64_t)buffer + length, 1);

		if (some <= 0)
			break;
		length += some;
		if (length % 4 == 1)
			refuses_buffers();
	}
	expect("all of the line is read", length == sizeof(expected) - 1 && !memcmp(buffer, expected, length));
}

TEST_INPUT(CONSOLE_READ, HOSTILE, an_address_of_nothing_is_refused)
{
	refuses_address("unmapped", read_to, UNMAPPED);
	refuses_address("not canonical", read_to, NOT_CANONICAL);
	refuses_address("read-only", read_to, (uint64_t)vmi_image_start);
}
