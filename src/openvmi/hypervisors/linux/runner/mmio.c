/* SPDX-License-Identifier: MIT */
/*
 * Memory-mapped devices: their pages are not mapped for anybody, and each access of K is a page fault. Their registers have
 * 32 bits, and the kernel accesses them by MOV from and to a register, or of an immediate value, as drivers do.
 */
#include "internal.h"
#include "native.h"

enum { STORE = 0x89, LOAD = 0x8b, STORE_IMMEDIATE = 0xc7 };

static void refuse(const struct context *context, uint64_t physical)
{
	crash("the guest accesses the device at guest-physical %x, from %x, other than by a MOV of 32 bits, which is all that can be "
	      "done for it", physical, context->rip);
}

bool native_device_fault(struct context *context)
{
	const uint64_t address = *(volatile uint64_t *)&context->cr2; /* once: K may not stand still */
	uint32_t access = context->error & (ACCESS_WRITE | ACCESS_EXECUTE);
	struct instruction in;
	struct leaf leaf;
	bool write;

	if (walk(space_root(), address, access, &leaf) || !device_at(leaf.physical) || access & ACCESS_EXECUTE)
		return false;
	count_exit("mmio");
	map_progress();
	if (!instruction_at(context, &in) || !in.memory || in.wide || in.narrow || in.address != address || leaf.physical % 4)
		refuse(context, leaf.physical);
	write = in.opcode == STORE || (in.opcode == STORE_IMMEDIATE && !(in.reg & 7));
	if (write != !!(access & ACCESS_WRITE) || (!write && in.opcode != LOAD))
		refuse(context, leaf.physical);
	walk_mark(&leaf, write);
	if (!write)
		*general(context, in.reg) = device_read(leaf.physical);
	else if (in.opcode == STORE)
		device_write(leaf.physical, (uint32_t)*general(context, in.reg));
	else
		device_write(leaf.physical, (uint32_t)in.immediate);
	context->rip += in.length;
	native_shadow_end();
	events_after_exit();
	return true;
}
