/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What the ROM's parts share.
 *
 * The ROM's part of the VCPU block (at GS:VMI_VCPU_ROM_OFFSET): Xen's vcpu_info, then ours.
 *
 *    0  | pending| mask  |                                               |  vcpu_info, Xen's (xen.h)
 *   64  |            raised             |             open              |  a bit for each source
 *   72  |            bound              |             held              |
 *   80  |            busy               |           delivered           |
 *   88  |            queued             |             lazy              |
 *   96  | vector of each source, 16 bytes                               |
 *  112  | source of each event channel, 64 bytes                        |
 *  176  | root: what AddressSpaceRead answers                           |
 *
 * An event is raised until it is delivered. A source is open while it is bound, not held (EventMask) and not busy
 * (delivered, not yet EventAck). What is raised and open is delivered, lowest source first, as soon as interrupts are
 * enabled; while such a thing waits, `pending` is set, be it Xen's event or our own.
 */
#ifndef XEN_ROM_H
#define XEN_ROM_H

#include "private.h"
#include "xen.h"
#include <vmi/rom.h>

#define XV_RAISED 64
#define XV_OPEN 68
#define XV_BOUND 72
#define XV_HELD 76
#define XV_BUSY 80
#define XV_DELIVERED 84 /* set with each delivery */
#define XV_QUEUED 88 /* deferred updates that wait in the pages at XEN_UPDATES */
#define XV_LAZY 92
#define XV_VECTORS 96
#define XV_SOURCES 112
#define XV_ROOT 176
#define XV_SIZE 184

/* Offsets from rom_data, the start of the data page; in a kernel (contrib/xen-direct) where that page would be. */
#define FROM_DATA(offset) ((offset) - VMI_WINDOW_DATA)

/* The stub of a vector, and that of a system call behind them: popq %rcx; popq %r11; jmp handler. */
#define STUB_SIZE 8
#define STUB_JUMP 3 /* where RCX and R11 have been taken back */
#define STUB_SYSCALL (256 * STUB_SIZE)
#define STUB_PROTECTION (13 * STUB_SIZE) /* reached through protection_entry */

#ifdef __ASSEMBLER__

#ifdef XEN_DIRECT
	.set rom_vcpu, VMI_VCPU_ROM_OFFSET
#endif
#define PENDING %gs:rom_vcpu + XEN_PENDING
#define MASK %gs:rom_vcpu + XEN_MASK
#define VCPU(offset) %gs:rom_vcpu + (offset)
#define HANDOVER(offset) rom_data + FROM_DATA(XEN_HANDOVER) + (offset)(%rip)

/* What a leaf must keep around a hypercall or a C function. */
.macro SAVE
	pushq %rcx
	pushq %rdx
	pushq %rsi
	pushq %rdi
	pushq %r10
	pushq %r11
.endm
.macro RESTORE
	popq %r11
	popq %r10
	popq %rdi
	popq %rsi
	popq %rdx
	popq %rcx
.endm

#else

#include <stddef.h>
#include <vmi/abi.h>
#include <vmi/layout.h>

#pragma GCC visibility push(hidden)

struct xen_vcpu {
	uint8_t pending, mask, reserved[6];
	uint64_t selector, cr2, reserved2;
	struct xen_time time;
	uint32_t raised, open, bound, held, busy, delivered, queued, lazy;
	uint8_t vectors[VMI_EVENT_SOURCES], sources[XEN_PORTS];
	uint64_t root;
};
_Static_assert(offsetof(struct xen_vcpu, time) == XEN_TIME && sizeof(struct xen_time) == 32, "vcpu_info");
_Static_assert(offsetof(struct xen_vcpu, raised) == XV_RAISED && offsetof(struct xen_vcpu, queued) == XV_QUEUED &&
	       offsetof(struct xen_vcpu, vectors) == XV_VECTORS && offsetof(struct xen_vcpu, sources) == XV_SOURCES &&
	       offsetof(struct xen_vcpu, root) == XV_ROOT && sizeof(struct xen_vcpu) == XV_SIZE, "picture above");

#ifdef XEN_DIRECT
extern char vmi_window[];
#define rom_data ((uint8_t *)vmi_window + VMI_WINDOW_DATA)
#else
extern uint8_t rom_data[];
#endif

static inline struct xen_vcpu *this_vcpu(void)
{
	uint64_t block;

	__asm__("movq %%gs:0, %0" : "=r"(block));
	return (struct xen_vcpu *)(block + VMI_VCPU_ROM_OFFSET);
}

static inline void *window(uint64_t offset)
{
	return rom_data + FROM_DATA(offset);
}

static inline uint64_t handover(unsigned field)
{
	return *(uint64_t *)window(XEN_HANDOVER + field);
}

static inline uint32_t *frames(void)
{
	return (uint32_t *)handover(XEN_HANDOVER_FRAMES);
}

static inline uint64_t machine_frame(uint64_t page)
{
	return ((uint64_t *)handover(XEN_HANDOVER_P2M))[page];
}

static inline int is_dom0(void)
{
	return handover(XEN_HANDOVER_FLAGS) & XEN_FLAG_DOM0;
}

static inline uint64_t stub(unsigned offset)
{
	return (uint64_t)window(XEN_STUBS) + offset;
}

/* ---- tables.c ---- */

uint64_t translate(uint64_t address); /* guest-physical of an address that the present tables map */
int64_t vmi_error(int64_t error); /* of Xen's */
void updates_flush(void);

/* ---- report.c ---- */

/* Says on the console, and leaves for the host, that Xen refused an entry; returns. */
void report_refusal(const char *call, uint64_t entry, uint64_t value, int64_t error);

/* With events off; the same, and the end, on a stack of the ROM's own (processor.S). */
_Noreturn void refuse(const char *call, uint64_t entry, uint64_t value, int64_t error);

/* ---- init.c ---- */

int are_canonical(uint64_t one, uint64_t other); /* both */
extern uint32_t has_vcpu; /* whether VcpuInit was called: GS is a VCPU block's from then on */

/* ---- sys.c ---- */

int64_t console_write(const char *buffer, uint64_t size);
_Noreturn void shutdown(uint32_t reason, uint32_t code);
_Noreturn void die(void); /* with what report_refusal left */

/* ---- trap.c ---- */

int64_t traps_init(void);

/* ---- entry.S ---- */

void cpuid_read(uint32_t leaf, uint32_t subleaf, uint32_t registers[4]);
int64_t whole(uint64_t first, uint64_t second, uint32_t what, int64_t error); /* apart of tables.c, with events off */
uint32_t events_off(void); /* an event handler may call what it has interrupted: what both write is written between these */
void events_on(uint32_t before); /* what events_off gave */

#endif
#endif
