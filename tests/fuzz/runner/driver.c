/* SPDX-License-Identifier: MIT */
/* What the runner's readers of guest memory need of the rest of it, for a process that loads them. */
#include "internal.h"
#include "native.h"

static struct area area;
struct handover handover;
struct stub kernel;
uint8_t *memory;
static uint64_t root;

uint64_t space_root(void) { return root; }

void set_up(uint8_t *start, uint64_t ram, uint64_t page_root, uint64_t fs, uint64_t gs)
{
	memory = start;
	handover.ram = ram;
	handover.rom = 1;
	root = page_root;
	area.fs_base = fs;
	area.gs_base = gs;
	kernel.area = &area;
}

void *memcpy(void *to, const void *from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((volatile uint8_t *)to)[i] = ((const uint8_t *)from)[i];
	return to;
}

void *memset(void *to, int value, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((volatile uint8_t *)to)[i] = (uint8_t)value;
	return to;
}
