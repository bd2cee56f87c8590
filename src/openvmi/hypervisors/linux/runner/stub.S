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
#define SIG_USR1 10
#define SIG_SYS 31
#define INFO_ARCH 28
#define FLAG_TRACE 0x100
#define FLAG_RESUME 0x10000
#define FP_MAGIC 464 /* asm/sigcontext.h: what is there can be loaded by XRSTOR64, as Linux would */
#define FP_FEATURES 472 /* which of it */
#define FP_XSTATE_MAGIC1 0x46505853
#define PR_SET_SYSCALL_USER_DISPATCH 59 /* linux/prctl.h; since Linux 5.11 */
#define AUDIT_ARCH_X86_64 0xc000003e

	.section .stub, "ax", @progbits
	.globl stub_start, stub_end, stub_begin, stub_handler, stub_call, stub_interrupt, stub_restorer, stub_waiting
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

/*
 * A signal, all signals blocked: the monitor is told. EDI: signal, RSI: siginfo, RDX: ucontext, RSP: on the alternate stack.
 * From here on R13 says how user mode is returned to; 0: without a system call.
 */
#define BLOCKED 1	/* all signals are: only rt_sigreturn opens them */
#define INTERRUPTED 2	/* SIGUSR1 came meanwhile: before user mode goes on, it stops for that */
	.balign 16
stub_handler:
	movl $BLOCKED, %r13d
	movabsq $LNX_SELF, %rbx
	movl %edi, AREA_SIGNAL(%rbx)
	movq %rsi, AREA_SIGINFO(%rbx)
	movq %rdx, AREA_CONTEXT(%rbx)
	rdfsbase %rax
	movq %rax, AREA_FS_BASE(%rbx)
	rdgsbase %rax
	movq %rax, AREA_GS_BASE(%rbx)
stopped:
	movl $REASON_SIGNAL, AREA_REASON(%rbx)
monitor:
	movl $TURN_MONITOR, AREA_TURN(%rbx)
	movabsq $LNX_BELL, %rdi
	lock incl (%rdi)
	movl $FUTEX_WAKE, %esi
	movl $1, %edx
	xorl %r10d, %r10d
	movl $SYS_FUTEX, %eax
	syscall
	jmp wait

interrupted:
	movl $BLOCKED, %r13d
	movl $SIG_USR1, AREA_SIGNAL(%rbx)
	jmp stopped

/*
 * SIGUSR1 of a U, all signals blocked. Where it comes while user mode is stopped for a system call, it does not go back to
 * the interrupted place: others can write to the frame of that, and a list may be waiting, which guest code must not see.
 * The interrupted stop goes on from here by what stands in the area's first page, and returns by rt_sigreturn. What came
 * before the turn was given is done again; what has given it waits; what was about to return stops for this signal instead.
 */
stub_interrupt:
	movq CONTEXT_RIP(%rdx), %rax
	leaq stop_start(%rip), %rcx
	subq %rcx, %rax
	cmpq $stop_end - stop_start, %rax
	jae stub_handler
	movabsq $LNX_SELF, %rbx
	movl $BLOCKED | INTERRUPTED, %r13d
	cmpl $wait_start - stop_start, %eax
	jb 1f
	cmpl $resume - stop_start, %eax
	jb wait
	cmpl $last - stop_start, %eax
	jne interrupted
	movq AREA_RIP(%rbx), %rax	/* every register is user mode's but this */
	movq %rax, CONTEXT_RIP(%rdx)
	jmp stub_handler
1:	cmpl $given - stop_start, %eax
	jae given
	movq CONTEXT_RSP(%rdx), %rdx	/* still where Linux has put it: asm/sigframe.h, struct rt_sigframe */
	addq $8, %rdx
	leaq CONTEXT_SIZE(%rdx), %rsi
	jmp stop

stop_start:
/* Not SYSCALL, but INT 0x80: the monitor's, as after any other signal. */
other:
	xorl %edi, %edi			/* SIG_BLOCK */
	leaq all_signals(%rip), %rsi
	xorl %edx, %edx
	movl $8, %r10d
	movl $SYS_RT_SIGPROCMASK, %eax
	syscall
	movabsq $LNX_SELF, %rbx
	orl $BLOCKED, %r13d
	jmp stopped

/*
 * SIGSYS of a U, no signal blocked: user mode's system call, for K. Registers as for stub_handler.
 */
	.balign 16
stub_call:
	xorl %r13d, %r13d
