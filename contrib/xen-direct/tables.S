/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Page tables. An entry holds machine frames; the kernel thinks in guest-physical ones. No address is checked: the
 * kernel is one's own, and a wrong one is its error.
 */
#include "direct.h"

#define P2M vmi_window + XEN_HANDOVER + XEN_HANDOVER_P2M
#define FRAMES vmi_window + XEN_HANDOVER + XEN_HANDOVER_FRAMES

	.section .rodata
	.balign 8
direct_map:
	.quad VMI_GUEST_DIRECT_MAP
	.text

	.globl direct_pte_make
/* Leaf. RDI: native entry. Result in RAX; all else kept. */
direct_pte_make:
	movq %rdi, %rax
	testb $1, %dil
	jz 1f
	shlq $12, %rax
	shrq $24, %rax			/* page */
	pushq %rdx
	movq P2M, %rdx
	xorq (%rdx, %rax, 8), %rax	/* turns one into the other when the entry is XORed with it */
	popq %rdx
	shlq $12, %rax
	xorq %rdi, %rax
	btrq $8, %rax			/* GLOBAL is Xen's */
	btsq $2, %rax			/* USER goes to the other bit, inverted */
	jc 1f
	btsq $XEN_PTE_KERNEL_BIT, %rax
1:	ret

	.globl direct_pte_read
/* Leaf. RDI: entry from a table. Result in RAX; all else kept. */
direct_pte_read:
	movq %rdi, %rax
	testb $1, %dil
	jz 1f
	shlq $12, %rax
	shrq $24, %rax			/* machine frame */
	pushq %rdx
	movabsq $XEN_M2P, %rdx
	xorq (%rdx, %rax, 8), %rax
	popq %rdx
	shlq $12, %rax
	xorq %rdi, %rax
	btrq $XEN_PTE_KERNEL_BIT, %rax
	jnc 2f
	btrq $2, %rax			/* Xen makes no page GLOBAL that is the kernel's */
1:	ret
2:	btrq $8, %rax
	ret

#define SAVED_RDI 16(%rsp)
#define SAVED_RSI 24(%rsp)

/* Machine address of the entry at RDI into RAX when it is in a table of level 1 or 2; else to \other. RDX, RCX lost. */
.macro MACHINE_ADDRESS other
	movq %rdi, %rax
	subq direct_map, %rax
	movq %rax, %rcx
	shrq $12, %rcx			/* page */
	movq FRAMES, %rdx
	movl (%rdx, %rcx, 4), %edx
	decl %edx
	cmpl $1, %edx			/* a table of level 1 or 2 has nothing above its level */
	ja \other
	movq P2M, %rdx
	xorq (%rdx, %rcx, 8), %rcx
	shlq $12, %rcx
	xorq %rcx, %rax
.endm

	.globl direct_pte_update_deferred
/* Leaf. As direct_pte_set. */
direct_pte_update_deferred:
	cmpl $0, VCPU(XV_LAZY)
	jne 5f

	.globl direct_pte_set
/* Leaf. RDI: entry, RSI: value; RAX too is kept. */
direct_pte_set:
	pushq %rax
	SAVE
	cmpl $0, VCPU(XV_QUEUED)
	jne 3f
	MACHINE_ADDRESS 3f
	pushq %rsi
	pushq %rax			/* struct xen_mmu_update */
	movq %rsp, %rdi
	movl $1, %esi
	xorl %edx, %edx
	movl $XEN_DOMID_SELF, %r10d
	movl %esi, %eax			/* XEN_MMU_UPDATE */
	syscall
	addq $16, %rsp
	testl %eax, %eax
	jnz 4f
2:	RESTORE
	popq %rax
	ret
3:	xorl %eax, %eax
4:	movq SAVED_RDI, %rdi
	movq SAVED_RSI, %rsi
	pushq %r8
	pushq %r9
	movslq %eax, %rdx
	call pte_set_other
	popq %r9
	popq %r8
	jmp 2b

5:	pushq %rax
	pushq %rdx
	pushq %rcx
	pushq %rsi
	MACHINE_ADDRESS 6f
	movq %rsi, %rdx
	movl VCPU(XV_QUEUED), %esi
	cmpl $XEN_UPDATES_COUNT, %esi
	je 6f
	movl %esi, %ecx
	shll $4, %ecx
	movq %rax, vmi_window + XEN_UPDATES(%rcx)
	movq %rdx, vmi_window + XEN_UPDATES + 8(%rcx)
	movl %esi, %eax
	incl %esi
	cmpxchgl %esi, VCPU(XV_QUEUED)	/* unless an event came in between, which empties the queue */
	popq %rsi
	popq %rcx
	popq %rdx
	popq %rax
	jne direct_pte_update_deferred
	ret
6:	popq %rsi			/* full, or not simple: at once, after what waits */
	popq %rcx
	popq %rdx
	popq %rax
	jmp direct_pte_set

/* Goes through the array at RDI, ESI updates, sixteen at a time. RDX and R8 lost. */
.macro EACH what:vararg
	movq %rdi, %rdx
	movl %esi, %r8d
	subl $16, %r8d
	js 82f
81:	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	\what \n * VMI_SIZE_PTE_UPDATE(%rdx)
	.endr
	addq $16 * VMI_SIZE_PTE_UPDATE, %rdx
	subl $16, %r8d
	jns 81b
82:	addl $16, %r8d
	jz 84f
83:	\what 0(%rdx)
	addq $VMI_SIZE_PTE_UPDATE, %rdx
	decl %r8d
	jnz 83b
84:
.endm

/* One update: its entry becomes a machine address, by R9; RAX and RCX collect what entries have in common. */
.macro TURN where
	orq \where, %rax
	andq \where, %rcx
	addq %r9, \where
.endm
.macro TURN_BACK where
	subq %r9, \where
.endm

	.globl direct_pte_set_batch
/*
 * RDI: updates, ESI: count; C convention. Entries of one table become machine addresses by an addition each, where they
 * are, and what they were again afterwards. What is not that simple is done as the ROM does it.
 */
direct_pte_set_batch:
	movl %esi, %eax
	testl %esi, %esi
	jz 3f
	cmpl $0, VCPU(XV_QUEUED)
	jne pte_set_batch_other
	movq %rdi, %r10
	movq (%rdi), %rdi
	MACHINE_ADDRESS 6f
	movq %rax, %r9
	subq %rdi, %r9			/* from its address to its machine address */
	movq %rdi, %rax			/* both: the first entry */
	movq %rdi, %rcx
	movq %r10, %rdi
	EACH TURN
	xorq %rcx, %rax
	cmpq $4095, %rax		/* all in one table? */
	ja 4f
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
	EACH TURN_BACK
	movl %r10d, %eax
	testl %ecx, %ecx
	jnz 5f
3:	ret
4:	EACH TURN_BACK
	jmp pte_set_batch_other
5:	movl %eax, %esi
	movq %rcx, %rdx
	jmp pte_set_batch_refused	/* RDI: updates, RSI: how many were done, RDX: Xen's error */
6:	movq %r10, %rdi
	jmp pte_set_batch_other
