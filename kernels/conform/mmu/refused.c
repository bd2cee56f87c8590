/* SPDX-License-Identifier: MIT */
/* Guest errors in entries: the hypervisor may end the guest by them. Where it does not, the guest goes on unharmed. */
#include "mmu.h"

static void set_entry(uint64_t entry)
{
	pv_pte_set(entry, 0x1230);
}

static void defer_entry(uint64_t entry)
{
	pv_lazy_enter();
	pv_pte_update_deferred(entry, 0x1230);
	pv_lazy_leave();
}

static int faults(void (*call)(uint64_t entry), uint64_t entry)
{
	unsigned exception = attempt(call, entry);

	return exception == FAULTED || exception == PROTECTED;
}

/* Neighbours are as they were. */
static void goes_on(const char *sentence)
{
	pv_tlb_flush();
	expect(sentence, shows(at(1), mark(1)) && shows(at(3), mark(3)));
}

static void neighbours(void)
{
	begin();
	pv_pte_set(entries[1], mapping(1));
	pv_pte_set(entries[3], mapping(3));
}

TEST_MAY_END(PTE_SET, HOSTILE, an_entry_at_an_address_of_nothing_faults)
{
	neighbours();
	expect("unmapped", faults(set_entry, UNMAPPED));
	goes_on("the tables are as they were");
}

TEST_MAY_END(PTE_SET, HOSTILE, an_entry_at_an_address_that_is_not_canonical_faults)
{
	neighbours();
	expect("it does", faults(set_entry, NOT_CANONICAL));
	goes_on("the tables are as they were");
}

TEST_MAY_END(PTE_SET, HOSTILE, memory_that_is_not_the_guests_does_no_harm)
{
	neighbours();
	pv_pte_set(entries[2], pv_pte_make(BEYOND_MEMORY | DATA_FLAGS));
	goes_on("the pages beside are there");
	pv_pte_set(entries[2], 0);
	pv_tlb_flush();
	expect("its place can be used again", shows(at(2), 0));
}

/* Then the guest could write entries that nobody has looked at. */
TEST_MAY_END(PTE_SET, HOSTILE, a_table_mapped_writable_does_no_harm)
{
	neighbours();
	pv_pte_set(entries[2], pv_pte_make((pv_pte_read(value_at(entry_at(boot_root, 2, AREA))) & ADDRESS) | DATA_FLAGS));
	goes_on("the pages beside are there");
	pv_pte_set(entries[2], 0);
	pv_tlb_flush();
	expect("its place can be used again", shows(at(2), 0));
}

/* A piece of memory as a large page maps it, or 0. */
static uint64_t large_memory(void)
{
	const struct vmi_memory_range *range = vmi_direct(vmi_boot->memory_map);

	for (uint32_t i = 0; i < vmi_boot->memory_map_count; i++, range++) {
		uint64_t start = (range->start + 0x1fffff) & ~0x1fffffull;

		if (range->type == VMI_MEMORY_USABLE && start && start + 0x200000 <= range->start + range->size)
			return start;
	}
	return 0;
}

TEST_MAY_END(PTE_SET, HOSTILE, a_large_page_is_there_as_a_whole)
{
	uint64_t address = TEST_ADDRESS + 0x800000, entry, memory = large_memory(), found;

	neighbours();
	entry_of(boot_root, TEST_ADDRESS, TABLE_FLAGS);
	entry = entry_at(boot_root, 2, address);
	expect("there is memory for it", memory);
	pv_pte_set(entry, pv_pte_make(memory | PRESENT | LARGE | NO_EXECUTE));
	for (unsigned i = 0; memory && i < 512; i++)
		each(!load(address + i * PAGE + 8, &found) && found == words(memory + i * PAGE)[1], i);
	all("each of its 512 pages");
	pv_pte_set(entry, 0);
	goes_on("the pages beside are there");
	expect("and is gone as a whole", shows(address, 0) && shows(address + 511 * PAGE, 0));
}

TEST_MAY_END(PTE_UPDATE_DEFERRED, HOSTILE, an_entry_at_an_address_of_nothing_faults)
{
	neighbours();
	expect("unmapped", faults(defer_entry, UNMAPPED));
	pv_lazy_leave();
	goes_on("the tables are as they were");
}

TEST_MAY_END(PTE_UPDATE_DEFERRED, HOSTILE, memory_that_is_not_the_guests_does_no_harm)
{
	neighbours();
	pv_lazy_enter();
	pv_pte_update_deferred(entries[2], pv_pte_make(BEYOND_MEMORY | DATA_FLAGS));
	pv_lazy_leave();
	goes_on("the pages beside are there");
	pv_pte_set(entries[2], 0);
	pv_tlb_flush();
	expect("its place can be used again", shows(at(2), 0));
}
