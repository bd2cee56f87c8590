/* SPDX-License-Identifier: MIT */
/* A user program that makes as many null system calls as RDI says, then one that ends it. */
	.section .rodata
	.globl user_start, user_end
user_start:
	movq %rdi, %rbx
1:	xorl %eax, %eax
	syscall
	decq %rbx
	jnz 1b
	movl $1, %eax
	syscall
user_end:
