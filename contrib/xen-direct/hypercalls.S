/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What is little more than a hypercall and spares a check: address spaces and flushes. */
#include "direct.h"

#define P2M vmi_window + XEN_HANDOVER + XEN_HANDOVER_P2M
#define FRAMES vmi_window + XEN_HANDOVER + XEN_HANDOVER_FRAMES
#define POOL vmi_window + XEN_HANDOVER + XEN_HANDOVER_POOL

	.text

	.globl direct_address_space_set
/* Leaf. RDI: root. Xen gets it and the table that user mode runs on in one call. */
direct_address_space_set:
	pushq %rax
	SAVE
	movq %rdi, %rax
	shrq $12, %rax
	movq FRAMES, %rdx
	movl (%rdx, %rax, 4), %ecx
	shrl $XEN_FRAME_SHADOW_SHIFT, %ecx
	movq POOL, %rdx
	shrq $12, %rdx
	addq %rdx, %rcx			/* page of the shadow, and one more */
	movq P2M, %rdx
	pushq $0			/* two of struct xen_mmuext */
	pushq -8(%rdx, %rcx, 8)
	pushq $XEN_MMUEXT_NEW_USER_BASEPTR
	pushq $0
	pushq (%rdx, %rax, 8)
	pushq $XEN_MMUEXT_NEW_BASEPTR
	movq %rdi, VCPU(XV_ROOT)
	movq %rsp, %rdi
	movl $2, %esi
	xorl %edx, %edx
	movl $XEN_DOMID_SELF, %r10d
	movl $XEN_MMUEXT_OP, %eax
	syscall
	addq $2 * XEN_SIZE_MMUEXT, %rsp
	testl %eax, %eax
	jnz 1f
	RESTORE
	popq %rax
	ret
1:	movq VCPU(XV_ROOT), %rdi
	movslq %eax, %rsi
	call address_space_refused	/* does not return */

	.globl direct_tlb_flush
/* Leaf; RAX is lost. */
direct_tlb_flush:
	SAVE
	pushq $0			/* struct xen_mmuext */
	pushq $0
	pushq $XEN_MMUEXT_TLB_FLUSH_LOCAL
1:	cmpl $0, VCPU(XV_QUEUED)
	jne 2f
	movq %rsp, %rdi
	movl $1, %esi
	xorl %edx, %edx
	movl $XEN_DOMID_SELF, %r10d
	movl $XEN_MMUEXT_OP, %eax
	syscall
	addq $XEN_SIZE_MMUEXT, %rsp
	RESTORE
	ret
2:	pushq %r8
	pushq %r9
	call updates_flush
	popq %r9
	popq %r8
	jmp 1b

	.globl direct_tlb_flush_page
/* Leaf. RDI: address. */
direct_tlb_flush_page:
	pushq %rax
	SAVE
	pushq $0			/* struct xen_mmuext */
	pushq %rdi
	pushq $XEN_MMUEXT_INVLPG_LOCAL
1:	cmpl $0, VCPU(XV_QUEUED)
	jne 2f
	movq %rsp, %rdi
	movl $1, %esi
	xorl %edx, %edx
	movl $XEN_DOMID_SELF, %r10d
	movl $XEN_MMUEXT_OP, %eax
	syscall
	addq $XEN_SIZE_MMUEXT, %rsp
	RESTORE
	popq %rax
	ret
2:	pushq %r8
	pushq %r9
	call updates_flush
	popq %r9
	popq %r8
	jmp 1b

	.globl direct_lazy_enter
/* Leaf. */
direct_lazy_enter:
	movl $1, VCPU(XV_LAZY)
	ret

	.globl direct_lazy_leave
/* Leaf. */
direct_lazy_leave:
	movl $0, VCPU(XV_LAZY)
	cmpl $0, VCPU(XV_QUEUED)
	jne 1f
	ret
1:	pushq %rax
	pushq %rcx
	pushq %rdx
	pushq %rsi
	pushq %rdi
	pushq %r8
	pushq %r9
	pushq %r10
	pushq %r11
	call updates_flush
	popq %r11
	popq %r10
	popq %r9
	popq %r8
	popq %rdi
	popq %rsi
	popq %rdx
	popq %rcx
	popq %rax
	ret
