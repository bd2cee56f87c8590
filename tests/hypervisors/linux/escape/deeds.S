/* SPDX-License-Identifier: MIT */
/*
 * The deeds: the same code for kernel and user mode, position independent. RDI: the command line's escape.at=. Each ends
 * with UD2: invalid opcode tells that everything before was done without notice.
 */
#include "area.h"
#include "private.h"

#define PAGE 0x1000
#define UNMAPPED 0x50000000	/* nothing is there; escape.c looks again afterwards */
#define LENT 0x700000		/* of user mode, until a system call takes it away */
#define SYS_FUTEX 202
#define FUTEX_WAKE 1
#define FUTEX_WAIT_BITSET 9
#define MAP_SHARED_FIXED 0x11

	.macro DEED name
	.balign 16
	.globl deed_\name
deed_\name:
	.endm

	.text
	.balign 4096
	.globl deeds_start, deeds_end
deeds_start:

DEED read
	movq (%rdi), %rax
	ud2

DEED write
	movb $1, (%rdi)
	ud2

/* RDI: number. Arguments as write(1, text, size) takes them. */
DEED syscall
	call host_write
	syscall
	ud2

DEED int80
	movl %edi, %eax
	int $0x80
	ud2

DEED sysenter
	movl %edi, %eax
	movq %rsp, %rbp
	sysenter
	ud2

/* Far jump to 32-bit code, and a system call as that has it. */
DEED far
	movl %edi, %ebx
	pushq $LNX_USER_CS_32
	leaq 1f(%rip), %rax
	pushq %rax
	lretq
	.code32
1:	movl %ebx, %eax
	int $0x80
	ud2
	.code64

/* The next: by the first SYSCALL instruction of the page at RDI. */
DEED gadget_write
	call find
	movl $1, %edi
	call host_write
	jmp *%rcx

DEED gadget_mmap
	xorl %ebx, %ebx
	jmp 1f
DEED gadget_mmap_secret
	movabsq $0x1234567800000000, %rbx
1:	call find
	movl $9, %eax
	movl $UNMAPPED, %edi
	movl $PAGE, %esi
	movl $1, %edx
	leaq MAP_SHARED_FIXED(%rbx), %r10
	leaq 3(%rbx), %r8
	xorl %r9d, %r9d
	jmp *%rcx

DEED gadget_munmap
	xorl %r8d, %r8d
	jmp 1f
DEED gadget_munmap_secret
	movabsq $0x1234567812345678, %r8
1:	call find
	movl $11, %eax
	xorl %edi, %edi
	movabsq $LNX_USERS, %rsi
	jmp *%rcx

/* The whole of its own area, with the byte in RDI. */
DEED scribble
	movl %edi, %eax
	movabsq $LNX_SELF, %rdi
	movl $LNX_AREA_SIZE, %ecx
	rep stosb
	ud2

/* Says that the turn in RDI is another's, wakes everybody, and runs on. */
DEED turn
	movl %edi, %ebp
	movabsq $LNX_STUB, %rdi
	call find
	movabsq $LNX_SELF, %rbx
	movl %ebp, LNX_AREA_TURN(%rbx)
	movabsq $LNX_BELL, %rdi
	lock incl (%rdi)
	testl %ebp, %ebp
	cmovneq %rbx, %rdi
	movl $FUTEX_WAKE, %esi
	movl $64, %edx
	xorl %r10d, %r10d
	movl $SYS_FUTEX, %eax
	jmp *%rcx

DEED vsyscall
	movq %rdi, %rax
	xorl %edi, %edi
	xorl %esi, %esi
	call *%rax
	ud2

DEED spin
	jmp deed_spin

host_write:
	movl %edi, %eax
	movl $1, %edi
	leaq text(%rip), %rsi
	movl $text_end - text, %edx
	ret

find:	movq %rdi, %rcx
1:	cmpw $0x050f, (%rcx)
	je 2f
	incq %rcx
	jmp 1b
2:	ret

text:	.ascii "broken out\n"
text_end:

#include "forge.inc"
deeds_end:

/* RDI: code, RSI: what it gets in RDI. Comes back by a trap, whose handler goes on at attempt_over. */
	.globl attempt, attempt_over
attempt:
	pushq %rbp
	pushq %rbx
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	movq %rsp, before(%rip)
	movq %rdi, %rax
	movq %rsi, %rdi
	jmp *%rax
attempt_over:
	movq before(%rip), %rsp
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbx
	popq %rbp
	ret

	.bss
	.balign 8
before:	.skip 8
