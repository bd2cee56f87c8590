/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The interrupt flag, and what is little more than one instruction or hypercall. A back-end compiled into a kernel could
 * not do these better: contrib/xen-direct takes them as they are.
 */
#include "rom.h"

	.text

	.globl irq_enable
/* Leaf. Every register is kept. */
irq_enable:
	movb $0, MASK
	cmpb $0, PENDING
	jne deliver
	ret

	.globl events_off
/* For C: interrupts off; EAX: whether they were off before. */
events_off:
	movzbl MASK, %eax
	movb $1, MASK
	ret

	.globl events_on
/* EDI: what events_off gave. */
events_on:
	testl %edi, %edi
	je irq_enable
	ret

	.globl msr_read, read_msr, no_msr
/* EDI: register, RSI: where to. */
msr_read:
	movl %edi, %ecx
read_msr:
	rdmsr
	movl %eax, (%rsi)
	movl %edx, 4(%rsi)
	xorl %eax, %eax
	ret

	.globl msr_write, write_msr
/* EDI: register, RSI: value. */
msr_write:
	movl %edi, %ecx
	movl %esi, %eax
	movq %rsi, %rdx
	shrq $32, %rdx
write_msr:
	wrmsr
	xorl %eax, %eax
	ret
no_msr:	movq $VMI_NOT_SUPPORTED, %rax
	ret

	.globl cpuid_read
/* EDI: leaf, ESI: subleaf, RDX: four u32. With Xen's prefix (public/arch-x86/xen.h) the answer is the domain's. */
cpuid_read:
	pushq %rbx
	movq %rdx, %r8
	movl %edi, %eax
	movl %esi, %ecx
	ud2
	.ascii "xen"
	cpuid
	movl %eax, (%r8)
	movl %ebx, 4(%r8)
	movl %ecx, 8(%r8)
	movl %edx, 12(%r8)
	popq %rbx
	ret

	.globl halt
/* Leaf. Blocks until something was delivered; the last look and the block are one to Xen. */
halt:
	pushq %rax
	pushq %rcx
	pushq %rdx
	pushq %rsi
	pushq %rdi
	pushq %r10
	pushq %r11
	movb $1, MASK
	movb $0, VCPU(XV_DELIVERED)
1:	cmpb $0, PENDING		/* of our own: Xen would look for its event channels only */
	jne 2f
	movl $XEN_SCHED_OP, %eax
	movl $XEN_SCHEDOP_BLOCK, %edi
	xorl %esi, %esi
	syscall
2:	call irq_enable
	cmpb $0, VCPU(XV_DELIVERED)
	jne 3f
	movb $1, MASK
	cmpb $0, VCPU(XV_DELIVERED)	/* between the two */
	je 1b
	movb $0, MASK
3:	popq %r11
	popq %r10
	popq %rdi
	popq %rsi
	popq %rdx
	popq %rcx
	popq %rax
	ret

	.globl clock_read
/* C convention. struct xen_time: ns = system_time + ((TSC - tsc) << shift) * scale >> 32. */
clock_read:
1:	movl VCPU(XEN_TIME_VERSION), %esi
	andl $-2, %esi			/* odd while Xen writes: never equal below */
	rdtsc
	shlq $32, %rdx
	orq %rdx, %rax
	subq VCPU(XEN_TIME_TSC), %rax
	movb VCPU(XEN_TIME_SHIFT), %cl
	testb %cl, %cl
	js 3f
	shlq %cl, %rax
2:	movl VCPU(XEN_TIME_SCALE), %edx
	mulq %rdx
	shrdq $32, %rdx, %rax
	addq VCPU(XEN_TIME_SYSTEM), %rax
	cmpl VCPU(XEN_TIME_VERSION), %esi
	jne 1b
	ret
3:	negb %cl
	shrq %cl, %rax
	jmp 2b

	.globl timer_set
/* RDI: deadline, ns; C convention. Unsigned here, signed to Xen. */
timer_set:
	testq %rdi, %rdi
	js 2f
1:	pushq $0			/* struct xen_singleshot */
	pushq %rdi
	movl $XEN_VCPU_OP, %eax
	movl $XEN_VCPUOP_SET_SINGLESHOT, %edi
	xorl %esi, %esi
	movq %rsp, %rdx
	syscall
	addq $16, %rsp
	testl %eax, %eax
	jnz 3f
	ret
3:	movslq %eax, %rdi
	jmp vmi_error
2:	movq $-1, %rdi
	shrq %rdi
	jmp 1b

	.globl vcpu_yield
/* Leaf. */
vcpu_yield:
	pushq %rax
	pushq %rcx
	pushq %rsi
	pushq %rdi
	pushq %r11
	movl $XEN_SCHED_OP, %eax
	xorl %edi, %edi			/* XEN_SCHEDOP_YIELD */
	xorl %esi, %esi
	syscall
	popq %r11
	popq %rdi
	popq %rsi
	popq %rcx
	popq %rax
	ret

/*
 * A call may take 256 bytes of the kernel's stack. What needs more runs on one in the data page, with events off: nobody
 * else comes here meanwhile. A fault of the guest's own arguments is delivered there; it has some room.
 */
	.bss
	.balign 16
	.skip 3072
own_stack:
	.text

	.globl whole
/* For C: apart, with its arguments. */
whole:
	movzbl MASK, %eax
	movb $1, MASK
	leaq own_stack(%rip), %r8
	xchgq %rsp, %r8
	pushq %r8
	pushq %rax
	call apart
	popq %rdi
	popq %rsp
	jmp events_on			/* keeps RAX */

	.globl refuse
/* For C: report_refusal, then the end. */
refuse:
	leaq own_stack(%rip), %rsp
	call report_refusal
	jmp die
