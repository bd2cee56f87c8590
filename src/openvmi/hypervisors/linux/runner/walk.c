/* SPDX-License-Identifier: MIT */
/*
 * The guest's page tables: four levels of x86-64 (Intel SDM volume 3, section 4.5). They may hold anything; tables count
 * only in RAM, and no walk changes anything.
 */
#include "internal.h"

#define RIGHTS (PTE_WRITABLE | PTE_USER)

static bool canonical(uint64_t address)
{
	return (uint64_t)((int64_t)(address << 16) >> 16) == address;
}

uint8_t *ram_at(uint64_t gpa, uint64_t size)
{
	uint64_t end = handover.ram + (handover.rom && gpa >= handover.ram ? ROM_PAGES_SIZE : 0);

	return gpa <= end && size <= end - gpa ? memory + gpa : NULL;
}

static uint64_t *entry_at(uint64_t table, uint64_t address, uint32_t shift)
{
	return table < handover.ram ? (uint64_t *)(memory + table) + (address >> shift & 511) : NULL;
}

int walk(uint64_t root, uint64_t address, uint32_t access, struct leaf *leaf)
{
	uint64_t table = root & PTE_ADDRESS, rights = RIGHTS, no_execute = 0;
	const int refused = (int)(access & (ACCESS_WRITE | ACCESS_USER | ACCESS_EXECUTE)) | WALK_REFUSED;

	leaf->levels = 0;
	if (!canonical(address))
		return refused;
	for (uint32_t shift = 39;; shift -= 9) {
		uint64_t *place = entry_at(table, address, shift), entry;

		if (!place)
			return refused;
		entry = *(volatile uint64_t *)place;
		leaf->entries[leaf->levels++] = (uint64_t)((uint8_t *)place - memory);
		if (!(entry & PTE_PRESENT))
			return refused;
		rights &= entry;
		no_execute |= entry & PTE_NX;
		table = entry & PTE_ADDRESS;
		if (shift == 12 || (entry & PTE_LARGE && shift <= 30)) {
			uint64_t inside = (1ul << shift) - 1;

			leaf->size = inside + 1;
			leaf->physical = (table & ~inside) | (address & inside);
			leaf->rights = rights | no_execute | (entry & (PTE_GLOBAL | PTE_DIRTY));
			break;
		}
	}
	/* The ROM's text is nobody's to write, whatever the tables say. */
	if (leaf->physical >= rom_start() && leaf->physical < rom_start() + ROM_TEXT_SIZE)
		rights &= ~PTE_WRITABLE, leaf->rights &= ~PTE_WRITABLE;
	if ((access & ACCESS_WRITE && !(rights & PTE_WRITABLE)) || (access & ACCESS_USER && !(rights & PTE_USER)) ||
	    (access & ACCESS_EXECUTE && no_execute))
		return refused | ACCESS_PRESENT;
	return 0;
}

void walk_mark(const struct leaf *leaf, bool write)
{
	for (uint32_t i = 0; i < leaf->levels; i++) {
		uint64_t *place = (uint64_t *)(memory + leaf->entries[i]);
		uint64_t bits = PTE_ACCESSED | (write && i + 1 == leaf->levels ? PTE_DIRTY : 0);

		if ((*place & bits) != bits)
			__atomic_or_fetch(place, bits, __ATOMIC_RELAXED);
	}
}

/* One piece within a page; null when it cannot be accessed. */
static uint8_t *piece(uint64_t address, uint64_t size, bool write, bool mark)
{
	struct leaf leaf;
	uint8_t *place;

	if (walk(space_root(), address, write ? ACCESS_WRITE : 0, &leaf))
		return NULL;
	place = ram_at(leaf.physical, size);
	if (place && mark)
		walk_mark(&leaf, write);
	return place;
}

static bool copy(uint64_t address, uint8_t *data, uint64_t size, bool write)
{
	/* First whether all of it can be accessed. */
	for (int pass = 0; pass < 2; pass++) {
		uint64_t at = address, left = size;
		uint8_t *mine = data;

		while (left) {
			uint64_t step = PAGE_SIZE - (at & (PAGE_SIZE - 1));
			uint8_t *place;

			step = step < left ? step : left;
			place = piece(at, step, write, pass);
			if (!place)
				return false;
			if (pass && write)
				memcpy(place, mine, step);
			else if (pass)
				memcpy(mine, place, step);
			at += step;
			mine += step;
			left -= step;
		}
	}
	return true;
}

bool guest_read(uint64_t address, void *data, uint64_t size)
{
	return copy(address, data, size, false);
}

bool guest_write(uint64_t address, const void *data, uint64_t size)
{
	return copy(address, (uint8_t *)(uintptr_t)data, size, true);
}
