/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The boot shim: the PV kernel that Xen starts. It turns what Xen gives - a start_info, page tables that map the shim and
 * one module, the package - into OpenVMI's boot contract and what private.h adds to it, and enters the guest. It does
 * not depend on being dom0.
 *
 * Guest-physical memory is Xen's pseudo-physical memory. From 0 up:
 *
 *    0         the record page: RESERVED
 *    1         what Xen mapped at the start: the shim, the package, tables; BOOT, but for the modules (MODULE) and for
 *              what stays in use (RESERVED): the list of frames, the level 4 table, rings shared with other domains
 *    gdt       GDT, page tables, pool, all read-only; from handover on pages of the window; frames: RESERVED
 *    image     the guest's segments: IMAGE
 *    end       the rest: USABLE
 *
 * Boot information, memory map, list of modules, command line and boot stack are in the shim's own memory, the ROM image
 * is in the package.
 */
#ifndef SHIM_H
#define SHIM_H

#include <stdint.h>
#include <vmi/abi.h>
#include <vmi/layout.h>
#include "hypercall.h"
#include "private.h"

#pragma GCC visibility push(hidden)

#define PAGE 4096ul
#define KIB_PER_PAGE 4

static inline uint64_t page_up(uint64_t value)
{
	return (value + PAGE - 1) & -PAGE;
}

/* ---- format.c ---- */

/*
 * As vsnprintf, but nothing ends the text: at most size - 1 bytes, whose number is returned. Of conversions there are %s,
 * %lu, %ld and %#lx.
 */
unsigned shim_format(char *to, unsigned size, const char *format, __builtin_va_list arguments);

/* ---- print.c ---- */

/* Prints one line and ends the domain. The format is as that of shim_format. */
__attribute__((format(printf, 1, 2))) _Noreturn void refuse(const char *format, ...);
/* Ends the domain when a hypercall failed; says which, for what, and with which page or address. */
void check(int64_t result, const char *call, const char *purpose, uint64_t which);
void faults_init(void);

/* ---- main.c ---- */

extern const struct start_info *shim_start_info;
extern uint8_t shim_record[]; /* entry.S: the page at XEN_SHIM_BASE */

void *memcpy(void *to, const void *from, uint64_t size);
int memcmp(const void *left, const void *right, uint64_t size);

/* Of an address in the initial mapping. */
static inline uint64_t page_of(const void *address)
{
	return ((uint64_t)address - XEN_SHIM_BASE) / PAGE;
}

static inline uint64_t physical(const void *address)
{
	return (uint64_t)address - XEN_SHIM_BASE;
}

static inline uint64_t machine_frame(uint64_t page)
{
	return ((const uint64_t *)shim_start_info->p2m)[page];
}

static inline uint64_t page_of_frame(uint64_t frame)
{
	return ((const uint64_t *)XEN_M2P)[frame];
}

/* Of the console's ring; 0 without one, as for dom0, where the field means something else. */
static inline uint64_t console_frame(void)
{
	return shim_start_info->flags & SIF_INITDOMAIN ? 0 : shim_start_info->console_frame;
}

/* ---- package.c ---- */

struct part {
	const uint8_t *start; /* 0: not there */
	uint64_t size;
};

struct package {
	struct part guest, rom, command_line;
	uint32_t flags; /* of boot_info, from whoever made the package */
	struct vmi_module modules[XEN_PACK_LIMIT];
	uint32_t module_count;
};

void package_open(struct package *package, struct part contents);

/* ---- guest.c ---- */

#define SEGMENTS 64

struct segment {
	uint64_t virtual, memory_size, file_size;
	const uint8_t *contents;
	uint32_t flags; /* SEGMENT_ */
};
enum { SEGMENT_EXECUTABLE = 1, SEGMENT_WRITABLE = 2 };

struct guest {
	struct segment segments[SEGMENTS]; /* by ascending address */
	unsigned segment_count;
	uint64_t entry, window, direct_map, image_start, image_end;
};

void guest_open(struct guest *guest, struct part file);
/* Every address that the guest wants, with a direct map of that many pages, is its alone. */
void guest_check_addresses(const struct guest *guest, uint64_t pages);

/* ---- rom.c ---- */

struct rom {
	struct part text, data;
};

void rom_open(struct rom *rom, struct part image);

/* ---- plan.c: numbers of pages ---- */

struct plan {
	uint64_t pages; /* of the domain */
	uint64_t region; /* pages that Xen mapped */
	uint64_t old_tables, old_tables_end; /* that map them; the first is the root */
	uint64_t gdt, tables, pool, pool_end; /* read-only; the pool begins with the tables that were not needed */
	uint64_t handover, stubs, updates, text, data; /* of the window */
	uint64_t frames, image, end;
};

void plan_make(struct plan *plan, const struct guest *guest, uint64_t region);
/* Fills in the boot memory map. */
void plan_describe(const struct plan *plan, const struct package *package, struct vmi_boot_info *info);

/* ---- memory.c: pages outside of the initial mapping ---- */

enum { SLOT_DATA, SLOT_LEVEL1, SLOT_LEVEL2, SLOT_LEVEL3, SLOTS };

/* Where the page can be reached until the slot is used again. */
void *memory_map(unsigned slot, uint64_t page);
/* Once, for good: Xen's shared_info. The shim's fault handler reads it, too. */
void memory_map_shared_info(void);
extern uint8_t shim_shared_info[PAGE];
/* The slots' own pages come back: no page of a table may be writable anywhere. */
void memory_unmap(void);
void memory_clear(uint64_t page, uint64_t end);
void memory_write(uint64_t page, struct part contents);

/* ---- events.c ---- */

/* Binds event channels and fills in their part of the handover. */
void events_bind(uint64_t *handover);

/* ---- tables.c ---- */

void tables_make(struct plan *plan, const struct guest *guest);
/* Nothing may be mapped in a slot any more. */
void tables_hook(const struct plan *plan);

#endif
