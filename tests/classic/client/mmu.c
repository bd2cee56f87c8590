/* SPDX-License-Identifier: MIT */
/*
 * Page tables: calls 38 to 41, 44 to 48, 73. A page of TEST_ADDRESS is mapped to one frame, read, and mapped to another:
 * what is read then says whether the processor forgot the first.
 */
#include "subjects.h"

#define NORMAL (PRESENT | WRITABLE | ACCESSED | DIRTY)
#define CURRENT(address) (VMI3_PAGE_CURRENT_AS | ((address) & VMI3_PAGE_VA_MASK))

static uint32_t frames[4]; /* each holds its own number, plus 0xf00 */

static uint32_t load(uint32_t address)
{
	return *(volatile uint32_t *)address;
}

/* As the client sets an entry: 38, or 39 with PAE. */
static void set(void *entry, uint64_t value, uint32_t flags)
{
	if (pae)
		CALL4(SetPxELong, (uint32_t)value, (uint32_t)(value >> 32), entry, flags);
	else
		CALL3(SetPxE, (uint32_t)value, entry, flags);
}

static void update(void *entry, uint32_t flags)
{
	if (pae)
		CALL2(UpdatePxELong, entry, flags);
	else
		CALL2(UpdatePxE, entry, flags);
}

static void touch(uint32_t address)
{
	*(volatile uint32_t *)address = 1;
}

static void run_at(uint32_t address)
{
	((void (*)(void))address)();
}

/* Entries of level 1, with the flags of set_pte, set_pte_at, and set_pte_present. */
static void entries(void)
{
	static const uint32_t flags[] = { VMI3_PAGE_PT, VMI3_PAGE_PT | CURRENT(TEST_ADDRESS),
					  VMI3_PAGE_PT | VMI3_PAGE_DEFER | CURRENT(TEST_ADDRESS) };
	uint8_t *entry = entry_of(TEST_ADDRESS, 1);
	const unsigned size = pae ? 8 : 4;

	for (unsigned i = 0; i < COUNT(flags); i++) {
		uint64_t next = entry_read(entry + size);

		set(entry, frames[0] | NORMAL, flags[i]);
		each(entry_read(entry) == (frames[0] | NORMAL), i);
		CALL1(InvalPage, TEST_ADDRESS);
		each(load(TEST_ADDRESS) == 0xf00, i | 0x10);
		set(entry, frames[1] | NORMAL, flags[i]);
		CALL1(InvalPage, TEST_ADDRESS);
		each(load(TEST_ADDRESS) == 0xf01, i | 0x20);
		set(entry, frames[2] | PRESENT | ACCESSED, flags[i]);
		CALL1(InvalPage, TEST_ADDRESS + 0x123);
		each(load(TEST_ADDRESS) == 0xf02 && attempt(touch, TEST_ADDRESS) == 1 + 14, i | 0x30);
		set(entry, 0, flags[i]);
		CALL1(InvalPage, TEST_ADDRESS);
		each(attempt(touch, TEST_ADDRESS) == 1 + 14 && this_cpu()->caught_address == TEST_ADDRESS, i | 0x40);
		each(!entry_read(entry) && entry_read(entry + size) == next, i | 0x50);
	}
	all("entries are stored, and InvalPage makes the processor see them");
	if (pae) {
		set(entry, 0x8000000f23456067ull & (nx ? ~0ull : ~NO_EXECUTE), VMI3_PAGE_PT);
		equal("both words of an entry are stored", entry_read(entry), 0x8000000f23456067ull & (nx ? ~0ull : ~NO_EXECUTE));
		set(entry, 0, VMI3_PAGE_PT);
		equal("and cleared", entry_read(entry), 0);
	}
	if (nx) {
		*(uint8_t *)linear(frames[3]) = 0xc3; /* ret */
		set(entry, frames[3] | NORMAL | NO_EXECUTE, VMI3_PAGE_PT);
		CALL1(InvalPage, TEST_ADDRESS);
		equal("a page without execution", attempt(run_at, TEST_ADDRESS), 1 + 14);
		set(entry, frames[3] | NORMAL, VMI3_PAGE_PT);
		CALL1(InvalPage, TEST_ADDRESS);
		equal("and with", attempt(run_at, TEST_ADDRESS), 0);
	}
	entry_write(entry, frames[3] | NORMAL);
	update(entry, VMI3_PAGE_PT | CURRENT(TEST_ADDRESS));
	CALL1(InvalPage, TEST_ADDRESS);
	each((load(TEST_ADDRESS) & 0xff00) == 0xf00, 0);
	entry_write(entry, frames[1] | NORMAL);
	update(entry, VMI3_PAGE_PT | VMI3_PAGE_DEFER | CURRENT(TEST_ADDRESS));
	CALL1(InvalPage, TEST_ADDRESS);
	each(load(TEST_ADDRESS) == 0xf01 && entry_read(entry) == (frames[1] | NORMAL), 1);
	all("an entry that the kernel changed itself is in force after Update");
}

