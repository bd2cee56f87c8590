/* SPDX-License-Identifier: MIT */
/*
 * What the guest sees: called by the mechanism, on M's thread. None of these waits. When one returns, the stub it was
 * called for goes on with the registers in its context, unless it was told otherwise.
 */
#ifndef LNX_GUEST_H
#define LNX_GUEST_H

#include "runner.h"

/* K did `int $0x56` or `int $0x57` (the number is `vector`); RIP is already after it. */
void kernel_exit(uint32_t vector);

/* A fault of K's or of U's code: deliver it, or crash(). `address` is CR2 for vector 14. RIP is at the instruction. */
void kernel_trap(uint32_t vector, uint64_t error, uint64_t address);
void user_trap(uint32_t vector, uint64_t error, uint64_t address);

/*
 * INT n comes as vector 13 with error 8n+2 and RIP at the instruction, from user code also INT 0x80; INT3 as vector 3 with
 * RIP after it. SYSCALL of user code never comes here: the stub gives it to K's ROM by itself, which finds no handler in K's area then.
 */

/* The present U is another now: its area's address in K, or 0. For the VCPU block's word. */
void user_changed(uint64_t area);

/* K has entered user mode, and has not had it back since: its own word. */
bool user_awaited(void);

/* FS and GS base of user mode: those of the present U, or those that the next one gets. */
void user_bases(uint64_t *fs, uint64_t *gs);
void set_user_bases(uint64_t fs, uint64_t gs);

/*
 * Something may have happened: after ring(). `current` is who is stopped: &kernel, or present. With K running or stopped
 * in ROM text only note it.
 */
void events_pending(void);

/* Starts the thread I. 0 or a negative error number. */
int io_start(void);

#endif
