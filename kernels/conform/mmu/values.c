/* SPDX-License-Identifier: MIT */
/* PteMake and PteRead. */
#include "mmu.h"

on_stack stack_pte_make, stack_pte_read;
leaf_call leaf_pte_make, leaf_pte_read;

static const uint64_t absent[] = { 0, 2, 0x1000, 0xfffffffffffffffe, 0x123456789abcdef0, 1ull << 63, 4, 1ull << 52 };
enum { ABSENT = sizeof(absent) / sizeof(absent[0]) };

static uint64_t round_trip(uint64_t native)
{
	return pv_pte_read(pv_pte_make(native)) & ~(ACCESSED | DIRTIED);
}

/* Flags that are always kept, and the guest's own bits. */
static int is_kept(unsigned bit)
{
	return (bit >= 1 && bit <= 4) || (bit >= 9 && bit <= 11) || (bit >= 53 && bit <= 58) || bit == 63;
}

static int is_guests(unsigned bit)
{
	return (bit >= 9 && bit <= 11) || (bit >= 53 && bit <= 58);
}

/* ---- PteMake ---- */

TEST(PTE_MAKE, POSITIVE, each_flag_and_each_bit_of_the_guests_is_kept)
{
	uint64_t page = new_page(0), most = page | PRESENT | WRITABLE | USER | NO_EXECUTE | 0xe00 | 0x3full << 53;

	same("a plain entry", round_trip(page | PRESENT), page | PRESENT);
	for (unsigned bit = 1; bit < 64; bit++)
		if (is_kept(bit))
			each(round_trip(page | PRESENT | 1ull << bit) == (page | PRESENT | 1ull << bit), bit);
	all("each alone");
	same("all together", round_trip(most), most);
	page_give(page);
}

TEST(PTE_MAKE, POSITIVE, flags_are_kept_in_every_combination)
{
	uint64_t page = new_page(0);

	for (unsigned flags = 0; flags < 16; flags++) {
		uint64_t native = page | PRESENT | (flags & 3) << 1 | (flags & 4 ? NO_EXECUTE : 0) | (flags & 8) << 6;

		each(round_trip(native) == native, native);
	}
	all("they come back from PteRead");
	page_give(page);
}

TEST(PTE_MAKE, POSITIVE, accessed_and_dirty_are_kept)
{
	uint64_t page = new_page(0);

	same("both", pv_pte_read(pv_pte_make(page | PRESENT | ACCESSED | DIRTIED)), page | PRESENT | ACCESSED | DIRTIED);
	same("accessed", pv_pte_read(pv_pte_make(page | PRESENT | ACCESSED)), page | PRESENT | ACCESSED);
	same("dirty", pv_pte_read(pv_pte_make(page | PRESENT | DIRTIED)), page | PRESENT | DIRTIED);
	page_give(page);
}

/* The bits that are the guest's survive in a table that is in use, and disturb nobody there. */
TEST(PTE_MAKE, POSITIVE, a_table_keeps_the_bits_that_are_the_guests)
{
	begin();
	for (unsigned bit = 0; bit < 64; bit++) {
		uint64_t native = pages[0] | DATA_FLAGS | 1ull << bit;

		if (!is_guests(bit))
			continue;
		pv_pte_set(entries[0], pv_pte_make(native));
		pv_tlb_flush_page(AREA);
		each(shows(AREA, mark(0)), bit | 0x100);
		each((pv_pte_read(value_at(entries[0])) & ~(ACCESSED | DIRTIED)) == native, bit);
	}
	all("each, and the page is there");
}

TEST_FRUGAL(PTE_MAKE, pte_make, 0x5000 | PRESENT, 0, 0)

TEST(PTE_MAKE, BOUNDARY, a_value_without_present_bit_is_unchanged)
{
	for (unsigned i = 0; i < ABSENT; i++)
		each(pv_pte_make(absent[i]) == absent[i], absent[i]);
	for (unsigned bit = 1; bit < 64; bit++)
		each(pv_pte_make(1ull << bit) == 1ull << bit, bit);
	all("whatever it is");
}

TEST(PTE_MAKE, BOUNDARY, global_is_kept_or_dropped_and_nothing_else)
{
	uint64_t page = new_page(0), native = page | PRESENT | WRITABLE;

	same("it is", round_trip(native | GLOBAL) & ~GLOBAL, native);
	page_give(page);
}

