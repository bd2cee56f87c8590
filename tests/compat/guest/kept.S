/* SPDX-License-Identifier: MIT */
#include <vmi/asm.h>

	.text
	.globl irq_pending_keeps
/* IrqPending with something in every register. EAX: its result, or 0x100 when another register changed. */
irq_pending_keeps:
	pushq %rbx
	pushq %rbp
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	.set number, 1
	.irp register, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15
	movq $0x0123456700000000 + number, %rax
	movq %rax, %\register
	.set number, number + 1
	.endr
	VMI_IRQ_PENDING
	pushq %rax
	.set number, 1
	.irp register, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15
	movq $0x0123456700000000 + number, %rax
	cmpq %rax, %\register
	jne 1f
	.set number, number + 1
	.endr
	popq %rax
2:	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbp
	popq %rbx
	ret
1:	popq %rax
	movl $0x100, %eax
	jmp 2b
