/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What the ROM, the runner with its stubs and the class that starts it share, and nobody else: a guest never sees it, and
 * it may change with every release of them. src/openvmi/hypervisors/linux/private.py holds the same numbers; a test
 * compares them.
 *
 * ---- Processes ----
 *
 * M, the monitor, decides everything. K is a process in which the guest's kernel runs, U one in which its user mode does;
 * both are ring 3. Each has a page of text at LNX_STUB, which takes its signals, and an area at LNX_SELF. K has the areas
 * of all U from LNX_USERS on as well. A guest has no translations at or above LNX_USERS.
 *
 * Hypercall: INT LNX_CALL_VECTOR in K. EAX is the VMI call number, or one of the private numbers below; arguments are
 * where the interface has them; the result comes back in RAX. Every other register is preserved. The processor refuses
 * the instruction (general protection, error code 8n + 2), the stub tells M.
 *
 * The ROM's part of the VCPU block (at GS:VMI_VCPU_ROM_OFFSET):
 *
 *    0  |            flags              |          reserved             |  bit 9: virtual interrupt flag
 *                                                                          bit 15: an event waits for it
 *                                                                          bit 16: user mode, see LNX_USER_MODE
 *                                                                          bit 24: FpuTrapSet is on
 *    8  | fault address: of the last page fault                         |
 *   16  |                           reserved                            |
 *   24  | page root: what AddressSpaceRead answers                      |
 *   32  | user: area, as K sees it, of the U to return to; 0: none yet  |
 *   40  | stack: what KernelStackSet set                                |
 *   48  | syscall: what SyscallEntrySet set                             |
 *
 * M never delivers an event while K's RIP is in the ROM's text, except at INT: it lets K step out of it first.
 *
 * ---- User mode ----
 *
 * The ROM writes the user's registers into the context that U's stub is to return to, gives U the turn, and waits for its
 * own. U can write its own area: what the ROM finds there it believes no more than a user's registers, and `context` is
 * checked. So what M wants delivered (`handler`, `vector`, `error`) it writes into K's area, then gives K the turn in U's.
 * Where `handler` is 0, it was a system call.
 *
 * Floating-point registers are the processor's: the ROM stores K's into the signal frame of U (FXSAVE64), which loads them
 * when it goes on, and loads U's from there when it has stopped. It loads them from a copy in K's own area: a U that does
 * not stand still could change them after they were looked at. What FXSAVE64 does not know does not travel, and CPUID
 * hides it.
 */
#ifndef LNX_PRIVATE_H
#define LNX_PRIVATE_H

/* ---- addresses in every stub ---- */

#define LNX_STUB 0x7ff000000000
#define LNX_SELF 0x7ff000010000
#define LNX_BELL 0x7ff000020000
#define LNX_USERS 0x7fe000000000
#define LNX_AREA_SIZE 0x10000
#define LNX_USER_LIMIT 63 /* U at a time */

/* ---- hypercalls ---- */

#define LNX_CALL_VECTOR 0x56
#define LNX_DELIVER_VECTOR 0x57 /* deliver what is pending; interrupts are enabled. No register is looked at. */

/*
 * Do the whole of Iret: RAX as pushed is at (%rsp), the frame above it. Either M changes the context, or it has set user
 * mode going by itself, and the instruction after the INT waits for it.
 */
#define LNX_IRET 0xe001
#define LNX_BROKEN 0xe002 /* the ROM found a context in U's area that cannot be one */
#define LNX_NO_SYSCALL 0xe003 /* SYSCALL of user mode, without a handler: M makes it a trap of another kind */

/* ---- VCPU block, ROM part ---- */

