/* SPDX-License-Identifier: MIT */
/* What the reference kernels share: memory, address spaces, going to user mode and back. */
#ifndef KERNELS_COMMON_H
#define KERNELS_COMMON_H

#include <vmi/vmi.h>

#define PAGE 4096ul

/* Page-table flags (Intel SDM volume 3, section 4.5). */
enum { PRESENT = 1, WRITABLE = 2, USER = 4 };
#define NO_EXECUTE (1ull << 63)

/* ---- pages.c ---- */

void space_init(void);
uint64_t page_alloc(void); /* guest-physical, zeroed; ends the guest when there is none */
uint64_t space_create(void); /* root of an address space with the kernel in it */
/* Direct-map address of the level 1 entry for an address, tables made on the way; flags for those. */
uint64_t entry_of(uint64_t root, uint64_t address, uint64_t table_flags);
void page_map(uint64_t root, uint64_t address, uint64_t page, uint64_t flags);

/* ---- switch.S ---- */

/* Runs user code, argument in RDI, until leave_user(); returns that one's. Interrupts are disabled on return. */
int64_t run_user(uint64_t rip, uint64_t rsp, uint64_t argument);
_Noreturn void leave_user(int64_t result);

/* Loads from an address; 0 when that faulted and the handler went on at try_load_failed. */
int try_load(uint64_t address, uint64_t *value);
extern char try_load_fault[], try_load_failed[];

#endif
