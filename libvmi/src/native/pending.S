/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Leaf calls whose work C does: every register but RAX is kept. */
#include <vmi/asm.h>

	.text

	.balign 16
	.globl vmi_native_irq_pending
vmi_native_irq_pending:
	pushq %rcx
	pushq %rdx
	pushq %rsi
	pushq %rdi
	pushq %r8
	pushq %r9
	pushq %r10
	pushq %r11
	pushq %rbp
	movq %rsp, %rbp
	andq $-16, %rsp
	call vmi_native_look_for_events
	movq %rbp, %rsp
	popq %rbp
	popq %r11
	popq %r10
	popq %r9
	popq %r8
	popq %rdi
	popq %rsi
	popq %rdx
	popq %rcx
	ret

	.balign 16
	.globl vmi_absent
/* In the place of a call that a ROM is too old for. */
vmi_absent:
	movq $VMI_NOT_SUPPORTED, %rax
	ret
