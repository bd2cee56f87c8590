/* SPDX-License-Identifier: MIT */
/*
 * The kernel's own page tables, as a kernel of that age has them: the linear map from PAGE_OFFSET, its first 4 MiB in
 * small pages and the rest in large ones, global; a fixmap table at the top. With PAE, and no-execute where the processor
 * has it, for all but the first MiB and the kernel's text. `pae` on the command line chooses.
 */
#include "client.h"

#define CR4_PAE 0x20
#define CR4_PGE 0x80
#define EFER 0xc0000080
#define EFER_NXE 0x800

extern uint32_t boot_directory[1024];
extern char text_end[], bss_end[];
void paging_switch(uint32_t cr3, uint32_t cr4) regparm3;

int pae, nx;
uint32_t kernel_root;
static uint32_t next;
static uint64_t *pointers; /* PAE: four entries */

uint32_t page_alloc(void)
{
	uint32_t page = next;

	if (page >= LOWMEM)
		die("no memory left");
	next += PAGE;
	memset(linear(page), 0, PAGE);
	return page;
}

uint64_t entry_read(const void *entry)
{
	return pae ? *(const volatile uint64_t *)entry : *(const volatile uint32_t *)entry;
}

void entry_write(void *entry, uint64_t value)
{
	if (pae) {
		volatile uint32_t *words = entry;

		words[0] = 0;
		words[1] = (uint32_t)(value >> 32);
	}
	*(volatile uint32_t *)entry = (uint32_t)value;
}

void *directory_entry(uint32_t address)
{
	if (!pae)
		return (uint32_t *)linear(kernel_root) + (address >> 22);
	return (uint64_t *)linear((uint32_t)pointers[address >> 30] & ~(PAGE - 1)) + (address >> 21 & 511);
}

void *entry_of(uint32_t address, int make)
{
	void *entry = directory_entry(address);
	uint32_t table = (uint32_t)entry_read(entry) & ~(PAGE - 1);

	if (!(entry_read(entry) & PRESENT)) {
		if (!make)
			return 0;
		table = page_alloc();
		entry_write(entry, table | PRESENT | WRITABLE | (address < PAGE_OFFSET ? USER : 0));
	}
	return pae ? (void *)((uint64_t *)linear(table) + (address >> 12 & 511)) :
		     (void *)((uint32_t *)linear(table) + (address >> 12 & 1023));
}

void page_map(uint32_t address, uint64_t value)
{
	entry_write(entry_of(address, 1), value);
	__asm__ volatile("invlpg (%0)" : : "r"(address) : "memory");
}

static void cpuid(uint32_t leaf, uint32_t *r)
{
	__asm__ volatile("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3]) : "a"(leaf), "c"(0));
}

static void no_execute(void)
{
	uint32_t r[4], low, high;

	cpuid(0x80000000, r);
	if (r[0] < 0x80000001)
		return;
	cpuid(0x80000001, r);
	if (!(r[3] >> 20 & 1))
		return;
	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(EFER));
	__asm__ volatile("wrmsr" : : "a"(low | EFER_NXE), "d"(high), "c"(EFER));
	nx = 1;
}

void paging_init(void)
{
	uint32_t large = pae ? 0x200000 : 0x400000, at;

	next = (physical(bss_end) + PAGE - 1) & ~(PAGE - 1);
	if (pae)
		no_execute();
	kernel_root = page_alloc();
	pointers = linear(kernel_root);
	for (unsigned i = 0; pae && i < 4; i++)
		pointers[i] = page_alloc() | PRESENT;
	for (at = 0; at < 0x400000; at += PAGE) {
		int executable = at < 0x100000 || at < physical(text_end);

		entry_write(entry_of(PAGE_OFFSET + at, 1),
			    at | PRESENT | WRITABLE | GLOBAL | ACCESSED | DIRTY | (nx && !executable ? NO_EXECUTE : 0));
	}
	for (; at < LOWMEM; at += large)
		entry_write(directory_entry(PAGE_OFFSET + at),
			    at | PRESENT | WRITABLE | GLOBAL | ACCESSED | DIRTY | LARGE | (nx ? NO_EXECUTE : 0));
	entry_of(FIX_APIC, 1);
	entry_of(TEST_ADDRESS, 1);
	for (at = 0; at < 0x400000; at += large) /* for the switch, which runs at physical addresses */
		entry_write(directory_entry(at), entry_read(directory_entry(PAGE_OFFSET + at)));
	paging_switch(kernel_root, pae ? CR4_PAE : 0);
	for (at = 0; at < 0x400000; at += large)
		entry_write(directory_entry(at), 0);
	__asm__ volatile("movl %%cr3, %%eax; movl %%eax, %%cr3\n\t"
			 "movl %%cr4, %%eax; orl %0, %%eax; movl %%eax, %%cr4"
			 : : "i"(CR4_PGE) : "eax", "memory");
}
