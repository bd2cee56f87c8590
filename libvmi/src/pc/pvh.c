/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What PVH gives a kernel: Xen public/arch-x86/hvm/start_info.h, version 1. */
#include "pc.h"

struct start_info {
	uint32_t magic, version, flags, module_count;
	uint64_t modules, command_line, rsdp, memory_map;
	uint32_t memory_map_count, reserved;
};
_Static_assert(sizeof(struct start_info) == 56, "size of hvm_start_info");

struct start_module {
	uint64_t address, size, command_line, reserved;
};

struct start_range {
	uint64_t address, size;
	uint32_t type, reserved;
};

#define START_MAGIC 0x336ec578
#define START_RAM 1

void pc_read_pvh(uint64_t address)
{
	const struct start_info *start = pc_at(address);
	const struct start_range *range;
	const struct start_module *module;

	if (start->magic != START_MAGIC || start->version < 1)
		pc_stop("vmi: refused: there is no PVH start information of version 1; use a loader that gives it\n");
	range = pc_at(start->memory_map);
	for (uint32_t i = 0; i < start->memory_map_count; i++)
		if (range[i].type == START_RAM)
			pc_add_memory(range[i].address, range[i].address + range[i].size);
	module = pc_at(start->modules);
	for (uint32_t i = 0; i < start->module_count; i++)
		pc_add_module(module[i].address, module[i].size, module[i].command_line);
	if (start->command_line)
		pc_set_command_line(start->command_line);
}
