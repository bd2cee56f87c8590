/* SPDX-License-Identifier: MIT */
/* TlbFlush, TlbFlushPage, TlbFlushOthers. */
#include "mmu.h"

on_stack stack_tlb_flush, stack_tlb_flush_page, stack_tlb_flush_others;
leaf_call leaf_tlb_flush, leaf_tlb_flush_page;

/* Slots have the page of the next one in the place of their own, which was looked at. */
static void replace(unsigned first, unsigned count)
{
	for (unsigned i = first; i < first + count; i++) {
		pv_pte_set(entries[i], mapping(i));
		each(shows(at(i), mark(i)), i);
	}
	all("pages are there");
	for (unsigned i = first; i < first + count; i++)
		pv_pte_set(entries[i], mapping(i + 1));
}

/* ---- TlbFlush ---- */

TEST(TLB_FLUSH, POSITIVE, another_page_in_the_place_of_one_is_seen)
{
	begin();
	replace(0, 100);
	pv_tlb_flush();
	for (unsigned i = 0; i < 100; i++)
		each(shows(at(i), mark(i + 1)), i);
	all("in each of 100 places");
	for (unsigned i = 0; i < 100; i++)
		pv_pte_set(entries[i], 0);
	pv_tlb_flush();
	seen("and none, where there is none any more", 0, 100, 0);
}

TEST(TLB_FLUSH, POSITIVE, an_entry_of_each_level_is_followed_anew)
{
	uint64_t address = TEST_ADDRESS + 0xc00000, entry, value;

	begin();
	pv_pte_set(entry_of(boot_root, address, TABLE_FLAGS), mapping(1));
	expect("a page is there", shows(address, mark(1)));
	for (unsigned level = 1; level <= 2; level++) {
		entry = entry_at(boot_root, level, address);
		value = value_at(entry);
		pv_pte_set(entry, 0);
		pv_tlb_flush();
		each(shows(address, 0), level);
		pv_pte_set(entry, value);
		pv_tlb_flush();
		each(shows(address, mark(1)), level | 0x10);
	}
	all("it goes and comes with each");
	pv_pte_set(entry_at(boot_root, 1, address), 0);
	pv_tlb_flush();
}

TEST_FRUGAL(TLB_FLUSH, tlb_flush, 0, 0, 0)

TEST(TLB_FLUSH, BOUNDARY, with_nothing_changed_it_changes_nothing)
{
	begin();
	pv_pte_set(entries[0], mapping(0));
	for (unsigned i = 0; i < 100; i++) {
		pv_tlb_flush();
		each(shows(AREA, mark(0)) && shows(at(1), 0), i);
	}
	all("a hundred times");
	same("interrupts stay disabled", pv_irq_save() & VMI_FLAG_IF, 0);
	pv_irq_enable();
	pv_tlb_flush();
	same("interrupts stay enabled", pv_irq_save() & VMI_FLAG_IF, VMI_FLAG_IF);
}

TEST(TLB_FLUSH, HOSTILE, registers_full_of_bad_addresses_do_no_harm)
{
	begin();
	replace(0, 1);
	same("they are kept", lost(leaf_tlb_flush, NOT_CANONICAL, UNMAPPED, LOSES_RAX), 0);
	expect("it flushes", shows(AREA, mark(1)));
}

/* ---- TlbFlushPage ---- */

TEST(TLB_FLUSH_PAGE, POSITIVE, another_page_in_the_place_of_one_is_seen)
{
	begin();
	replace(0, 20);
	for (unsigned i = 0; i < 20; i++) {
		pv_tlb_flush_page(at(i));
		each(shows(at(i), mark(i + 1)), i);
	}
	all("in each of 20 places");
	pv_pte_set(entries[0], 0);
	pv_tlb_flush_page(AREA);
	expect("and none, where there is none any more", shows(AREA, 0));
}

TEST(TLB_FLUSH_PAGE, POSITIVE, global_translations_too)
{
	begin();
	pv_pte_set(entries[0], pv_pte_make(pages[0] | DATA_FLAGS | GLOBAL));
	expect("a page is there", shows(AREA, mark(0)));
	pv_pte_set(entries[0], pv_pte_make(pages[1] | DATA_FLAGS | GLOBAL));
	pv_tlb_flush_page(AREA);
	expect("another in its place", shows(AREA, mark(1)));
	pv_pte_set(entries[0], 0);
	pv_tlb_flush_page(AREA);
	expect("and none", shows(AREA, 0));
}

