/* SPDX-License-Identifier: MIT */
/* What runs in user mode: copied to a user page, so position independent. Each ends in the system call CALL_EXIT. */
#define CALL_EXIT 0x1e

	.section .rodata
	.balign 16
	.globl program_start, program_end
.macro PROGRAM name
	.globl program_\name
program_\name:
.endm
program_start:

/* RDI: result. */
	PROGRAM exit
	movl $CALL_EXIT, %eax
	syscall
	ud2
/* RDI: address. */
	PROGRAM read
	movq (%rdi), %rdi
	jmp program_exit
	PROGRAM write
	movq $0x1234, (%rdi)
	jmp program_exit
	PROGRAM jump
	jmp *%rdi
/* Any registers. */
	PROGRAM call
	syscall
	PROGRAM call_end
	int3
/* Any registers, which it inverts. */
.macro INVERT
	.irp register, rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15
	notq %\register
	.endr
.endm
	PROGRAM invert_call
	INVERT
	jmp program_call
	PROGRAM invert_trap
	INVERT
	ud2
/* RDI: how many. */
	PROGRAM many
	xorl %eax, %eax
	syscall
	decq %rdi
	jnz program_many
	jmp program_exit
/* Any registers. */
	PROGRAM breakpoints
	int3
	int3
	ud2
/* RDI: address of a counter, and of the word behind it that ends the loop. */
	PROGRAM spin
	incq (%rdi)
	cmpq $0, 8(%rdi)
	je program_spin
	xorl %edi, %edi
	jmp program_exit
/* RDI: address of four words: what FS:0 and GS:0 have, twice. */
	PROGRAM bases
	movq %fs:0, %rax
	movq %rax, (%rdi)
	movq %gs:0, %rax
	movq %rax, 8(%rdi)
	xorl %eax, %eax
	syscall
	movq %fs:0, %rax
	movq %rax, 16(%rdi)
	movq %gs:0, %rax
	movq %rax, 24(%rdi)
	xorl %edi, %edi
	jmp program_exit

/* RDI: result. */
	PROGRAM fpu
	fninit
	movaps %xmm0, %xmm1
	jmp program_exit
	PROGRAM fpu_late
	nop
	incl %esi
	PROGRAM fpu_late_at
	movaps %xmm0, %xmm1
	jmp program_exit
/* RDI: address of 1,024 bytes: what FXRSTOR64 loads, where FXSAVE64 stores. Or the latter only. */
	PROGRAM fpu_save
	fxsave64 (%rdi)
	xorl %edi, %edi
	jmp program_exit
	PROGRAM fpu_call
	fxrstor64 (%rdi)
	xorl %eax, %eax
	syscall
	PROGRAM fpu_call_at
	fxsave64 512(%rdi)
	xorl %edi, %edi
	jmp program_exit
	PROGRAM fpu_trap
	fxrstor64 (%rdi)
	ud2
	fxsave64 512(%rdi)
	xorl %edi, %edi
	jmp program_exit
	PROGRAM fpu_thread
	fxrstor64 (%rdi)
1:	xorl %eax, %eax
	syscall
	fxsave64 512(%rdi)
	jmp 1b
	PROGRAM fpu_spin
	fxrstor64 (%rdi)
1:	fxsave64 512(%rdi)
	jmp 1b
/* 32-bit. EDI: selector. What is first in that segment, in EAX; 0 for no selector. */
	.code32
	PROGRAM compatible
	xorl %eax, %eax
	testl %edi, %edi
	jz 1f
	movw %di, %fs
	movl %fs:0, %eax
1:	int3
	.code64

/* One instruction each. */
	PROGRAM ud2
	ud2
	PROGRAM cli
	cli
	PROGRAM sti
	sti
	PROGRAM hlt
	hlt
	PROGRAM in
	inb $0x21, %al
	PROGRAM out
	outb %al, $0x21
	PROGRAM cr3
	movq %cr3, %rax
	PROGRAM rdmsr
	rdmsr
	PROGRAM clts
	clts
	PROGRAM divide
	divl %edi
	PROGRAM int3
	int3
	ud2
	PROGRAM int
	int $40
	PROGRAM spare
	int $0x80
	ud2
	PROGRAM popf
	pushq $2
	popfq
	ud2
	ud2
/* A frame of zeros, and so a null CS. */
	PROGRAM iretq
	pushq $0
	pushq $0
	pushq $0
	pushq $0
	pushq $0
	iretq
program_end:
