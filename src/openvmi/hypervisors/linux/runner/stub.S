/* SPDX-License-Identifier: MIT */
/*
 * The one page of text that a stub has beside the guest's: position-independent, at LNX_STUB. Its SYSCALL instructions
 * are the only ones that its filter lets through, so guest code may jump to any of them: nothing after one relies on a
 * register, and the host calls of a command list pass the filter only with the secret in their arguments.
 *
 * The list is read only by code that the monitor knows to wait at stub_waiting, with all signals blocked, so that no
 * signal frame keeps a register with the secret.
 */
#include "area.h"

#define SYS_MUNMAP 11
#define SYS_RT_SIGPROCMASK 14
#define SYS_RT_SIGRETURN 15
#define SYS_SCHED_YIELD 24
#define SYS_PRCTL 157
#define SYS_FUTEX 202
#define FUTEX_WAKE 1
#define FUTEX_WAIT_BITSET 9
#define SIG_SYS 31
#define PR_SET_SYSCALL_USER_DISPATCH 59 /* linux/prctl.h; since Linux 5.11 */
#define AUDIT_ARCH_X86_64 0xc000003e

	.section .stub, "ax", @progbits
	.globl stub_start, stub_end, stub_begin, stub_handler, stub_restorer, stub_waiting
	.balign 4096
stub_start:

/*
 * First code of a new stub, its filter in force: unmaps the monitor's copy and all else that is not the stub's own.
 * R8: secret. R12: from where on, below LNX_STUB. R13: not 0 in a U, whose SYSCALL is then a signal before any filter is asked.
 */
stub_begin:
	xorl %edi, %edi
	movabsq $LNX_USERS, %rsi
	movl $SYS_MUNMAP, %eax
	syscall
	movq %r12, %rdi
	movabsq $LNX_STUB, %rsi
	subq %rdi, %rsi
	movl $SYS_MUNMAP, %eax
	syscall
	movabsq $LNX_STUB + 0x1000, %rdi
	movabsq $LNX_SELF, %rsi
	subq %rdi, %rsi
	movl $SYS_MUNMAP, %eax
	syscall
	movabsq $LNX_BELL + 0x1000, %rdi
	movabsq $LNX_TOP, %rsi
	subq %rdi, %rsi
	movl $SYS_MUNMAP, %eax
	syscall
	testl %r13d, %r13d
	jz 1f
	movl $PR_SET_SYSCALL_USER_DISPATCH, %edi
	movl $1, %esi			/* PR_SYS_DISPATCH_ON, but for this page; without a switch in memory */
	movabsq $LNX_STUB, %rdx
	movl $0x1000, %r10d
	xorl %r8d, %r8d
	movl $SYS_PRCTL, %eax
	syscall				/* where Linux has none of it the filter does the same */
	xorl %edi, %edi
	xorl %esi, %esi
1:	xorl %r13d, %r13d
	xorl %r8d, %r8d
	xorl %r10d, %r10d
	xorl %edx, %edx
	xorl %esp, %esp
	int3			/* into the handler: the monitor fills in the context */
	ud2

/* EDI: signal, RSI: siginfo, RDX: ucontext, RSP: at the return address, on the alternate stack. All signals blocked. */
	.balign 16
stub_handler:
	movabsq $LNX_SELF, %rbx
	movl %edi, AREA_SIGNAL(%rbx)
	movq %rsi, AREA_SIGINFO(%rbx)
	movq %rdx, AREA_CONTEXT(%rbx)
	rdfsbase %rax
	movq %rax, AREA_FS_BASE(%rbx)
	rdgsbase %rax
	movq %rax, AREA_GS_BASE(%rbx)
	movl $REASON_SIGNAL, AREA_REASON(%rbx)
	cmpl $SIG_SYS, %edi
	jne monitor
	testl $AREA_KERNEL, AREA_FLAGS(%rbx)
	jnz monitor
	cmpl $AUDIT_ARCH_X86_64, 28(%rsi)
	jne monitor
	movl $REASON_SYSCALL, AREA_REASON(%rbx)
	movl $TURN_KERNEL, %eax
	xchgl %eax, AREA_TURN(%rbx)	/* before the look at who sleeps */
	testl $SLEEPS_KERNEL, AREA_SLEEPERS(%rbx)
	jz 1f
	movq %rbx, %rdi
	movl $FUTEX_WAKE, %esi
	movl $1, %edx
	xorl %r10d, %r10d
	movl $SYS_FUTEX, %eax
	syscall
1:	movabsq $LNX_SELF, %rbx
	subl $1, AREA_IMPATIENCE(%rbx)
	jnc wait
	movl $0, AREA_IMPATIENCE(%rbx)
	movl $SYS_SCHED_YIELD, %eax
	syscall
	jmp wait

monitor:
	movl $TURN_MONITOR, AREA_TURN(%rbx)
	movabsq $LNX_BELL, %rdi
	lock incl (%rdi)
	movl $FUTEX_WAKE, %esi
	movl $1, %edx
	xorl %r10d, %r10d
	movl $SYS_FUTEX, %eax
	syscall

wait:
	movabsq $LNX_SELF, %rbx
	movl AREA_TURN(%rbx), %edx
	cmpl $TURN_OWNER, %edx
	je go
	lock orl $SLEEPS_OWNER, AREA_SLEEPERS(%rbx)
	movl AREA_TURN(%rbx), %edx
	cmpl $TURN_OWNER, %edx
	je go
	movq %rbx, %rdi
	movl $FUTEX_WAIT_BITSET, %esi
	xorl %r10d, %r10d
	movl $WAKE_OWNER, %r9d
	movl $SYS_FUTEX, %eax
	syscall
stub_waiting:
	jmp wait

go:
	testl $SLEEPS_OWNER, AREA_SLEEPERS(%rbx)
	jz 1f
	lock andl $~SLEEPS_OWNER, AREA_SLEEPERS(%rbx)
1:	cmpl $0, AREA_COMMAND_COUNT(%rbx)
	jne commands
resume:
	movq AREA_FS_BASE(%rbx), %rax
	wrfsbase %rax
	movq AREA_GS_BASE(%rbx), %rax
	wrgsbase %rax
	addq $8, %rsp
stub_restorer:			/* no handler returns here: it falls in */
	movl $SYS_RT_SIGRETURN, %eax
	syscall
	ud2

commands:
	xorl %edi, %edi		/* SIG_BLOCK */
	leaq all_signals(%rip), %rsi
	xorl %edx, %edx
	movl $8, %r10d
	movl $SYS_RT_SIGPROCMASK, %eax
	syscall
	movabsq $LNX_SELF, %rbx
	movl AREA_COMMAND_COUNT(%rbx), %ebp
	cmpl $COMMANDS, %ebp
	ja 3f
	leaq AREA_COMMANDS(%rbx), %r12
1:	movq (%r12), %rax
	movq 8(%r12), %rdi
	movq 16(%r12), %rsi
	movq 24(%r12), %rdx
	movq 32(%r12), %r10
	movq 40(%r12), %r8
	movq 48(%r12), %r9
	syscall
	cmpq $-4095, %rax
	jae 2f
	addq $56, %r12
	decl %ebp
	jnz 1b
	xorl %eax, %eax
2:	movq %rax, %rdx
	xorl %r8d, %r8d
	xorl %r9d, %r9d
	xorl %r10d, %r10d
	leaq AREA_COMMANDS(%rbx), %rdi
	movl $COMMANDS * 7, %ecx
	xorl %eax, %eax
	rep stosq
	movl $0, AREA_COMMAND_COUNT(%rbx)
	movq %rdx, AREA_RESULT(%rbx)
	testq %rdx, %rdx
	jnz 3f
	cmpl $0, AREA_COMMAND_ANSWER(%rbx)
	jne 3f
	movq $0, AREA_PROOF(%rbx)
	jmp resume
3:	movl $REASON_COMMAND, AREA_REASON(%rbx)
	jmp monitor

	.balign 8
all_signals:
	.quad -1
stub_end:
	.balign 4096

	.section .note.GNU-stack, "", @progbits
