/* SPDX-License-Identifier: MIT */
/* What C cannot say: instructions whose addresses matter, and what runs in user mode. */
#include "private.h"

#define CALL_EXIT 1
#define TEXT_OF_REASON 0x020443c7 /* movl $2, LNX_AREA_REASON(%rbx) */
#define TEXT_OF_TURN 0x000003c7 /* movl $0, (%rbx): where the stub tells the monitor */
#define SYS_RT_SIGRETURN 15
#define AREA_REASON 4
#define AREA_SIGNAL 8
#define REASON_SIGNAL 1
#define SIGILL 4
#define FORGED 0x2000 /* in the area, where no signal frame comes */
#define UC_TRAP 200
#define LOCAL_WITHOUT_PRIVILEGE 0x0c
#define UC_SIGMASK 296

	.text

/* ---- events: the handler keeps where each came ---- */

	.globl shadow_nop, shadow_nop_at, shadow_loop, shadow_loop_at, shadow_halt, shadow_halt_at, shadow_cli
shadow_nop:
	sti
	nop
shadow_nop_at:
	nop
	ret

/* The handler lets it go on behind the jump. */
shadow_loop:
	sti
shadow_loop_at:
1:	jmp 1b
	ret

shadow_halt:
	sti
	hlt
shadow_halt_at:
	ret

shadow_cli:
	sti
	cli
	nop
	ret

/*
 * ---- operands: LMSW of the word at RDI, whose FS base is RSI, by each form of address; nothing else that is near has bit 3 set.
 * How often it was right ----
 */

.macro BY operand:vararg
	lmsw \operand
	movq %cr0, %r11
	clts
	shrl $3, %r11d
	andl $1, %r11d
	addl %r11d, %r10d
.endm

	.globl load_word
load_word:
	pushq %rbp
	pushq %r12
	pushq %r13
	xorl %r10d, %r10d
	BY (%rdi)
	movq %rdi, %r12
	BY (%r12)				/* SIB byte */
	movq %rdi, %r13
	BY (%r13)				/* displacement of 8 bits */
	leaq -0x1234(%rdi), %rbp
	BY 0x1234(%rbp)
	movq $-3, %rcx
	leaq 24(%rdi), %rax
	BY (%rax, %rcx, 8)
	leaq -0x40(%rdi), %rax
	shrq $2, %rax
	BY 0x40(, %rax, 4)			/* no base */
	movl %edi, %eax
	btsq $40, %rax
	BY (%eax)
	movq %rdi, %rcx
	subq %rsi, %rcx
	BY %fs:(%rcx)
	BY word_operand(%rip)
	movl %r10d, %eax
	popq %r13
	popq %r12
	popq %rbp
	ret

/* ---- returns that a processor refuses: RDI at a frame; the handler goes on at RDX ---- */

	.globl return_by, return_refused
return_by:
	movq %rsp, %r8
	leaq return_refused(%rip), %rdx
	movq %rdi, %rsp
	iretq
	.globl sysret_to
/* RDI: RIP */
sysret_to:
	movq %rsp, %r8
	leaq return_refused(%rip), %rdx
	movq %rdi, %rcx
	movl $2, %r11d
	sysretq
return_refused:
	movq %r8, %rsp
	ret

	.data
	.balign 8
	.globl word_operand
	.skip 64
word_operand:
	.quad 8
	.skip 64

/* ---- user mode ---- */

	.section .rodata
	.balign 16
	.globl user_start, user_end, user_state, user_state_end, user_int, user_int3, user_trace, user_trace_at, user_call
	.globl user_call_at, user_give_turn, user_no_calls, user_deaf, user_forged
user_start:
/* Registers and bases as the kernel left them; changed for it. Ends in a breakpoint. */
user_state:
	rdfsbase %r8
	rdgsbase %r9
	movq %xmm3, %r10
	movl $0x7777, %eax
	movq %rax, %xmm3
	movl $0x4444, %eax
	wrfsbase %rax
	movl $0x5555, %eax
	wrgsbase %rax
	int3
user_state_end:
user_int:
	int $0x50
user_int3:
	.byte 0xcd, 3
user_trace:
	pushfq
	orl $0x100, (%rsp)
	popfq
	nop
user_trace_at:
	nop
	ud2
user_call:
	movl $0x1234, %eax
	syscall
user_call_at:
	ud2

/* ---- what user mode can do to the process that it is ---- */

/* The turn is given to the kernel, as if a system call had done it; again, when something else came between. */
user_give_turn:
	movabsq $LNX_SELF, %rbx
1:	movl $LNX_TURN_KERNEL, LNX_AREA_TURN(%rbx)
	jmp 1b
/* By the stub's code that gives system calls to a kernel with a ROM. */
user_no_calls:
	movabsq $LNX_SELF, %rbx
	movabsq $LNX_STUB, %rcx
1:	incq %rcx
	cmpl $TEXT_OF_REASON, (%rcx)
	jne 1b
	jmp *%rcx
/* Returns from a signal that never was, with every signal blocked, and spins. */
user_deaf:
	movabsq $LNX_STUB, %rcx
1:	incq %rcx
	cmpl $SYS_RT_SIGRETURN, (%rcx)	/* the operand of MOV, behind its one byte */
	jne 1b
	leaq -0x400(%rsp), %rsp
	leaq 2f(%rip), %rax
	movq %rax, LNX_UC_RIP(%rsp)
	movq %rsp, LNX_UC_RSP(%rsp)
	movq $2, LNX_UC_EFLAGS(%rsp)
	movw $LNX_USER_CS, LNX_UC_CS(%rsp)
	movw $LNX_USER_SS, LNX_UC_SS(%rsp)
	movq $-1, UC_SIGMASK(%rsp)
	decq %rcx
	jmp *%rcx
2:	jmp 2b
/*
 * A stop that never was: an invalid opcode of a kernel, with its stack at no address and with all flags. Without
 * privilege in the selectors a kernel would take it for its own, and have its frame written there.
 */
user_forged:
	movabsq $LNX_SELF, %rbx
	movq LNX_AREA_CONTEXT(%rbx), %rax
	movq LNX_UC_FPSTATE(%rax), %rax
	leaq FORGED(%rbx), %r13
	movq %rax, LNX_UC_FPSTATE(%r13)
	movw $LOCAL_WITHOUT_PRIVILEGE, LNX_UC_CS(%r13)
	movw $LOCAL_WITHOUT_PRIVILEGE, LNX_UC_SS(%r13)
	movabsq $1 << 63, %rax
	movq %rax, LNX_UC_RIP(%r13)
	movq $-1, LNX_UC_EFLAGS(%r13)
	movabsq $kernel_stack, %rax
	movq %rax, LNX_UC_RSP(%r13)
	movq $6, UC_TRAP(%r13)
	movq %r13, LNX_AREA_CONTEXT(%rbx)
	movl $REASON_SIGNAL, AREA_REASON(%rbx)
	movl $SIGILL, AREA_SIGNAL(%rbx)
	movabsq $LNX_STUB, %rcx
1:	incq %rcx
	cmpl $TEXT_OF_TURN, (%rcx)
	jne 1b
	jmp *%rcx
user_end:
