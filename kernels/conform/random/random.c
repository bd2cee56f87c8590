/* SPDX-License-Identifier: MIT */
/* RandomRead. A source may give fewer bytes than asked for, even none for a while: asking again is right. */
#include "conform.h"

#define UNTOUCHED 0x5a
#define PATIENCE 1000000 /* tries */

static uint8_t bytes[VMI_RANDOM_LIMIT + 1], others[VMI_RANDOM_LIMIT];

/* Whether all were got, never more than asked for. */
static int fill(uint8_t *to, uint32_t size)
{
	uint32_t done = 0;

	for (unsigned tries = 0; done < size && tries < PATIENCE; tries++) {
		int64_t got = pv_random_read((uint64_t)to + done, size - done);

		if (got < 0 || got > (int64_t)(size - done))
			return 0;
		done += (uint32_t)got;
	}
	return done == size;
}

TEST(RANDOM_READ, POSITIVE, its_bits_are_even_and_others_each_time)
{
	unsigned set = 0;

	expect("as many as there can be at once", fill(bytes, VMI_RANDOM_LIMIT));
	for (unsigned i = 0; i < VMI_RANDOM_LIMIT * 8; i++)
		set += bytes[i / 8] >> i % 8 & 1;
	expect("half of them are set, within ten standard deviations", set > 1024 - 227 && set < 1024 + 227);
	expect("as many again", fill(others, VMI_RANDOM_LIMIT));
	expect("they are others", memcmp(bytes, others, VMI_RANDOM_LIMIT));
}

TEST(RANDOM_READ, POSITIVE, it_touches_nothing_behind_what_it_gives)
{
	for (uint32_t size = 1; size <= 64; size++) {
		int64_t got;

		memset(bytes, UNTOUCHED, sizeof(bytes));
		got = pv_random_read((uint64_t)bytes, size);
		each(got >= 0 && got <= size, size);
		for (uint32_t i = (uint32_t)got; got >= 0 && i < sizeof(bytes); i++)
			each(bytes[i] == UNTOUCHED, size);
	}
	all("for every size up to 64");
	same("interrupts stay disabled", pv_irq_save() & VMI_FLAG_IF, 0);
}

TEST_FRUGAL(RANDOM_READ, random_read, (uint64_t)bytes, 16, 0)

TEST(RANDOM_READ, BOUNDARY, nothing_is_given_of_nothing)
{
	bytes[0] = UNTOUCHED;
	same("it gives 0", pv_random_read((uint64_t)bytes, 0), 0);
	same("the buffer is as it was", bytes[0], UNTOUCHED);
}

TEST_NEEDS(RANDOM_READ, BOUNDARY, a_buffer_may_end_where_nothing_follows, GROUP_BIT(MMU))
{
	expect("it gives all of it", fill((uint8_t *)last_page() + PAGE - 8, 8));
}

TEST(RANDOM_READ, HOSTILE, more_than_its_limit_is_invalid)
{
	static const uint64_t sizes[] = { VMI_RANDOM_LIMIT + 1, 4096, UINT32_MAX, 1ull << 32, INT64_MAX, UINT64_MAX };

	bytes[0] = UNTOUCHED;
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		each(pv_random_read((uint64_t)bytes, sizes[i]) == VMI_INVALID && bytes[0] == UNTOUCHED, sizes[i]);
	all("whatever it is, and the buffer is as it was");
}

static int64_t read_to(uint64_t address)
{
	return pv_random_read(address, 16);
}

TEST(RANDOM_READ, HOSTILE, an_address_of_nothing_is_refused)
{
	refuses_address("unmapped", read_to, UNMAPPED);
	refuses_address("not canonical", read_to, NOT_CANONICAL);
	refuses_address("read-only", read_to, (uint64_t)vmi_image_start);
}
