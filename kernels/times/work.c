/* SPDX-License-Identifier: MIT */
#include "work.h"

enum { WORDS = 512 };

static uint64_t table[WORDS] __attribute__((aligned(4096)));

uint64_t work(uint32_t turns)
{
	uint64_t state = 88172645463325252ull, sum = 0;

	for (uint32_t i = 0; i < turns; i++) {
		uint64_t *word = &table[state % WORDS];

		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		if (state & 1)
			*word += state;
		else
			sum += *word / (i + 1);
		sum = sum * 6364136223846793005ull + state;
	}
	return sum;
}
