/* SPDX-License-Identifier: MIT */
/*
 * The VCPU block's part that the ROM has, and user mode's segment bases. The guest can write all of the block, so
 * nothing here is more than its own word about itself.
 */
#include "vcpu.h"

struct gate gates[VECTORS];
uint64_t kernel_stack, syscall_entry, fault_address;

static volatile uint8_t *shared; /* the ROM's part, 64 bytes; null before VcpuInit */
static uint64_t user_fs, user_gs;

#define BLOCK_ALIGNMENT 64

/* The ROM has its own names for what area.h says. */
#define SAME(one, other) _Static_assert((one) == (other), #one)
SAME(LNX_AREA_SIZE, AREA_SIZE);
SAME(LNX_USER_LIMIT, USER_COUNT);
SAME(LNX_TURN_OWNER, TURN_OWNER);
SAME(LNX_TURN_KERNEL, TURN_KERNEL);
SAME(LNX_WAKE_KERNEL, WAKE_KERNEL);
SAME(LNX_AREA_TURN, AREA_TURN);
SAME(LNX_AREA_VECTOR, AREA_VECTOR);
SAME(LNX_AREA_ERROR, AREA_ERROR);
SAME(LNX_AREA_CONTEXT, AREA_CONTEXT);
SAME(LNX_AREA_HANDLER, AREA_HANDLER);
SAME(LNX_AREA_FPU, AREA_FPU);
SAME(LNX_AREA_FRAMES, PAGE_SIZE);
SAME(LNX_UC_R8, CONTEXT_R8);
SAME(LNX_UC_RIP, CONTEXT_RIP);
SAME(LNX_UC_EFLAGS, CONTEXT_RFLAGS);
SAME(LNX_UC_SS, CONTEXT_SS);
SAME(LNX_UC_FPSTATE, CONTEXT_FPSTATE);
SAME(LNX_UC_SIZE, CONTEXT_SIZE);
SAME(LNX_KERNEL_CS, KERNEL_CS);
SAME(LNX_USER_CS, HOST_CS);

static volatile uint64_t *word(uint32_t offset) { return (volatile uint64_t *)(shared + offset); }

bool block_init(uint64_t block)
{
	struct leaf leaf;
	uint8_t *place;

	if (block % BLOCK_ALIGNMENT || !canonical(block))
		return false;
	if (walk(space_root(), block + VMI_VCPU_ROM_OFFSET, ACCESS_WRITE, &leaf))
		return false;
	place = ram_at(leaf.physical, LNX_VCPU_SIZE);
	if (!place)
		return false;
	walk_mark(&leaf, true);
	shared = place;
	for (uint32_t offset = 0; offset < LNX_VCPU_SIZE; offset += 8)
		*word(offset) = 0;
	*word(LNX_PAGE_ROOT) = space_root();
	*word(LNX_STACK) = kernel_stack;
	*word(LNX_SYSCALL) = syscall_entry;
	*word(LNX_USER) = user_area();
	kernel.area->gs_base = block; /* the stub loads it */
	return true;
}

void block_put(uint32_t offset, uint64_t value)
{
	if (shared)
		*word(offset) = value;
}

uint64_t block_user(void) { return shared && shared[LNX_USER_MODE]; }

void block_set_user(void)
{
	if (shared)
		shared[LNX_USER_MODE] = 1;
}

bool interrupts(void) { return shared && shared[LNX_FLAGS_HIGH] & LNX_HIGH_IF; }

void set_interrupts(bool on)
{
	if (shared)
		shared[LNX_FLAGS_HIGH] = (shared[LNX_FLAGS_HIGH] & ~LNX_HIGH_IF) | (on ? LNX_HIGH_IF : 0);
}

void set_waiting(bool on)
{
	if (shared)
		shared[LNX_FLAGS_HIGH] = (shared[LNX_FLAGS_HIGH] & ~LNX_HIGH_WAITING) | (on ? LNX_HIGH_WAITING : 0);
}

void set_fault_address(uint64_t address)
{
	fault_address = address;
	block_put(LNX_FAULT_ADDRESS, address);
}

bool fpu_trap(void) { return shared && shared[LNX_FPU_TRAP]; }

void user_bases(uint64_t *fs, uint64_t *gs)
{
	if (present) {
		user_fs = present->area->fs_base;
		user_gs = present->area->gs_base;
	}
	*fs = user_fs;
	*gs = user_gs;
}

void set_user_bases(uint64_t fs, uint64_t gs)
{
	user_fs = fs;
	user_gs = gs;
	if (present) {
		present->area->fs_base = fs;
		present->area->gs_base = gs;
	}
}

uint64_t user_prepare(void)
{
	uint64_t fs, gs, area;
	bool inherits = !present;

	user_bases(&fs, &gs);
	area = user_ready();
	if (inherits)
		descriptors_inherited();
	set_user_bases(fs, gs);
	return area;
}

void user_changed(uint64_t area) { block_put(LNX_USER, area); }
