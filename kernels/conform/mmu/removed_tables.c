/* SPDX-License-Identifier: MIT */
/* PageTableRemove. */
#include "mmu.h"

on_stack stack_page_table_remove;

TEST(PAGE_TABLE_REMOVE, POSITIVE, the_page_is_ordinary_memory_again)
{
	uint64_t page = new_page(0);

	begin();
	pv_page_table_add(page, 1);
	same("it succeeds", pv_page_table_remove(page, 1), 0);
	expect("it can be written at the direct map", is_memory(page, 0x99));
	pv_pte_set(entries[0], pv_pte_make(page | DATA_FLAGS));
	same("and where else it is mapped", store(AREA + 8, 0xaa), 0);
	same("which is there", words(page)[1], 0xaa);
	pv_pte_set(entries[0], 0);
	pv_tlb_flush();
	page_give(page);
}

TEST(PAGE_TABLE_REMOVE, POSITIVE, a_whole_space_can_be_taken_down)
{
	for (unsigned i = 0; i < 20; i++) {
		struct space space = space_new();

		words(space.data)[0] = 0x5000 + i;
		pv_address_space_set(space.root);
		each(shows(USER_DATA, 0x5000 + i), i);
		pv_address_space_set(boot_root);
		space_delete(&space); /* ends the guest when it cannot */
	}
	all("and its pages make another one");
}

TEST(PAGE_TABLE_REMOVE, POSITIVE, it_keeps_to_the_stack_and_registers_of_its_convention)
{
	uint64_t page = new_page(0);

	pv_page_table_add(page, 4);
	frugal(stack_page_table_remove, page, 4, 0);
	expect("it is memory again", is_memory(page, 0xbb));
	page_give(page);
}

TEST(PAGE_TABLE_REMOVE, BOUNDARY, the_root_in_use_is_busy)
{
	struct space space = space_new();
	uint64_t found;

	begin();
	same("that of the boot contract", pv_page_table_remove(boot_root, 4), VMI_BUSY);
	pv_pte_set(entries[0], mapping(0));
	expect("after that it still works", shows(AREA, mark(0)));
	words(space.data)[0] = 0xaaaa;
	pv_address_space_set(space.root);
	same("a new one", pv_page_table_remove(space.root, 4), VMI_BUSY);
	expect("after that it still works too", shows(USER_DATA, 0xaaaa));
	pv_tlb_flush();
	expect("without what the processor remembers", !load(USER_DATA, &found) && found == 0xaaaa);
	pv_address_space_set(boot_root);
	space_delete(&space);
}

TEST(PAGE_TABLE_REMOVE, BOUNDARY, what_another_table_refers_to_is_busy_where_that_is_known)
{
	uint64_t page = new_page(0), entry;
	int64_t result;

	begin();
	entry = entry_of(boot_root, TEST_ADDRESS, TABLE_FLAGS);
	entry = entry_at(boot_root, 2, TEST_ADDRESS + 0xa00000);
	words(page)[0] = mapping(2);
	pv_page_table_add(page, 1);
	pv_pte_set(entry, pv_pte_make(page | TABLE_FLAGS));
	result = pv_page_table_remove(page, 1);
	expect("it is, or it succeeds", result == VMI_BUSY || !result);
	expect("what it maps is there", shows(TEST_ADDRESS + 0xa00000, mark(2)));
	if (!result)
		pv_page_table_add(page, 1);
	pv_pte_set(entry, 0);
	pv_tlb_flush();
	same("with nothing that refers to it, it succeeds", pv_page_table_remove(page, 1), 0);
	memset(words(page), 0, PAGE);
	page_give(page);
}

TEST(PAGE_TABLE_REMOVE, BOUNDARY, interrupts_stay_as_they_are)
{
	uint64_t page = new_page(0);

	pv_page_table_add(page, 4);
	pv_page_table_remove(page, 4);
	same("disabled", pv_irq_save() & VMI_FLAG_IF, 0);
	pv_page_table_add(page, 4);
	pv_irq_enable();
	pv_page_table_remove(page, 4);
	same("enabled", pv_irq_save() & VMI_FLAG_IF, VMI_FLAG_IF);
	page_give(page);
}

TEST(PAGE_TABLE_REMOVE, HOSTILE, another_level_is_invalid_where_account_is_kept)
{
	uint64_t page = new_page(0), expected = invalid_where_account_is_kept();

	for (unsigned level = 1; level <= 4; level++) {
		pv_page_table_add(page, level);
		for (unsigned other = 1; other <= 4; other++)
			each(other == level || (uint64_t)pv_page_table_remove(page, other) == expected, level | other << 4);
		each(!pv_page_table_remove(page, level), level);
	}
	all("its own is not");
	page_give(page);
}

TEST(PAGE_TABLE_REMOVE, HOSTILE, what_was_not_announced_is_invalid_where_account_is_kept)
{
	uint64_t page = new_page(0), expected = invalid_where_account_is_kept();

	for (unsigned level = 1; level <= 4; level++) {
		each((uint64_t)pv_page_table_remove(page, level) == expected, level);
		each((uint64_t)pv_page_table_remove(BEYOND_MEMORY, level) == expected, level | 0x10);
		each((uint64_t)pv_page_table_remove(~4095ull, level) == expected, level | 0x20);
	}
	all("memory, and what is none");
	expect("memory it stays", is_memory(page, 0xcc));
	page_give(page);
}

TEST(PAGE_TABLE_REMOVE, HOSTILE, what_can_be_no_table_is_invalid)
{
	static const uint32_t none[] = { 0, 5, 8, 0x80000001, UINT32_MAX };
	uint64_t page = new_page(0);

	pv_page_table_add(page, 1);
	for (unsigned offset = 1; offset < PAGE; offset *= 2)
		each(pv_page_table_remove(page + offset, 1) == VMI_INVALID, offset);
	for (unsigned i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		each(pv_page_table_remove(page, none[i]) == VMI_INVALID, none[i]);
	all("misaligned, or of a level that is none");
	same("the table is one as before", pv_page_table_remove(page, 1), 0);
	page_give(page);
}

TEST(PAGE_TABLE_REMOVE, HOSTILE, rubbish_above_its_level_is_ignored)
{
	uint64_t page = new_page(0);

	pv_page_table_add(page, 3);
	same("it succeeds", raw_result(stack_page_table_remove, page, DIRTY(3), UINT64_MAX), 0);
	expect("it is memory again", is_memory(page, 0xdd));
	page_give(page);
}