stop:	movabsq $LNX_SELF, %rbx
	movl $SIG_SYS, AREA_SIGNAL(%rbx)
	movq %rsi, AREA_SIGINFO(%rbx)
	movq %rdx, AREA_CONTEXT(%rbx)
	rdfsbase %rax
	movq %rax, AREA_FS_BASE(%rbx)
	rdgsbase %rax
	movq %rax, AREA_GS_BASE(%rbx)
	cmpl $AUDIT_ARCH_X86_64, INFO_ARCH(%rsi)
	jne other
	movl $REASON_SYSCALL, AREA_REASON(%rbx)
	movl $TURN_KERNEL, %eax
	xchgl %eax, AREA_TURN(%rbx)	/* before the look at who sleeps */
given:	testl $SLEEPS_KERNEL, AREA_SLEEPERS(%rbx)
	jz wait_start
	movq %rbx, %rdi
	movl $FUTEX_WAKE, %esi
	movl $1, %edx
	xorl %r10d, %r10d
	movl $SYS_FUTEX, %eax
	syscall
wait_start:
	movabsq $LNX_SELF, %rbx
	cmpl $0, AREA_IMPATIENCE(%rbx)
	jne impatient
	movl $SYS_SCHED_YIELD, %eax
	syscall
	jmp wait

impatient:
	decl AREA_IMPATIENCE(%rbx)
	jmp wait

/* A list. It is not looked at before all signals are blocked. */
block:
	xorl %edi, %edi			/* SIG_BLOCK */
	leaq all_signals(%rip), %rsi
	xorl %edx, %edx
	movl $8, %r10d
	movl $SYS_RT_SIGPROCMASK, %eax
	syscall
	jmp commands

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
	jne block

resume:
	rdfsbase %rax
	movq AREA_FS_BASE(%rbx), %rdx
	cmpq %rdx, %rax
	je 1f
	wrfsbase %rdx
1:	rdgsbase %rax
	movq AREA_GS_BASE(%rbx), %rdx
	cmpq %rdx, %rax
	je 1f
	wrgsbase %rdx
1:	movq AREA_CONTEXT(%rbx), %rsp
	testl %r13d, %r13d
	jnz 2f
	cmpw $HOST_CS, CONTEXT_CS(%rsp)	/* what this code has, too: it comes from SYSCALL */
	jne 3f
	cmpw $HOST_SS, CONTEXT_SS(%rsp)
	jne 3f
	testl $FLAG_TRACE | FLAG_RESUME, CONTEXT_RFLAGS(%rsp)
	jnz 3f
	movq CONTEXT_RIP(%rsp), %rax
	movq %rax, AREA_RIP(%rbx)
	shrq $47, %rax
	jnz 3f
	movq CONTEXT_FPSTATE(%rsp), %rcx
	cmpl $FP_XSTATE_MAGIC1, FP_MAGIC(%rcx)
	jne 3f
	movl FP_FEATURES(%rcx), %eax
	movl FP_FEATURES + 4(%rcx), %edx
	xrstor64 (%rcx)
	pushq CONTEXT_RFLAGS(%rsp)
	popfq
	movq CONTEXT_R8(%rsp), %r8
	movq CONTEXT_R9(%rsp), %r9
	movq CONTEXT_R10(%rsp), %r10
	movq CONTEXT_R11(%rsp), %r11
	movq CONTEXT_R12(%rsp), %r12
	movq CONTEXT_R13(%rsp), %r13
	movq CONTEXT_R14(%rsp), %r14
	movq CONTEXT_R15(%rsp), %r15
	movq CONTEXT_RDI(%rsp), %rdi
	movq CONTEXT_RSI(%rsp), %rsi
	movq CONTEXT_RBP(%rsp), %rbp
	movq CONTEXT_RBX(%rsp), %rbx
	movq CONTEXT_RDX(%rsp), %rdx
	movq CONTEXT_RAX(%rsp), %rax
	movq CONTEXT_RCX(%rsp), %rcx
	movq CONTEXT_RSP(%rsp), %rsp
last:	jmp *LNX_SELF - LNX_STUB + AREA_RIP + stub_start(%rip)

2:	testl $INTERRUPTED, %r13d
	jnz interrupted
3:
stub_restorer:			/* no handler returns here: it falls in, RSP at the ucontext */
	movl $SYS_RT_SIGRETURN, %eax
	syscall
stop_end:
	ud2

commands:
	movabsq $LNX_SELF, %rbx
	orl $BLOCKED, %r13d
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
