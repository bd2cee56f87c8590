/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What a Multiboot2 loader gives a kernel: Multiboot2 Specification 2.0, section 3.6. */
#include "pc.h"

struct tag {
	uint32_t type, size; /* of the tag; the next begins at a multiple of 8 */
};

struct module_tag {
	struct tag tag;
	uint32_t start, end;
	char name[];
};

struct memory_tag {
	struct tag tag;
	uint32_t entry_size, entry_version;
	uint8_t entries[];
};

struct memory_entry {
	uint64_t address, size;
	uint32_t type, reserved;
};

enum { TAG_END = 0, TAG_COMMAND_LINE = 1, TAG_MODULE = 3, TAG_MEMORY = 6 };
#define MEMORY_RAM 1

static void read_memory(const struct memory_tag *memory)
{
	uint32_t size = memory->tag.size - sizeof(*memory), step = memory->entry_size;

	for (uint32_t at = 0; step >= sizeof(struct memory_entry) && at + step <= size; at += step) {
		const struct memory_entry *entry = (const void *)(memory->entries + at);

		if (entry->type == MEMORY_RAM)
			pc_add_memory(entry->address, entry->address + entry->size);
	}
}

void pc_read_multiboot(uint64_t address)
{
	uint64_t end = address + *(const uint32_t *)pc_at(address);

	for (address += 8; address + sizeof(struct tag) <= end;) {
		const struct tag *tag = pc_at(address);
		const struct module_tag *module = (const void *)tag;

		if (tag->type == TAG_END || tag->size < sizeof(*tag))
			return;
		if (tag->type == TAG_COMMAND_LINE)
			pc_set_command_line(address + sizeof(*tag));
		if (tag->type == TAG_MODULE)
			pc_add_module(module->start, module->end - module->start,
				      address + offsetof(struct module_tag, name));
		if (tag->type == TAG_MEMORY)
			read_memory((const void *)tag);
		address += (tag->size + 7) & -8u;
	}
}
