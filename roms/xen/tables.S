/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Page-table calls that kernels make often. An entry holds machine frames; the kernel thinks in guest-physical ones.
 * Addresses: a page of guest memory is at the direct map, its machine frame in the p2m list, what it is in frames.
 */
#include "rom.h"

#define ADDRESS_BITS 0x000ffffffffff000

	.text

	.globl pte_make
/* Leaf. RDI: native entry. Result in RAX; all else kept. */
pte_make:
	movq %rdi, %rax
	testb $1, %dil
	jz 2f
	shlq $12, %rax
	shrq $24, %rax			/* page */
	cmpq HANDOVER(XEN_HANDOVER_PAGES), %rax
	jae 3f
	pushq %rdx
	movq HANDOVER(XEN_HANDOVER_P2M), %rdx
	xorq (%rdx, %rax, 8), %rax	/* turns one into the other when the entry is XORed with it */
	popq %rdx
	shlq $12, %rax
	xorq %rdi, %rax
	btrq $8, %rax			/* GLOBAL is Xen's */
	btsq $2, %rax			/* USER goes to the other bit, inverted */
	jc 2f
	btsq $XEN_PTE_KERNEL_BIT, %rax
2:	ret
3:	movabsq $ADDRESS_BITS, %rax	/* not the guest's memory: a frame that Xen will refuse */
	orq %rdi, %rax
	ret

	.globl pte_read
/* Leaf. RDI: entry from a table. Result in RAX; all else kept. */
pte_read:
	movq %rdi, %rax
	testb $1, %dil
	jz 2f
	shlq $12, %rax
	shrq $24, %rax			/* machine frame */
	pushq %rdx
	movabsq $XEN_M2P, %rdx
	xorq (%rdx, %rax, 8), %rax
	popq %rdx
	shlq $12, %rax
	xorq %rdi, %rax
	btrq $8, %rax
	btrq $XEN_PTE_KERNEL_BIT, %rax
	jnc 2f
	btrq $2, %rax
2:	ret

/*
 * RDI: entry, at the direct map. RAX: its machine address; or CF set: it is not in a table of level 1 or 2, to which no
 * shadow belongs. RDX is lost.
 */
locate:
	movq %rdi, %rax
	subq HANDOVER(XEN_HANDOVER_DIRECT_MAP), %rax
	shrq $12, %rax			/* page */
	cmpq HANDOVER(XEN_HANDOVER_PAGES), %rax
	jae 1f
	movq HANDOVER(XEN_HANDOVER_FRAMES), %rdx
	movl (%rdx, %rax, 4), %edx
	decl %edx
	cmpl $1, %edx
	ja 1f
	movq HANDOVER(XEN_HANDOVER_P2M), %rdx
	movq (%rdx, %rax, 8), %rax
	shlq $12, %rax
	movl %edi, %edx
	andl $0xfff, %edx
	orq %rdx, %rax
	ret
1:	stc
	ret

	.globl pte_set
/* Leaf. RDI: entry, RSI: value; RAX too is kept. */
pte_set:
	pushq %rax
	SAVE
	call locate
	jc 3f
	cmpl $0, VCPU(XV_QUEUED)
	jne 3f
	pushq %rsi
	pushq %rax			/* struct xen_mmu_update */
	movq %rsp, %rdi
	movl $1, %esi
	xorl %edx, %edx
	movl $XEN_DOMID_SELF, %r10d
	movl $XEN_MMU_UPDATE, %eax
	syscall
	addq $16, %rsp
	testl %eax, %eax
	jnz 4f
2:	RESTORE
	popq %rax
	ret
3:	xorl %eax, %eax
4:	movq 16(%rsp), %rdi		/* as they were saved */
	movq 24(%rsp), %rsi
	pushq %r8
	pushq %r9
	movslq %eax, %rdx
	call pte_set_other
	popq %r9
	popq %r8
	jmp 2b

	.globl pte_update_deferred
/* Leaf. As pte_set. */
pte_update_deferred:
	cmpl $0, VCPU(XV_LAZY)
	je pte_set
	pushq %rax
	pushq %rdx
	pushq %rcx
	movl VCPU(XV_QUEUED), %ecx
	cmpl $XEN_UPDATES_COUNT, %ecx
	je 3f
	call locate
	jc 3f
	leaq rom_data + FROM_DATA(XEN_UPDATES)(%rip), %rdx
	shll $4, %ecx
	addq %rcx, %rdx
	movq %rax, (%rdx)
	movq %rsi, 8(%rdx)
	shrl $4, %ecx
	movl %ecx, %eax
	incl %ecx
	cmpxchgl %ecx, VCPU(XV_QUEUED)	/* unless an event came in between, which empties the queue */
	popq %rcx
	popq %rdx
	popq %rax
	jne pte_update_deferred
	ret
3:	popq %rcx			/* full, or not simple: at once, after what waits */
	popq %rdx
	popq %rax
	jmp pte_set

/* Goes through the array at RDI, ESI updates, eight at a time. Leaves RDX behind it, R8 lost. */
.macro EACH what:vararg
	movq %rdi, %rdx
	movl %esi, %r8d
	jmp 82f
81:	\what 0(%rdx)
	addq $VMI_SIZE_PTE_UPDATE, %rdx
	decl %r8d
82:	testb $7, %r8b
	jnz 81b
	jmp 84f
83:	.irp n, 0, 1, 2, 3, 4, 5, 6, 7
	\what \n * VMI_SIZE_PTE_UPDATE(%rdx)
	.endr
	subq $-8 * VMI_SIZE_PTE_UPDATE, %rdx
84:	subl $8, %r8d
	jns 83b
