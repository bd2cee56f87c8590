/* SPDX-License-Identifier: MIT */
/* Page tables and address spaces. */
#include "mmu.h"

#define ACCESSED_DIRTY 0x60ull
#define GLOBAL 0x100ull

struct vmi_pte_update updates[VMI_BATCH_LIMIT + 1];
uint64_t pages[VMI_BATCH_LIMIT], entries[VMI_BATCH_LIMIT], root;

uint64_t new_page(uint64_t mark)
{
	uint64_t page = page_alloc();

	words(page)[0] = mark;
	return page;
}

int shows(uint64_t address, uint64_t mark)
{
	uint64_t found;
	unsigned fault = load(address, &found);

	return mark ? !fault && found == mark : fault == FAULTED;
}

/* ---- values ---- */

static uint64_t round_trip(uint64_t native)
{
	return pv_pte_read(pv_pte_make(native)) & ~ACCESSED_DIRTY;
}

static void values(void)
{
	static const uint64_t absent[] = { 0, 2, 0x1000, 0xfffffffffffffffe, 0x123456789abcdef0, 1ull << 63, 4, 1ull << 52 };
	uint64_t page = page_alloc(), most = page | PRESENT | WRITABLE | USER | NO_EXECUTE | 0xe00 | 0x3full << 53;

	for (unsigned i = 0; i < sizeof(absent) / sizeof(absent[0]); i++)
		each(pv_pte_make(absent[i]) == absent[i], absent[i]);
	all("PteMake returns a value without present bit unchanged");
	for (unsigned i = 0; i < sizeof(absent) / sizeof(absent[0]); i++)
		each(pv_pte_read(absent[i]) == absent[i], absent[i]);
	all("PteRead returns a value without present bit unchanged");
	equal("a plain entry comes back from PteRead", round_trip(page | PRESENT), page | PRESENT);
	for (unsigned bit = 1; bit < 64; bit++) {
		uint64_t flag = 1ull << bit;

		if ((bit >= 1 && bit <= 4) || (bit >= 9 && bit <= 11) || (bit >= 53 && bit <= 58) || bit == 63)
			each(round_trip(page | PRESENT | flag) == (page | PRESENT | flag), bit);
	}
	all("each flag and each bit of the guest's comes back from PteRead");
	equal("all flags together come back from PteRead", round_trip(most), most);
	for (unsigned flags = 0; flags < 16; flags++) {
		uint64_t native = page | PRESENT | (flags & 3) << 1 | (flags & 4 ? NO_EXECUTE : 0) | (flags & 8) << 6;

		each(round_trip(native) == native, native);
	}
	all("flags in every combination come back from PteRead");
	equal("GLOBAL is kept or dropped, and nothing else", round_trip(page | PRESENT | GLOBAL) & ~GLOBAL, page | PRESENT);
	equal("PteMake keeps accessed and dirty", pv_pte_read(pv_pte_make(page | PRESENT | ACCESSED_DIRTY)),
	      page | PRESENT | ACCESSED_DIRTY);
	for (uint64_t at = 0; at < 1000 * PAGE; at += 37 * PAGE)
		each(round_trip(at | PRESENT) == (at | PRESENT), at);
	all("entries for many pages come back from PteRead");
}

/* The bits that are the guest's survive in a table that is in use. */
static void values_in_tables(void)
{
	uint64_t entry = entry_of(root, AREA, TABLE_FLAGS), page = new_page(0x51), found;

	for (unsigned bit = 9; bit <= 58; bit++) {
		uint64_t native = page | DATA_FLAGS | 1ull << bit;

		if (bit > 11 && bit < 53)
			continue;
		pv_pte_set(entry, pv_pte_make(native));
		each((pv_pte_read(value_at(entry)) & ~ACCESSED_DIRTY) == native && shows(AREA, 0x51), bit);
	}
	all("a table keeps the bits that are the guest's");
	pv_pte_set(entry, pv_pte_make(page | DATA_FLAGS));
	pv_tlb_flush_page(AREA);
	load(AREA, &found);
	check("reading a page sets accessed", !!(pv_pte_read(value_at(entry)) & 0x20));
	pv_pte_set(entry, pv_pte_make(page | DATA_FLAGS | 0x20));
	pv_tlb_flush_page(AREA);
	store(AREA, 0x52);
	check("writing a page sets dirty", !!(pv_pte_read(value_at(entry)) & 0x40));
	equal("what is written by the mapping is read at the direct map", words(page)[0], 0x52);
	pv_pte_set(entry, 0x123450);
	equal("a table keeps a value without present bit", value_at(entry), 0x123450);
	pv_pte_set(entry, 0);
	pv_tlb_flush_page(AREA);
}

