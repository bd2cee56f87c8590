/* SPDX-License-Identifier: MIT */
	.text
	.globl loop
/* Counts in every register but the stack pointer; EAX: whether one of them counted wrong. */
loop:	pushq %rbx
	pushq %rbp
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	.irp r, rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15
	movabsq $0x1234567800000000, %\r
	.endr
	.rept 3
	.irp r, rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15
	incq %\r
	.endr
	.endr
	.irp r, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15
	cmpq %rax, %\r
	jne 1f
	.endr
	movabsq $0x1234567800000003, %rcx
	cmpq %rax, %rcx
	jne 1f
	xorl %eax, %eax
	jmp 2f
1:	movl $1, %eax
2:	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbp
	popq %rbx
	ret
