/* SPDX-License-Identifier: MIT */
/* Pages and a range of addresses for them, 512 of each. */
#ifndef CONFORM_MMU_H
#define CONFORM_MMU_H

#include "conform.h"

#define ADDRESS 0x000ffffffffff000ull
#define TABLE_FLAGS (PRESENT | WRITABLE)
#define DATA_FLAGS (PRESENT | WRITABLE | NO_EXECUTE)
#define ACCESSED 0x20ull
#define DIRTIED 0x40ull
#define LARGE 0x80ull
#define GLOBAL 0x100ull
#define BEYOND_MEMORY (1ull << 46)
#define AREA (TEST_ADDRESS + 0x200000 - 256 * PAGE) /* 512 pages around a 2 MiB border: in two tables */

extern struct vmi_pte_update updates[VMI_BATCH_LIMIT + 1];
/* The pages, and the entry for each address of AREA. */
extern uint64_t pages[VMI_BATCH_LIMIT], entries[VMI_BATCH_LIMIT];

static inline uint64_t *words(uint64_t page)
{
	return vmi_direct(page);
}

static inline uint64_t value_at(uint64_t entry)
{
	return *(volatile uint64_t *)entry;
}

/* The address of a slot of AREA; what its page begins with; what an entry for that page is. */
static inline uint64_t at(unsigned slot)
{
	return AREA + slot * PAGE;
}
static inline uint64_t mark(unsigned page)
{
	return 0x1000 + page;
}
static inline uint64_t mapping(unsigned page)
{
	return pv_pte_make(pages[page] | DATA_FLAGS);
}

/* Nothing is mapped in AREA, and each page begins with its mark. */
void begin(void);
uint64_t new_page(uint64_t first_word); /* one that can be given back with page_give() */
uint64_t memory_word(void); /* direct-map address of one in a page that is no table */
int shows(uint64_t address, uint64_t first_word); /* whether there is a page with this; 0: there is none */
/* A check: slots of AREA have their pages, or none. */
void seen(const char *sentence, unsigned first, unsigned count, int there);
/* updates: the first slots get their pages, or become absent. */
void fill(unsigned count, int there);
/* A check: all of an array are done, and it is afterwards what it was. */
void batch(const char *sentence, struct vmi_pte_update *array, unsigned count);
/* The entry of a level for an address, in a space whose tables above it are there. Direct-map address. */
uint64_t entry_at(uint64_t root, unsigned level, uint64_t address);

/* Whether account is kept of tables; natively nobody does. What PageTableAdd and PageTableRemove give for a wrong page. */
int accounts(void);
uint64_t invalid_where_account_is_kept(void);
int is_memory(uint64_t page, uint64_t value); /* whether it can be written, with this */

#endif