static void flushes(void)
{
	void *entry = entry_of(TEST_ADDRESS, 1);
	uint32_t cr4, before;

	__asm__ volatile("movl %%cr4, %0" : "=r"(before));
	for (unsigned i = 0; i < 40; i++) {
		set(entry, frames[i % 3] | NORMAL, VMI3_PAGE_PT);
		CALL1(FlushTLB, VMI3_FLUSH_TLB);
		each(load(TEST_ADDRESS) == 0xf00 + i % 3, i);
	}
	all("FlushTLB makes the processor forget pages");
	for (unsigned i = 0; i < 40; i++) {
		set(entry, frames[i % 3] | NORMAL | GLOBAL, VMI3_PAGE_PT);
		CALL1(FlushTLB, VMI3_FLUSH_TLB | VMI3_FLUSH_GLOBAL);
		each(load(TEST_ADDRESS) == 0xf00 + i % 3, i);
	}
	all("FlushTLB with GLOBAL makes it forget global pages");
	for (unsigned i = 0; i < 6; i++) {
		set(entry, frames[i % 3] | NORMAL | GLOBAL, VMI3_PAGE_PT);
		CALL1(InvalPage, TEST_ADDRESS);
		each(load(TEST_ADDRESS) == 0xf00 + i % 3, i);
	}
	all("InvalPage makes it forget a global page");
	__asm__ volatile("movl %%cr4, %0" : "=r"(cr4));
	equal("CR4 is as before", cr4, before);
	for (unsigned i = 0; i < 6; i++) {
		set(entry, frames[i % 3] | NORMAL, VMI3_PAGE_PT);
		CALL1(SetCR3, kernel_root);
		each(load(TEST_ADDRESS) == 0xf00 + i % 3, i);
	}
	all("SetCR3 of the same makes it forget pages");
	CALL1(SetCR4, before & ~0x80u);
	set(entry, frames[0] | NORMAL | GLOBAL, VMI3_PAGE_PT);
	CALL1(FlushTLB, VMI3_FLUSH_TLB | VMI3_FLUSH_GLOBAL);
	__asm__ volatile("movl %%cr4, %0" : "=r"(cr4));
	check("FlushTLB with GLOBAL does not turn global pages on", load(TEST_ADDRESS) == 0xf00 && cr4 == (before & ~0x80u));
	CALL1(SetCR4, before);
	set(entry, 0, VMI3_PAGE_PT);
	CALL1(InvalPage, TEST_ADDRESS);
}

/* A page table and a large page come and go: what the client says about them, in its order. */
static void tables(void)
{
	const uint32_t level1 = VMI3_PAGE_PT | VMI3_PAGE_ZEROED | (pae ? VMI3_PAGE_PAE : 0);
	const uint32_t level2 = VMI3_PAGE_PD | VMI3_PAGE_ZEROED | (pae ? VMI3_PAGE_PAE : 0);
	const uint32_t at = TEST_ADDRESS + 0x400000, size = pae ? 0x200000 : 0x400000, large = HIGH_FRAME << 12 & ~(size - 1);
	uint32_t table = page_alloc(), root = page_alloc(), before;
	void *entry = directory_entry(at);

	CALL5(AllocatePage, table >> 12, level1, 0, 0, 0);
	set(linear(table), frames[2] | NORMAL, VMI3_PAGE_PT);
	set(entry, table | PRESENT | WRITABLE, VMI3_PAGE_PD);
	equal("a page table that was allocated maps", load(at), 0xf02);
	set(entry, 0, VMI3_PAGE_PD);
	CALL1(FlushTLB, VMI3_FLUSH_TLB | VMI3_FLUSH_GLOBAL);
	CALL2(ReleasePage, table >> 12, level1);
	equal("and no more after it was taken out", attempt(touch, at), 1 + 14);
	before = load((uint32_t)linear(table));
	equal("AllocatePage and ReleasePage leave what is in the page", before, frames[2] | NORMAL);

	set(entry, large | NORMAL | LARGE, VMI3_PAGE_PD);
	*(volatile uint32_t *)(at + size - 4) = 0x1a49e;
	each(load(at + size - 4) == 0x1a49e && entry_read(entry) == (large | NORMAL | LARGE), 0);
	set(entry, 0, VMI3_PAGE_PT); /* the real client's level is wrong for large pages */
	CALL1(InvalPage, at);
	each(attempt(touch, at + 0x1000) == 1 + 14, 1);
	all("a large page comes by Set and goes by Set and InvalPage");

	memcpy(linear(root), linear(kernel_root), PAGE);
	CALL5(AllocatePage, root >> 12, level2, 0, 0, 0); /* ZEROED, and it is not */
	check("a directory that was not zero is still what it was", !memcmp(linear(root), linear(kernel_root), PAGE));
	CALL5(AllocatePage, root >> 12, level2 | VMI3_PAGE_CLONE, kernel_root >> 12, 768, 256);
	CALL1(SetCR3, root);
	equal("a directory works", (uint32_t)CALL0(GetCR3), root);
	if (pae) { /* an entry of the pointer table, in force at the next load of CR3 */
		uint64_t *pointers = linear(root), old = pointers[0];
		uint32_t directory = page_alloc();

		*(uint64_t *)linear(directory) = PRESENT | LARGE;
		set(&pointers[0], directory | PRESENT, VMI3_PAGE_PDP);
		CALL1(SetCR3, root);
		each(pointers[0] == (directory | PRESENT) && load(0x100000) == load(PAGE_OFFSET + 0x100000), 0);
		set(&pointers[0], old, VMI3_PAGE_PDP);
		CALL1(SetCR3, root);
		each(pointers[0] == old && attempt(touch, 0x100000) == 1 + 14, 1);
		all("entries of the pointer table are stored");
	}
	CALL1(SetCR3, kernel_root);
	CALL2(ReleasePage, root >> 12, level2);
	equal("and goes", (uint32_t)CALL0(GetCR3), kernel_root);
}

