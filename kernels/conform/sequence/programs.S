/* SPDX-License-Identifier: MIT */
/*
 * What runs in user mode: copied to a page, so position independent; 16 bytes each, by number. RDI: address, RSI: value, RAX
 * 0. A system call with RAX = 0x5c comes back; any other is the end.
 */
	.section .rodata
	.balign 16
	.globl programs_start, programs_end
.macro PROGRAM code:vararg
	.balign 16
	\code
.endm
programs_start:
	PROGRAM movq (%rdi), %rax; syscall; ud2		/* 0 load */
	PROGRAM movq %rsi, (%rdi); syscall; ud2		/* 1 store */
	PROGRAM call *%rdi; syscall; ud2		/* 2 execute */
	PROGRAM syscall; syscall; ud2			/* 3 system call, perhaps another */
	PROGRAM int3; ud2				/* 4 */
	PROGRAM ud2					/* 5 */
	PROGRAM int $48; syscall; ud2			/* 6 */
	PROGRAM int $49; syscall; ud2			/* 7 */
	PROGRAM int $50; syscall; ud2			/* 8 */
	PROGRAM int $51; syscall; ud2			/* 9 */
	PROGRAM hlt					/* 10 */
	PROGRAM cli					/* 11 */
	PROGRAM sti					/* 12 */
	PROGRAM pushq $0; popfq; int3			/* 13 POPF leaves the interrupt flag alone */
	PROGRAM movq %fs:(%rdi), %rax; syscall; ud2	/* 14 */
	PROGRAM movq %gs:(%rdi), %rax; syscall; ud2	/* 15 */
	PROGRAM 1: jmp 1b; syscall; ud2			/* 16 until an event comes */
	PROGRAM inb $0x80, %al				/* 17 */
	PROGRAM movq %cr3, %rbx				/* 18 */
	PROGRAM swapgs					/* 19 */
	PROGRAM xorl %edx, %edx; divl %edx		/* 20 */
	PROGRAM int $0x0d; syscall; ud2			/* 21 */
	/* 22 by a segment: RDI is its selector; the same in 32-bit code */
	PROGRAM .byte 0x8e, 0xc7; .byte 0x26, 0x8b, 0x06; int3
	PROGRAM 1: jmp 1b; int3				/* 23 until an event comes, in 32-bit code too */
	PROGRAM movq %xmm0, %rax; syscall; ud2		/* 24 floating-point registers */
	PROGRAM movq %rdi, %xmm0; syscall; ud2		/* 25 */
	PROGRAM movq %xmm15, %rax; syscall; ud2		/* 26 */
	PROGRAM movq %rdi, %xmm15; syscall; ud2		/* 27 */
	PROGRAM movq %mm0, %rax; syscall; ud2		/* 28 */
	PROGRAM movq %rdi, %mm0; syscall; ud2		/* 29 */
	PROGRAM nop; nop; movq %xmm0, %rax; syscall; ud2	/* 30 not its first instruction */
	.balign 16
programs_end:
