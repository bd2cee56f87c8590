/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Inside libvmi: starting on bare hardware. One file per boot protocol tells pc.c what it found. */
#ifndef VMI_PC_H
#define VMI_PC_H

#include "../link.h"
#include <vmi/guest.h>

#define MULTIBOOT_LOADED 0x36d76289 /* in EAX, from a Multiboot2 loader */

/* Physical memory, on the first page tables (below 1 GiB) and on the final ones (below 4 GiB). */
static inline void *pc_at(uint64_t address)
{
	return (void *)(VMI_GUEST_DIRECT_MAP + address);
}

/* Each reads what its protocol left at a physical address and says it to the functions below. */
void pc_read_pvh(uint64_t start);
void pc_read_multiboot(uint64_t start);

/* A range of memory, cut to whole pages, around the kernel's image, and to where the direct map ends. */
void pc_add_memory(uint64_t start, uint64_t end);
/* A module; name is the physical address of a terminated text. */
void pc_add_module(uint64_t start, uint64_t size, uint64_t name);
void pc_set_command_line(uint64_t address);
/* Says why on the serial port and ends the guest as refused. */
_Noreturn void pc_stop(const char *why);

#endif