/* Slots 1 and 2 hold page tables above the linear map while the client writes to them. */
static void high_tables(void)
{
	for (unsigned slot = 1; slot < VMI3_LINEAR_MAP_SLOTS; slot++) {
		const uint32_t window = TEST_ADDRESS + 0x10000 + slot * PAGE, frame = HIGH_FRAME + 0x100 + slot;
		const uint64_t value = frames[slot - 1] | NORMAL;

		page_map(window, (uint64_t)frame << 12 | NORMAL);
		memset((void *)window, 0, PAGE);
		CALL4(SetLinearMapping, slot, window, 1, frame);
		CALL5(AllocatePage, frame, VMI3_PAGE_PT | VMI3_PAGE_ZEROED | (pae ? VMI3_PAGE_PAE : 0), 0, 0, 0);
		set((void *)window, value, VMI3_PAGE_PT);
		set(directory_entry(TEST_ADDRESS + 0x800000), (uint64_t)frame << 12 | PRESENT | WRITABLE, VMI3_PAGE_PD);
		CALL1(FlushTLB, VMI3_FLUSH_TLB);
		each(load(TEST_ADDRESS + 0x800000) == 0xf00 + slot - 1, slot);
		set(directory_entry(TEST_ADDRESS + 0x800000), 0, VMI3_PAGE_PD);
		CALL1(FlushTLB, VMI3_FLUSH_TLB);
		CALL2(ReleasePage, frame, VMI3_PAGE_PT);
	}
	all("a page table outside the linear map is written through a slot");
}

static void lazy(void)
{
	void *entry = entry_of(TEST_ADDRESS, 1);

	if (!from_rom(VMI3_CALL_SetLazyMode))
		return;
	for (unsigned i = 0; i < 9; i++) {
		CALL1(SetLazyMode, VMI3_LAZY_MMU);
		set(entry, frames[i % 3] | NORMAL, VMI3_PAGE_PT | VMI3_PAGE_DEFER | CURRENT(TEST_ADDRESS));
		each(entry_read(entry) == (frames[i % 3] | NORMAL), i); /* the kernel reads its own tables */
		CALL1(InvalPage, TEST_ADDRESS);
		if (i % 3 == 1) { /* a flush, as 2.6.21 says it */
			CALL1(SetLazyMode, VMI3_LAZY_OFF);
			CALL1(SetLazyMode, VMI3_LAZY_MMU);
			each(load(TEST_ADDRESS) == 0xf00 + i % 3, i | 0x10);
		}
		CALL1(SetLazyMode, VMI3_LAZY_OFF);
		each(load(TEST_ADDRESS) == 0xf00 + i % 3, i | 0x20);
	}
	all("changes of a batch are in force when it ends");
	CALL1(SetLazyMode, VMI3_LAZY_CPU);
	CALL2(UpdateKernelStack, KERNEL_DS, this_cpu()->tss.esp0);
	CALL1(SetCR3, kernel_root);
	CALL1(SetLazyMode, VMI3_LAZY_OFF);
	user_init();
	check("a context switch in a batch", (uint32_t)CALL0(GetCR3) == kernel_root && to_user(PROGRAM(program_int)) == 0x1234);
}

void check_mmu(void)
{
	for (unsigned i = 0; i < COUNT(frames); i++) {
		frames[i] = page_alloc();
		*(uint32_t *)linear(frames[i]) = 0xf00 + i;
	}
	entries();
	flushes();
	tables();
	high_tables();
	lazy();
}
