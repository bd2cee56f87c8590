/* SPDX-License-Identifier: MIT */
/* Memory and address spaces: pages from the boot memory map, tables built through the interface. */
#include "common.h"

#define ADDRESS 0x000ffffffffff000ull

static uint64_t next, end;

void space_init(void)
{
	const struct vmi_memory_range *range = vmi_direct(vmi_boot->memory_map);

	for (uint32_t i = 0; i < vmi_boot->memory_map_count; i++, range++) {
		if (range->type == VMI_MEMORY_USABLE && range->size > end - next) {
			next = range->start;
			end = range->start + range->size;
		}
	}
}

uint64_t page_alloc(void)
{
	uint64_t page = next;

	if (page >= end)
		vmi_panic(0, "out of memory");
	next += PAGE;
	memset(vmi_direct(page), 0, PAGE);
	return page;
}

static uint64_t *table_of(uint64_t entry)
{
	return vmi_direct(pv_pte_read(entry) & ADDRESS);
}

/*
 * A new root has the kernel's entries of the present one. The kernel is linked at 1 GiB, user code goes below: so the
 * first 512 GiB get a table of their own that shares all but its first entry.
 */
uint64_t space_create(void)
{
	uint64_t root = page_alloc(), low = page_alloc();
	uint64_t *from = vmi_direct(pv_address_space_read()), *to = vmi_direct(root), *to_low = vmi_direct(low);

	memcpy(to, from, PAGE);
	memcpy(to_low, table_of(from[0]), PAGE);
	to_low[0] = 0;
	pv_page_table_add(low, 3);
	to[0] = pv_pte_make(low | PRESENT | WRITABLE | USER);
	pv_page_table_add(root, 4);
	return root;
}

uint64_t entry_of(uint64_t root, uint64_t address, uint64_t table_flags)
{
	uint64_t *table = vmi_direct(root);

	for (int level = 4;; level--) {
		uint64_t *entry = table + (address >> (3 + 9 * level) & 511);

		if (level == 1)
			return (uint64_t)entry;
		if (!*entry) {
			uint64_t page = page_alloc();

			pv_page_table_add(page, level - 1);
			pv_pte_set((uint64_t)entry, pv_pte_make(page | table_flags));
		}
		table = table_of(*entry);
	}
}

void page_map(uint64_t root, uint64_t address, uint64_t page, uint64_t flags)
{
	pv_pte_set(entry_of(root, address, PRESENT | WRITABLE | (flags & USER)), pv_pte_make(page | flags));
}
