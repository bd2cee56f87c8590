/* SPDX-License-Identifier: MIT */
#include <stdint.h>

/* Called by what the compiler adds; whoever loads this passes it on to libFuzzer, which counts with it. */
uint8_t *counters[2];
uintptr_t *places[2];

void __sanitizer_cov_8bit_counters_init(uint8_t *start, uint8_t *end);
void __sanitizer_cov_8bit_counters_init(uint8_t *start, uint8_t *end)
{
	counters[0] = start;
	counters[1] = end;
}

void __sanitizer_cov_pcs_init(uintptr_t *start, uintptr_t *end);
void __sanitizer_cov_pcs_init(uintptr_t *start, uintptr_t *end)
{
	places[0] = start;
	places[1] = end;
}
