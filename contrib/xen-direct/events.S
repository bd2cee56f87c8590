/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What the kernel does with events. roms/xen/rom.h has the state and its rules. */
#include "direct.h"

	.text

	.globl deliver
/*
 * Interrupts just enabled, something pending; return address at (%rsp), the rest the caller's. Makes what Xen and
 * event_entry would have made, so that the return goes to the caller with interrupts enabled.
 */
deliver:
	movb $1, MASK
	pushq %rcx
	movq %rsp, %rcx
	andq $-16, %rsp
	pushq $XEN_KERNEL_SS
	addq $16, %rcx
	pushq %rcx
	pushfq
	orl $VMI_FLAG_IF, (%rsp)
	pushq $XEN_KERNEL_CS
	pushq -8(%rcx)
	movq -16(%rcx), %rcx
	subq $16, %rsp			/* error code, vector */
	PUSH_REGISTERS
	jmp direct_deliver

/* What event_entry writes too changes by one instruction each: it may come in between. */

	.globl direct_event_send
/*
 * EDI: source, SOFT to SOFT + 7; C convention. While interrupts are enabled nothing waits that is open: one that is goes
 * at once, as deliver does it, without a look at what else there is.
 */
direct_event_send:
	cmpb $0, MASK
	jne 1f
	cmpl $0, VCPU(XV_LAZY)
	jne 1f
	movb $1, MASK
	btrl %edi, VCPU(XV_OPEN)	/* closed until EventAck */
	jnc 2f
	btsl %edi, VCPU(XV_BUSY)
	movzbl VCPU(XV_VECTORS)(%rdi), %eax
	popq %rcx
	movq %rsp, %rdx
	andq $-16, %rsp
	pushq $XEN_KERNEL_SS
	pushq %rdx
	pushfq
	orl $VMI_FLAG_IF, (%rsp)
	pushq $XEN_KERNEL_CS
	pushq %rcx
	pushq $0			/* error code */
	pushq %rax			/* vector */
	xorl %eax, %eax			/* the result, in the end */
	PUSH_REGISTERS
	jmp direct_dispatch
1:	btsl %edi, VCPU(XV_RAISED)
	btl %edi, VCPU(XV_OPEN)
	jc 4f
	xorl %eax, %eax
	ret
2:	btsl %edi, VCPU(XV_RAISED)
	xorl %eax, %eax
	jmp irq_enable

	.globl direct_event_ack
/* EDI: source. Open again, unless it was unbound or held meanwhile. */
direct_event_ack:
	btrl %edi, VCPU(XV_BUSY)
	movl VCPU(XV_HELD), %eax
	notl %eax
	andl VCPU(XV_BOUND), %eax
	btl %edi, %eax
	jnc 3f
	btsl %edi, VCPU(XV_OPEN)
	btl %edi, VCPU(XV_RAISED)
	jc 4f
3:	xorl %eax, %eax
	ret
4:	xorl %eax, %eax			/* comes with the flag */
	movb $1, PENDING
	cmpb $0, MASK
	je deliver
	ret
