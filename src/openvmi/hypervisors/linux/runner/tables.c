/* SPDX-License-Identifier: MIT */
/* Account of the pages that the guest has announced as page tables: a byte for each page of memory, made when needed. */
#include "vcpu.h"
#include "sys.h"

#define LEVELS 4

static uint8_t *levels; /* by page number; 0: ordinary memory */

static bool make(void)
{
	long result;

	if (levels)
		return true;
	result = sys(SYS_mmap, 0, handover.ram / PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (result < 0)
		return false;
	levels = (uint8_t *)result;
	sys(SYS_madvise, levels, (handover.ram / PAGE_SIZE + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1), MADV_DONTFORK);
	return true;
}

int64_t table_add(uint64_t page, uint32_t level)
{
	if (page % PAGE_SIZE || page >= handover.ram || level < 1 || level > LEVELS)
		return VMI_INVALID;
	if (!make())
		return -4; /* NO_MEMORY */
	if (levels[page / PAGE_SIZE])
		return VMI_BUSY;
	levels[page / PAGE_SIZE] = (uint8_t)level;
	return VMI_SUCCESS;
}

int64_t table_remove(uint64_t page, uint32_t level)
{
	if (page == space_root()) /* the one of the boot contract was never announced */
		return VMI_BUSY;
	if (page % PAGE_SIZE || page >= handover.ram || !levels || !level || levels[page / PAGE_SIZE] != level)
		return VMI_INVALID;
	levels[page / PAGE_SIZE] = 0;
	if (level == LEVELS)
		space_forget(page);
	return VMI_SUCCESS;
}
