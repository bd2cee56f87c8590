/* SPDX-License-Identifier: MIT */
/*
 * Sequences of operations, from the first boot module. src/openvmi/conformance/sequence.py writes it, ../model says what
 * may come of it. One line of the console for each sequence: "=N tokens", operations apart by ";".
 *
 *	R result,changed        of a call: RAX, and a bit for each register that is not what it was (struct registers)
 *	K kept[,first,counted]  after R of a call that writes to BUFFER: 1 when it wrote nothing behind its result. Of console
 *	                        input: the first byte, and 1 when each byte is the one that follows
 *	L value                 loaded;  E: executed
 *	F vector,error,address,where,flags[,changed[,more]]
 *	                        exception. where: 0 the instruction itself, 1 ROM text, 2 the call's site, 3 elsewhere.
 *	                        flags: 1 interrupts were enabled, 2 from user mode, 4 wrong stack, 8 interrupts on in the handler.
 *	                        From user mode: registers, as of R; of vector 3 RAX, of vector 7 RIP from the program's start
 *	V vector,flags[,clock]  event; flags as above
 *	S rax,changed,flags     system call of user mode
 *	X                       an operation that this guest does not know
 *
 * With the option sequence.values, for people, more:
 *	Q register,before,now   before ";": what a register that is not what it was had, and has
 *	M place,word            before the hash at the end: what that is of
 *
 * All numbers are hexadecimal. Addresses in the pool are told as if its pages were at POOL_PHYSICAL.
 */
#ifndef SEQUENCE_H
#define SEQUENCE_H

#include "common.h"

/* ---- the module: little endian ---- */

#define SEQUENCE_MAGIC 0x51455356 /* VSEQ */
#define SEQUENCE_VERSION 2
#define OPERATIONS 64 /* of one sequence */

struct module_head {
	uint32_t magic;
	uint16_t version, count; /* sequences: each a u32 with the number of its operations, then these */
};

struct operation {
	uint8_t code;
	uint8_t kinds[3];
	uint32_t number; /* of a call, a program, a source, a floating-point register */
	uint64_t values[3];
};
_Static_assert(sizeof(struct operation) == 32, "operation");

enum { OP_CALL, OP_LOAD, OP_STORE, OP_EXECUTE, OP_POKE, OP_HANDLER, OP_USER, OP_INT, OP_FPU_READ, OP_FPU_WRITE };

/* What a value stands for. */
enum {
	KIND_NUMBER,
	KIND_PAGE, /* guest-physical, in the pool */
	KIND_DIRECT, /* the same, direct-map address */
	KIND_ENTRY, /* from PteMake of these flags and a pool address */
	KIND_ROOT, /* guest-physical, of address space n */
	KIND_ANCHOR, /* direct-map address of its entry for the test area */
	KIND_SCRATCH, /* address of a byte there */
	KIND_STACK, /* end of kernel stack n */
	KIND_VECTOR, /* entry of the handler of vector n; KIND_NATIVE: the other entry */
	KIND_NATIVE,
	KIND_BUFFER, /* address of a byte that nobody looks at */
	KIND_CLOCK, /* so many nanoseconds from now */
	KIND_SPAN, /* as PAGE, DIRECT and ENTRY, in memory that a large page can map */
	KIND_SPAN_DIRECT,
	KIND_SPAN_ENTRY, /* with the flag LARGE: of a large page, where the processor has these */
	KIND_SELECTOR, /* of slot n of DescriptorsSet; 3: none; 4: user mode's data */
	KIND_TEXT, /* address of a byte '#' */
	KIND_COUNT,
};

#define POOL 12
#define ROOTS 3
#define POOL_PHYSICAL 0xf000000000ull
#define ROOT_PHYSICAL 0xe000000000ull
#define SPAN_PHYSICAL 0xd000000000ull
#define SPAN_SIZE (2ull << 20)
#define LARGE 0x80ull
#define TEST_INDEX 1 /* of the entry in a root */
#define TEST_AREA (1ull << 39)
#define SCRATCH_WORDS 128
#define ADDRESS 0x000ffffffffff000ull
#define FIRST_SPARE 48 /* vectors 48 to 51: INT, and gates of the guest's own */
#define SPARES 4

