/* SPDX-License-Identifier: MIT */
/* What the files of subject mmu share. */
#ifndef CONTRACT_MMU_H
#define CONTRACT_MMU_H

#include "contract.h"

#define ADDRESS 0x000ffffffffff000ull
#define TABLE_FLAGS (PRESENT | WRITABLE)
#define DATA_FLAGS (PRESENT | WRITABLE | NO_EXECUTE)
#define AREA (TEST_ADDRESS + 0x200000 - 256 * PAGE) /* 512 pages around a 2 MiB border: in two tables */

extern struct vmi_pte_update updates[VMI_BATCH_LIMIT + 1];
/* A page for each address of AREA, with the mark 0x1000 + its number, and the entry for it. */
extern uint64_t pages[VMI_BATCH_LIMIT], entries[VMI_BATCH_LIMIT], root;

static inline uint64_t *words(uint64_t page)
{
	return vmi_direct(page);
}

static inline uint64_t value_at(uint64_t entry)
{
	return *(volatile uint64_t *)entry;
}

uint64_t new_page(uint64_t mark);
int shows(uint64_t address, uint64_t mark); /* whether the address has a page with this mark; 0: none */
/* A check: pages of AREA are there with their marks, or not. */
void seen(const char *sentence, unsigned first, unsigned count, int there);

void check_lazy(void); /* lazy.c */
void check_spaces(void); /* spaces.c */

#endif
