/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Pages of the domain that the initial mapping does not have, and pages that are not the domain's. */
#include "shim.h"

#define PRESENT 1
#define WRITABLE 2
#define BATCH 64

uint8_t shim_shared_info[PAGE] __attribute__((aligned(4096)));
static uint8_t slots[SLOTS][PAGE] __attribute__((aligned(4096)));
static uint64_t mapped[SLOTS];

static void map(const uint8_t *slot, uint64_t frame, const char *purpose, uint64_t which)
{
	check(xen_call3(XEN_UPDATE_VA_MAPPING, (uint64_t)slot, frame * PAGE | PRESENT | WRITABLE, XEN_UVMF_INVLPG),
	      "update_va_mapping", purpose, which);
}

void *memory_map(unsigned slot, uint64_t page)
{
	if (mapped[slot] != page)
		map(slots[slot], machine_frame(page), "reach page", page);
	mapped[slot] = page;
	return slots[slot];
}

void memory_map_shared_info(void)
{
	uint64_t frame = shim_start_info->shared_info / PAGE;

	map(shim_shared_info, frame, "reach shared_info at frame", frame);
}

void memory_unmap(void)
{
	for (unsigned slot = 0; slot < SLOTS; slot++)
		memory_map(slot, page_of(slots[slot]));
}

void memory_clear(uint64_t page, uint64_t end)
{
	static struct xen_mmuext commands[BATCH];

	while (page < end) {
		uint64_t count = 0;

		while (count < BATCH && page < end)
			commands[count++] = (struct xen_mmuext){
				.command = XEN_MMUEXT_CLEAR_PAGE,
				.argument = machine_frame(page++),
			};
		check(xen_call4(XEN_MMUEXT_OP, (uint64_t)commands, count, 0, XEN_DOMID_SELF), "mmuext_op",
		      "clear pages before", page);
	}
}

void memory_write(uint64_t page, struct part contents)
{
	while (contents.size) {
		uint64_t size = contents.size < PAGE ? contents.size : PAGE;

		memcpy(memory_map(SLOT_DATA, page++), contents.start, size);
		contents.start += size;
		contents.size -= size;
	}
}
