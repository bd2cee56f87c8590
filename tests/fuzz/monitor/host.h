/* SPDX-License-Identifier: MIT */
/* Included before everything else: the runner's host calls and its time-stamp counter are the test's. */
#ifndef FUZZ_HOST_H
#define FUZZ_HOST_H

#define sys6 real_call
#include "sys.h"
#undef sys6
#define sys6 host_call
#define __builtin_ia32_rdtsc host_counter

long host_call(long number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f);
uint64_t host_counter(void);

#endif
