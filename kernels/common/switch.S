/* SPDX-License-Identifier: MIT */
/* Going to user mode and back, and a load that may fault. */

	.text
	.globl run_user
/* RDI: RIP, RSI: RSP, RDX: argument. Saves what a C function must keep; leave_user comes back through it. */
run_user:
	pushq %rbp
	pushq %rbx
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	movq %rsp, back(%rip)
	call vmi_enter_user

	.globl leave_user
/* On the kernel stack of the trap, which is abandoned. */
leave_user:
	movq %rdi, %rax
	movq back(%rip), %rsp
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbx
	popq %rbp
	ret

	.globl try_load, try_load_fault, try_load_failed
try_load:
try_load_fault:
	movq (%rdi), %rax
	movq %rax, (%rsi)
	movl $1, %eax
	ret
try_load_failed:
	xorl %eax, %eax
	ret

	.bss
	.balign 8
back:	.skip 8
