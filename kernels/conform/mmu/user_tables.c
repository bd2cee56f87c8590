/* SPDX-License-Identifier: MIT */
/* What entries of each level are to user mode. */
#include "mmu.h"

static const struct space *space;

/* Whether user mode reads the value there; 0: it faults. */
static int user_sees(uint64_t address, uint64_t value)
{
	uint64_t result = user_run(PROGRAM(program_read), address);

	return result == (value ? value : TRAPPED + 14);
}

/* Tables for one page below the entry of a level; what that entry has to become. */
static uint64_t chain(unsigned level, uint64_t address, uint64_t first_word, uint64_t made[4])
{
	uint64_t below;

	made[0] = new_page(first_word);
	below = made[0] | PRESENT | WRITABLE | USER | NO_EXECUTE;
	for (unsigned i = 1; i < level; i++) {
		made[i] = new_page(0);
		words(made[i])[address >> (3 + 9 * i) & 511] = pv_pte_make(below);
		each(!pv_page_table_add(made[i], i), 0x1000 | i);
		below = made[i] | PRESENT | WRITABLE | USER;
	}
	return below;
}

/* Nothing refers to them any more. */
static void give_chain(unsigned level, const uint64_t made[4])
{
	for (unsigned i = level - 1; i > 0; i--) {
		int failed = pv_page_table_remove(made[i], i);

		each(!failed, 0x2000 | i);
		if (!failed)
			page_give(made[i]);
	}
	page_give(made[0]);
}

typedef void put_entry(uint64_t entry, uint64_t value);

static void by_set(uint64_t entry, uint64_t value)
{
	pv_pte_set(entry, value);
}

static void by_batch(uint64_t entry, uint64_t value)
{
	updates[0] = (struct vmi_pte_update){ entry, value };
	each(pv_pte_set_batch((uint64_t)updates, 1) == 1, 0x3000);
}

static void by_defer(uint64_t entry, uint64_t value)
{
	pv_lazy_enter();
	pv_pte_update_deferred(entry, value);
	pv_lazy_leave();
}

static void put(put_entry *how, uint64_t entry, uint64_t value)
{
	how(entry, value);
	pv_tlb_flush();
}

/* All in the place of one entry: there, another one, for the kernel only, away. */
static void one_level(const char *sentence, unsigned level, uint64_t address, put_entry *how)
{
	uint64_t entry = entry_at(space->root, level, address), found = 0, one[4], other[4];
	uint64_t value = chain(level, address, 0x1111, one), second = chain(level, address, 0x2222, other);

	each(user_sees(address, 0), 0);
	put(how, entry, pv_pte_make(value));
	each(user_sees(address, 0x1111), 0x10);
	put(how, entry, pv_pte_make(second));
	each(user_sees(address, 0x2222), 0x20);
	put(how, entry, pv_pte_make(value & ~(uint64_t)USER));
	if (level >= 3) { /* the others are not what keeps the kernel apart everywhere */
		each(user_sees(address, 0), 0x30);
		each(!load(address, &found) && found == 0x1111, 0x40);
	}
	put(how, entry, pv_pte_make(value));
	each(user_sees(address, 0x1111), 0x50);
	put(how, entry, 0);
	each(user_sees(address, 0), 0x60);
	give_chain(level, one);
	give_chain(level, other);
	all(sentence);
}

static void every_level(put_entry *how)
{
	space = user_space();
	one_level("of level 1", 1, USER_DATA + 2 * PAGE, how);
	one_level("of level 2", 2, USER_DATA + 0x800000, how);
	one_level("of level 3", 3, 5ull << 30, how);
	one_level("of level 4", 4, 3ull << 39, how);
}

TEST(PTE_SET, POSITIVE, user_mode_sees_what_an_entry_does)
{
	every_level(by_set);
}

TEST(PTE_SET_BATCH, POSITIVE, user_mode_sees_what_an_entry_does)
{
	every_level(by_batch);
}

TEST(PTE_UPDATE_DEFERRED, POSITIVE, user_mode_sees_what_an_entry_does)
{
	every_level(by_defer);
}