/* ---- one entry ---- */

static void one_entry(void)
{
	uint64_t entry = entry_of(root, AREA, TABLE_FLAGS), one = new_page(0x11), other = new_page(0x22);

	check("a page that was never mapped faults", shows(AREA, 0));
	pv_pte_set(entry, pv_pte_make(one | DATA_FLAGS));
	check("a page mapped by PteSet is there at once", shows(AREA, 0x11));
	pv_pte_set(entry, pv_pte_make(other | DATA_FLAGS));
	pv_tlb_flush_page(AREA);
	check("another page in its place is seen after TlbFlushPage", shows(AREA, 0x22));
	pv_pte_set(entry, pv_pte_make(one | DATA_FLAGS));
	pv_tlb_flush_page(AREA + 4095);
	check("TlbFlushPage takes any address in the page", shows(AREA, 0x11));
	pv_pte_set(entry, pv_pte_make(other | DATA_FLAGS));
	pv_tlb_flush();
	check("another page in its place is seen after TlbFlush", shows(AREA, 0x22));
	check("a writable page can be written", !store(AREA, 0x33) && words(other)[0] == 0x33);
	pv_pte_set(entry, pv_pte_make(other | PRESENT | NO_EXECUTE));
	pv_tlb_flush_page(AREA);
	equal("a page made read-only cannot be written", store(AREA, 0x44), FAULTED);
	check("a page made read-only can be read", shows(AREA, 0x33));
	pv_pte_set(entry, pv_pte_make(other | DATA_FLAGS));
	pv_tlb_flush_page(AREA);
	check("a page made writable again can be written", !store(AREA, 0x55) && words(other)[0] == 0x55);
	equal("a page with NX cannot be executed", execute(AREA), FAULTED);
	words(other)[0] = 0xc3; /* ret */
	pv_pte_set(entry, pv_pte_make(other | PRESENT));
	pv_tlb_flush_page(AREA);
	equal("a page without NX can be executed", execute(AREA), 0);
	pv_pte_set(entry, 0);
	pv_tlb_flush_page(AREA);
	check("a page that was unmapped faults", shows(AREA, 0));
	equal("PteSet to a page that is no table writes it", (pv_pte_set((uint64_t)&words(one)[7], 0x770), words(one)[7]), 0x770);
	pv_pte_set((uint64_t)&words(one)[511], 0x998);
	equal("PteSet writes the last entry of a page", words(one)[511], 0x998);
}

/* ---- batches ---- */

static void fill(unsigned count, int there)
{
	for (unsigned i = 0; i < count; i++) {
		updates[i].entry = entries[i];
		updates[i].value = there ? pv_pte_make(pages[i] | DATA_FLAGS) : 0;
	}
}

void seen(const char *sentence, unsigned first, unsigned count, int there)
{
	for (unsigned i = first; i < first + count; i++)
		each(shows(AREA + i * PAGE, there ? 0x1000 + i : 0), i);
	all(sentence);
}

static void batch(const char *sentence, uint64_t array, unsigned count)
{
	static struct vmi_pte_update before[VMI_BATCH_LIMIT];

	memcpy(before, (void *)array, count * sizeof(before[0]));
	each(pv_pte_set_batch(array, count) == count, 0);
	each(!memcmp(before, (void *)array, count * sizeof(before[0])), 1);
	pv_tlb_flush();
	all(sentence);
}

