/* SPDX-License-Identifier: MIT */
/* PteSet. */
#include "mmu.h"

on_stack stack_pte_set;

TEST(PTE_SET, POSITIVE, a_page_is_there_at_once)
{
	begin();
	expect("without an entry it faults", shows(AREA, 0));
	pv_pte_set(entries[0], mapping(0));
	expect("with one it is there", shows(AREA, mark(0)));
	pv_pte_set(entries[0], 0);
	pv_tlb_flush_page(AREA);
	expect("a page that was unmapped faults", shows(AREA, 0));
}

TEST(PTE_SET, POSITIVE, the_flags_of_an_entry_count)
{
	begin();
	pv_pte_set(entries[0], mapping(0));
	same("a writable page can be written", store(AREA, 0x33), 0);
	same("that is the page", words(pages[0])[0], 0x33);
	pv_pte_set(entries[0], pv_pte_make(pages[0] | PRESENT | NO_EXECUTE));
	pv_tlb_flush_page(AREA);
	same("one made read-only cannot be written", store(AREA, 0x44), FAULTED);
	expect("it can be read", shows(AREA, 0x33));
	pv_pte_set(entries[0], mapping(0));
	pv_tlb_flush_page(AREA);
	same("one made writable again can be written", store(AREA, 0x55), 0);
	same("that is the page again", words(pages[0])[0], 0x55);
	same("with NX it cannot be executed", execute(AREA), FAULTED);
	words(pages[0])[0] = 0xc3; /* ret */
	pv_pte_set(entries[0], pv_pte_make(pages[0] | PRESENT));
	pv_tlb_flush_page(AREA);
	same("without NX it can", execute(AREA), 0);
}

TEST(PTE_SET, POSITIVE, a_page_can_be_mapped_more_than_once)
{
	begin();
	pv_pte_set(entries[1], mapping(0));
	pv_pte_set(entries[300], mapping(0));
	expect("at one address", shows(at(1), mark(0)));
	expect("at another", shows(at(300), mark(0)));
	same("what is written at the one", store(at(1), 0x66), 0);
	expect("is read at the other", shows(at(300), 0x66));
}

TEST(PTE_SET, POSITIVE, an_entry_of_memory_is_written)
{
	uint64_t page = new_page(0);

	pv_pte_set((uint64_t)&words(page)[7], 0x770);
	same("of a page that is no table", words(page)[7], 0x770);
	pv_pte_set((uint64_t)words(page), 0x880);
	same("the first one", words(page)[0], 0x880);
	pv_pte_set((uint64_t)&words(page)[511], 0x998);
	same("the last one", words(page)[511], 0x998);
	page_give(page);
}

TEST(PTE_SET, POSITIVE, kernel_memory_is_in_every_space_that_shares_its_tables)
{
	struct space a = space_new(), b = space_new();

	begin();
	pv_address_space_set(a.root);
	pv_pte_set(entries[7], mapping(7));
	expect("in the space where it was mapped", shows(at(7), mark(7)));
	pv_address_space_set(b.root);
	expect("in another", shows(at(7), mark(7)));
	pv_address_space_set(boot_root);
	expect("and in the first", shows(at(7), mark(7)));
	pv_pte_set(entries[7], 0);
	pv_tlb_flush();
	space_delete(&a);
	space_delete(&b);
}

TEST_FRUGAL(PTE_SET, pte_set, memory_word(), 0x1230, 0)

TEST(PTE_SET, BOUNDARY, a_table_keeps_a_value_without_present_bit)
{
	static const uint64_t values[] = { 0x123450, 0xfffffffffffffffe, 1ull << 63, 2, 1ull << 52, 0x7ff0000000000000 };

	begin();
	for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		pv_pte_set(entries[0], values[i]);
		each(value_at(entries[0]) == values[i], i);
		each(shows(AREA, 0), i | 0x10);
	}
	all("whatever it is, and nothing is there");
}

TEST(PTE_SET, BOUNDARY, the_first_and_the_last_entry_of_a_table)
{
	uint64_t address = TEST_ADDRESS + 0x600000, table;

	begin();
	table = entry_of(boot_root, address, TABLE_FLAGS) & ~(PAGE - 1);
	pv_pte_set(table, mapping(1));
	pv_pte_set(table + 511 * 8, mapping(2));
	expect("the first", shows(address, mark(1)));
	expect("the last", shows(address + 511 * PAGE, mark(2)));
	expect("none behind the first", shows(address + PAGE, 0));
	expect("none before the last", shows(address + 510 * PAGE, 0));
	pv_pte_set(table, 0);
	pv_pte_set(table + 511 * 8, 0);
	pv_tlb_flush();
}

TEST(PTE_SET, BOUNDARY, interrupts_stay_as_they_are)
{
	begin();
	pv_pte_set(entries[0], mapping(0));
	same("disabled", pv_irq_save() & VMI_FLAG_IF, 0);
	pv_irq_enable();
	pv_pte_set(entries[0], mapping(1));
	same("enabled", pv_irq_save() & VMI_FLAG_IF, VMI_FLAG_IF);
}
