/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Page tables are the processor's own, so allocation, updates and the linear map need nothing, and no update is ever
 * put off: lazy mode needs nothing either. Ring 0, flat segments, regparm(3).
 */
#include <vmi/classic-rom.h>

#define CR4_PGE_BIT 7
#define PTE_PRESENT 1

	.section .text.first, "ax", @progbits

	ROM3_CALL VMI3_CALL_SetPxE, set_pxe
	ROM3_CALL VMI3_CALL_SetPxELong, set_pxe_long
	ROM3_CALL VMI3_CALL_UpdatePxE, nothing
	ROM3_CALL VMI3_CALL_UpdatePxELong, nothing
	ROM3_CALL VMI3_CALL_AllocatePage, nothing
	ROM3_CALL VMI3_CALL_ReleasePage, nothing
	ROM3_CALL VMI3_CALL_InvalPage, invalidate_page
	ROM3_CALL VMI3_CALL_FlushTLB, flush_tlb
	ROM3_CALL VMI3_CALL_SetLinearMapping, nothing
	ROM3_CALL VMI3_CALL_SetLazyMode, nothing

/* EAX: entry, EDX: where, linear. */
set_pxe:
	movl	%eax, (%edx)
nothing:
	ret

/*
 * EDX:EAX: entry, ECX: where, linear; 4(%esp): flags. Other processors and this one's own table walk never see half
 * an entry as present: an absent one gets its high word first, a present one is exchanged as a whole. It is not
 * cleared in between: it may be what maps this code. A processor with PAE has CMPXCHG8B.
 */
set_pxe_long:
	testb	$PTE_PRESENT, (%ecx)
	jnz	1f
	movl	%edx, 4(%ecx)
	movl	%eax, (%ecx)
	ret
1:	pushl	%ebx
	pushl	%esi
	movl	%ecx, %esi
	movl	%eax, %ebx
	movl	%edx, %ecx
	movl	(%esi), %eax
	movl	4(%esi), %edx
2:	lock cmpxchg8b (%esi)
	jnz	2b
	popl	%esi
	popl	%ebx
	ret

/* EAX: any address in the page, of 4 KiB or large. */
invalidate_page:
	invlpg	(%eax)
	ret

/* EAX: VMI3_FLUSH_; what is global goes when CR4.PGE changes. EAX alone is used. */
flush_tlb:
	testb	$VMI3_FLUSH_GLOBAL, %al
	jz	1f
	pushfl					/* CR4 is this processor's: nobody may come between */
	cli
	movl	%cr4, %eax
	btrl	$CR4_PGE_BIT, %eax
	jnc	2f
	movl	%eax, %cr4
	btsl	$CR4_PGE_BIT, %eax
	movl	%eax, %cr4
	popfl
	ret
2:	popfl
1:	movl	%cr3, %eax
	movl	%eax, %cr3
	ret
