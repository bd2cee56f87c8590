/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Traps, events and system calls, from Xen to the kernel's handler and back. Xen pushes RCX and R11 below the frame,
 * and masks events.
 */
#include "direct.h"

	.text

.macro VECTOR n, has_error
	.if \n != 14
	.balign 16
direct_vector_\n:
	popq %rcx
	popq %r11
	.if !\has_error
	pushq $0
	.endif
	pushq $\n
	jmp common
	.endif
	.pushsection .rodata, "a", @progbits
	.quad direct_vector_\n
	.popsection
.endm

	.pushsection .rodata, "a", @progbits
	.balign 8
	.globl direct_vectors
direct_vectors:
	.popsection

	.altmacro
.macro VECTOR_NUMBER n
	.if \n < FIRST_EVENT
	VECTOR \n, %HAS_ERROR(\n)
	.else
	VECTOR \n, 0
	.endif
.endm
	.set number, 0
	.rept VECTORS
	VECTOR_NUMBER %number
	.set number, number + 1
	.endr
	.noaltmacro

	.balign 16
/* The trap that is in a hurry goes straight on. */
direct_vector_14:
	popq %rcx
	popq %r11
	pushq $14
	.globl common
common:
	PUSH_REGISTERS
	cld
	DISPATCH
	POP_REGISTERS
	addq $16, %rsp

	.globl direct_iret
/*
 * Masked, frame at (%rsp), every other register the target context's. Only user mode needs Xen: CS with RPL 3 is the
 * kernel's own. An event that comes after the flag is set would nest on the frame that is still here; event_entry knows
 * these instructions and takes the frame as the one that was interrupted.
 */
direct_iret:
	testb $2, VMI_FRAME_CS(%rsp)
	jnz to_user
	orb $3, VMI_FRAME_CS(%rsp)
	testb $VMI_FLAG_IF >> 8, VMI_FRAME_RFLAGS + 1(%rsp)
	jz 1f
direct_return:
	movb $0, MASK
	cmpb $0, PENDING
	jne 2f
1:	iretq
direct_return_end:
2:	movb $1, MASK
	andb $~3, VMI_FRAME_CS(%rsp)
	pushq %r11
	pushq %rcx
	jmp event_entry

to_user:
	pushq $0
	pushq %rcx
	pushq %r11
	pushq %rax
	movl $XEN_IRET, %eax
	syscall
	ud2

	.globl event_entry
/* Xen's event callback: RCX, R11, frame on the kernel stack, masked; the rest the interrupted context's. */
event_entry:
	popq %rcx
	popq %r11
	subq $16, %rsp
	PUSH_REGISTERS
	movq TRAP_RIP(%rsp), %rax
	subq $direct_return, %rax
	cmpq $direct_return_end - direct_return, %rax
	jb in_return

	.globl direct_deliver
/* Registers of struct vmi_trap pushed, room for vector and error code above them, masked. */
direct_deliver:
	cld
	movb $0, PENDING		/* before looking: what comes later sets it again */
	movq $0, VCPU(XEN_SELECTOR)
	xorl %eax, %eax
	xchgq %rax, vmi_window + XEN_SHARED_INFO + XEN_SHARED_PENDING
	movl VCPU(XV_RAISED), %edx
1:	bsfq %rax, %rcx			/* event channels to sources */
	jz 2f
	btrq %rcx, %rax
	movzbl VCPU(XV_SOURCES)(%rcx), %ecx
	btsl %ecx, %edx
	jmp 1b
2:	movl VCPU(XV_OPEN), %eax
	andl %edx, %eax
	bsfl %eax, %ecx
	jz nothing
	btrl %ecx, %edx			/* raised, no more */
	movl %edx, VCPU(XV_RAISED)
	btrl %ecx, VCPU(XV_OPEN)	/* closed until EventAck */
	btsl %ecx, VCPU(XV_BUSY)
	movb $1, VCPU(XV_DELIVERED)
	movzbl VCPU(XV_VECTORS)(%rcx), %ecx
	movq $0, TRAP_VECTOR + 8(%rsp)
	movq %rcx, TRAP_VECTOR(%rsp)
	leal -1(%rax), %edx		/* others wait: on to them when the handler enables */
	testl %edx, %eax
	jnz others
3:	cmpl $0, VCPU(XV_LAZY)
	jne lazy
	.globl direct_dispatch
direct_dispatch:
4:	DISPATCH
5:	POP_REGISTERS
	addq $16, %rsp
	jmp direct_iret

nothing:
	movl %edx, VCPU(XV_RAISED)
	jmp 5b

others:	movb $1, PENDING
	jmp 3b

lazy:	movl $0, VCPU(XV_LAZY)		/* no handler runs lazy */
	call updates_flush
	jmp 4b

/* The last instructions of a return were interrupted: its frame is the one that counts, its registers were all back. */
in_return:
	testb $2, TRAP_RIP + 8(%rsp)	/* user mode may jump there: its stack is not to be believed */
	jnz direct_deliver
	POP_REGISTERS
	movq TRAP_RSP - TRAP_VECTOR(%rsp), %rsp
	andb $~3, VMI_FRAME_CS(%rsp)
	subq $16, %rsp
	PUSH_REGISTERS
	jmp direct_deliver

	.balign 16
	.globl direct_syscall
/* RCX and R11 of user mode are lost by SYSCALL anyway: where Xen pushed them there is error code and vector. */
direct_syscall:
	movq $0, 8(%rsp)
	movq $VECTORS, (%rsp)		/* VMI_SYSCALL */
	PUSH_REGISTERS
	cld
	movq %rsp, %rdi
	xorl %ebp, %ebp			/* back-traces end here: user mode's frames are not the kernel's */
	call *vmi_handlers + 8 * VECTORS
	POP_REGISTERS
	movq $XEN_VGCF_IN_SYSCALL, 8(%rsp)
1:	pushq %r11			/* with the vector's place this is Xen's frame: flags RCX R11 RAX */
	pushq %rax
	movl $XEN_IRET, %eax
	syscall
	ud2

	.globl direct_sys_ret
/* Frame at (%rsp), as for any SysRet. */
direct_sys_ret:
	pushq $XEN_VGCF_IN_SYSCALL
	pushq %rcx
	jmp 1b

	.globl failsafe_entry
/* Iret to a context that the processor refused: DS ES FS GS RCX R11 and that context's frame. General protection. */
failsafe_entry:
	movq 32(%rsp), %rcx
	movq 40(%rsp), %r11
	addq $40, %rsp
	movq $0, (%rsp)			/* its error code */
	pushq $13
	jmp common

	.globl protection_entry
/* Vector 13: RCX, R11, error code, frame. Of our own MSR accesses it means that there is no such register. */
protection_entry:
	cmpq $read_msr, 24(%rsp)
	je 1f
	cmpq $write_msr, 24(%rsp)
	jne direct_vector_13
1:	movq $no_msr, 24(%rsp)
	popq %rcx
	popq %r11
	addq $8, %rsp
	jmp direct_iret
