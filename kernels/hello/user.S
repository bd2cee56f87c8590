/* SPDX-License-Identifier: MIT */
/* Going to user mode and back, and what runs there. */
#include <vmi/asm.h>

#define CALL_WRITE 0
#define CALL_EXIT 1

	.text
	.globl run_user
/* Saves what a C function must keep; leave_user comes back through it. */
run_user:
	pushq %rbp
	pushq %rbx
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	movq %rsp, back(%rip)
	xorl %edx, %edx
	call vmi_enter_user

	.globl leave_user
/* On the kernel stack of the trap, which is abandoned. */
leave_user:
	movq %rdi, %rax
	movq back(%rip), %rsp
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbx
	popq %rbp
	ret

	.globl try_load, try_load_fault, try_load_failed
try_load:
try_load_fault:
	movq (%rdi), %rax
	movq %rax, (%rsi)
	movl $1, %eax
	ret
try_load_failed:
	xorl %eax, %eax
	ret

	.bss
	.balign 8
back:	.skip 8

/* Copied to a user page: position independent, ring 3, RSP at the end of a user page. */
	.section .rodata
	.globl user_start, user_end, user_polite, user_rude
user_start:
user_polite:
	movl $3, %ebx
1:	movl $CALL_WRITE, %eax
	leaq text(%rip), %rdi
	movl $text_end - text, %esi
	syscall
	cmpq $text_end - text, %rax
	jne 2f
	decl %ebx
	jnz 1b
	pushq $42			/* the stack works */
	popq %rdi
	movl $CALL_EXIT, %eax
	syscall
2:	ud2
user_rude:
	movl $0x40000000, %eax		/* the kernel's own first page */
	movq (%rax), %rdi
	movl $CALL_EXIT, %eax
	syscall
text:	.ascii "  user: hello\n"
text_end:
user_end:
