/* SPDX-License-Identifier: MIT */
/* PteSetBatch. */
#include "mmu.h"

on_stack stack_pte_set_batch;

void batch(const char *sentence, struct vmi_pte_update *array, unsigned count)
{
	static struct vmi_pte_update before[VMI_BATCH_LIMIT];

	memcpy(before, array, count * sizeof(before[0]));
	each(pv_pte_set_batch((uint64_t)array, count) == count, 0);
	each(!memcmp(before, array, count * sizeof(before[0])), 1);
	pv_tlb_flush();
	all(sentence);
}

TEST(PTE_SET_BATCH, POSITIVE, sixty_four_in_one_table)
{
	begin();
	fill(64, 1);
	batch("they are done, the array is as before", updates, 64);
	seen("they are seen", 0, 64, 1);
	expect("the one behind them is not", shows(at(64), 0));
	fill(64, 0);
	batch("64 zeros are done", updates, 64);
	seen("they are seen too", 0, 64, 0);
}

TEST(PTE_SET_BATCH, POSITIVE, one_to_nineteen_are_done_and_no_more)
{
	begin();
	for (unsigned count = 1; count < 20; count++) {
		fill(20, 1);
		each(pv_pte_set_batch((uint64_t)updates, count) == count, count);
		for (unsigned i = 0; i < 20; i++)
			each(!!value_at(entries[i]) == (i < count), count | i << 8);
		fill(20, 0);
		each(pv_pte_set_batch((uint64_t)updates, 20) == 20, count | 0x10000);
		for (unsigned i = 0; i < 20; i++)
			each(!value_at(entries[i]), count | i << 8 | 0x10000);
	}
	all("as many as it is told");
}

TEST(PTE_SET_BATCH, POSITIVE, entries_of_two_tables)
{
	uint64_t page = new_page(0);
	struct vmi_pte_update *scattered = vmi_direct(page);

	begin();
	for (unsigned i = 0; i < 128; i++)
		scattered[i] = (struct vmi_pte_update){ entries[192 + i], mapping(192 + i) };
	batch("one after the other, they are done, the array is as before", scattered, 128);
	seen("they are seen", 192, 128, 1);
	for (unsigned i = 0; i < 128; i++) {
		unsigned slot = i % 2 ? 256 + i : i;

		scattered[i] = (struct vmi_pte_update){ entries[slot], mapping(slot) };
	}
	batch("in turn, they are done, the array is as before", scattered, 128);
	for (unsigned i = 0; i < 128; i++)
		each(shows(at(i % 2 ? 256 + i : i), mark(i % 2 ? 256 + i : i)), i);
	all("these are seen too");
	page_give(page);
}

TEST(PTE_SET_BATCH, POSITIVE, it_goes_in_order)
{
	begin();
	updates[0] = (struct vmi_pte_update){ entries[0], mapping(0) };
	updates[1] = (struct vmi_pte_update){ entries[0], mapping(1) };
	updates[2] = (struct vmi_pte_update){ entries[0], 0 };
	updates[3] = (struct vmi_pte_update){ entries[0], mapping(2) };
	batch("one entry four times is done", updates, 4);
	expect("the last one counts", shows(AREA, mark(2)));
}

/* ---- new tables of three levels, a page, and what leads there, in one batch; then the way back ---- */

enum { MEMORY_WORD = 5, SLOT = 3 };

/* Announces the tables in which there is nothing yet; table[3] may be there already. How many updates link them. */
static unsigned link_levels(uint64_t address, uint64_t page, uint64_t memory, uint64_t table[4])
{
	uint64_t *top = words(boot_root) + (address >> 39 & 511);
	unsigned count = 0;

	for (unsigned level = 1; level < 3; level++) {
		table[level] = new_page(0);
		each(!pv_page_table_add(table[level], level), level);
	}
	if (*top) {
		table[3] = pv_pte_read(*top) & ADDRESS;
	} else {
		table[3] = new_page(0);
		each(!pv_page_table_add(table[3], 3), 3);
		updates[count++] = (struct vmi_pte_update){ (uint64_t)top, pv_pte_make(table[3] | TABLE_FLAGS) };
	}
	all("tables for it are announced");
	updates[count++] = (struct vmi_pte_update){ (uint64_t)&words(table[1])[address >> 12 & 511],
						    pv_pte_make(page | DATA_FLAGS) };
	updates[count++] = (struct vmi_pte_update){ (uint64_t)&words(table[2])[address >> 21 & 511],
						    pv_pte_make(table[1] | TABLE_FLAGS) };
	updates[count++] = (struct vmi_pte_update){ (uint64_t)&words(memory)[MEMORY_WORD], 0x550 };
	updates[count++] = (struct vmi_pte_update){ (uint64_t)&words(table[3])[address >> 30 & 511],
						    pv_pte_make(table[2] | TABLE_FLAGS) };
	updates[count++] = (struct vmi_pte_update){ entries[SLOT], mapping(SLOT) };
	return count;
}

