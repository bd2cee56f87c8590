/* SPDX-License-Identifier: MIT */
/*
 * What the subjects share. A check is a sentence, and says "ok SUBJECT/SENTENCE" or "FAILED SUBJECT/SENTENCE: found ..,
 * expected ..". The same sentences are said everywhere, but those of a group that is absent.
 */
#ifndef CONTRACT_H
#define CONTRACT_H

#include "common.h"

/* ---- main.c ---- */

void check(const char *sentence, int good);
void equal(const char *sentence, uint64_t found, uint64_t expected);
/* For a sentence about many things: the first that is wrong is told, the check comes once, with the sentence. */
void each(int good, uint64_t which);
void all(const char *sentence);

/* The last exception. */
extern struct caught {
	struct vmi_trap trap;
	uint64_t address; /* for a page fault */
	uint64_t stack; /* RSP of the handler's caller: the lowest address of trap */
	int enabled; /* interrupts in the handler */
	unsigned count;
} caught;

/* 0, or 1 + vector of the exception that ended the code. */
unsigned attempt(void (*code)(uint64_t), uint64_t argument);
/* 0, or 1 + vector; the value goes to *loaded. */
unsigned load(uint64_t address, uint64_t *loaded);
unsigned store(uint64_t address, uint64_t value);
unsigned execute(uint64_t address);
enum { FAULTED = 1 + 14 };

/* Waits up to 1 s for a counter of a handler. */
int comes(const volatile unsigned *counter, unsigned least);
/* A few instructions: where the native form of a call ends with STI, an event comes one instruction later. */
static inline void breathe(void)
{
	__asm__ volatile("nop; nop; nop" : : : "memory");
}

extern uint8_t kernel_stack[]; /* of traps from user mode */
#define KERNEL_STACK_SIZE 16384
#define KERNEL_STACK_TOP ((uint64_t)kernel_stack + KERNEL_STACK_SIZE)

enum { TIMER_VECTOR = 32, CONSOLE_VECTOR = 33, IPI_VECTOR = 34, SOFT_VECTOR = 40, HIGH_VECTOR = 60 };

/* ---- harness.S ---- */

struct registers {
	uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15;
};
#define REGISTERS 15

int try_call(void (*code)(uint64_t), uint64_t argument); /* 1: at try_landing after an exception */
extern uint64_t try_back;
extern char try_landing[];
/* Goes to a context until leave(), whose result it returns. Interrupts are disabled on return. */
int64_t enter(const struct vmi_frame *frame, const struct registers *registers);
_Noreturn void leave(int64_t result);

/* ---- space.c, user.c, program.S ---- */

#define USER_CODE 0x400000ul
#define USER_DATA 0x600000ul
#define USER_STACK 0x800000ul
#define TEST_ADDRESS 0x60000000ul /* of the kernel in every address space; unused */
#define PROGRAM(name) (USER_CODE + (name - program_start))
extern char program_start[], program_end[], program_exit[], program_read[], program_write[], program_jump[], program_call[],
	program_call_end[], program_many[], program_breakpoints[], program_spin[], program_bases[], program_ud2[], program_cli[],
	program_sti[], program_hlt[], program_in[], program_out[], program_cr3[], program_rdmsr[], program_clts[],
	program_divide[], program_int3[], program_int[], program_iretq[], program_popf[],
	program_spare[], program_compatible[], program_fpu[], program_fpu_late[], program_fpu_late_at[], program_fpu_save[],
	program_fpu_call[], program_fpu_call_at[], program_fpu_trap[], program_fpu_thread[], program_fpu_spin[];

enum { CALL_EXIT = 0x1e };
#define TRAPPED 0x7000 /* result of user_run for an exception: TRAPPED + vector */

struct space {
	uint64_t root, code, data, stack; /* guest-physical */
};
void check_user_tables(const struct space *present);
void check_floating(void);
struct space space_new(void); /* with a page each at USER_CODE, USER_DATA and USER_STACK */
void space_delete(const struct space *space);
int64_t user_run(uint64_t rip, uint64_t argument); /* in the present space; of program_exit or TRAPPED + vector */
int64_t user_enter(uint64_t rip, uint64_t rflags, const struct registers *registers);

/* ---- subjects ---- */

void check_mmu(void), check_user(void), check_event(void), check_trap(void), check_irq(void), check_time(void), check_sys(void),
	check_base(void);

#endif
