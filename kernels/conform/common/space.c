/* SPDX-License-Identifier: MIT */
/* Address spaces with user mode in them, of pages that are used again. */
#include "conform.h"

#define ADDRESS 0x000ffffffffff000ull

static uint64_t free_pages;

/* Pages that were given back come first: a page that was a table becomes another thing. */
uint64_t page_take(void)
{
	uint64_t page = free_pages;

	if (!page)
		return page_alloc();
	free_pages = *(uint64_t *)vmi_direct(page);
	memset(vmi_direct(page), 0, PAGE);
	return page;
}

void page_give(uint64_t page)
{
	*(uint64_t *)vmi_direct(page) = free_pages;
	free_pages = page;
}

static uint64_t *table_of(uint64_t entry)
{
	return vmi_direct(pv_pte_read(entry) & ADDRESS);
}

/* A space as of space_create(), but of pages that can be given back: root, level 3, one level 2, tables of level 1. */
struct space space_new(void)
{
	struct space space = { .root = page_take(), .code = page_take(), .data = page_take(), .stack = page_take() };
	uint64_t third = page_take(), second = page_take();
	uint64_t *from = vmi_direct(pv_address_space_read()), *root = vmi_direct(space.root);
	static const uint64_t addresses[3] = { USER_CODE, USER_DATA, USER_STACK };
	const uint64_t pages[3] = { space.code | PRESENT | USER, space.data | PRESENT | WRITABLE | USER | NO_EXECUTE,
				    space.stack | PRESENT | WRITABLE | USER | NO_EXECUTE };

	memcpy(root, from, PAGE);
	memcpy(vmi_direct(third), table_of(from[0]), PAGE);
	*(uint64_t *)vmi_direct(third) = 0;
	pv_page_table_add(second, 2);
	pv_page_table_add(third, 3);
	for (unsigned i = 0; i < 3; i++) {
		uint64_t first = page_take();

		pv_page_table_add(first, 1);
		pv_pte_set((uint64_t)vmi_direct(first) + (addresses[i] >> 12 & 511) * 8, pv_pte_make(pages[i]));
		pv_pte_set((uint64_t)vmi_direct(second) + (addresses[i] >> 21 & 511) * 8,
			   pv_pte_make(first | PRESENT | WRITABLE | USER));
	}
	pv_pte_set((uint64_t)vmi_direct(third), pv_pte_make(second | PRESENT | WRITABLE | USER));
	root[0] = pv_pte_make(third | PRESENT | WRITABLE | USER);
	pv_page_table_add(space.root, 4);
	memcpy(vmi_direct(space.code), program_start, program_end - program_start);
	return space;
}

/* Tables below a table's first entry of user mode, and it; from the top, so that nothing refers to what goes. */
void space_delete(const struct space *space)
{
	uint64_t third = pv_pte_read(*(uint64_t *)vmi_direct(space->root)) & ADDRESS;
	uint64_t second = pv_pte_read(*(uint64_t *)vmi_direct(third)) & ADDRESS, first[512], count = 0;
	const uint64_t *entries = vmi_direct(second);

	for (unsigned i = 0; i < 512; i++)
		if (entries[i])
			first[count++] = pv_pte_read(entries[i]) & ADDRESS;
	if (pv_page_table_remove(space->root, 4) || pv_page_table_remove(third, 3) || pv_page_table_remove(second, 2))
		vmi_panic(0, "cannot remove tables of a space");
	for (unsigned i = 0; i < count; i++) {
		if (pv_page_table_remove(first[i], 1))
			vmi_panic(0, "cannot remove table of level 1");
		page_give(first[i]);
	}
	page_give(space->root);
	page_give(third);
	page_give(second);
	page_give(space->code);
	page_give(space->data);
	page_give(space->stack);
}

