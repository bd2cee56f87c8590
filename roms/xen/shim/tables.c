/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The guest's page tables. They are built as plain memory, and checked by Xen, all of them at once, when they are hooked
 * into the level 4 table.
 */
#include "shim.h"

#define PRESENT 1ul
#define WRITABLE 2ul
#define NO_EXECUTE (1ul << 63)
#define KERNEL (1ul << XEN_PTE_KERNEL_BIT)
#define FRAME 0x000ffffffffff000ul
#define LARGE_PAGE (2ul << 20)

#define READ_ONLY (PRESENT | KERNEL | NO_EXECUTE)
#define READ_WRITE (READ_ONLY | WRITABLE)
#define EXECUTE (PRESENT | KERNEL)
#define TABLE (PRESENT | WRITABLE | KERNEL)

static uint64_t next_table, tables_end, frames; /* pages */
static uint64_t level4[512]; /* the page of each level 3 table */

static void mark(uint64_t page, uint32_t what)
{
	uint64_t per_page = PAGE / sizeof(what);

	((uint32_t *)memory_map(SLOT_DATA, frames + page / per_page))[page % per_page] = what;
}

static uint64_t new_table(uint32_t level)
{
	if (next_table == tables_end)
		refuse("more page tables needed than the %#lx planned; please report this", tables_end);
	mark(next_table, level);
	return next_table++;
}

static uint64_t *entry_of(uint64_t address)
{
	uint64_t *top = &level4[address >> 39 & 511], page;

	if (!*top)
		*top = new_table(3);
	page = *top;
	for (unsigned level = 3; level > 1; level--) {
		uint64_t *entry = memory_map(SLOT_DATA + level, page);

		entry += address >> (12 + 9 * (level - 1)) & 511;
		if (!*entry)
			*entry = machine_frame(new_table(level - 1)) * PAGE | TABLE;
		page = page_of_frame((*entry & FRAME) / PAGE);
	}
	return (uint64_t *)memory_map(SLOT_LEVEL1, page) + (address >> 12 & 511);
}

static void map(uint64_t address, uint64_t page, uint64_t end, uint64_t flags)
{
	uint64_t *entry = 0;

	for (; page < end; page++, address += PAGE) {
		if (!entry || !(address % LARGE_PAGE))
			entry = entry_of(address);
		*entry++ = machine_frame(page) * PAGE | flags;
	}
}

static void map_window(uint64_t window, const struct plan *plan)
{
	map(window, plan->text, plan->data, EXECUTE);
	map(window + VMI_WINDOW_DATA, plan->data, plan->frames, READ_WRITE);
	map(window + XEN_HANDOVER, plan->handover, plan->stubs, READ_WRITE);
	map(window + XEN_STUBS, plan->stubs, plan->updates, EXECUTE);
	map(window + XEN_UPDATES, plan->updates, plan->text, READ_WRITE);
	*entry_of(window + XEN_SHARED_INFO) = shim_start_info->shared_info | READ_WRITE;
	if (console_frame())
		*entry_of(window + XEN_CONSOLE) = console_frame() * PAGE | READ_WRITE;
}

static void map_direct(uint64_t base, const struct plan *plan)
{
	const struct { uint64_t end, flags; } parts[] = {
		{ plan->old_tables, READ_WRITE },
		{ plan->old_tables_end, READ_ONLY },
		{ plan->region, READ_WRITE },
		{ plan->pool_end, READ_ONLY },
		{ plan->pages, READ_WRITE },
	};
	uint64_t page = 0;

	for (unsigned i = 0; i < sizeof(parts) / sizeof(*parts); page = parts[i++].end)
		map(base + page * PAGE, page, parts[i].end, parts[i].flags);
}

void tables_make(struct plan *plan, const struct guest *guest)
{
	next_table = plan->tables;
	tables_end = plan->pool;
	frames = plan->frames;
	for (unsigned i = 0; i < guest->segment_count; i++) {
		const struct segment *segment = &guest->segments[i];
		uint64_t page = plan->image + (segment->virtual - guest->image_start) / PAGE;

		map(segment->virtual, page, page + page_up(segment->memory_size) / PAGE,
		    segment->flags & SEGMENT_EXECUTABLE ? EXECUTE
		    : segment->flags & SEGMENT_WRITABLE ? READ_WRITE : READ_ONLY);
	}
	map_window(guest->window, plan);
	map_direct(guest->direct_map, plan);
	plan->pool = next_table;
	mark(plan->old_tables, 4 | 1 << XEN_FRAME_SHADOW_SHIFT);
	mark(plan->pool, 4);
}

void tables_hook(const struct plan *plan)
{
	uint64_t root = machine_frame(plan->old_tables);
	struct xen_mmuext pin = { XEN_MMUEXT_PIN_L4, machine_frame(plan->pool), 0 };

	for (uint64_t i = 0; i < 512; i++) {
		struct xen_mmu_update update = { root * PAGE + i * sizeof(uint64_t), 0 };

		if (!level4[i])
			continue;
		update.value = machine_frame(level4[i]) * PAGE | TABLE;
		check(xen_call4(XEN_MMU_UPDATE, (uint64_t)&update, 1, 0, XEN_DOMID_SELF), "mmu_update",
		      "enter the guest's tables at level 4 index", i);
	}
	check(xen_call4(XEN_MMUEXT_OP, (uint64_t)&pin, 1, 0, XEN_DOMID_SELF), "mmuext_op",
	      "pin the table of user mode at page", plan->pool);
}
