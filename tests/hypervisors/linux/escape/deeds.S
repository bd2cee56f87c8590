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
#define SYS_RT_SIGRETURN 15
#define SIG_SYS 31
#define AUDIT_ARCH_X86_64 0xc000003e
#define INFO_ARCH 28

/* In its own area: what it makes up. */
#define MY_INFO 0x2000
#define MY_CONTEXT 0x3000
#define MY_FPSTATE 0x4000

/* Floating-point part of a signal frame, after what FXSAVE64 stores (asm/sigcontext.h). */
#define FP_EXTENDED_SIZE 468
#define FP_XSTATE_SIZE 480
#define FP_XSTATE_BV 512

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

/* Enters the stub's handler as a system call's signal would, with a context said to be at RDI. */
DEED context
	movq %rdi, %rdx
	movabsq $LNX_SELF + MY_FPSTATE, %rbp
	jmp signal

/* The same with a context that is there, whose floating-point registers are said to be at RDI. */
DEED fpstate
	movq %rdi, %rbp
	movabsq $LNX_SELF + MY_CONTEXT, %rdx
signal:	movabsq $LNX_SELF, %rbx
	leaq MY_FPSTATE(%rbx), %rdi	/* what no processor takes */
	movl $LNX_FX_SIZE / 8, %ecx
	movq $-1, %rax
	rep stosq
	movq %rbp, MY_CONTEXT + LNX_UC_FPSTATE(%rbx)
	movw $LNX_USER_CS, MY_CONTEXT + LNX_UC_CS(%rbx)
	movw $LNX_USER_SS, MY_CONTEXT + LNX_UC_SS(%rbx)
	movabsq $LNX_SELF + MY_INFO, %rsi
	movl $AUDIT_ARCH_X86_64, INFO_ARCH(%rsi)
	movabsq $LNX_STUB, %rcx
1:	incq %rcx
	cmpl $0x1f0843c7, (%rcx)	/* its first store, movl $SIG_SYS, AREA_SIGNAL(%rbx) */
	jne 1b
	subq $10, %rcx
	jmp *%rcx

/* Goes on behind the macro by the stub's rt_sigreturn, with the last frame, one thing in which is not as Linux wrote it. */
	.macro SIGRETURN name, change:vararg
DEED \name
	movabsq $LNX_SELF, %rbx
	movq LNX_AREA_CONTEXT(%rbx), %rsp
	movq LNX_UC_FPSTATE(%rsp), %rdx
	leaq 1f(%rip), %rax
	movq %rax, LNX_UC_RIP(%rsp)
	\change
	movabsq $LNX_STUB, %rdi
	call find
	movl $SYS_RT_SIGRETURN, %eax
	jmp *%rcx
1:	ud2
	.endm

	SIGRETURN return
	SIGRETURN return_mxcsr, movl $-1, LNX_FX_MXCSR(%rdx)
	SIGRETURN return_bits, movq $-1, FP_XSTATE_BV(%rdx)
	SIGRETURN return_header, movq $-1, FP_XSTATE_BV + 8(%rdx)
	SIGRETURN return_size, movl $0x7ffffff0, FP_EXTENDED_SIZE(%rdx)
	SIGRETURN return_end, movl $0, FP_XSTATE_SIZE(%rdx)
	SIGRETURN return_misaligned, addq $8, LNX_UC_FPSTATE(%rsp)
	SIGRETURN return_none, movq $0, LNX_UC_FPSTATE(%rsp)
	SIGRETURN return_nowhere, movq $UNMAPPED, LNX_UC_FPSTATE(%rsp)

/* With the leaf in RDI; ends with the answer's ECX as the number of a system call. */
DEED cpuid
	movl %edi, %eax
	xorl %ecx, %ecx
	cpuid
	movl %ecx, %eax
	syscall
	ud2

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
