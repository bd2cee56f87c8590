/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Where traps, events and system calls arrive. Each vector has two entries:
 *
 *	vmi_vector_N	the view of the interface: frame (and error code) on the kernel stack, GS the kernel's
 *	vmi_native_N	what the processor does by itself: the same, but GS still that of the interrupted context
 *
 * Both end in vmi_common with the stack of struct vmi_trap.
 */
#include <vmi/asm.h>
#include "entry.h"

#define VMI_TRAP_RIP (17 * 8) /* in struct vmi_trap */
	.text

.macro VECTOR n, has_error
	.balign 32
vmi_native_\n:
	testb $2, 8 + 8 * \has_error(%rsp)
	.if \n >= 11 && \n <= 13
	jnz 9f
	call native_return
9:
	.endif
	jz vmi_vector_\n
	swapgs
vmi_vector_\n:
	.if !\has_error
	pushq $0
	.endif
	pushq $\n
	jmp vmi_common
	.pushsection .rodata, "a", @progbits
	.quad vmi_vector_\n, vmi_native_\n
	.popsection
.endm

/*
 * The processor may refuse what IRETQ returns to when SWAPGS has been executed already: then the exception comes in the
 * kernel with the GS base the user's. Error code and frame above the return address; NZ for such a one.
 */
native_return:
	pushq %rax
	movq 24(%rsp), %rax		/* saved RIP */
	sarq $47, %rax
	incq %rax
	cmpq $1, %rax			/* canonical? */
	ja 1f
	movq 24(%rsp), %rax
	cmpw $0xcf48, (%rax)		/* iretq */
	jne 1f
	movq 48(%rsp), %rax		/* saved RSP: the frame that was refused */
	testb $2, VMI_FRAME_CS(%rax)
	popq %rax
	ret
1:	cmpb %al, %al
	popq %rax
	ret

	.pushsection .rodata, "a", @progbits
	.balign 8
	.globl vmi_vectors
vmi_vectors:
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
.macro WITHOUT_GATE name, vector
	.globl vmi_native_\name
vmi_native_\name:
	testb $2, 8(%rsp)
	jz 1f
	swapgs
1:	pushq $0
	pushq $\vector
	jmp vmi_common
.endm
	WITHOUT_GATE spurious, SPURIOUS
	WITHOUT_GATE stray, STRAY

	.balign 16
	.globl vmi_syscall_entry
/* Kernel stack with frame, interrupts off, GS the kernel's, RCX and R11 lost, the rest the user's. */
vmi_syscall_entry:
	pushq $0
	pushq $VECTORS			/* VMI_SYSCALL */
	PUSH_REGISTERS
	cld
	movq %rsp, %rdi
	xorl %ebp, %ebp			/* back-traces end here: user mode's frames are not the kernel's */
	call *vmi_handlers + 8 * VECTORS(%rip)
	POP_REGISTERS
	addq $16, %rsp
	VMI_SYS_RET

/* Frame, error and vector pushed; every other register the interrupted context's. */
vmi_common:
	PUSH_REGISTERS
	cld
	movq %rsp, %rdi
	pushq VMI_TRAP_RIP(%rsp)	/* a frame as of a call from the interrupted instruction: */
	pushq %rbp			/* back-traces go on through it */
	movq %rsp, %rbp
	call vmi_dispatch
	addq $16, %rsp

/* RSP at the struct vmi_trap, interrupts off, GS the kernel's: back to what it describes. */
	POP_REGISTERS
	addq $16, %rsp
	VMI_IRET

	.balign 16
	.globl vmi_native_syscall_entry
/* Raw SYSCALL (Intel SDM volume 2B): RCX the user's RIP, R11 its RFLAGS, RSP and GS still the user's, interrupts off. */
vmi_native_syscall_entry:
	swapgs
	movq %rsp, %gs:VMI_VCPU_BLOCK_SCRATCH
	movq %gs:VMI_VCPU_BLOCK_KERNEL_STACK, %rsp
	pushq vmi_native_user_ss(%rip)
	pushq %gs:VMI_VCPU_BLOCK_SCRATCH
	pushq %r11
	pushq vmi_native_user_cs(%rip)
	pushq %rcx
	jmp vmi_syscall_entry

	.balign 16
	.globl vmi_native_sysret
/*
 * Frame at (%rsp), interrupts off, GS the kernel's. SYSRET faults in ring 0 on the user's stack when RCX is not
 * canonical, so only a low address takes it.
 */
vmi_native_sysret:
	movq VMI_FRAME_RIP(%rsp), %rcx
	movq VMI_FRAME_RFLAGS(%rsp), %r11
	btq $47, %rcx
	jc 1f
	shrq $48, %rcx
	jnz 1f
	movq VMI_FRAME_RIP(%rsp), %rcx
	movq VMI_FRAME_RSP(%rsp), %rsp
	swapgs
	sysretq
1:	testb $2, VMI_FRAME_CS(%rsp)
	jz 2f
	swapgs
2:	iretq

	.globl vmi_enter_user
/* RDI: RIP, RSI: RSP, RDX: argument. The frame is made here so that it needs no struct vmi_trap. */
vmi_enter_user:
	VMI_IRQ_DISABLE
	movq vmi_boot(%rip), %rax
	movzwl VMI_BOOT_INFO_USER_SS(%rax), %ecx
	pushq %rcx
	pushq %rsi
	pushq $0x202
	movzwl VMI_BOOT_INFO_USER_CS(%rax), %ecx
	pushq %rcx
	pushq %rdi
	movq %rdx, %rdi
	xorl %eax, %eax
	xorl %ebx, %ebx
	xorl %ecx, %ecx
	xorl %edx, %edx
	xorl %esi, %esi
	xorl %ebp, %ebp
	xorl %r8d, %r8d
	xorl %r9d, %r9d
	xorl %r10d, %r10d
	xorl %r11d, %r11d
	xorl %r12d, %r12d
	xorl %r13d, %r13d
	xorl %r14d, %r14d
	xorl %r15d, %r15d
	VMI_IRET
