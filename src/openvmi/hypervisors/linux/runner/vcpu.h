/* SPDX-License-Identifier: MIT */
/*
 * What the guest has told of itself, and what it is told: the state behind the calls. Only M's thread uses it, except where
 * io.c says otherwise.
 */
#ifndef LNX_VCPU_H
#define LNX_VCPU_H

#include <vmi/abi.h>
#include <vmi/layout.h>
#include "private.h"
#include "runner.h"
#include "guest.h"

#define VECTORS 256
#define TRAP_DEBUG 1
#define TRAP_BREAKPOINT 3
#define TRAP_OVERFLOW 4
#define TRAP_OPCODE 6
#define TRAP_NO_FPU 7
#define TRAP_PROTECTION 13
#define TRAP_PAGE_FAULT 14
#define FLAG_TRACE 0x100ul

/* ---- vcpu.c: the VCPU block ---- */

struct gate {
	uint64_t handler;
	bool there, user; /* INT may raise it from user mode */
};

extern struct gate gates[VECTORS];
extern uint64_t kernel_stack, syscall_entry, fault_address;

static inline bool canonical(uint64_t address) { return (uint64_t)((int64_t)(address << 16) >> 16) == address; }

bool block_init(uint64_t block);
void block_put(uint32_t offset, uint64_t value);
uint64_t block_user(void); /* 1: K is on its way to user mode, or waits for it */
/* K waits for user mode that M sets going. */
void block_set_user(void);
bool interrupts(void);
void set_interrupts(bool on);
void set_waiting(bool on);
void set_fault_address(uint64_t address);
bool fpu_trap(void); /* what FpuTrapSet has set */

/* FS and GS base of user mode: those of the present U, or those that the next one gets. */
void user_bases(uint64_t *fs, uint64_t *gs);
void set_user_bases(uint64_t fs, uint64_t gs);
/* The U of the present address space, made if there is none, and with these bases. Its area in K. */
uint64_t user_prepare(void);

/* ---- trap.c ---- */

/* Enters a handler from the kernel. `error` counts for the vectors that have one. */
void kernel_deliver(uint32_t vector, uint64_t error);
/* The same from user mode: what an Iret to user mode meets before it got there. `frame` as it would be returned to. */
void frame_deliver(uint32_t vector, const struct vmi_frame *frame);
void user_deliver(uint32_t vector, uint64_t error);
bool has_error(uint32_t vector);
bool in_rom(uint64_t rip);
/* K is in the ROM's text with an event to be delivered: one step; and no more steps. */
void kernel_step(void);
void kernel_stepped(void);

/* ---- iret.c: LNX_IRET, LNX_BROKEN, LNX_NO_SYSCALL. True: user mode is going, K waits. ---- */

bool refer_iret(void);
void refer_broken(void);
void refer_syscall(void);

/* ---- event.c: the rules of abi/4.0/event.toml; results are the interface's ---- */

int64_t event_bind(uint32_t source, uint32_t vector);
int64_t event_mask(uint32_t source, bool on);
int64_t event_acknowledge(uint32_t source);
int64_t event_send(uint32_t source);
void event_raise(uint32_t source);
/* The vector of what is to be delivered first, lowest source first; 0: nothing. */
uint32_t event_next(void);
/* The same, and its delivery begins. */
uint32_t event_take(void);
/* K is stopped at an exit: delivers what may be. */
void events_after_exit(void);

/* ---- time.c: nanoseconds since the runner started, for M only ---- */

uint64_t clock_now(void);
/* K is at an exit, not within the ROM's ClockRead: the clock's rate may change. */
void clock_improve(void);
uint64_t clock_wall(void);
void timer_set(uint64_t deadline);
void timer_cancel(void);
/* I: the descriptor says that the deadline may have passed. */
void timer_fired(void);
/* Raises TIMER when its deadline has passed. */
void timer_tick(void);
extern int timer_fd;

/* ---- console.c ---- */

#define INPUT_SIZE 0x10000 /* bytes that wait for the guest at most; a power of two */
int64_t console_write(uint64_t buffer, uint64_t size);
int64_t console_read(uint64_t buffer, uint64_t size);
/* I: takes what has come. False: there will be no more. */
bool console_receive(void);
bool console_has_room(void);

/* ---- io.c: what I has noticed ---- */

/* True once for each time that input has arrived. */
bool input_arrived(void);
/* Waits while the run is to pause. */
void pause_here(void);

/* ---- ldt.c ---- */

/* DescriptorsSet; the slots exist. */
int64_t descriptors_change(uint32_t first, const uint64_t *descriptors, uint32_t count);
/* The present U is another one: it gets what it has missed. A new one has everything. */
void descriptors_refresh(void);
void descriptors_inherited(void);
/* Whether user mode may have this selector of the local table in CS or SS. */
bool descriptor_is_code(uint64_t selector);
bool descriptor_is_stack(uint64_t selector);

/* ---- fpu.c ---- */

/* The floating-point registers of a stopped stub become another's. False: one of the two has damaged its area. */
bool fpu_copy(struct stub *to, struct stub *from);

/* ---- cpuid.c, msr.c ---- */

/* Asks the processor for all of it: microseconds each in a virtual machine. */
void cpuid_ask(void);
/*
 * Has CPUID fault in this thread and what it starts, where the host can. It switches a register for that, again
 * microseconds; M has it as the stubs have, so that handing over does not.
 */
void cpuid_fault(void);
void cpuid(uint32_t leaf, uint32_t subleaf, uint32_t registers[4]);
/* `current` got general protection there. True: it was CPUID, which is done. In a segment with a base it is not found. */
bool cpuid_emulate(struct context *context);
int64_t msr_read(uint32_t number, uint64_t *value);
int64_t msr_write(uint32_t number, uint64_t value);

/* ---- tables.c: account of page tables ---- */

int64_t table_add(uint64_t page, uint32_t level);
int64_t table_remove(uint64_t page, uint32_t level);

#endif