TEST(PTE_MAKE, BOUNDARY, every_page_of_memory_has_an_entry)
{
	const struct vmi_memory_range *range = vmi_direct(vmi_boot->memory_map);

	for (uint64_t page = 0; page < 1000 * PAGE; page += 37 * PAGE)
		each(round_trip(page | PRESENT) == (page | PRESENT), page);
	all("from the first on");
	for (uint32_t i = 0; i < vmi_boot->memory_map_count; i++, range++) {
		uint64_t last = (range->start + range->size - 1) & ADDRESS;

		if (range->type != VMI_MEMORY_USABLE || range->size < PAGE)
			continue;
		each(round_trip(last | PRESENT) == (last | PRESENT), last);
	}
	all("to the last of each range");
}

/* What comes of it the contract does not say, but that the call returns. */
TEST(PTE_MAKE, HOSTILE, addresses_beyond_memory_and_reserved_bits_do_no_harm)
{
	for (unsigned bit = 12; bit < 63; bit++)
		if (!is_guests(bit))
			each(!lost(leaf_pte_make, 0x5000 | PRESENT | 1ull << bit, NOT_CANONICAL, LOSES_RAX), bit);
	each(!lost(leaf_pte_make, UINT64_MAX, NOT_CANONICAL, LOSES_RAX), 64);
	each(!lost(leaf_pte_make, ADDRESS | PRESENT, NOT_CANONICAL, LOSES_RAX), 65);
	each(!lost(leaf_pte_make, BEYOND_MEMORY | DATA_FLAGS, NOT_CANONICAL, LOSES_RAX), 66);
	all("no register but the result is changed");
	same("a sound entry is made as before", round_trip(0x5000 | PRESENT), 0x5000 | PRESENT);
}

/* ---- PteRead ---- */

TEST(PTE_READ, POSITIVE, it_is_the_inverse_of_pte_make)
{
	begin();
	for (unsigned i = 0; i < VMI_BATCH_LIMIT; i++)
		each(round_trip(pages[i] | DATA_FLAGS) == (pages[i] | DATA_FLAGS), i);
	all("for 512 pages");
	pv_pte_set(entries[0], pv_pte_make(pages[0] | PRESENT));
	same("of what a table has", pv_pte_read(value_at(entries[0])) & ~(ACCESSED | DIRTIED), pages[0] | PRESENT);
}

TEST(PTE_READ, POSITIVE, it_gives_what_the_processor_has_set)
{
	uint64_t found;

	begin();
	pv_pte_set(entries[0], mapping(0));
	pv_tlb_flush_page(AREA);
	load(AREA, &found);
	expect("reading a page sets accessed", !!(pv_pte_read(value_at(entries[0])) & ACCESSED));
	pv_pte_set(entries[0], pv_pte_make(pages[0] | DATA_FLAGS | ACCESSED));
	pv_tlb_flush_page(AREA);
	store(AREA, 0x52);
	expect("writing a page sets dirty", !!(pv_pte_read(value_at(entries[0])) & DIRTIED));
	same("what is written by the mapping is read at the direct map", words(pages[0])[0], 0x52);
}

TEST_FRUGAL(PTE_READ, pte_read, pv_pte_make(0x5000 | PRESENT), 0, 0)

TEST(PTE_READ, BOUNDARY, a_value_without_present_bit_is_unchanged)
{
	for (unsigned i = 0; i < ABSENT; i++)
		each(pv_pte_read(absent[i]) == absent[i], absent[i]);
	for (unsigned bit = 1; bit < 64; bit++)
		each(pv_pte_read(1ull << bit) == 1ull << bit, bit);
	all("whatever it is");
}

static void read_value(uint64_t value)
{
	pv_pte_read(value);
}

/* A ROM may look up what it has of the frame, and have nothing there. */
TEST(PTE_READ, HOSTILE, values_that_no_table_has_do_no_harm)
{
	static const uint64_t values[] = { UINT64_MAX, ADDRESS | PRESENT, 1ull << 51 | PRESENT, BEYOND_MEMORY | PRESENT,
					   1ull << 40 | PRESENT, 0x7fffffffffffffff, PRESENT, NO_EXECUTE | PRESENT };

	for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		unsigned exception = attempt(read_value, values[i]);

		each(!exception || ((exception == FAULTED || exception == PROTECTED) && in_rom_text(caught.trap.frame.rip)), i);
	}
	all("it returns, or faults in the ROM's text");
	same("a sound value is read as before", round_trip(0x5000 | PRESENT), 0x5000 | PRESENT);
}