extern uint64_t pool, span, roots[ROOTS]; /* guest-physical */
extern uint8_t levels[POOL]; /* of announced pages; 0: none */
extern int global_used;
extern uint64_t scratch[SCRATCH_WORDS];
#define STACK_SIZE 8192
extern uint8_t stacks[2][STACK_SIZE];
extern uint64_t present_stack; /* top, as told last */

/* ---- log.c ---- */

void log_start(unsigned number);
void log_char(char c);
void log_number(uint64_t value); /* with a comma before it, unless a letter is there */
void log_flush(void);
void log_end(void); /* hash of the pool, end of line */
extern int with_values; /* sequence.values */

/*
 * Whether an event is to be told that comes again and again with nothing told in between: REPEATS times. The console's
 * may come by the hundred within one call, and a line is bounded.
 */
#define REPEATS 8
int log_again(uint64_t event);
void log_event_over(void);

uint64_t name_address(uint64_t address); /* guest-physical or direct-map */
uint64_t name_entry(uint64_t native);
uint64_t name_error(uint64_t error); /* of general protection: 0x10000 and eight times the slot of DescriptorsSet */

/* ---- invoke.S ---- */

struct registers {
	uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15;
};
#define REGISTERS 15

/* Calls a thunk with these registers, leaves there what it made of them. 1: an exception ended it. */
int invoke(uint64_t thunk, struct registers *registers);
int try_call(uint64_t (*code)(uint64_t, uint64_t), uint64_t first, uint64_t second, uint64_t *result);
extern uint64_t try_back;
extern char try_landing[], thunks_start[], thunks_end[];
extern const struct thunk {
	uint64_t call, address;
} thunks[], thunk_list_end[];
int64_t enter(const struct vmi_frame *frame, const struct registers *registers);
_Noreturn void leave(int64_t result);
void breathe(void);
uint64_t do_load(uint64_t address, uint64_t), do_store(uint64_t address, uint64_t value), do_execute(uint64_t address, uint64_t),
	do_int(uint64_t number, uint64_t), do_fpu_read(uint64_t number, uint64_t), do_fpu_write(uint64_t number, uint64_t value);
#define FPU_REGISTERS 3 /* XMM0, XMM15, MM0 */
void fpu_reset(void);
extern char at_load[], at_store[], ints[];
#define INT_SIZE 4

/* ---- events.c ---- */

enum { MODE_ACK, MODE_KEEP, MODE_MASK, MODE_SEND, MODE_ENABLE, MODES };
extern int quiet; /* events are not told */
void events_start(void);
void events_reset(void);
void events_bind(unsigned source, unsigned vector); /* the source will come at the vector */
void events_unbind(void); /* that call failed */
void handler_set(unsigned source, unsigned mode, unsigned other);
void on_exception(struct vmi_trap *trap);
uint64_t trap_flags(const struct vmi_trap *trap);
uint64_t changed(const struct registers *now, const struct registers *before); /* a bit for each */
void tell_values(void); /* of what changed() found since the last time */
void changed_from(const struct vmi_trap *trap); /* what is told of user mode's exceptions alone */

/* ---- ops.c, user.c, reset.c ---- */

#define USER_CODE 0x400000ull
#define USER_STACK 0x800000ull
#define USER_DATA 0xc00000ull /* a page of 32-bit words: this, and their place in it */
#define USER_MARK 0x5e900000u
void operate(const struct operation *operation);
void user_start(void);
void user_run(unsigned program, uint64_t flags, uint64_t rdi, uint64_t rsi);
extern int in_user; /* a program runs */
int user_spins(uint64_t rip); /* in an endless loop of two bytes */
void reset(void);
uint64_t value_of(unsigned kind, uint64_t value);

#endif
