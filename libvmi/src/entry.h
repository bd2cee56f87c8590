/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* For assembler that makes a struct vmi_trap: libvmi's own entries, and those of a back-end compiled in. */
#ifndef VMI_ENTRY_H
#define VMI_ENTRY_H

#define FIRST_EVENT 32
#define VECTORS 64
/* What vmi_dispatch finds as the vector of a native gate from FIRST_EVENT on that the kernel has not given. */
#define SPURIOUS 255 /* of that one, where the local APIC sends what is no interrupt */
#define STRAY 256 /* of any other */

/* Vectors for which the processor pushes an error code (Intel SDM volume 3, table 6-1). */
#define HAS_ERROR(n) ((0x60227d00 >> (n)) & 1)

#ifdef __ASSEMBLER__

/* The registers of struct vmi_trap, above which are vector, error code and frame. */
.macro PUSH_REGISTERS
	pushq %r15
	pushq %r14
	pushq %r13
	pushq %r12
	pushq %r11
	pushq %r10
	pushq %r9
	pushq %r8
	pushq %rbp
	pushq %rdi
	pushq %rsi
	pushq %rdx
	pushq %rcx
	pushq %rbx
	pushq %rax
.endm
.macro POP_REGISTERS
	popq %rax
	popq %rbx
	popq %rcx
	popq %rdx
	popq %rsi
	popq %rdi
	popq %rbp
	popq %r8
	popq %r9
	popq %r10
	popq %r11
	popq %r12
	popq %r13
	popq %r14
	popq %r15
.endm

#endif
#endif
