/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Where everything goes in guest-physical memory (shim.h), and the map of it for the guest. */
#include "shim.h"

#define POOL_SHARE 32 /* one page of so many goes into the pool */
#define PAINTS (XEN_PACK_LIMIT + 8) /* at most: modules, and what plan_describe names */
#define RANGES (1 + 2 * PAINTS)

/* Tables of level 1 to 3 that map so many bytes at most, if nothing else is mapped by the same ones. */
static uint64_t tables_for(uint64_t start, uint64_t size)
{
	uint64_t count = 0;

	for (unsigned shift = 21; shift <= 39; shift += 9)
		count += ((start + size - 1) >> shift) - (start >> shift) + 1;
	return count;
}

void plan_make(struct plan *plan, const struct guest *guest, uint64_t region)
{
	uint64_t pages = shim_start_info->pages, pool = pages / POOL_SHARE, next = region;

	if (pool > XEN_FRAME_POOL_LIMIT)
		pool = XEN_FRAME_POOL_LIMIT;
	plan->pages = pages;
	plan->region = region;
	plan->old_tables = page_of((void *)shim_start_info->tables);
	plan->old_tables_end = plan->old_tables + shim_start_info->table_count;
	plan->gdt = next++;
	plan->tables = next;
	next += tables_for(guest->image_start, guest->image_end - guest->image_start) +
		tables_for(guest->window, XEN_WINDOW_END) + tables_for(guest->direct_map, pages * PAGE);
	plan->pool = next;
	plan->pool_end = next += pool;
	plan->handover = next++;
	plan->stubs = next++;
	plan->updates = next;
	plan->text = next += (XEN_CONSOLE - XEN_UPDATES) / PAGE;
	plan->data = next += VMI_TEXT_LIMIT / PAGE;
	plan->frames = ++next;
	plan->image = next += page_up(pages * sizeof(uint32_t)) / PAGE;
	plan->end = next += (guest->image_end - guest->image_start) / PAGE;
	if (plan->end > pages)
		refuse("the domain has %lu KiB of memory and needs %lu KiB to start this guest; give it more, with the guest's "
		       "own needs on top", pages * KIB_PER_PAGE, plan->end * KIB_PER_PAGE);
}

/* ---- the boot memory map ---- */

static struct vmi_memory_range ranges[RANGES];
static unsigned count;

static void insert(unsigned at, uint64_t start, uint64_t end, uint32_t type)
{
	if (start == end)
		return;
	for (unsigned i = count++; i > at; i--)
		ranges[i] = ranges[i - 1];
	ranges[at] = (struct vmi_memory_range){ .start = start, .size = end - start, .type = type };
}

/* Pages that lie within one range, or none, get another type. */
static void paint(uint64_t page, uint64_t end_page, uint32_t type)
{
	uint64_t start = page * PAGE, end = end_page * PAGE;
	unsigned at = 0;

	if (start == end)
		return;
	while (at < count - 1 && ranges[at].start + ranges[at].size <= start)
		at++;
	if (start < ranges[at].start || end > ranges[at].start + ranges[at].size)
		refuse("Xen put two things at page %#lx to %#lx; this shim knows Xen 4", page, end_page);
	insert(at + 1, end, ranges[at].start + ranges[at].size, ranges[at].type);
	insert(at + 1, start, end, type);
	ranges[at].size = start - ranges[at].start;
	if (ranges[at].size)
		return;
	count--;
	for (; at < count; at++)
		ranges[at] = ranges[at + 1];
}

/* A page that another domain writes to. */
static void paint_ring(uint64_t frame)
{
	if (frame)
		paint(page_of_frame(frame), page_of_frame(frame) + 1, VMI_MEMORY_RESERVED);
}

void plan_describe(const struct plan *plan, const struct package *package, struct vmi_boot_info *info)
{
	const struct start_info *start = shim_start_info;
	uint64_t p2m = page_of((void *)start->p2m);

	insert(0, 0, plan->pages * PAGE, VMI_MEMORY_USABLE);
	paint(0, plan->region, VMI_MEMORY_BOOT);
	paint(plan->region, plan->image, VMI_MEMORY_RESERVED);
	paint(plan->image, plan->end, VMI_MEMORY_IMAGE);
	paint(0, 1, VMI_MEMORY_RESERVED);
	paint(p2m, p2m + page_up(plan->pages * sizeof(uint64_t)) / PAGE, VMI_MEMORY_RESERVED);
	paint(plan->old_tables, plan->old_tables + 1, VMI_MEMORY_RESERVED);
	for (uint32_t i = 0; i < package->module_count; i++) {
		const struct vmi_module *module = &package->modules[i];

		paint(module->start / PAGE, (module->start + page_up(module->size)) / PAGE, VMI_MEMORY_MODULE);
	}
	paint_ring(console_frame());
	paint_ring(start->flags & SIF_INITDOMAIN ? 0 : start->store_frame);
	info->memory_map = physical(ranges);
	info->memory_map_count = count;
}
