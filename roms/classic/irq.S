/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The interrupt flag and the returns: what no client can do without. The sites of these calls save no register, and the
 * segment registers DS and ES may be user mode's: nothing but flags (and EAX as a result) may change, and memory is
 * reached through SS only.
 */
#include <vmi/classic-rom.h>

#define FRAME_EIP 0
#define FRAME_CS 4
#define FRAME_EFLAGS 8
#define FRAME_SS 16
#define RPL 3
#define EFLAGS_VM_BYTE 2		/* in the third byte */

#define LINUX_USER_CS 0x73		/* 2.6.21 to 2.6.36; flat, always there */
#define LINUX_USER_DS 0x7b
#define NOT_EXECUTABLE 0xfffff000	/* the hole above the fixmap */

/* The second byte that LAR gives: P, DPL, S, code; of data, writable. */
#define RIGHTS_CODE 0xf8
#define RIGHTS_DATA_MASK 0xfa
#define RIGHTS_DATA 0xf2

	.section .text.first, "ax", @progbits

	ROM3_CALL VMI3_CALL_DisableInterrupts, disable_interrupts
	ROM3_CALL VMI3_CALL_GetInterruptMask, get_interrupt_mask
	ROM3_JUMP VMI3_CALL_IRET, return_from_interrupt
	ROM3_JUMP VMI3_CALL_SYSEXIT, return_from_system_call

/* Ring 0. Every register is kept. */
disable_interrupts:
	cli
	ret

/* Ring 0. EAX: EFLAGS, of which bit 9 counts. */
get_interrupt_mask:
	pushfl
	popl	%eax
	ret

/*
 * Ring 0, the frame at (%esp), every register the target context's. A kernel's fix-up for a frame that the processor refuses
 * is known by the address of its own instruction, not of this one. So selectors that are not Linux's own are looked at
 * before: for those that would fault here, user mode gets its own and an address that it may not execute, and faults there.
 */
return_from_interrupt:
	testb	$RPL, FRAME_CS(%esp)
	jz	1f
	cmpw	$LINUX_USER_CS, FRAME_CS(%esp)
	jne	2f
	cmpw	$LINUX_USER_DS, FRAME_SS(%esp)
	jne	2f
1:	iretl
2:	testb	$EFLAGS_VM_BYTE, FRAME_EFLAGS + 2(%esp)
	jnz	1b
	pushl	%eax
	larw	4 + FRAME_CS(%esp), %ax
	jnz	3f
	andb	$RIGHTS_CODE, %ah
	cmpb	$RIGHTS_CODE, %ah		/* present, DPL 3, code */
	jne	3f
	lsll	4 + FRAME_CS(%esp), %eax
	cmpl	4 + FRAME_EIP(%esp), %eax
	jb	3f
	larw	4 + FRAME_SS(%esp), %ax
	jnz	3f
	andb	$RIGHTS_DATA_MASK, %ah
	cmpb	$RIGHTS_DATA, %ah		/* present, DPL 3, data, writable */
	jne	3f
	movb	4 + FRAME_CS(%esp), %al
	andb	4 + FRAME_SS(%esp), %al
	notb	%al
	testb	$RPL, %al			/* both 3 */
	popl	%eax
	jz	1b
	pushl	%eax
3:	popl	%eax
	movl	$NOT_EXECUTABLE, FRAME_EIP(%esp)
	movl	$LINUX_USER_CS, FRAME_CS(%esp)
	movl	$LINUX_USER_DS, FRAME_SS(%esp)
	iretl

/* Ring 0. EDX: user EIP, ECX: user ESP. No interrupt comes between the two: that is the shadow of STI. */
return_from_system_call:
	sti
	sysexitl
