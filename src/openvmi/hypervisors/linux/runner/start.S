/* SPDX-License-Identifier: MIT */
	.text
	.globl _start
_start:
	xorl %ebp, %ebp
	movq %rsp, %rdi		/* argument count and arguments */
	andq $-16, %rsp
	call runner_main
	ud2

	.globl signal_restorer
signal_restorer:
	movl $15, %eax
	syscall
	ud2

	.section .note.GNU-stack, "", @progbits
