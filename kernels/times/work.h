/* SPDX-License-Identifier: MIT */
/* The same work, compiled once into the kernel and once into a program of the host. */
#ifndef KERNELS_TIMES_WORK_H
#define KERNELS_TIMES_WORK_H

#include <stdint.h>

enum { WORK_TURNS = 50000, ROUNDS = 25 }; /* so short that most rounds see no interrupt of the host */

/* Multiplies, divides, shifts, branches, and a table of 4 KiB: no vectors, no calls. */
uint64_t work(uint32_t turns) __attribute__((aligned(64)));

static inline uint64_t ticks(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}

#endif
