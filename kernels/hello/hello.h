/* SPDX-License-Identifier: MIT */
/* Everything that crosses a file border in this kernel. */
#ifndef HELLO_H
#define HELLO_H

#include <vmi/vmi.h>

#define PAGE 4096ul

/* Page-table flags (Intel SDM volume 3, section 4.5). */
enum { PRESENT = 1, WRITABLE = 2, USER = 4 };
#define NO_EXECUTE (1ull << 63)

/* ---- pages.c ---- */

uint64_t page_alloc(void); /* guest-physical, zeroed; ends the guest when there is none */
void space_init(void);
uint64_t space_create(void); /* root of an address space with the kernel in it */
/* Direct-map address of the level 1 entry for an address, tables made on the way; flags for those. */
uint64_t entry_of(uint64_t root, uint64_t address, uint64_t table_flags);
void page_map(uint64_t root, uint64_t address, uint64_t page, uint64_t flags);

/* ---- user.S ---- */

/* Runs user code until leave_user(); returns its argument. Interrupts are disabled on return. */
int64_t run_user(uint64_t rip, uint64_t rsp);
_Noreturn void leave_user(int64_t result);
extern char user_start[], user_end[], user_polite[], user_rude[];

/* Loads from an address; 0 when that faulted. */
int try_load(uint64_t address, uint64_t *value);
extern char try_load_fault[], try_load_failed[];

#endif