#define LNX_FLAGS 0
#define LNX_FLAGS_HIGH 1 /* the byte with the interrupt flag (2) and the waiting bit (0x80) */
#define LNX_USER_MODE 2 /* a byte: 1 from before U gets the turn until K has it back */
#define LNX_FPU_TRAP 3 /* a byte: FpuTrapSet */
#define LNX_FAULT_ADDRESS 8
#define LNX_PAGE_ROOT 24
#define LNX_USER 32
#define LNX_STACK 40
#define LNX_SYSCALL 48
#define LNX_VCPU_SIZE 64

#define LNX_HIGH_IF 0x02
#define LNX_HIGH_WAITING 0x80

/*
 * ---- start of the ROM's data: the clock, u64 each. M writes it while K is at an INT; with a rate of 0, ClockRead is one.
 * Time = LNX_CLOCK_TIME + (counter - LNX_CLOCK_COUNT) * LNX_CLOCK_RATE / 2^32 ----
 */

#define LNX_CLOCK_RATE 0 /* nanoseconds for 2^32 counts */
#define LNX_CLOCK_COUNT 8
#define LNX_CLOCK_TIME 16
#define LNX_CLOCK_SIZE 24

/* ---- areas: struct area in runner/area.h ---- */

#define LNX_AREA_TURN 0 /* u32, futex: who may go on */
#define LNX_AREA_VECTOR 12 /* in K's: of the trap to deliver from user mode, and whether it has an error code */
#define LNX_AREA_ERROR 16
#define LNX_AREA_CONTEXT 24
#define LNX_AREA_HANDLER 32 /* in K's: where the kernel is entered; 0: a system call */
#define LNX_AREA_FPU 2304 /* in K's: a copy of what FXRSTOR64 loads */
#define LNX_AREA_FRAMES 4096 /* signal frames; before them the above, and host calls that are to be made */

#define LNX_TURN_MONITOR 0
#define LNX_TURN_OWNER 1
#define LNX_TURN_KERNEL 2 /* in a U's area */

/* K waits on a U's turn with this bit set, so that M can wake the one of the two that it means (FUTEX_WAIT_BITSET). */
#define LNX_WAKE_KERNEL 2

#define LNX_VECTOR_ERROR 0x200 /* beside the vector: an error code is pushed */

/* ---- Linux: struct ucontext from its start (arch/x86/include/uapi/asm/{ucontext,sigcontext}.h) ---- */

#define LNX_UC_R8 40
#define LNX_UC_R9 48
#define LNX_UC_R10 56
#define LNX_UC_R11 64
#define LNX_UC_R12 72
#define LNX_UC_R13 80
#define LNX_UC_R14 88
#define LNX_UC_R15 96
#define LNX_UC_RDI 104
#define LNX_UC_RSI 112
#define LNX_UC_RBP 120
#define LNX_UC_RBX 128
#define LNX_UC_RDX 136
#define LNX_UC_RAX 144
#define LNX_UC_RCX 152
#define LNX_UC_RSP 160
#define LNX_UC_RIP 168
#define LNX_UC_EFLAGS 176
#define LNX_UC_CS 184
#define LNX_UC_SS 190
#define LNX_UC_FPSTATE 224 /* pointer, 64-byte aligned */
#define LNX_UC_SIZE 304

/* ---- what FXSAVE64 stores, and how much of it FXRSTOR64 looks at ---- */

#define LNX_FX_SIZE 512
#define LNX_FX_USED 416
#define LNX_FX_MXCSR 24
#define LNX_MXCSR_MASK 0xffff /* other bits fault; a processor with FSGSBASE has all of these */

/* ---- selectors ---- */

#define LNX_KERNEL_CS 0x30 /* in frames; the processor has LNX_USER_CS */
#define LNX_KERNEL_SS 0x28
#define LNX_USER_CS 0x33
#define LNX_USER_SS 0x2b
#define LNX_USER_CS_32 0x23
#define LNX_DESCRIPTORS 0x07 /* slot 0 of the local table, RPL 3 */

#define LNX_FLAGS_USER 0x254dd5 /* what user mode may have set: CF PF AF ZF SF TF DF OF NT RF AC ID */

#endif
