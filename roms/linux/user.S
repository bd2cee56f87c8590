/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Returns, and the way to user mode and back: between two processes, without M where it can be.
 */
#include <vmi/rom.h>
#include "private.h"

#define HIGH %gs:rom_vcpu + LNX_FLAGS_HIGH
#define SYS_FUTEX 202
#define FUTEX_WAIT_BITSET 9
#define FUTEX_WAKE 1

	.text

/*
 * From a pointer that U can write, to something of `size` in its signal frames: how far behind their begin that is, or on
 * to `bad`. Areas and LNX_SELF are aligned to 64 KiB, so the low half is the offset, whoever looks.
 */
.macro IN_FRAMES pointer, to, size, bad
	movzwl \pointer, \to
	subl $LNX_AREA_FRAMES, \to
	cmpl $LNX_AREA_SIZE - LNX_AREA_FRAMES - \size, \to
	ja \bad
.endm

	ROM_JUMP VMI_CALL_IRET, iret
	ROM_JUMP VMI_CALL_SYS_RET, iret

/* Interrupts off, frame at (%rsp), every other register the target context's, GS the kernel's. */
	.balign 16
iret:
	pushq %rax
	movl 8 + VMI_FRAME_RIP + 4(%rsp), %eax
	shrl $15, %eax			/* the upper half is not ours, and may not be canonical: M decides */
	jnz refer
	cmpw $LNX_KERNEL_CS, 8 + VMI_FRAME_CS(%rsp)
	jne user_go
	movzwl 8 + VMI_FRAME_SS(%rsp), %eax
	andl $~3, %eax			/* null will do in 64-bit mode */
	jz 1f
	cmpl $LNX_KERNEL_SS, %eax
	jne refer
1:	movl 8 + VMI_FRAME_RFLAGS(%rsp), %eax
	shrl $8, %eax
	andl $LNX_HIGH_IF, %eax
	orb %al, HIGH			/* from here on the flag is the target's; no event comes in ROM text */
	js refer
	movq $LNX_USER_CS, 8 + VMI_FRAME_CS(%rsp)
	movq $LNX_USER_SS, 8 + VMI_FRAME_SS(%rsp)
	popq %rax
	iretq

/* An event waits, or something is unusual: M returns, or has sent U on its way. RAX pushed. */
refer:
	movl $LNX_IRET, %eax
	int $LNX_CALL_VECTOR
	jmp user_wait

/* To 64-bit user mode. RAX pushed. */
user_go:
	cmpw $LNX_USER_CS, 8 + VMI_FRAME_CS(%rsp)
	jne refer
	cmpw $LNX_USER_SS, 8 + VMI_FRAME_SS(%rsp)
	jne refer
	movl 8 + VMI_FRAME_RFLAGS(%rsp), %eax
	shrl $8, %eax
	andl $LNX_HIGH_IF, %eax
	orb %al, HIGH
	js refer
	cmpb $0, %gs:rom_vcpu + LNX_FPU_TRAP
	jne refer
	movq %gs:rom_vcpu + LNX_USER, %rax
	testq %rax, %rax
	jz refer
	pushq %rbx
	IN_FRAMES LNX_AREA_CONTEXT(%rax), %ebx, LNX_UC_SIZE, 2f
	leaq LNX_AREA_FRAMES(%rax, %rbx), %rbx
	movq %r8, LNX_UC_R8(%rbx)
	movq %r9, LNX_UC_R9(%rbx)
	movq %r10, LNX_UC_R10(%rbx)
	movq %r11, LNX_UC_R11(%rbx)
	movq %r12, LNX_UC_R12(%rbx)
	movq %r13, LNX_UC_R13(%rbx)
	movq %r14, LNX_UC_R14(%rbx)
	movq %r15, LNX_UC_R15(%rbx)
	movq %rdi, LNX_UC_RDI(%rbx)
	movq %rsi, LNX_UC_RSI(%rbx)
	movq %rbp, LNX_UC_RBP(%rbx)
	movq %rdx, LNX_UC_RDX(%rbx)
	movq %rcx, LNX_UC_RCX(%rbx)
	IN_FRAMES LNX_UC_FPSTATE(%rbx), %ecx, LNX_FX_SIZE, 2f
	andl $~15, %ecx
	fxsave64 LNX_AREA_FRAMES(%rax, %rcx)	/* Linux has marked x87 and SSE as present there */
	popq LNX_UC_RBX(%rbx)
	popq LNX_UC_RAX(%rbx)
	popq LNX_UC_RIP(%rbx)
	popq %rcx
	popq LNX_UC_EFLAGS(%rbx)	/* Linux takes no more of it than user mode may have */
	popq LNX_UC_RSP(%rbx)
	movw $LNX_USER_CS, LNX_UC_CS(%rbx)
	movw $LNX_USER_SS, LNX_UC_SS(%rbx)
	movb $1, %gs:rom_vcpu + LNX_USER_MODE
	movl $LNX_TURN_OWNER, LNX_AREA_TURN(%rax)
	movq %rax, %rdi
	movl $FUTEX_WAKE, %esi
	movl $1, %edx
	xorl %r10d, %r10d		/* no time limit: the filter looks */
	movl $SYS_FUTEX, %eax
	syscall