TEST(PTE_SET, BOUNDARY, two_spaces_can_share_a_table_of_level_3)
{
	uint64_t made[4], more[4], address = 3ull << 39, beside = address + (9ull << 30), value, entry;
	struct space second;

	space = user_space();
	value = pv_pte_make(chain(4, address, 0x3333, made));
	second = space_new();
	entry = entry_at(second.root, 4, address);
	pv_pte_set(entry_at(space->root, 4, address), value);
	pv_pte_set(entry, value);
	each(user_sees(address, 0x3333), 0);
	pv_address_space_set(second.root);
	each(user_sees(address, 0x3333), 1);
	all("both see what it has");
	pv_pte_set((uint64_t)&words(made[3])[9], pv_pte_make(chain(3, beside, 0x4444, more)));
	each(user_sees(beside, 0x4444), 2);
	pv_address_space_set(space->root);
	each(user_sees(beside, 0x4444), 3);
	all("both see an entry that it gets then");
	pv_pte_set(entry_at(space->root, 4, address), 0);
	pv_tlb_flush();
	each(user_sees(address, 0), 4);
	pv_address_space_set(second.root);
	each(user_sees(address, 0x3333), 5);
	all("one can lose it, the other keeps it");
	pv_pte_set(entry, 0);
	pv_address_space_set(space->root);
	give_chain(4, made);
	give_chain(3, more);
	all("it can be removed when nobody has it");
	space_delete(&second);
}

/* Nothing but a flush of each page between them, so that a hypervisor that only collects them has them all at the end. */
TEST(TLB_FLUSH_PAGE, POSITIVE, user_mode_loses_each_of_four_pages)
{
	enum { COUNT = 4 };
	const uint64_t address = USER_DATA + 4 * PAGE;
	uint64_t entry[COUNT], made[COUNT][4];

	space = user_space();
	for (unsigned i = 0; i < COUNT; i++) {
		entry[i] = entry_at(space->root, 1, address + i * PAGE);
		pv_pte_set(entry[i], pv_pte_make(chain(1, address + i * PAGE, 0x5550 + i, made[i])));
		each(user_sees(address + i * PAGE, 0x5550 + i), i);
	}
	all("it sees them first");
	for (unsigned i = 0; i < COUNT; i++) {
		pv_pte_set(entry[i], 0);
		pv_tlb_flush_page(address + i * PAGE);
	}
	for (unsigned i = 0; i < COUNT; i++)
		each(user_sees(address + i * PAGE, 0), i | 0x10);
	all("it loses them, flushed one by one");
	for (unsigned i = 0; i < COUNT; i++)
		page_give(made[i][0]);
}

/* The same with other pages in their places, and by the other ways to flush. */
static void user_follows(const char *sentence, void (*flush)(uint64_t address))
{
	const uint64_t address = USER_DATA + 8 * PAGE;
	uint64_t entry = entry_at(space->root, 1, address), one[4], other[4];
	uint64_t value = pv_pte_make(chain(1, address, 0x6661, one)), second = pv_pte_make(chain(1, address, 0x6662, other));

	pv_pte_set(entry, value);
	each(user_sees(address, 0x6661), 0);
	pv_pte_set(entry, second);
	flush(address);
	each(user_sees(address, 0x6662), 1);
	pv_pte_set(entry, value);
	flush(address);
	each(user_sees(address, 0x6661), 2);
	pv_pte_set(entry, 0);
	flush(address);
	each(user_sees(address, 0), 3);
	all(sentence);
	page_give(one[0]);
	page_give(other[0]);
}

static void flush_all(uint64_t address)
{
	(void)address;
	pv_tlb_flush();
}

static void flush_page(uint64_t address)
{
	pv_tlb_flush_page(address + 100);
}

static void set_again(uint64_t address)
{
	(void)address;
	pv_address_space_set(space->root);
}

TEST(TLB_FLUSH, POSITIVE, user_mode_sees_another_page_in_the_place_of_one)
{
	space = user_space();
	user_follows("and none", flush_all);
}

TEST(TLB_FLUSH_PAGE, POSITIVE, user_mode_sees_another_page_in_the_place_of_one)
{
	space = user_space();
	user_follows("and none", flush_page);
}

TEST(ADDRESS_SPACE_SET, POSITIVE, user_mode_sees_another_page_in_the_place_of_one)
{
	space = user_space();
	user_follows("and none", set_again);
}
