/* SPDX-License-Identifier: MIT */
/* What C cannot say: instructions whose addresses matter, and what runs in user mode. */
#include "private.h"

#define CALL_EXIT 1
#define SYS_RT_SIGPROCMASK 14

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
	jmp shadow_loop_at
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

/* ---- operands: LIDT and LGDT by each form of address. RDI: at the operand, whose FS base is RSI ---- */

	.globl load_tables
load_tables:
	pushq %rbp
	pushq %r12
	pushq %r13
	lidt (%rdi)
	movq %rdi, %r12
	lidt (%r12)				/* SIB byte */
	movq %rdi, %r13
	lidt (%r13)				/* displacement of 8 bits */
	leaq -0x1234(%rdi), %rbp
	lidt 0x1234(%rbp)
	movq $-3, %rcx
	leaq 24(%rdi), %rax
	lidt (%rax, %rcx, 8)
	leaq -0x40(%rdi), %rax
	shrq $2, %rax
	lidt 0x40(, %rax, 4)			/* aligned by 4; no base */
	movl %edi, %eax
	.byte 0x67
	lidt (%rax)				/* 32-bit address */
	movq %rdi, %rcx
	subq %rsi, %rcx
	lidt %fs:(%rcx)
	lidt table_operand(%rip)
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
	.globl table_operand
	.skip 6
table_operand:
	.skip 10

/* ---- user mode ---- */

	.section .rodata
	.balign 16
	.globl user_start, user_end, user_state, user_state_end, user_int, user_int3, user_trace, user_trace_at, user_call
	.globl user_call_at, user_give_turn, user_no_calls, user_deaf
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

/* The turn is given to the kernel, as if a system call had done it. */
user_give_turn:
	movabsq $LNX_SELF, %rbx
	movl $LNX_TURN_KERNEL, LNX_AREA_TURN(%rbx)
1:	jmp 1b
/* Without the flag that says who takes system calls. */
user_no_calls:
	movabsq $LNX_SELF, %rbx
	movl $0, 64(%rbx)
	syscall
	ud2
/* Blocks every signal by the stub's own instruction, then spins. */
user_deaf:
	movabsq $LNX_STUB, %rcx
1:	incq %rcx
	cmpl $SYS_RT_SIGPROCMASK, (%rcx)	/* the operand of the MOV before it */
	jne 1b
	leaq 4(%rcx), %rcx
	movabsq $LNX_SELF, %rbx
	xorl %edi, %edi
	leaq 1f(%rip), %rsi
	xorl %edx, %edx
	movl $8, %r10d
	movl $SYS_RT_SIGPROCMASK, %eax
	movl $0, 72(%rbx)			/* no commands: what follows goes on to wait, or so it is told */
	jmp *%rcx
1:	.quad -1
user_end:
