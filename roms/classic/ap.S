/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Start of an application processor, straight into the client's protected, paged mode.
 *
 * SetInitialAPState copies the state to a slot in page 0. STARTUP (apic.S) enters real mode at one of the two stubs. The
 * processor finds its slot, goes to flat protected mode on the image's own GDT, still at physical addresses, and turns the
 * client's paging on. No page table is needed for the change: with stack, GDT, IDT and gate already named by their linear
 * addresses in the client's map, the next instruction either is there - kernels keep physical addresses mapped while they
 * start processors - or faults, and the page fault's gate leads to the same place. Only a client that maps something else
 * at the ROM's physical address, in the map that it gives here, could not start a processor.
 *
 * The image is only read. All that is written are the slot, and below the client's ESP five words.
 */
#include <vmi/classic-rom.h>

#include "private.h"

#define CODE 8 /* selectors in gdt */
#define DATA 16
#define LIMIT (15 * 8 - 1) /* of GDTR, IDTR: up to the gate of the page fault. What is behind the GDT is not used. */
#define PAGE_FAULT 14
#define GATE_INTERRUPT 0x8e00 /* 32-bit, present, DPL 0 */

#define CR0_PE 1
#define CR0_PG 0x80000000
#define CR4_PSE_PAE 0x30
#define MSR_EFER 0xc0000080

/* In a slot: the state's fields, and the scratch area, whose last 16 bytes are the stack of the page fault. */
#define FIELD(name) (SLOT_STATE + VMI3_AP_STATE_##name)
#define SLOT_TABLE (SLOT_SCRATCH) /* limit, base: of the image's GDT, then of the IDT with the gate */
#define SLOT_ENTRY (SLOT_SCRATCH + 6) /* far pointer to flat, physical */
#define SLOT_BASE (SLOT_SCRATCH + 12) /* PAGE_OFFSET */

	ROM3_CALL VMI3_CALL_SetInitialAPState, set_initial_ap_state

	.text

/*
 * EAX: state, at any address, or 0; EDX: APIC id. Without a state, with one that is not protected and paged, or with all
 * slots taken, the processor stays halted when it is started. A state is used once.
 */
set_initial_ap_state:
	cmpl $0xff, %edx
	ja 9f				/* no processor has it */
	pushl %ebx
	pushl %ebp
	pushl %esi
	pushl %edi
	call rom_base
	movl %eax, %esi
	incl %edx
	call 1f
1:	popl %ebp
	movl %edx, %ecx			/* the id's own slot, else a free one */
2:	leal STATE_SLOTS(%ebx), %edi
3:	movl %ecx, %eax
	lock cmpxchgl %ebp, (%edi)	/* an address is nobody's id: the slot is taken, and not ready */
	je 4f
	subl $-SLOT_SIZE, %edi
	testl $STATE_END, %edi
	jz 3b
	jecxz 8f
	xorl %ecx, %ecx
	jmp 2b

4:	testl %esi, %esi
	jz 6f
	pushl %edi
	addl $SLOT_STATE, %edi
	movl $VMI3_SIZE_AP_STATE / 4, %ecx
	rep movsl
	movw $LIMIT, %ax
	stosw
	leal gdt - 1b(%ebp), %eax
	subl %ebx, %eax
	stosl
	addl $flat - gdt, %eax
	stosl
	movw $CODE, %ax
	stosw
	movl %ebx, %eax
	stosl
	leal mapped - 1b(%ebp), %eax
	movzwl %ax, %ecx
	orl $CODE << 16, %ecx
	movl %ecx, STATE_GATE(%ebx)	/* always the same: who reads it meanwhile sees no difference */
	movw $GATE_INTERRUPT, %ax
	movl %eax, STATE_GATE + 4(%ebx)
	popl %edi
	movl FIELD(CR0)(%edi), %eax
	notl %eax
	testl $CR0_PG | CR0_PE, %eax
	jz 7f
6:	xorl %edx, %edx
7:	movl %edx, SLOT_OWNER(%edi)
8:	popl %edi
	popl %esi
	popl %ebp
	popl %ebx
9:	ret

