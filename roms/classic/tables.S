/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Descriptor tables and their entries. Ring 0, flat segments, regparm(3); EBX, ESI, EDI, EBP are kept.
 */
#include <vmi/classic-rom.h>

#define TSS_ESP0 4
#define TSS_SS0 8
#define BUSY_TSS 0x8b			/* present, DPL 0, 32 bits */

	.section .text.first, "ax", @progbits

	ROM3_CALL VMI3_CALL_SetGDT, set_gdt
	ROM3_CALL VMI3_CALL_SetLDT, set_ldt
	ROM3_CALL VMI3_CALL_SetIDT, set_idt
	ROM3_CALL VMI3_CALL_SetTR, set_tr
	ROM3_CALL VMI3_CALL_GetGDT, get_gdt
	ROM3_CALL VMI3_CALL_GetLDT, get_ldt
	ROM3_CALL VMI3_CALL_GetIDT, get_idt
	ROM3_CALL VMI3_CALL_GetTR, get_tr
	ROM3_CALL VMI3_CALL_WriteGDTEntry, write_entry
	ROM3_CALL VMI3_CALL_WriteLDTEntry, write_entry
	ROM3_CALL VMI3_CALL_WriteIDTEntry, write_entry
	ROM3_CALL VMI3_CALL_UpdateKernelStack, update_kernel_stack

/*
 * EAX: six bytes, u16 limit and u32 base. Segment registers keep their hidden part, as with the native instruction.
 */
set_gdt:
	lgdtl	(%eax)
	ret

set_idt:
	lidtl	(%eax)
	ret

get_gdt:
	sgdtl	(%eax)
	ret

get_idt:
	sidtl	(%eax)
	ret

/* EAX: selector. */
set_ldt:
	lldt	%ax
	ret

set_tr:
	ltr	%ax
	ret

/* EAX: selector; the upper half is zero on every processor. */
get_ldt:
	xorl	%eax, %eax
	sldt	%ax
	ret

get_tr:
	xorl	%eax, %eax
	str	%ax
	ret

/*
 * EAX: table, EDX: index, ECX: low word, 4(%esp): high word, popped by the caller. Two stores and no more, for all three:
 * some kernels call one for the other's table.
 */
write_entry:
	leal	(%eax, %edx, 8), %eax
	movl	4(%esp), %edx
	movl	%ecx, (%eax)
	movl	%edx, 4(%eax)
	ret

/*
 * EAX: stack selector, EDX: new ESP0. Both go into the TSS that TR names; without one, nothing. The base of a
 * descriptor is in its bytes 2, 3, 4 and 7.
 */
update_kernel_stack:
	xorl	%ecx, %ecx
	str	%cx
	andl	$~7, %ecx
	jz	1f
	pushl	%ebx
	subl	$8, %esp
	sgdtl	(%esp)
	addl	2(%esp), %ecx
	addl	$8, %esp
	movl	2(%ecx), %ebx
	movl	4(%ecx), %ecx
	cmpb	$BUSY_TSS, %ch
	jne	2f
	andl	$0x00ffffff, %ebx
	andl	$0xff000000, %ecx
	movl	%edx, TSS_ESP0(%ebx, %ecx)
	movw	%ax, TSS_SS0(%ebx, %ecx)
2:	popl	%ebx
1:	ret
