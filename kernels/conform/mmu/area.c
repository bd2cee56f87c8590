/* SPDX-License-Identifier: MIT */
#include "mmu.h"

struct vmi_pte_update updates[VMI_BATCH_LIMIT + 1];
uint64_t pages[VMI_BATCH_LIMIT], entries[VMI_BATCH_LIMIT];

void begin(void)
{
	for (unsigned i = 0; i < VMI_BATCH_LIMIT; i++) {
		if (!pages[i]) {
			pages[i] = page_alloc();
			entries[i] = entry_of(boot_root, at(i), TABLE_FLAGS);
		}
		if (value_at(entries[i]))
			pv_pte_set(entries[i], 0);
		words(pages[i])[0] = mark(i);
	}
	pv_tlb_flush();
}

uint64_t new_page(uint64_t first_word)
{
	uint64_t page = page_take();

	words(page)[0] = first_word;
	return page;
}

uint64_t memory_word(void)
{
	static uint64_t page;

	if (!page)
		page = page_alloc();
	return (uint64_t)(words(page) + 9);
}

int shows(uint64_t address, uint64_t first_word)
{
	uint64_t found;
	unsigned fault = load(address, &found);

	return first_word ? !fault && found == first_word : fault == FAULTED;
}

void seen(const char *sentence, unsigned first, unsigned count, int there)
{
	for (unsigned i = first; i < first + count; i++)
		each(shows(at(i), there ? mark(i) : 0), i);
	all(sentence);
}

void fill(unsigned count, int there)
{
	for (unsigned i = 0; i < count; i++)
		updates[i] = (struct vmi_pte_update){ entries[i], there ? mapping(i) : 0 };
}

uint64_t entry_at(uint64_t root, unsigned level, uint64_t address)
{
	uint64_t *table = words(root);

	for (unsigned above = 4;; above--) {
		uint64_t *entry = table + (address >> (3 + 9 * above) & 511);

		if (above == level)
			return (uint64_t)entry;
		table = words(pv_pte_read(*entry) & ADDRESS);
	}
}

int accounts(void)
{
	uint64_t page = new_page(0);
	int result = !pv_page_table_add(page, 1) && pv_page_table_add(page, 1);

	pv_page_table_remove(page, 1);
	page_give(page);
	return result;
}

uint64_t invalid_where_account_is_kept(void)
{
	return accounts() ? VMI_INVALID : 0;
}

int is_memory(uint64_t page, uint64_t value)
{
	return !store((uint64_t)words(page), value) && words(page)[0] == value;
}
