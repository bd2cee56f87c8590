/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Native random bytes: RDRAND (Intel SDM volume 1, section 7.3.17), which needs no privilege. */
#include "native.h"

#define CPUID_1_RDRAND (1u << 30) /* ECX */
#define TRIES 10 /* as Intel's guide to it has it: who fails more often in a row is broken */

int vmi_native_has_random(void)
{
	uint32_t r[4];

	vmi_native_cpuid(1, 0, (uint64_t)r);
	return !!(r[2] & CPUID_1_RDRAND);
}

static int draw(uint64_t *word)
{
	uint8_t good = 0;

	for (int i = 0; i < TRIES && !good; i++)
		__asm__ volatile("rdrand %0; setc %1" : "=r"(*word), "=qm"(good) : : "cc");
	return good;
}

int64_t vmi_native_random_read(uint64_t buffer, uint64_t size)
{
	uint8_t *to = (uint8_t *)buffer;
	uint64_t done = 0, word;

	if (size > VMI_RANDOM_LIMIT)
		return VMI_INVALID;
	if (!vmi_native_has_random())
		return VMI_NOT_SUPPORTED;
	while (done < size && draw(&word)) {
		uint64_t step = size - done < sizeof(word) ? size - done : sizeof(word);

		memcpy(to + done, &word, step);
		done += step;
	}
	return done;
}
