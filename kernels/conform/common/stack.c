/* SPDX-License-Identifier: MIT */
/* What every call leaves alone: its caller's stack and registers. */
#include "conform.h"

enum { STACK_WORDS = 1024 };
#define UNUSED 0x57ac57ac57ac57acull

static uint64_t stack[STACK_WORDS] __attribute__((aligned(16)));

void frugal(on_stack *call, uint64_t a, uint64_t b, uint64_t c)
{
	unsigned unused = 0;
	uint64_t lost;

	for (unsigned i = 0; i < STACK_WORDS; i++)
		stack[i] = UNUSED;
	lost = call((const uint64_t[5]){ a, b, c }, stack + STACK_WORDS);
	while (unused < STACK_WORDS && stack[unused] == UNUSED)
		unused++;
	/* What a call's own return address takes is its caller's. */
	expect("it uses no more stack than it may", (STACK_WORDS - unused) * 8 <= VMI_STACK_LIMIT + 8);
	same("it loses no register that it must keep", lost, 0);
}

uint64_t raw_result(on_stack *call, uint64_t a, uint64_t b, uint64_t c)
{
	call((const uint64_t[5]){ a, b, c }, stack + STACK_WORDS);
	return stack_result;
}

struct registers left;

uint64_t lost(leaf_call *call, uint64_t rdi, uint64_t rsi, uint64_t may)
{
	struct registers before;
	uint64_t result = 0;

	for (unsigned i = 0; i < REGISTERS; i++)
		(&before.rax)[i] = 0x0f1e2d3c4b5a6978 * (2 * i + 3);
	before.rdi = rdi;
	before.rsi = rsi;
	call(&before, &left);
	for (unsigned i = 0; i < REGISTERS; i++)
		result |= (uint64_t)((&left.rax)[i] != (&before.rax)[i]) << i;
	return result & ~may;
}
