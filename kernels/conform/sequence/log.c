/* SPDX-License-Identifier: MIT */
/* What is told: one line for each sequence, names for addresses that differ from place to place, a hash of the pool. */
#include "sequence.h"

static char line[16384];
static size_t length;
static int after_letter;
int with_values;

void log_char(char c)
{
	if (length < sizeof(line))
		line[length++] = c;
	after_letter = 1;
}

void log_number(uint64_t value)
{
	int shift = 60;

	if (!after_letter)
		log_char(',');
	while (shift && !(value >> shift))
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		log_char("0123456789abcdef"[value >> shift & 15]);
	after_letter = 0;
}

void log_flush(void)
{
	for (size_t done = 0; done < length;) {
		size_t part = length - done < VMI_CONSOLE_LIMIT ? length - done : VMI_CONSOLE_LIMIT;
		int64_t taken = pv_console_write((uint64_t)line + done, part);

		if (taken <= 0)
			break;
		done += taken;
	}
	length = 0;
}

static size_t event_end;
static uint64_t last_event;
static unsigned repeated;

int log_again(uint64_t event)
{
	repeated = length && length == event_end && event == last_event ? repeated + 1 : 0;
	last_event = event;
	return repeated < REPEATS;
}

void log_event_over(void)
{
	event_end = length;
}

void log_start(unsigned number)
{
	log_char('=');
	log_number(number);
	log_char(' ');
}

uint64_t name_address(uint64_t address)
{
	uint64_t map = address >= vmi_boot->direct_map ? vmi_boot->direct_map : 0, physical = address - map;

	if (physical - pool < POOL * PAGE)
		return map + POOL_PHYSICAL + physical - pool;
	if (physical - span < SPAN_SIZE)
		return map + SPAN_PHYSICAL + physical - span;
	for (unsigned i = 0; i < ROOTS; i++)
		if (physical - roots[i] < PAGE)
			return map + ROOT_PHYSICAL + i * PAGE + physical - roots[i];
	return address;
}

uint64_t name_entry(uint64_t native)
{
	return native & 1 ? (native & ~ADDRESS) | (name_address(native & ADDRESS) & ADDRESS) : native;
}

uint64_t name_error(uint64_t error)
{
	uint64_t slot = error - (vmi_boot->descriptor_base & ~3u);

	return slot < 8 * VMI_DESCRIPTOR_SLOTS && !(error & 3) ? 0x10000 + slot / 8 * 8 : error;
}

/*
 * FNV-1a's constants, by words: place and contents of what is not 0. Entries, which alone are odd, as the guest made
 * them; accessed, dirty and global left out.
 */
static uint64_t hash(uint64_t sum, uint64_t number, uint64_t physical, uint64_t size)
{
	const uint64_t *words = vmi_direct(physical);

	for (uint64_t i = 0; i < size / 8; i++, number++) {
		uint64_t word = words[i];

		if (!word)
			continue;
		if (word & 1)
			word = name_entry(pv_pte_read(word)) & ~0x160ull;
		if (with_values) {
			log_char('M');
			log_number(number);
			log_number(word);
			log_flush();
		}
		sum = (sum ^ number) * 0x100000001b3;
		sum = (sum ^ word) * 0x100000001b3;
	}
	return sum;
}

/* Of the span the pages that sequences come to: the first two and the last. */
static uint64_t hash_all(void)
{
	uint64_t sum = hash(0xcbf29ce484222325, 0, pool, POOL * PAGE);

	sum = hash(sum, POOL * PAGE / 8, span, 2 * PAGE);
	return hash(sum, (POOL + 2) * PAGE / 8, span + SPAN_SIZE - PAGE, PAGE);
}

void log_end(void)
{
	uint64_t sum = hash_all();

	log_char('D');
	log_number(sum);
	log_char('\n');
	log_flush();
}
