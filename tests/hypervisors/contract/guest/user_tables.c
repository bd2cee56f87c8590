/* SPDX-License-Identifier: MIT */
/* Subject user: what entries of each level are to user mode. */
#include "contract.h"

static struct space space;

/* ---- tables that user mode runs on ---- */

static uint64_t *words_of(uint64_t page)
{
	return vmi_direct(page);
}

/* Whether user mode reads the value there; 0: it faults. */
static int user_sees(uint64_t address, uint64_t value)
{
	uint64_t result = user_run(PROGRAM(program_read), address);

	return result == (value ? value : TRAPPED + 14);
}

/* Tables for one page below the entry of a level; what that entry has to become. */
static uint64_t chain(unsigned level, uint64_t address, uint64_t mark, uint64_t pages[4])
{
	uint64_t below = page_alloc() | PRESENT | WRITABLE | USER | NO_EXECUTE;

	pages[0] = below & ~(PAGE - 1) & ~NO_EXECUTE;
	words_of(pages[0])[0] = mark;
	for (unsigned i = 1; i < level; i++) {
		pages[i] = page_alloc();
		words_of(pages[i])[address >> (3 + 9 * i) & 511] = pv_pte_make(below);
		pv_page_table_add(pages[i], i);
		below = pages[i] | PRESENT | WRITABLE | USER;
	}
	return below;
}

static uint64_t entry_at(unsigned level, uint64_t address)
{
	uint64_t *table = words_of(space.root);

	for (unsigned i = 4;; i--) {
		uint64_t *entry = table + (address >> (3 + 9 * i) & 511);

		if (i == level)
			return (uint64_t)entry;
		table = words_of(pv_pte_read(*entry) & 0x000ffffffffff000);
	}
}

enum { BY_SET, BY_BATCH, BY_DEFER };

static void put(uint64_t entry, uint64_t value, int how)
{
	static struct vmi_pte_update update;

	if (how == BY_SET) {
		pv_pte_set(entry, value);
	} else if (how == BY_BATCH) {
		update = (struct vmi_pte_update){ entry, value };
		each(pv_pte_set_batch((uint64_t)&update, 1) == 1, 0x100);
	} else {
		pv_lazy_enter();
		pv_pte_update_deferred(entry, value);
		pv_lazy_leave();
	}
	pv_tlb_flush();
}

/* All in the place of one entry: there, another one, for the kernel only, away. */
static void level(const char *sentence, unsigned number, uint64_t address)
{
	for (int how = BY_SET; how <= BY_DEFER; how++) {
		uint64_t entry = entry_at(number, address), found = 0, one[4], other[4];
		uint64_t value = chain(number, address, 0x1111, one), second = chain(number, address, 0x2222, other);

		each(user_sees(address, 0), how);
		put(entry, pv_pte_make(value), how);
		each(user_sees(address, 0x1111), how | 0x10);
		put(entry, pv_pte_make(second), how);
		each(user_sees(address, 0x2222), how | 0x20);
		put(entry, pv_pte_make(value & ~(uint64_t)USER), how);
		if (number >= 3) {
			each(user_sees(address, 0), how | 0x30);
			each(!load(address, &found) && found == 0x1111, how | 0x40);
		}
		put(entry, pv_pte_make(value), how);
		each(user_sees(address, 0x1111), how | 0x50);
		put(entry, 0, how);
		each(user_sees(address, 0), how | 0x60);
		for (unsigned i = number - 1; i > 0; i--)
			each(!pv_page_table_remove(one[i], i) && !pv_page_table_remove(other[i], i), how | 0x70 | i << 8);
	}
	all(sentence);
}

/* Nothing but a flush of each page between them, so that a hypervisor that only collects them has them all at the end. */
static void flushes(void)
{
	enum { COUNT = 4 };
	const uint64_t address = USER_DATA + 4 * PAGE;
	uint64_t page[4];

	for (unsigned i = 0; i < COUNT; i++) {
		pv_pte_set(entry_at(1, address + i * PAGE), pv_pte_make(chain(1, address + i * PAGE, 0x5550 + i, page)));
		each(user_sees(address + i * PAGE, 0x5550 + i), i);
	}
	for (unsigned i = 0; i < COUNT; i++) {
		pv_pte_set(entry_at(1, address + i * PAGE), 0);
		pv_tlb_flush_page(address + i * PAGE);
	}
	for (unsigned i = 0; i < COUNT; i++)
		each(user_sees(address + i * PAGE, 0), i | 0x10);
	all("user mode loses each of four pages that are flushed one by one");
}

void check_user_tables(const struct space *present)
{
	struct space second;
	uint64_t pages[4], more[4], value, address = 3ull << 39;

	space = *present;
	level("user mode sees what an entry of level 1 does", 1, USER_DATA + 2 * PAGE);
	level("user mode sees what an entry of level 2 does", 2, USER_DATA + 0x800000);
	level("user mode sees what an entry of level 3 does", 3, 5ull << 30);
	level("user mode sees what an entry of level 4 does", 4, address);
	flushes();
	/* One table of level 3 in two spaces; then an entry in it. */
	value = chain(4, address, 0x3333, pages);
	second = space_new();
	pv_pte_set(entry_at(4, address), pv_pte_make(value));
	pv_pte_set((uint64_t)&words_of(second.root)[3], pv_pte_make(value));
	each(user_sees(address, 0x3333), 0);
	pv_address_space_set(second.root);
	each(user_sees(address, 0x3333), 1);
	pv_pte_set((uint64_t)&words_of(pages[3])[9], pv_pte_make(chain(3, address + (9ull << 30), 0x4444, more)));
	each(user_sees(address + (9ull << 30), 0x4444), 2);
	pv_address_space_set(space.root);
	each(user_sees(address + (9ull << 30), 0x4444), 3);
	pv_pte_set(entry_at(4, address), 0);
	pv_tlb_flush();
	each(user_sees(address, 0), 4);
	pv_address_space_set(second.root);
	each(user_sees(address, 0x3333), 5);
	pv_pte_set((uint64_t)&words_of(second.root)[3], 0);
	pv_address_space_set(space.root);
	all("two spaces can share a table of level 3");
	for (unsigned i = 3; i > 0; i--)
		each(!pv_page_table_remove(pages[i], i) && (i == 3 || !pv_page_table_remove(more[i], i)), i);
	all("a shared table can be removed when nobody has it");
	space_delete(&second);
}
