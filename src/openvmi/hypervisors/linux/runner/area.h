/* SPDX-License-Identifier: MIT */
/*
 * What the runner's processes share: addresses, and the area through which each stub speaks with the monitor. Whatever
 * stands in an area was written by a process that runs guest code: the monitor checks every value before it uses it.
 * The numbers are also in roms/linux/private.h, for the ROM.
 */
#ifndef LNX_AREA_H
#define LNX_AREA_H

/* In every stub. Guests have no translation at or above LNX_USERS. */
#define LNX_STUB 0x7ff000000000	 /* one page of text, read and execute */
#define LNX_SELF 0x7ff000010000	 /* its own area */
#define LNX_BELL 0x7ff000020000	 /* word 0: the futex on which the monitor waits */
#define LNX_USERS 0x7fe000000000 /* in K only: the areas of U0 to U62 */
#define LNX_TOP 0x7ffffffff000	 /* end of what a process may map */

#define AREA_SIZE 0x10000
#define AREA_COUNT 64 /* K, then U0 to U62 */
#define USER_COUNT (AREA_COUNT - 1)

/*
 * Two may wait on the word `turn` of a U: U itself and K. So that a wake reaches the one that is meant, K's ROM waits with
 * FUTEX_WAIT_BITSET (9) and WAKE_KERNEL, the stub with WAKE_OWNER. U waking K, and K waking U, may use FUTEX_WAKE (1).
 */
#define TURN_MONITOR 0
#define TURN_OWNER 1
#define TURN_KERNEL 2
#define WAKE_OWNER 1
#define WAKE_KERNEL 2

/*
 * U and K on one processor hand over fastest by letting the other one run (sched_yield). Only who was given the turn and
 * does not come soon is a sleeper, and says so in the area before it waits: a sleeper is woken, others are not.
 */
#define SLEEPS_OWNER 1
#define SLEEPS_KERNEL 2

#define REASON_SIGNAL 1
#define REASON_SYSCALL 2
#define REASON_COMMAND 3

#define COMMANDS 32 /* in one list */

/* Offsets, for assembler; asserted in runner.h. */
#define AREA_TURN 0
#define AREA_REASON 4
#define AREA_SIGNAL 8
#define AREA_VECTOR 12 /* this, error and handler in K's own area: the trap of user mode that the ROM is to deliver */
#define AREA_ERROR 16
#define AREA_CONTEXT 24
#define AREA_HANDLER 32
#define AREA_SIGINFO 40
#define AREA_FS_BASE 48 /* both: stored by the stub when it stops, loaded before it goes on, in K and in U */
#define AREA_GS_BASE 56
#define AREA_SLEEPERS 68 /* in a U's: SLEEPS_OWNER, SLEEPS_KERNEL */
#define AREA_COMMAND_COUNT 72 /* host calls that the monitor wants made before the owner goes on */
#define AREA_COMMAND_ANSWER 76 /* not 0: stop after them; else only when one fails */
#define AREA_RESULT 80
#define AREA_PROOF 88 /* the secret, from when the list is there until it has been done; what else is there is not by the stub */
#define AREA_IMPATIENCE 96 /* in a U's: so many times more it sleeps at once, and does not yield first; K's ROM says so */
#define AREA_RIP 104 /* in a U's: where it returns to, while it does */
#define AREA_COMMANDS 512 /* of each the number and six arguments, 56 bytes */
#define AREA_FPU 2304 /* in K's: a place for the ROM's copy of U's floating-point registers */

/* struct context: Linux's ucontext with its sigcontext (arch/x86/include/uapi/asm/sigcontext.h). */
#define CONTEXT_R8 40
#define CONTEXT_R9 48
#define CONTEXT_R10 56
#define CONTEXT_R11 64
#define CONTEXT_R12 72
#define CONTEXT_R13 80
#define CONTEXT_R14 88
#define CONTEXT_R15 96
#define CONTEXT_RDI 104
#define CONTEXT_RSI 112
#define CONTEXT_RBP 120
#define CONTEXT_RBX 128
#define CONTEXT_RDX 136
#define CONTEXT_RAX 144
#define CONTEXT_RCX 152
#define CONTEXT_RSP 160
#define CONTEXT_RIP 168
#define CONTEXT_RFLAGS 176
#define CONTEXT_CS 184	/* 16 bits each: CS GS FS SS */
#define CONTEXT_SS 190
#define CONTEXT_ERROR 192
#define CONTEXT_TRAP 200
#define CONTEXT_MASK 208
#define CONTEXT_CR2 216
#define CONTEXT_FPSTATE 224
#define CONTEXT_SIZE 304

/* Selectors of Linux's 64-bit processes, and as they stand in frames for the guest's kernel. */
#define HOST_CS 0x33
#define HOST_SS 0x2b
#define KERNEL_CS 0x30
#define KERNEL_SS 0x28

#endif