TEST(PTE_SET_BATCH, POSITIVE, entries_of_all_levels_and_of_memory)
{
	uint64_t address = TEST_ADDRESS + 0x4000000000, table[4], page = new_page(0x99), memory = new_page(0);
	unsigned count;

	begin();
	count = link_levels(address, page, memory, table);
	batch("they are done, the array is as before", updates, count);
	expect("the page below new tables is there", shows(address, 0x99));
	expect("so is the one beside", shows(at(SLOT), mark(SLOT)));
	same("memory is written", words(memory)[MEMORY_WORD], 0x550);
	pv_pte_set((uint64_t)&words(table[3])[address >> 30 & 511], 0);
	pv_tlb_flush();
	expect("an entry of level 3 that was cleared hides what was below", shows(address, 0));
	same("a table that nothing refers to can be removed", pv_page_table_remove(table[2], 2), 0);
	same("and the one below it", pv_page_table_remove(table[1], 1), 0);
	for (unsigned level = 1; level < 3; level++)
		each(!store((uint64_t)words(table[level]), 0x66 + level) && words(table[level])[0] == 0x66 + level, level);
	all("a page that is no table any more can be written");
	for (unsigned level = 1; level < 3; level++)
		page_give(table[level]);
	page_give(page);
	page_give(memory);
}

TEST_FRUGAL(PTE_SET_BATCH, pte_set_batch, (uint64_t)updates, (begin(), fill(3, 0), 3), 0)

/* ---- limits ---- */

TEST(PTE_SET_BATCH, BOUNDARY, an_empty_batch_changes_nothing)
{
	begin();
	fill(1, 1);
	same("it gives 0", pv_pte_set_batch((uint64_t)updates, 0), 0);
	same("the first entry is as it was", value_at(entries[0]), 0);
}

TEST(PTE_SET_BATCH, BOUNDARY, one_on_the_stack)
{
	struct vmi_pte_update one[1];

	begin();
	one[0] = (struct vmi_pte_update){ entries[0], mapping(0) };
	batch("it is done, the array is as before", one, 1);
	expect("it is seen", shows(AREA, mark(0)));
}

TEST(PTE_SET_BATCH, BOUNDARY, its_limit_is_done_as_a_whole)
{
	begin();
	fill(VMI_BATCH_LIMIT, 0);
	batch("512 zeros are done, the array is as before", updates, VMI_BATCH_LIMIT);
	fill(VMI_BATCH_LIMIT, 1);
	batch("512 pages are done, the array is as before", updates, VMI_BATCH_LIMIT);
	seen("they are seen", 0, VMI_BATCH_LIMIT, 1);
	fill(VMI_BATCH_LIMIT, 0);
	batch("512 zeros are done again", updates, VMI_BATCH_LIMIT);
	seen("512 pages that were unmapped fault", 0, VMI_BATCH_LIMIT, 0);
}

TEST(PTE_SET_BATCH, BOUNDARY, an_array_may_end_where_nothing_follows)
{
	struct vmi_pte_update *edge = (struct vmi_pte_update *)(last_page() + PAGE) - 4;

	begin();
	for (unsigned i = 0; i < 4; i++)
		edge[i] = (struct vmi_pte_update){ entries[i], mapping(i) };
	batch("it is done, the array is as before", edge, 4);
	seen("it is seen", 0, 4, 1);
}

TEST(PTE_SET_BATCH, BOUNDARY, interrupts_stay_as_they_are)
{
	begin();
	fill(300, 1);
	pv_pte_set_batch((uint64_t)updates, 300);
	same("disabled", pv_irq_save() & VMI_FLAG_IF, 0);
	pv_irq_enable();
	pv_pte_set_batch((uint64_t)updates, 300);
	same("enabled", pv_irq_save() & VMI_FLAG_IF, VMI_FLAG_IF);
}
