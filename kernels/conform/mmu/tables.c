/* SPDX-License-Identifier: MIT */
/* PageTableAdd. */
#include "mmu.h"

on_stack stack_page_table_add;

TEST(PAGE_TABLE_ADD, POSITIVE, a_page_can_be_a_table_of_each_level_one_after_the_other)
{
	uint64_t page = new_page(0);

	for (unsigned level = 1; level <= 4; level++) {
		each(!pv_page_table_add(page, level), level);
		each(!pv_page_table_remove(page, level), level | 0x20);
		each(is_memory(page, 0x40 + level), level | 0x30);
		memset(words(page), 0, PAGE);
	}
	all("and memory in between");
	page_give(page);
}

TEST(PAGE_TABLE_ADD, POSITIVE, a_table_keeps_the_contents_that_it_had_as_memory)
{
	uint64_t page = new_page(0);

	for (unsigned level = 4; level >= 1; level--) {
		words(page)[3] = 0x3330;
		each(!pv_page_table_add(page, level), level);
		each(words(page)[3] == 0x3330, level | 0x10);
		pv_pte_set((uint64_t)&words(page)[4], 0x4440);
		each(words(page)[4] == 0x4440, level | 0x20);
		each(!pv_page_table_remove(page, level), level | 0x30);
		each(words(page)[3] == 0x3330 && words(page)[4] == 0x4440, level | 0x40);
		memset(words(page), 0, PAGE);
	}
	all("and the other way round");
	page_give(page);
}

TEST(PAGE_TABLE_ADD, POSITIVE, a_table_that_has_contents_already_can_be_announced)
{
	uint64_t other = new_page(0), entry, before;

	begin();
	entry = entry_at(boot_root, 2, AREA);
	before = value_at(entry);
	words(other)[AREA >> 12 & 511] = mapping(5);
	same("it succeeds", pv_page_table_add(other, 1), 0);
	pv_pte_set(entry, pv_pte_make(other | TABLE_FLAGS));
	pv_tlb_flush();
	expect("what it has is seen when it is referred to", shows(AREA, mark(5)));
	pv_pte_set(entry, before);
	pv_tlb_flush();
	expect("and not when it is not", shows(AREA, 0));
	same("it can be removed then", pv_page_table_remove(other, 1), 0);
	memset(words(other), 0, PAGE);
	page_give(other);
}

TEST(PAGE_TABLE_ADD, POSITIVE, it_keeps_to_the_stack_and_registers_of_its_convention)
{
	uint64_t page = new_page(0);

	frugal(stack_page_table_add, page, 4, 0);
	same("it is announced", pv_page_table_remove(page, 4), 0);
	page_give(page);
}

TEST(PAGE_TABLE_ADD, BOUNDARY, one_that_is_announced_is_busy_where_account_is_kept)
{
	uint64_t page = new_page(0), busy = accounts() ? VMI_BUSY : 0;

	for (unsigned level = 1; level <= 4; level++) {
		each(!pv_page_table_add(page, level), level);
		each((uint64_t)pv_page_table_add(page, level) == busy, level | 0x10);
		each((uint64_t)pv_page_table_add(page, level % 4 + 1) == busy, level | 0x20);
		each(!pv_page_table_remove(page, level), level | 0x30);
	}
	all("of its level and of another, and is taken back once");
	expect("it is memory again", is_memory(page, 0x55));
	page_give(page);
}

TEST(PAGE_TABLE_ADD, BOUNDARY, interrupts_stay_as_they_are)
{
	uint64_t page = new_page(0);

	pv_page_table_add(page, 4);
	same("disabled", pv_irq_save() & VMI_FLAG_IF, 0);
	pv_page_table_remove(page, 4);
	pv_irq_enable();
	pv_page_table_add(page, 4);
	same("enabled", pv_irq_save() & VMI_FLAG_IF, VMI_FLAG_IF);
	pv_page_table_remove(page, 4);
	page_give(page);
}

TEST(PAGE_TABLE_ADD, HOSTILE, a_level_that_is_none_is_invalid)
{
	static const uint32_t none[] = { 0, 5, 8, 0x80000001, UINT32_MAX };
	uint64_t page = new_page(0);

	for (unsigned i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		each(pv_page_table_add(page, none[i]) == VMI_INVALID, none[i]);
	all("each of them");
	expect("the page stays memory", is_memory(page, 0x66));
	page_give(page);
}

TEST(PAGE_TABLE_ADD, HOSTILE, a_misaligned_address_is_invalid)
{
	uint64_t page = new_page(0);

	for (unsigned offset = 1; offset < PAGE; offset *= 2)
		for (unsigned level = 1; level <= 4; level++)
			each(pv_page_table_add(page + offset, level) == VMI_INVALID, offset | level << 16);
	all("by whatever number of bytes");
	expect("the page stays memory", is_memory(page, 0x77));
	page_give(page);
}

TEST(PAGE_TABLE_ADD, HOSTILE, what_is_not_the_guests_memory_is_invalid_where_account_is_kept)
{
	static const uint64_t beyond[] = { BEYOND_MEMORY, 1ull << 40, 1ull << 51, 1ull << 52, NOT_CANONICAL, ~4095ull };
	uint64_t expected = invalid_where_account_is_kept();

	for (unsigned i = 0; i < sizeof(beyond) / sizeof(beyond[0]); i++)
		for (unsigned level = 1; level <= 4; level++)
			each((uint64_t)pv_page_table_add(beyond[i], level) == expected, i | level << 8);
	all("each of them");
}

TEST(PAGE_TABLE_ADD, HOSTILE, rubbish_above_its_level_is_ignored)
{
	uint64_t page = new_page(0);

	same("it succeeds", raw_result(stack_page_table_add, page, DIRTY(2), UINT64_MAX), 0);
	same("it is of that level", pv_page_table_remove(page, 2), 0);
	page_give(page);
}

/* A hypervisor may look at what a root refers to, and refuse it. */
TEST(PAGE_TABLE_ADD, HOSTILE, a_root_full_of_rubbish_is_taken_or_stays_memory)
{
	static const uint64_t rubbish[] = { UINT64_MAX, BEYOND_MEMORY | TABLE_FLAGS | USER, 0xdeadbeef00000fff };
	uint64_t page = new_page(0);

	for (unsigned i = 0; i < sizeof(rubbish) / sizeof(rubbish[0]); i++) {
		int64_t result;

		for (unsigned word = 0; word < 512; word++)
			words(page)[word] = rubbish[i];
		result = pv_page_table_add(page, 4);
		each(!result || result == VMI_INVALID || result == VMI_DENIED || result == VMI_NO_MEMORY, i);
		each(result || !pv_page_table_remove(page, 4), i | 0x10);
		each(is_memory(page, 0x88 + i), i | 0x20);
	}
	all("and is memory again in the end");
	memset(words(page), 0, PAGE);
	page_give(page);
}