.endm

/* One update: its entry becomes a machine address; RAX and RCX collect what entries have in common. R9: the way there. */
	.macro TURN where
	orq \where, %rax
	andq \where, %rcx
	addq %r9, \where
	.endm
	.macro TURN_BACK where
	subq %r9, \where
	.endm

	.globl pte_set_batch
/*
 * RDI: updates, ESI: count; C convention. Entries of one table become machine addresses by an addition each, where they
 * are, and what they were again afterwards. What is not that simple goes to C.
 */
pte_set_batch:
	cmpl $VMI_BATCH_LIMIT, %esi
	ja 4f
	testl %esi, %esi
	jz 5f
	cmpl $0, VCPU(XV_QUEUED)
	jne pte_set_batch_other
	movq (%rdi), %rcx
	xchgq %rdi, %rcx
	call locate
	xchgq %rdi, %rcx
	jc pte_set_batch_other
	subq %rcx, %rax
	movq %rax, %r9			/* from an address in this table to its machine address */
	movq %rcx, %rax			/* both: the first entry */
	EACH TURN
	xorq %rcx, %rax
	movl $1, %ecx
	cmpq $4095, %rax		/* all in one table? */
	ja 1f
	pushq %rsi			/* Xen may change what it was given */
	pushq %rdi
	pushq $0			/* how many were done */
	movq %rsp, %rdx
	movl $XEN_DOMID_SELF, %r10d
	movl $XEN_MMU_UPDATE, %eax
	syscall
	popq %r10
	popq %rdi
	popq %rsi
	movslq %eax, %rcx
1:	EACH TURN_BACK
	testl %ecx, %ecx		/* 0, Xen's error, or 1: more than one table */
	jg pte_set_batch_other
	movl %r10d, %eax
	jnz 2f
	ret
2:	movl %eax, %esi
	movq %rcx, %rdx
	jmp pte_set_batch_refused	/* RDI: updates, RSI: how many were done, RDX: Xen's error */
4:	movq $VMI_INVALID, %rax
	ret
5:	xorl %eax, %eax
	ret

	.globl address_space_set
/* Leaf. RDI: root. Xen gets it and the table that user mode runs on in one call. */
address_space_set:
	pushq %rax
	SAVE
	movq %rdi, %rax
	shrq $12, %rax
	cmpq HANDOVER(XEN_HANDOVER_PAGES), %rax
	jae 1f
	movq HANDOVER(XEN_HANDOVER_FRAMES), %rdx
	movl (%rdx, %rax, 4), %edx
	movl %edx, %ecx
	andl $XEN_FRAME_LEVEL, %ecx
	cmpl $4, %ecx
	jne 1f
	shrl $XEN_FRAME_SHADOW_SHIFT, %edx
	movq HANDOVER(XEN_HANDOVER_POOL), %rcx
	shrq $12, %rcx
	addq %rdx, %rcx			/* page of the shadow, and one more */
	movq HANDOVER(XEN_HANDOVER_P2M), %rdx
	pushq $0			/* two of struct xen_mmuext */
	pushq -8(%rdx, %rcx, 8)
	pushq $XEN_MMUEXT_NEW_USER_BASEPTR
	pushq $0
	pushq (%rdx, %rax, 8)
	pushq $XEN_MMUEXT_NEW_BASEPTR
	movq %rdi, VCPU(XV_ROOT)	/* now: what an event handler finds there it may come back to */
	movq %rsp, %rdi
	movl $2, %esi
	xorl %edx, %edx
	movl $XEN_DOMID_SELF, %r10d
	movl $XEN_MMUEXT_OP, %eax
	syscall
	addq $2 * XEN_SIZE_MMUEXT, %rsp
	testl %eax, %eax
	jnz 2f
	RESTORE
	popq %rax
	ret
1:	xorl %eax, %eax
2:	movq 16(%rsp), %rdi		/* as it was saved */
	movslq %eax, %rsi
	call address_space_refused	/* does not return */
	ud2

	.globl tlb_flush
/* Leaf; RAX is lost. */
tlb_flush:
	SAVE
	movl $XEN_MMUEXT_TLB_FLUSH_LOCAL, %eax
	jmp flush

	.globl tlb_flush_page
/* Leaf. RDI: address. */
tlb_flush_page:
	pushq %rax
	call 1f
	popq %rax
	ret
1:	SAVE
	movl $XEN_MMUEXT_INVLPG_LOCAL, %eax

/* Saved as by SAVE, RAX: operation, RDI: address. */
flush:
	cmpl $0, VCPU(XV_QUEUED)
	jne 2f
1:	pushq $0			/* struct xen_mmuext */
	pushq %rdi
	pushq %rax
	movq %rsp, %rdi
	movl $1, %esi
	xorl %edx, %edx
	movl $XEN_DOMID_SELF, %r10d
	movl $XEN_MMUEXT_OP, %eax
	syscall
	addq $XEN_SIZE_MMUEXT, %rsp
	RESTORE
	ret
2:	call flush_updates
	jmp 1b

	.globl lazy_enter
/* Leaf. */
lazy_enter:
	movl $1, VCPU(XV_LAZY)
	ret

	.globl lazy_leave
/* Leaf. */
lazy_leave:
	movl $0, VCPU(XV_LAZY)
	cmpl $0, VCPU(XV_QUEUED)
	jne flush_updates
	ret

	.globl flush_updates
/* Leaf: updates_flush, every register kept. */
flush_updates:
	pushq %rax
	pushq %r8
	pushq %r9
	SAVE
	call updates_flush
	RESTORE
	popq %r9
	popq %r8
	popq %rax
	ret
