/* SPDX-License-Identifier: MIT */
/* What runs in user mode. Copied to a user page: position independent, ring 3, RSP at the end of a user page. */
#define CALL_WRITE 0
#define CALL_EXIT 1

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
