/* SPDX-License-Identifier: MIT */
/* Page-table operations that a hypervisor must refuse. Exit status: what the call answered, as a positive number. */
#include "common.h"
#include <vmi/guest.h>

VMI_GUEST(VMI_GUEST_LICENCE, VMI_PROFILE_PAGED);

#define ADDRESS 0x60000000ul

static uint64_t entry, good, bad; /* bad: a page table mapped writable */

static int set(void)
{
	pv_pte_set(entry, bad);
	return 0;
}

static int set_deferred(void)
{
	pv_lazy_enter();
	pv_pte_update_deferred(entry, good);
	pv_pte_update_deferred(entry + 8, bad);
	pv_lazy_leave();
	return 0;
}

static int set_batch(void)
{
	struct vmi_pte_update updates[3] = { { entry, good }, { entry + 8, bad }, { entry + 16, good } };
	int done = pv_pte_set_batch((uint64_t)updates, 3);

	return *(uint64_t *)(entry + 16) ? 63 : done;
}

/* In two tables: the other way to Xen. */
static int set_batch_in_two(void)
{
	uint64_t other = entry_of(pv_address_space_read(), ADDRESS + (2ul << 20), PRESENT | WRITABLE);
	struct vmi_pte_update updates[3] = { { entry, good }, { other, good }, { other + 8, bad } };

	return pv_pte_set_batch((uint64_t)updates, 3);
}

static int add(void)
{
	uint64_t page = page_alloc();

	*(uint64_t *)vmi_direct(page) = pv_pte_make(page | PRESENT | WRITABLE | USER); /* itself as its level 3 */
	return -pv_page_table_add(page, 4);
}

static int switch_to_memory(void)
{
	pv_address_space_set(page_alloc());
	return 0;
}

/* Address spaces until there is no page left for the tables that user mode runs on. */
static int exhaust(void)
{
	for (int i = 0; i < 4096; i++) {
		uint64_t root = page_alloc();
		int64_t error = pv_page_table_add(root, 4);

		if (error)
			return -error;
	}
	return 61;
}

static int set_root_beyond_memory(void)
{
	uint64_t root = page_alloc();

	pv_page_table_add(root, 4);
	pv_pte_set((uint64_t)vmi_direct(root), pv_pte_make(1ull << 40 | PRESENT | WRITABLE | USER));
	return 0;
}

static int set_beyond_memory(void)
{
	pv_pte_set(entry, pv_pte_make(1ull << 40 | PRESENT));
	return 0;
}

int vmi_main(void)
{
	static const struct {
		const char *name;
		int (*deed)(void);
	} deeds[] = {
		{ "PteSet", set }, { "PteUpdateDeferred", set_deferred }, { "PteSetBatch", set_batch },
		{ "two-tables", set_batch_in_two }, { "PageTableAdd", add }, { "AddressSpaceSet", switch_to_memory },
		{ "beyond", set_beyond_memory }, { "root-beyond", set_root_beyond_memory }, { "exhaust", exhaust },
	};
	char name[32];

	space_init();
	entry = entry_of(pv_address_space_read(), ADDRESS, PRESENT | WRITABLE);
	good = pv_pte_make(page_alloc() | PRESENT | WRITABLE | NO_EXECUTE);
	bad = pv_pte_make((entry - vmi_boot->direct_map) / PAGE * PAGE | PRESENT | WRITABLE | NO_EXECUTE);
	if (vmi_option("refusal.of", name, sizeof(name)))
		for (unsigned i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++)
			if (!strcmp(name, deeds[i].name))
				return deeds[i].deed();
	vmi_print("refusal.of= is missing or unknown\n");
	return 62;
}