static void batches(void)
{
	uint64_t second = new_page(0);
	struct vmi_pte_update one[1], *scattered = vmi_direct(second);

	for (unsigned i = 0; i < VMI_BATCH_LIMIT; i++) {
		pages[i] = new_page(0x1000 + i);
		entries[i] = entry_of(root, AREA + i * PAGE, TABLE_FLAGS);
	}
	equal("PteSetBatch of nothing gives 0", pv_pte_set_batch((uint64_t)updates, 0), 0);
	fill(1, 1);
	one[0] = updates[0];
	batch("PteSetBatch of 1 on the stack is done, its array is as before", (uint64_t)one, 1);
	seen("PteSetBatch of 1 on the stack is seen", 0, 1, 1);
	fill(64, 1);
	batch("PteSetBatch of 64 in one table is done, its array is as before", (uint64_t)updates, 64);
	seen("PteSetBatch of 64 in one table is seen", 0, 64, 1);
	fill(64, 0);
	batch("PteSetBatch of 64 zeros is done", (uint64_t)updates, 64);
	seen("PteSetBatch of 64 zeros is seen", 0, 64, 0);
	for (unsigned count = 1; count < 20; count++) {
		fill(20, 1);
		each(pv_pte_set_batch((uint64_t)updates, count) == count, count);
		for (unsigned i = 0; i < 20; i++)
			each(!!value_at(entries[i]) == (i < count), count);
		fill(20, 0);
		pv_pte_set_batch((uint64_t)updates, 20);
		for (unsigned i = 0; i < 20; i++)
			each(!value_at(entries[i]), count);
	}
	pv_tlb_flush();
	all("PteSetBatch of 1 to 19 does as many and no more");
	fill(256, 1);
	memcpy(scattered, updates + 192, 128 * sizeof(updates[0]));
	for (unsigned i = 0; i < 128; i++)
		scattered[i] = (struct vmi_pte_update){ entries[192 + i], pv_pte_make(pages[192 + i] | DATA_FLAGS) };
	batch("PteSetBatch across two tables is done, its array is as before", second + vmi_boot->direct_map, 128);
	seen("PteSetBatch across two tables is seen", 192, 128, 1);
	for (unsigned i = 0; i < 128; i++)
		scattered[i] = (struct vmi_pte_update){ entries[i % 2 ? 256 + i : i], 0 };
	for (unsigned i = 0; i < 128; i++)
		scattered[i].value = pv_pte_make(pages[i % 2 ? 256 + i : i] | DATA_FLAGS);
	batch("PteSetBatch to two tables in turn is done, its array is as before", second + vmi_boot->direct_map, 128);
	for (unsigned i = 0; i < 128; i++)
		each(shows(AREA + (i % 2 ? 256 + i : i) * PAGE, 0x1000 + (i % 2 ? 256 + i : i)), i);
	all("PteSetBatch to two tables in turn is seen");
	fill(VMI_BATCH_LIMIT, 0);
	batch("PteSetBatch of 512 zeros is done, its array is as before", (uint64_t)updates, VMI_BATCH_LIMIT);
	fill(VMI_BATCH_LIMIT, 1);
	batch("PteSetBatch of 512 is done, its array is as before", (uint64_t)updates, VMI_BATCH_LIMIT);
	seen("PteSetBatch of 512 is seen", 0, VMI_BATCH_LIMIT, 1);
	fill(VMI_BATCH_LIMIT, 0);
	equal("PteSetBatch of 513 is INVALID", pv_pte_set_batch((uint64_t)updates, VMI_BATCH_LIMIT + 1), VMI_INVALID);
	equal("PteSetBatch of 2^32 - 1 is INVALID", pv_pte_set_batch((uint64_t)updates, UINT32_MAX), VMI_INVALID);
	seen("PteSetBatch that is INVALID does nothing", 0, VMI_BATCH_LIMIT, 1);
	one[0] = (struct vmi_pte_update){ entries[0], 0 };
	pv_pte_set_batch((uint64_t)updates, VMI_BATCH_LIMIT);
	pv_tlb_flush();
	seen("512 pages that were unmapped fault", 0, VMI_BATCH_LIMIT, 0);
	updates[0] = (struct vmi_pte_update){ entries[0], pv_pte_make(pages[0] | DATA_FLAGS) };
	updates[1] = (struct vmi_pte_update){ entries[0], pv_pte_make(pages[1] | DATA_FLAGS) };
	updates[2] = (struct vmi_pte_update){ entries[0], 0 };
	updates[3] = (struct vmi_pte_update){ entries[0], pv_pte_make(pages[2] | DATA_FLAGS) };
	batch("PteSetBatch with one entry four times is done", (uint64_t)updates, 4);
	check("PteSetBatch goes in order", shows(AREA, 0x1002));
	pv_pte_set(entries[0], 0);
	pv_tlb_flush();
}