/* User mode runs, or M looks at it. No register but GS is of use. */
user_wait:
	movq %gs:rom_vcpu + LNX_USER, %rbx
look:	movl LNX_AREA_TURN(%rbx), %edx
	cmpl $LNX_TURN_KERNEL, %edx
	je user_stopped
	movq %rbx, %rdi
	movl $FUTEX_WAIT_BITSET, %esi
	xorl %r10d, %r10d
	movl $LNX_WAKE_KERNEL, %r9d
	movl $SYS_FUTEX, %eax
	syscall
	jmp look

2:	movq %rax, %rbx
/* User mode has overwritten its own area, RBX: M ends it, and makes a trap of that. */
broken:
	movl $LNX_BROKEN, %eax
	int $LNX_CALL_VECTOR
	jmp look

/* Back, by a system call or by what M has put into K's area: the frame, and the user's registers. */
user_stopped:
	movl %gs:rom_vcpu + LNX_FLAGS, %ebp
	andb $~LNX_HIGH_IF, HIGH
	movb $0, %gs:rom_vcpu + LNX_USER_MODE
	andl $VMI_FLAG_IF, %ebp
again:
	cld
	IN_FRAMES LNX_AREA_CONTEXT(%rbx), %edx, LNX_UC_SIZE, broken
	leaq LNX_AREA_FRAMES(%rbx, %rdx), %rdx
	IN_FRAMES LNX_UC_FPSTATE(%rdx), %esi, LNX_FX_SIZE, broken
	leaq LNX_AREA_FRAMES(%rbx, %rsi), %rsi
	movabsq $LNX_SELF + LNX_AREA_FPU, %rdi
	movl $LNX_FX_USED / 8, %ecx
	rep movsq
	andl $LNX_MXCSR_MASK, LNX_FX_MXCSR - LNX_FX_USED(%rdi)
	fxrstor64 -LNX_FX_USED(%rdi)
	movq %gs:rom_vcpu + LNX_STACK, %rsp
	movzwl LNX_UC_SS(%rdx), %eax
	orl $3, %eax
	pushq %rax
	pushq LNX_UC_RSP(%rdx)
	movl LNX_UC_EFLAGS(%rdx), %eax
	andl $LNX_FLAGS_USER, %eax
	leal 2(%rax, %rbp), %eax
	pushq %rax
	movzwl LNX_UC_CS(%rdx), %eax
	orl $3, %eax
	pushq %rax
	pushq LNX_UC_RIP(%rdx)
	movabsq $LNX_SELF, %rsi
	movq LNX_AREA_HANDLER(%rsi), %rcx
	testq %rcx, %rcx
	jz 3f
	testl $LNX_VECTOR_ERROR, LNX_AREA_VECTOR(%rsi)
	jz 1f
	pushq LNX_AREA_ERROR(%rsi)
1:	movq $0, LNX_AREA_HANDLER(%rsi)
2:	pushq %rcx
	movq LNX_UC_R8(%rdx), %r8
	movq LNX_UC_R9(%rdx), %r9
	movq LNX_UC_R10(%rdx), %r10
	movq LNX_UC_R11(%rdx), %r11
	movq LNX_UC_R12(%rdx), %r12
	movq LNX_UC_R13(%rdx), %r13
	movq LNX_UC_R14(%rdx), %r14
	movq LNX_UC_R15(%rdx), %r15
	movq LNX_UC_RDI(%rdx), %rdi
	movq LNX_UC_RSI(%rdx), %rsi
	movq LNX_UC_RBP(%rdx), %rbp
	movq LNX_UC_RBX(%rdx), %rbx
	movq LNX_UC_RAX(%rdx), %rax
	movq LNX_UC_RCX(%rdx), %rcx
	movq LNX_UC_RDX(%rdx), %rdx
	call 8f				/* the processor must not guess where this goes */
7:	pause
	lfence
	jmp 7b
8:	leaq 8(%rsp), %rsp
	ret

3:	movq %gs:rom_vcpu + LNX_SYSCALL, %rcx
	testq %rcx, %rcx
	jnz 2b
	movl $LNX_NO_SYSCALL, %eax	/* M makes an invalid opcode of it */
	int $LNX_CALL_VECTOR
	jmp again
