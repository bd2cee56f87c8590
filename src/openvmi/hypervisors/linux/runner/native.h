/* SPDX-License-Identifier: MIT */
/*
 * A guest without ROM: its native code runs in K, each privileged instruction faults, and M does it here. The result is
 * that of emu (emulate, traps, msrs, devices there).
 */
#ifndef LNX_NATIVE_H
#define LNX_NATIVE_H

#include "vcpu.h"

static inline bool native(void) { return !handover.rom; }

/* ---- privileged.c: K's #GP or #UD at RIP; true: done ---- */
bool native_emulate(struct context *context);

/* ---- deliver.c: by the guest's IDT and TSS ---- */
void native_kernel_deliver(uint32_t vector, uint64_t error);
void native_user_deliver(uint32_t vector, uint64_t error);
void native_system_call(void);
bool native_int_allowed(uint32_t vector);
bool native_interrupts(void);
void native_set_interrupts(bool on);

struct table_register {
	uint64_t base;
	uint16_t limit;
};
extern struct table_register native_gdt, native_idt;
extern uint64_t native_task;	     /* base of the task state; 0: none */
extern uint64_t native_kernel_gs;    /* KERNEL_GS_BASE */
extern uint64_t native_lstar, native_flag_mask;
extern bool native_fpu_trap;	     /* CR0.TS */
extern bool native_user;	     /* U runs, and K waits, stopped, for its next trap */

/* IRETQ and SYSRETQ of K. False: refused, nothing is changed. When native_user is set then, user mode is going. */
bool native_interrupt_return(struct context *context);
bool native_system_return(struct context *context);

/* STI has set the flag: nothing is delivered before the instruction at K's RIP. */
void native_shadow_begin(void);
void native_shadow_end(void);
/* K is stopped: true when it has to do that instruction first. It stops after it if something is to be delivered. */
bool native_in_shadow(void);

/*
 * Selectors of the boot contract; user mode's own instructions see the host's. Those of descriptor slots are the same in
 * both.
 */
uint16_t native_user_cs(uint16_t cs);
#define NATIVE_KERNEL_CS 0x08
#define NATIVE_KERNEL_SS 0x10
#define NATIVE_USER_CS_32 0x1b
#define NATIVE_USER_SS 0x23
#define NATIVE_USER_CS 0x2b

/* ---- gdt.c: user mode's local table becomes what the guest's own table says ---- */
void native_slots(void);

/* ---- decode.c ---- */

struct instruction {
	uint32_t length;
	uint32_t opcode; /* 0x100 and more: after 0f */
	uint32_t reg, rm; /* fields of ModRM with REX */
	bool memory;	  /* rm is a memory operand */
	bool wide, narrow; /* REX.W; the 16-bit prefix, without it */
	uint64_t address;  /* of the memory operand */
	uint64_t immediate;
};

/* The instruction at K's RIP; false: it cannot be read, or is none of those that are done here. Nothing is changed. */
bool instruction_at(const struct context *context, struct instruction *instruction);
/* A general register by its number. */
uint64_t *general(struct context *context, uint32_t number);

/* ---- mmio.c: K's page fault at a device; true: it was done ---- */
bool native_device_fault(struct context *context);

/* ---- devices/pc.c: memory-mapped devices by guest-physical address, and ports; `size` is 1, 2 or 4 bytes ---- */
bool device_at(uint64_t physical);
uint32_t device_read(uint64_t physical);
void device_write(uint64_t physical, uint32_t value);
uint32_t port_read(uint16_t port, uint32_t size);
void port_write(uint16_t port, uint32_t size, uint32_t value);
/* The vector to be delivered next, or 0; and the same, and its delivery begins. */
uint32_t interrupt_next(void);
uint32_t interrupt_take(void);

#endif
