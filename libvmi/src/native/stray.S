/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Where an interrupt arrives at a vector that the kernel gave no gate: from any mode, GS base whosever it is. */
	.text

	.balign 16
	.globl vmi_native_stray_entry
vmi_native_stray_entry:
	pushq %rax
	pushq %rcx
	pushq %rdx
	pushq %rsi
	pushq %rdi
	pushq %r8
	pushq %r9
	pushq %r10
	pushq %r11
	cld
	call vmi_native_stray
	popq %r11
	popq %r10
	popq %r9
	popq %r8
	popq %rdi
	popq %rsi
	popq %rdx
	popq %rcx
	popq %rax
	iretq
