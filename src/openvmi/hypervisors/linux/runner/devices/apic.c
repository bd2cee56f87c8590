/* SPDX-License-Identifier: MIT */
/*
 * The local interrupt controller of one processor (Intel SDM volume 3, chapter 11): timer, interrupts to itself. Its timer
 * counts nanoseconds over its divider.
 */
#include "devices.h"
#include "vcpu.h"

enum {
	VERSION = 0x30, PRIORITY = 0x80, EOI = 0xb0, SPURIOUS = 0xf0, IN_SERVICE = 0x100, REQUESTED = 0x200, COMMAND = 0x300,
	COMMAND_HIGH = 0x310, LVT_TIMER = 0x320, LVT_LAST = 0x370, INITIAL = 0x380, CURRENT = 0x390, DIVIDE = 0x3e0,
	REGISTERS = 0x400
};
#define VERSION_VALUE 0x00050014u /* six local vectors, integrated */
#define ENABLED (1u << 8)
#define MASKED (1u << 16)
#define PERIODIC (1u << 17)
#define TO_SELF 1 /* destination shorthands */
#define TO_ALL 2
#define LOWEST_VECTOR 16
#define WORDS 8

/* The host is asked for a periodic alarm at most so often: a guest that wants more must not keep it from anything else. */
#define LEAST_ALARM_NS 100000ul

static uint32_t kept[REGISTERS]; /* by offset; few are used */
static uint32_t requested[WORDS], in_service[WORDS];
static uint32_t initial;
static uint64_t deadline;
static bool armed, ready;

static void prepare(void)
{
	if (ready)
		return;
	ready = true;
	kept[SPURIOUS] = 0xff;
	kept[LVT_TIMER] = MASKED;
}

/* The highest vector of a set; 0: it is empty. */
static uint32_t highest(const uint32_t *set)
{
	for (uint32_t word = WORDS; word-- > 0;)
		if (set[word])
			return word * 32 + 31 - (uint32_t)__builtin_clz(set[word]);
	return 0;
}

static void include(uint32_t *set, uint32_t vector) { set[vector / 32] |= 1u << vector % 32; }
static void exclude(uint32_t *set, uint32_t vector) { set[vector / 32] &= ~(1u << vector % 32); }

void apic_request(uint32_t vector)
{
	prepare();
	if (vector >= LOWEST_VECTOR && kept[SPURIOUS] & ENABLED)
		include(requested, vector);
}

static uint32_t divider_shift(void)
{
	uint32_t code = kept[DIVIDE];

	return (((code & 3) | (code >> 1 & 4)) + 1) & 7;
}

static uint64_t period(void) { return (uint64_t)initial << divider_shift(); }

void apic_tick(uint64_t now)
{
	uint32_t entry;

	if (!armed || now < deadline)
		return;
	prepare();
	entry = kept[LVT_TIMER];
	armed = entry & PERIODIC && initial;
	if (armed) {
		uint64_t left = period();

		deadline = now + left;
		timer_set(now + (left < LEAST_ALARM_NS ? LEAST_ALARM_NS : left));
	}
	if (!(entry & MASKED))
		apic_request(entry & 0xff);
}

uint32_t apic_next(void)
{
	uint32_t vector = highest(requested), floor = highest(in_service) >> 4;

	if (floor < kept[PRIORITY] >> 4)
		floor = kept[PRIORITY] >> 4;
	return vector >> 4 > floor ? vector : 0;
}

void apic_take(uint32_t vector)
{
	exclude(requested, vector);
	include(in_service, vector);
}

static uint32_t count_left(void)
{
	uint64_t now = clock_now();

	return armed && deadline > now ? (uint32_t)((deadline - now) >> divider_shift()) : 0;
}

uint32_t apic_read(uint32_t offset)
{
	prepare();
	if (offset == VERSION)
		return VERSION_VALUE;
	if (offset == CURRENT)
		return count_left();
	if (offset >= IN_SERVICE && offset < IN_SERVICE + 16 * WORDS)
		return in_service[(offset - IN_SERVICE) / 16];
	if (offset >= REQUESTED && offset < REQUESTED + 16 * WORDS)
		return requested[(offset - REQUESTED) / 16];
	return offset < REGISTERS ? kept[offset] : 0;
}

static void set_timer(uint32_t value)
{
	initial = value;
	armed = value;
	if (armed) {
		deadline = clock_now() + period();
		timer_set(deadline);
	} else {
		timer_cancel();
	}
}

static void command(uint32_t value)
{
	uint32_t shorthand = value >> 18 & 3;
	bool fixed = !(value >> 8 & 7);

	if (fixed && (shorthand == TO_SELF || shorthand == TO_ALL || (!shorthand && !(kept[COMMAND_HIGH] >> 24))))
		apic_request(value & 0xff);
}

void apic_write(uint32_t offset, uint32_t value)
{
	prepare();
	if (offset == EOI)
		exclude(in_service, highest(in_service));
	else if (offset == COMMAND)
		command(value);
	else if (offset == INITIAL)
		set_timer(value);
	else if (offset == PRIORITY || offset == SPURIOUS || offset == COMMAND_HIGH || offset == DIVIDE ||
		 (offset >= LVT_TIMER && offset <= LVT_LAST))
		kept[offset] = value;
}
