/* SPDX-License-Identifier: MIT */
/* A guest's memory as an input finds it. */
#include "fake.h"

#define ALL (PTE_PRESENT | PTE_WRITABLE | PTE_USER)
#define GATES 256

static void entry(uint8_t *to, uint64_t table, uint64_t index, uint64_t value)
{
	memcpy(to + table + 8 * index, &value, sizeof value);
}

void write_guest(uint8_t *to)
{
	const uint64_t task[2] = { 0x67 | TASK << 16 | 0x89ul << 40, 0 };
	const uint64_t user_stack = STACK;

	entry(to, ROOT, 0, 0x2000 | ALL);
	entry(to, 0x2000, 0, 0x3000 | ALL);
	entry(to, 0x3000, 0, 0x4000 | ALL);
	entry(to, 0x3000, LARGE >> 21, 0 | ALL | PTE_LARGE);
	entry(to, 0x3000, WINDOW >> 21, 0x5000 | ALL);
	entry(to, 0x3000, (WINDOW >> 21) + 1, 0 | ALL | PTE_LARGE | PTE_NX);
	for (uint64_t page = 0; page < 512; page++)
		entry(to, 0x4000, page, page << 12 | (page < RAM / PAGE_SIZE ? ALL : 0) | (page >= 0x100 ? PTE_NX : 0));
	for (uint64_t page = 0; page < 3; page++)
		entry(to, 0x5000, page, (RAM + page * PAGE_SIZE) | PTE_PRESENT | PTE_WRITABLE);
	for (uint64_t vector = 0; vector < GATES; vector++)
		entry(to, IDT, 2 * vector, (CODE & 0xffff) | 8ul << 16 | 0xeeul << 40 | (CODE >> 16 & 0xffff) << 48);
	entry(to, GDT, 1, 0x00af9b000000ffff);
	entry(to, GDT, 2, 0x00cf93000000ffff);
	memcpy(to + GDT + 0x48, task, sizeof task);
	memcpy(to + TASK + 4, &user_stack, sizeof user_stack);
	for (uint64_t at = 0; at < ROM_TEXT_SIZE; at++)
		to[RAM + at] = (uint8_t)(0x90 + at / PAGE_SIZE);
}
