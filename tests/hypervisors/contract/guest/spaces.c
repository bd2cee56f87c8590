/* SPDX-License-Identifier: MIT */
/* Subject mmu: announcing tables, and address spaces of them. */
#include "mmu.h"

/* ---- announcing ---- */

static uint64_t *level2_entry(uint64_t address)
{
	uint64_t *table = words(root);

	for (int level = 4; level > 2; level--)
		table = words(pv_pte_read(table[address >> (3 + 9 * level) & 511]) & ADDRESS);
	return table + (address >> 21 & 511);
}

static void announcing(void)
{
	uint64_t page = new_page(0), other = new_page(0), beyond = 1ull << 46;
	/* Natively nobody keeps account of tables. */
	int accounts = !pv_page_table_add(page, 1) && pv_page_table_add(page, 1);

	equal("a page announced twice is taken back once", pv_page_table_remove(page, 1), 0);
	each(pv_page_table_add(page, 0) == VMI_INVALID, 0);
	each(pv_page_table_add(page, 5) == VMI_INVALID, 5);
	each(pv_page_table_add(page, UINT32_MAX) == VMI_INVALID, UINT32_MAX);
	all("PageTableAdd of a level that is none is INVALID");
	each(pv_page_table_add(page + 8, 1) == VMI_INVALID, 8);
	each(pv_page_table_add(page + 2048, 4) == VMI_INVALID, 2048);
	all("PageTableAdd of a misaligned address is INVALID");
	each(pv_page_table_add(beyond, 1) == (accounts ? VMI_INVALID : 0), 1);
	each(pv_page_table_add(~4095ull, 4) == (accounts ? VMI_INVALID : 0), 4);
	each(pv_page_table_remove(beyond, 1) == (accounts ? VMI_INVALID : 0), 1);
	each(pv_page_table_remove(page, 1) == (accounts ? VMI_INVALID : 0), 2);
	all("announcing beyond memory, or taking back what was not announced, is INVALID where account is kept");
	pv_page_table_add(page, 2);
	each(pv_page_table_remove(page, 1) == (accounts ? VMI_INVALID : 0), 1);
	each(pv_page_table_remove(page, 3) == (accounts ? VMI_INVALID : 0), 3);
	each(!pv_page_table_remove(page, 2), 2);
	all("PageTableRemove with another level is INVALID where account is kept");
	each(pv_page_table_remove(page + 8, 1) == VMI_INVALID, 8);
	each(pv_page_table_remove(page, 0) == VMI_INVALID, 0);
	each(pv_page_table_remove(page, 5) == VMI_INVALID, 5);
	all("PageTableRemove of what can be no table is INVALID");
	for (unsigned level = 1; level <= 4; level++) {
		each(!pv_page_table_add(page, level), level);
		each(pv_page_table_add(page, level) == (accounts ? VMI_BUSY : 0), level | 0x10);
		each(!pv_page_table_remove(page, level), level | 0x20);
		each(!store((uint64_t)words(page), 0x40 + level) && words(page)[0] == 0x40 + level, level | 0x30);
		memset(words(page), 0, PAGE);
	}
	all("a page can be a table of each level one after the other, and memory in between");
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
	all("a table keeps the contents that it had as memory, and the other way round");
	equal("PageTableRemove of the root in use is BUSY", pv_page_table_remove(root, 4), VMI_BUSY);
	equal("after that it still works", shows(TEST_ADDRESS, 0), 1);
	/* Another table with contents in the place of the one that is there. */
	uint64_t *second = level2_entry(AREA), before = *second;

	words(other)[AREA >> 12 & 511] = pv_pte_make(pages[5] | DATA_FLAGS);
	each(!pv_page_table_add(other, 1), 0);
	all("a table that has contents already can be announced");
	pv_pte_set((uint64_t)second, pv_pte_make(other | TABLE_FLAGS));
	pv_tlb_flush();
	check("and is seen when it is referred to", shows(AREA, 0x1005));
	pv_pte_set((uint64_t)second, before);
	pv_tlb_flush();
	check("and not when it is not", shows(AREA, 0));
	equal("and can be removed then", pv_page_table_remove(other, 1), 0);
}

/* ---- address spaces ---- */

static void spaces(void)
{
	struct space a = space_new(), b = space_new();
	uint64_t found_a = 0, found_b = 0;

	words(a.data)[0] = 0xaaaa;
	words(b.data)[0] = 0xbbbb;
	equal("AddressSpaceRead gives what boot_info has", root, vmi_boot->page_root);
	pv_address_space_set(a.root);
	equal("AddressSpaceRead gives what was set", pv_address_space_read(), a.root);
	load(USER_DATA, &found_a);
	pv_address_space_set(b.root);
	load(USER_DATA, &found_b);
	check("a private page of each space is its own", found_a == 0xaaaa && found_b == 0xbbbb);
	for (unsigned i = 0; i < 20; i++) {
		pv_address_space_set(i % 2 ? a.root : b.root);
		each(pv_address_space_read() == (i % 2 ? a.root : b.root), i);
		each(shows(USER_DATA, i % 2 ? 0xaaaa : 0xbbbb), i | 0x100);
	}
	all("spaces can be switched back and forth");
	pv_pte_set(entries[7], pv_pte_make(pages[7] | DATA_FLAGS));
	check("kernel memory mapped in one space is in the other", shows(AREA + 7 * PAGE, 0x1007));
	pv_address_space_set(root);
	check("kernel memory mapped in a new space is in the first", shows(AREA + 7 * PAGE, 0x1007));
	check("a private page is not in the first space", shows(USER_DATA, 0));
	pv_pte_set(entries[7], 0);
	pv_tlb_flush();
	pv_address_space_set(root);
	equal("setting the same space again changes nothing", pv_address_space_read(), root);
	pv_address_space_set(a.root);
	equal("PageTableRemove of a new root in use is BUSY", pv_page_table_remove(a.root, 4), VMI_BUSY);
	check("after that its private page is still there", shows(USER_DATA, 0xaaaa));
	pv_address_space_set(root);
	space_delete(&a);
	space_delete(&b);
}

static void many_spaces(void)
{
	static struct space list[40];

	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 40; i++) {
			list[i] = space_new();
			words(list[i].data)[0] = 0x4000 + i;
		}
		for (unsigned i = 0; i < 40; i++) {
			pv_address_space_set(list[i].root);
			each(shows(USER_DATA, 0x4000 + i), i);
		}
		pv_address_space_set(root);
		for (unsigned i = 0; i < 40; i++)
			space_delete(list + i);
	}
	all("40 spaces exist at once, twice");
	for (unsigned i = 0; i < 200; i++) {
		struct space one = space_new();

		words(one.data)[0] = 0x5000 + i;
		pv_address_space_set(one.root);
		each(shows(USER_DATA, 0x5000 + i), i);
		each(user_run(PROGRAM(program_exit), i) == i, i | 0x1000);
		pv_address_space_set(root);
		space_delete(&one);
	}
	all("200 spaces come and go, each with a user program");
}

void check_spaces(void)
{
	announcing();
	spaces();
	many_spaces();
}