/* The page of a STARTUP is the one of the two that is at a 4 KiB boundary; private.h. */
	.section .text.ap_even, "ax", @progbits
	.code16
	jmp real

	.section .text.ap_odd, "ax", @progbits
	.globl ap_odd
ap_odd:	jmp real

	.text
/* As INIT left it: registers 0, segments at 0 but for CS, interrupts off. */
real:	movl $1, %eax
	cpuid
	shrl $24, %ebx			/* APIC id */
	incw %bx
	movl $STATE_SLOTS, %esi
1:	cmpl %ebx, SLOT_OWNER(%si)
	je 3f
	subw $-SLOT_SIZE, %si
	testw $STATE_END, %si
	jz 1b
2:	hlt
	jmp 2b
3:	lgdtl SLOT_TABLE(%si)
	movl %cr0, %eax
	orb $CR0_PE, %al
	movl %eax, %cr0
	ljmpl *SLOT_ENTRY(%si)

	.balign 4
/* Accessed already: the processor need not write. */
gdt:	.quad 0
	.quad 0x00cf9b000000ffff
	.quad 0x00cf93000000ffff

	.code32
/* Physical addresses. ESI: slot. */
flat:	movl $DATA, %eax
	movl %eax, %ds
	movl %eax, %ss
	movl SLOT_BASE(%esi), %ebx
	addl %ebx, SLOT_TABLE + 2(%esi)
	lgdtl SLOT_TABLE(%esi)
	leal STATE_GATE - PAGE_FAULT * 8(%ebx), %eax
	movl %eax, SLOT_TABLE + 2(%esi)
	lidtl SLOT_TABLE(%esi)
	movl FIELD(CR4)(%esi), %eax
	andl $CR4_PSE_PAE, %eax		/* what the page tables need; PGE must not come before paging */
	movl %eax, %cr4
	movl FIELD(EFER)(%esi), %eax
	movl FIELD(EFER) + 4(%esi), %edx
	movl %eax, %ecx
	orl %edx, %ecx
	jz 1f				/* there may be no such register */
	movl $MSR_EFER, %ecx
	wrmsr
1:	movl FIELD(CR3)(%esi), %eax
	movl %eax, %cr3
	movl SLOT_ENTRY(%esi), %edi
	leal mapped - flat(%edi, %ebx), %edi
	movl FIELD(CR0)(%esi), %eax
	addl %ebx, %esi
	leal SLOT_SIZE(%esi), %esp
	movl %eax, %cr0
	jmp *%edi

/*
 * Linear addresses, by the jump or by the fault. From the change of SS on the stack is the client's; DS comes last, for the
 * slot is read through it. Who finds the slot free may take it at once.
 */
mapped:	movl FIELD(CR4)(%esi), %eax
	movl %eax, %cr4
	movl FIELD(CR2)(%esi), %eax
	movl %eax, %cr2
	lgdtl FIELD(GDTR_LIMIT)(%esi)
	movw FIELD(IDTR_LIMIT)(%esi), %ax	/* comes after the base: moved to where LIDT wants it */
	movw %ax, FIELD(IDTR_BASE) - 2(%esi)
	lidtl FIELD(IDTR_BASE) - 2(%esi)
	lldt FIELD(LDTR)(%esi)
	movw FIELD(ES)(%esi), %es
	movw FIELD(FS)(%esi), %fs
	movw FIELD(GS)(%esi), %gs
	movw FIELD(SS)(%esi), %ss
	movl FIELD(ESP)(%esi), %esp
	pushl FIELD(EFLAGS)(%esi)
	pushl FIELD(CS)(%esi)
	pushl FIELD(EIP)(%esi)
	pushl FIELD(DS)(%esi)
	pushl FIELD(ESI)(%esi)
	movl FIELD(EAX)(%esi), %eax
	movl FIELD(EBX)(%esi), %ebx
	movl FIELD(ECX)(%esi), %ecx
	movl FIELD(EDX)(%esi), %edx
	movl FIELD(EBP)(%esi), %ebp
	movl FIELD(EDI)(%esi), %edi
	movl $0, SLOT_OWNER(%esi)
	popl %esi
	popl %ds
	iret