/* New tables of three levels, a page, and what leads there, in one batch; then the way back. */
static void batch_of_levels(void)
{
	uint64_t address = TEST_ADDRESS + 0x4000000000, table[4], page = new_page(0x99), memory = new_page(0);
	uint64_t *top = words(root) + (address >> 39 & 511);
	int has_level3 = !!*top;
	unsigned count = 0;

	/* In the same 512 GiB, so that the table of level 3 is there already. */
	for (unsigned level = 1; level < 4; level++) {
		table[level] = new_page(0);
		if (level < 3 || !has_level3)
			each(!pv_page_table_add(table[level], level), level);
	}
	if (has_level3)
		table[3] = pv_pte_read(*top) & ADDRESS;
	else
		updates[count++] = (struct vmi_pte_update){ (uint64_t)top, pv_pte_make(table[3] | TABLE_FLAGS) };
	updates[count++] = (struct vmi_pte_update){ (uint64_t)&words(table[1])[address >> 12 & 511],
						    pv_pte_make(page | DATA_FLAGS) };
	updates[count++] = (struct vmi_pte_update){ (uint64_t)&words(table[2])[address >> 21 & 511],
						    pv_pte_make(table[1] | TABLE_FLAGS) };
	updates[count++] = (struct vmi_pte_update){ (uint64_t)&words(memory)[5], 0x550 };
	updates[count++] = (struct vmi_pte_update){ (uint64_t)&words(table[3])[address >> 30 & 511],
						    pv_pte_make(table[2] | TABLE_FLAGS) };
	updates[count++] = (struct vmi_pte_update){ entries[3], pv_pte_make(pages[3] | DATA_FLAGS) };
	all("tables for a batch are announced");
	batch("PteSetBatch with entries of levels 1 to 3 and of memory is done, its array is as before", (uint64_t)updates, count);
	check("PteSetBatch with entries of levels 1 to 3 is seen", shows(address, 0x99) && shows(AREA + 3 * PAGE, 0x1003));
	equal("PteSetBatch to a page that is no table writes it", words(memory)[5], 0x550);
	pv_pte_set((uint64_t)&words(table[3])[address >> 30 & 511], 0);
	pv_pte_set(entries[3], 0);
	pv_tlb_flush();
	check("an entry of level 3 that was cleared hides what was below", shows(address, 0));
	each(!pv_page_table_remove(table[2], 2), 2);
	each(!pv_page_table_remove(table[1], 1), 1);
	all("tables that nothing refers to can be removed");
	if (!store((uint64_t)words(table[1]), 0x66) && !store((uint64_t)words(table[2]), 0x77))
		check("a page that is no table any more can be written", words(table[1])[0] == 0x66 && words(table[2])[0] == 0x77);
	else
		check("a page that is no table any more can be written", 0);
}

void check_mmu(void)
{
	root = pv_address_space_read();
	values();
	one_entry();
	values_in_tables();
	batches();
	batch_of_levels();
	check_lazy();
	check_spaces();
}
