/* SPDX-License-Identifier: MIT */
/* For assembler: the registers that a C function keeps, and all of them from a structure. */
.macro SAVE_KEPT
	pushq %rbp
	pushq %rbx
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
.endm
.macro RESTORE_KEPT
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbx
	popq %rbp
.endm

/* All registers but RSP, from the struct registers at RAX. */
.macro LOAD_ALL
	movq 8(%rax), %rbx
	movq 16(%rax), %rcx
	movq 24(%rax), %rdx
	movq 32(%rax), %rsi
	movq 40(%rax), %rdi
	movq 48(%rax), %rbp
	movq 56(%rax), %r8
	movq 64(%rax), %r9
	movq 72(%rax), %r10
	movq 80(%rax), %r11
	movq 88(%rax), %r12
	movq 96(%rax), %r13
	movq 104(%rax), %r14
	movq 112(%rax), %r15
	movq (%rax), %rax
.endm
