/* SPDX-License-Identifier: MIT */
/*
 * The runner's own interfaces. The mechanism (processes, mappings, faults) is in main.c stub.c user.c map.c walk.c fault.c
 * command.c filter.c; what the guest sees (calls, traps, events) is in the files that guest.h names.
 *
 * One thread, M, runs all of this but io.c; a second, I, watches time, console and control, and touches nothing but the
 * atomic words it is given.
 */
#ifndef LNX_RUNNER_H
#define LNX_RUNNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "area.h"

#define PAGE_SIZE 0x1000ul
#define LENGTH(array) (sizeof(array) / sizeof *(array))
#define PRINTF(format, first) __attribute__((format(printf, format, first)))

/* ---- what Python hands over: one packet with three descriptors, which get these numbers ---- */

#define MEMORY_FD 3  /* a memory file of memory_file_size() bytes */
#define CONSOLE_FD 4 /* stream socket, both ways */
#define CONTROL_FD 5 /* SOCK_SEQPACKET */

#define HANDOVER_MAGIC 0x52584e4c /* 'LNXR' */
#define HANDOVER_VERSION 1
#define TEXT_SIZE 32

struct handover {
	uint32_t magic, version;
	uint64_t ram;	 /* bytes; guest-physical 0 up, as in the file */
	uint64_t window; /* guest-virtual; all three ROM pages are mapped there by the boot tables */
	uint64_t rip, rsp, rdi, root;
	uint64_t image_start, image_end, direct_map;
	uint64_t limit_ns; /* from the start; 0: none */
	uint32_t rom;	   /* 1: there is one */
	uint32_t reserved;
	char hypervisor_version[TEXT_SIZE], rom_name[TEXT_SIZE], rom_version[TEXT_SIZE]; /* for Info; zeros at the end */
};
extern struct handover handover;
extern uint64_t start_ns; /* CLOCK_MONOTONIC when the runner was given its guest */

/* The memory file: RAM, two pages of ROM text, one of ROM data, the bell, the areas. */
#define ROM_TEXT_SIZE 0x2000ul
#define ROM_PAGES_SIZE 0x3000ul
static inline uint64_t rom_start(void) { return handover.ram; }
static inline uint64_t bell_offset(void) { return handover.ram + ROM_PAGES_SIZE; }
static inline uint64_t area_offset(uint32_t index) { return bell_offset() + PAGE_SIZE + index * (uint64_t)AREA_SIZE; }

/* ---- control socket: packets of a kind, a length and that many bytes ---- */

#define KIND_END 1
#define KIND_MARK 2
#define KIND_REPORT 3
#define KIND_PAUSED 4
#define CONTROL_STOP 1
#define CONTROL_PAUSE 2
#define CONTROL_RESUME 3
#define CONTROL_LIMIT 4096 /* bytes of payload */

/* FAILED: not the guest's doing, the host did not give what it takes. */
enum ending { END_EXIT, END_REBOOT, END_CRASH, END_REFUSED, END_TIMEOUT, END_INTERRUPTED, END_FAILED };
#define MESSAGE_SIZE 256
#define COUNTERS 64
#define COUNTER_NAME 32

struct counter {
	char name[COUNTER_NAME];
	uint64_t count;
};

struct end {
	uint32_t ending, code;
	char message[MESSAGE_SIZE];
	uint64_t general[16]; /* rax rbx rcx rdx rsi rdi rbp rsp r8..r15 */
	uint64_t rip, rflags, cs, ss, cr2, cr3, user;
	uint32_t counter_count, reserved;
	/* counter_count of struct counter follow */
};

void control_send(uint32_t kind, const void *data, uint32_t length);

/* Ends the run: tells Python, with the registers of `current`, kills the stubs, and exits. Any thread of M's. */
_Noreturn void finish(enum ending ending, uint32_t code, const char *message);
/* A message with numbers: "%x" (64-bit, with 0x), "%d" (64-bit, unsigned), "%s". Cut at MESSAGE_SIZE. */
const char *text(const char *format, ...);
_Noreturn void crash(const char *format, ...); /* finish(END_CRASH, 0, text(...)) */

/* Counts an exit under a name of at most 31 characters, a string that stays. */
void count_exit(const char *name);

/* ---- stubs ---- */

struct context {
	uint64_t uc_flags, uc_link, uc_stack[3];
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, rflags;
	uint16_t cs, gs, fs, ss;
	uint64_t error, trap, mask, cr2, fpstate, reserved[8], sigmask;
};

struct area {
	uint32_t turn, reason, signal, vector;
	uint64_t error, context, handler, siginfo, fs_base, gs_base;
	uint32_t none, sleepers;
	uint32_t command_count, command_answer;
	uint64_t result, proof;
	uint32_t impatience, reserved;
	uint64_t rip;
	uint64_t padding[50];
	uint64_t commands[COMMANDS][7];
};
_Static_assert(offsetof(struct area, error) == AREA_ERROR, "area");
_Static_assert(offsetof(struct area, context) == AREA_CONTEXT, "area");
_Static_assert(offsetof(struct area, fs_base) == AREA_FS_BASE, "area");
_Static_assert(offsetof(struct area, sleepers) == AREA_SLEEPERS, "area");
_Static_assert(offsetof(struct area, impatience) == AREA_IMPATIENCE, "area");
_Static_assert(offsetof(struct area, rip) == AREA_RIP, "area");
_Static_assert(offsetof(struct area, command_count) == AREA_COMMAND_COUNT, "area");
_Static_assert(offsetof(struct area, commands) == AREA_COMMANDS, "area");
_Static_assert(sizeof(struct area) <= AREA_FPU, "area");
_Static_assert(offsetof(struct area, result) == AREA_RESULT, "area");
_Static_assert(offsetof(struct area, proof) == AREA_PROOF, "area");
_Static_assert(offsetof(struct context, r8) == CONTEXT_R8, "context");
_Static_assert(offsetof(struct context, rflags) == CONTEXT_RFLAGS, "context");
_Static_assert(offsetof(struct context, ss) == CONTEXT_SS, "context");
_Static_assert(offsetof(struct context, fpstate) == CONTEXT_FPSTATE, "context");
_Static_assert(sizeof(struct context) == CONTEXT_SIZE, "context");

/*
 * What M mapped into a stub: pages that follow each other in one table of the guest's and in memory. The list is what the
 * host holds of the guest's translations, as a processor's TLB would: a run stays while the tables still say the same.
 */
struct run {
	uint64_t start, physical;
	uint16_t count;	       /* pages, at most 512 */
	uint8_t shift, prot; /* of a page: 12, 21, 30; PROT_* of mmap */
};
#define RUNS 1024

struct stub {
	int32_t pid;	 /* 0: none */
	int32_t state_fd; /* /proc/PID/syscall */
	uint32_t index;	 /* of its area */
	bool stopped;	 /* M found it stopped and has not let it go on */
	bool broken;	 /* it did not take a command: it must not go on */
	bool asked;	 /* it has a list of commands, and has not stopped since */
	uint32_t killer; /* the signal of which it has died */
	uint64_t secret; /* of its filter */
	uint64_t root;	 /* U: its address space */
	uint64_t used;	 /* U: when last made the present one */
	volatile struct area *area;
	uint32_t command_count; /* not known to be done, */
	uint32_t given;		/* and how many of them, the first, stand in its area already */
	uint64_t commands[COMMANDS][7];
	uint32_t run_count;
	struct run runs[RUNS];
};

extern struct stub kernel;
extern struct stub *present; /* U of the present address space, or null: made by user_ready() */
extern struct stub *current; /* whose stop M is handling */

/*
 * The registers of a stub that waits, never null: a stub whose context pointer is no good ends the run (K) or is replaced
 * (U), which then has registers that are zero. Reads and writes act on what the stub goes on with.
 */
struct context *kernel_context(void);
struct context *user_context(void);

/*
 * K goes on by itself after each call of guest.h, unless this is set (Halt): then M sleeps, and calls events_pending()
 * after each ring().
 */
extern bool kernel_held;

/* Any thread: makes M call events_pending() soon: wakes it, and interrupts K and U where they run. */
void ring(void);

/*
 * The present U. user_ready() makes or finds the U of the present root, and gives its area's address in K; user_area() is
 * that of the present one, or 0. guest.h's user_changed() is called whenever it changes. U is entered by K's ROM, which fills
 * in the context and sets turn = OWNER, or by user_enter() during an exit of K's. A new U's context is zero but for selectors.
 */
uint64_t user_ready(void);
uint64_t user_area(void);
void user_enter(void);
/* Throws the present U's process away for a new one; user_trap(13, 0, 0) when K waits for it. */
void user_lost(void);
/* The same without telling K. */
void user_replace(void);

/* U stopped: a trap goes to the guest's kernel. Sets the fields of K's own area, then U's turn = KERNEL, wakes K. */
void user_continue_in_kernel(uint32_t vector, uint64_t error, uint64_t handler);
/* K has not come to that yet. When U stops again all the same, it has written to its turn: K gets it with another process. */
bool user_took_turn(void);
void user_give_turn(void);

/* ---- guest memory ---- */

/* Memory at a guest-physical address, for M; null unless all of it is RAM, or all of it the ROM's pages. */
uint8_t *ram_at(uint64_t gpa, uint64_t size);

/* Bits of an entry of a page table. */
#define PTE_PRESENT 1ul
#define PTE_WRITABLE 2ul
#define PTE_USER 4ul
#define PTE_ACCESSED 0x20ul
#define PTE_DIRTY 0x40ul
#define PTE_LARGE 0x80ul
#define PTE_GLOBAL 0x100ul
#define PTE_NX (1ul << 63)
#define PTE_ADDRESS 0x000ffffffffff000ul

/* Kinds of access: bits of a page fault's error code. */
#define ACCESS_PRESENT 1u
#define ACCESS_WRITE 2u
#define ACCESS_USER 4u
#define ACCESS_EXECUTE 16u

struct leaf {
	uint64_t physical;    /* of the address asked for, to the byte */
	uint64_t size;	      /* of the page: 4 KiB, 2 MiB, 1 GiB */
	uint64_t entries[4];  /* guest-physical addresses of the entries, from the root down */
	uint32_t levels;      /* how many of them; the last is the leaf */
	uint64_t rights;      /* PTE_WRITABLE, PTE_USER, PTE_NX of all levels together; PTE_GLOBAL, PTE_DIRTY of the leaf */
};

/*
 * Follows the tables for one address. 0, or ACCESS_PRESENT | access when rights are missing, or access when it is not
 * mapped, plus WALK_REFUSED: the low bits are then the error code for the guest.
 * access: ACCESS_WRITE, ACCESS_USER, ACCESS_EXECUTE as the access was. Nothing is changed: see walk_mark.
 */
#define WALK_REFUSED 0x10000
int walk(uint64_t root, uint64_t address, uint32_t access, struct leaf *leaf);
/* Sets A in all entries of a walk, D in the leaf when `write`. */
void walk_mark(const struct leaf *leaf, bool write);

/* By the present root with the kernel's rights (CR0.WP set), across pages; sets A and D. False: not all mapped, nothing done. */
bool guest_read(uint64_t address, void *data, uint64_t size);
bool guest_write(uint64_t address, const void *data, uint64_t size);

/* ---- address spaces ---- */

void space_set(uint64_t root); /* flushes what is not global */
uint64_t space_root(void);
void space_flush(void);
void space_flush_page(uint64_t address);
void space_forget(uint64_t root); /* throws its U away */

/* ---- of the host ---- */

uint64_t monotonic_ns(void);
extern uint64_t host_cpus[16]; /* the CPUs the runner was given, for I; M and the stubs stay on one of them */

#endif