TEST_FRUGAL(TLB_FLUSH_PAGE, tlb_flush_page, AREA, 0, 0)

TEST(TLB_FLUSH_PAGE, BOUNDARY, it_takes_any_address_in_the_page)
{
	static const unsigned offsets[] = { 0, 1, 7, 8, 2047, 2048, 4088, 4095 };

	begin();
	for (unsigned i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		pv_pte_set(entries[0], mapping(i));
		pv_tlb_flush_page(AREA + offsets[i]);
		each(shows(AREA, mark(i)), offsets[i]);
	}
	all("from the first to the last");
}

TEST(TLB_FLUSH_PAGE, BOUNDARY, the_ends_of_the_addresses_and_pages_of_nothing)
{
	static const uint64_t addresses[] = { 0, 0x7fffffffffff, 0xffff800000000000, UINT64_MAX, TEST_ADDRESS, USER_CODE };

	begin();
	pv_pte_set(entries[0], mapping(0));
	for (unsigned i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		pv_tlb_flush_page(addresses[i]);
		each(shows(AREA, mark(0)), i);
	}
	all("it changes nothing");
	same("interrupts stay disabled", pv_irq_save() & VMI_FLAG_IF, 0);
}

TEST(TLB_FLUSH_PAGE, HOSTILE, an_address_that_is_not_canonical_does_no_harm)
{
	static const uint64_t addresses[] = { NOT_CANONICAL, 0x800000000000, 0xffff7fffffffffff, 0x123456789abcdef0 };

	begin();
	pv_pte_set(entries[0], mapping(0));
	for (unsigned i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		each(!lost(leaf_tlb_flush_page, addresses[i], NOT_CANONICAL, LOSES_NONE), i);
		each(shows(AREA, mark(0)), i | 0x10);
	}
	all("it changes nothing, and keeps every register");
}

/* ---- TlbFlushOthers: this kernel never starts another VCPU ---- */

static const uint64_t addresses[] = { VMI_TLB_ALL, AREA, TEST_ADDRESS, 0, NOT_CANONICAL, 0x800000000000 };
enum { ADDRESSES = sizeof(addresses) / sizeof(addresses[0]) };

TEST(TLB_FLUSH_OTHERS, POSITIVE, with_nobody_to_ask_it_succeeds)
{
	begin();
	pv_pte_set(entries[0], mapping(0));
	same("all pages", pv_tlb_flush_others(0, VMI_TLB_ALL), 0);
	same("one page", pv_tlb_flush_others(0, AREA), 0);
	expect("what is mapped is there", shows(AREA, mark(0)));
}

TEST_FRUGAL(TLB_FLUSH_OTHERS, tlb_flush_others, 0, VMI_TLB_ALL, 0)

TEST(TLB_FLUSH_OTHERS, BOUNDARY, its_own_bit_is_ignored)
{
	for (unsigned i = 0; i < 2; i++)
		same("it succeeds", pv_tlb_flush_others(1, addresses[i]), 0);
	same("interrupts stay disabled", pv_irq_save() & VMI_FLAG_IF, 0);
	pv_irq_enable();
	pv_tlb_flush_others(1, VMI_TLB_ALL);
	same("interrupts stay enabled", pv_irq_save() & VMI_FLAG_IF, VMI_FLAG_IF);
}

TEST(TLB_FLUSH_OTHERS, HOSTILE, a_vcpu_that_was_never_started_is_invalid)
{
	for (unsigned vcpu = 1; vcpu < 64; vcpu++) {
		each(pv_tlb_flush_others(1ull << vcpu, VMI_TLB_ALL) == VMI_INVALID, vcpu);
		each(pv_tlb_flush_others(1ull << vcpu | 1, AREA) == VMI_INVALID, vcpu | 0x100);
	}
	each(pv_tlb_flush_others(UINT64_MAX, VMI_TLB_ALL) == VMI_INVALID, 64);
	all("each of 63, alone and with its own, and all together");
}

TEST(TLB_FLUSH_OTHERS, HOSTILE, addresses_of_nothing_do_no_harm)
{
	begin();
	pv_pte_set(entries[0], mapping(0));
	for (unsigned i = 0; i < ADDRESSES; i++) {
		each(!pv_tlb_flush_others(0, addresses[i]), i);
		each(pv_tlb_flush_others(2, addresses[i]) == VMI_INVALID, i | 0x10);
		each(shows(AREA, mark(0)), i | 0x20);
	}
	all("the result is the same, and nothing changes");
}
