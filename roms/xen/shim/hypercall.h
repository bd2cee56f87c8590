/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What only the shim uses of Xen's interface (Xen public headers xen.h, arch-x86/xen.h); the rest is in ../xen.h.
 */
#ifndef SHIM_HYPERCALL_H
#define SHIM_HYPERCALL_H

#include <stddef.h>
#include "xen.h"

#define XEN_SET_GDT 2
#define XEN_MMUEXT_CLEAR_PAGE 16

#define XEN_RESERVED_START 0xffff800000000000 /* Xen's own addresses, in every address space */
#define XEN_RESERVED_LAST 0xffff87ffffffffff

enum { SIF_INITDOMAIN = 2, SIF_MOD_START_PFN = 8 };

struct start_info {
	char magic[32]; /* "xen-3.0-x86_64" */
	uint64_t pages;
	uint64_t shared_info; /* machine address */
	uint32_t flags; /* SIF_ */
	uint64_t store_frame;
	uint32_t store_port;
	uint64_t console_frame; /* not for dom0, as the port */
	uint32_t console_port;
	uint64_t tables, table_count; /* virtual address; the level 4 table is the first */
	uint64_t p2m; /* virtual address: machine frame of each page */
	uint64_t module, module_size; /* virtual address, bytes */
	char command_line[1024];
};
_Static_assert(offsetof(struct start_info, shared_info) == 40 && offsetof(struct start_info, console_frame) == 72 &&
	       offsetof(struct start_info, tables) == 88 && offsetof(struct start_info, p2m) == 104 &&
	       offsetof(struct start_info, command_line) == 128, "start_info of Xen's xen.h");

#endif
