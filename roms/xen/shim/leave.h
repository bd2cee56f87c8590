/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What the way out needs to know. */
#ifndef SHIM_LEAVE_H
#define SHIM_LEAVE_H

#define LEAVING_CODE 0
#define LEAVING_SLOT 8
#define LEAVING_FIRST 16
#define LEAVING_END 24
#define LEAVING_P2M 32
#define LEAVING_DIRECT_MAP 40
#define LEAVING_RDI 48
#define LEAVING_RIP 56
#define LEAVING_RSP 64

#ifndef __ASSEMBLER__

#include <stddef.h>
#include <stdint.h>

struct leaving {
	uint64_t code; /* shim_leave as it is in the window */
	uint64_t slot; /* machine address of the shim's entry in the level 4 table */
	uint64_t first, end; /* pages: tables that only map the shim */
	uint64_t p2m, direct_map; /* guest-virtual, of the guest */
	uint64_t rdi, rip, rsp; /* for the guest */
};
_Static_assert(offsetof(struct leaving, slot) == LEAVING_SLOT && offsetof(struct leaving, p2m) == LEAVING_P2M &&
	       offsetof(struct leaving, rsp) == LEAVING_RSP, "the offsets above");

extern const uint8_t shim_leave[], shim_leave_end[] __attribute__((visibility("hidden")));
_Noreturn void shim_enter(const struct leaving *leaving) __attribute__((visibility("hidden")));

#endif
#endif
