/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The interrupt flag, events, and returns. Xen enters the kernel with RCX and R11 pushed below the frame; a trap goes
 * through its stub (trap.c), which drops them. Everything here runs in ring 3, which is the kernel's.
 */
#include "rom.h"

	.text

/* Leaf. Every register is kept. */
	.globl irq_enable
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

/*
 * Interrupts just enabled, something pending; return address at (%rsp), the rest the caller's. Makes the frame that Xen
 * would have made, so that the handler's Iret comes back to the caller with interrupts enabled.
 */
deliver:
	movb $1, MASK
	pushq %rcx
	movq %rsp, %rcx
	andq $-16, %rsp
	pushq $XEN_KERNEL_SS
	leaq 16(%rcx), %rcx
	pushq %rcx
	pushfq
	orl $VMI_FLAG_IF, (%rsp)
	pushq $XEN_KERNEL_CS
	pushq -8(%rcx)
	pushq %r11
	pushq -16(%rcx)

	.globl event_entry
/* Xen's event callback: RCX, R11, frame on the kernel stack, masked; the rest the interrupted context's. */
event_entry:
	pushq $0			/* where to go in the end */
	pushq %rax
	pushq %rdx
	movb $0, PENDING		/* before looking: what comes later sets it again */
	movq $0, VCPU(XEN_SELECTOR)
	xorl %eax, %eax
	xchgq %rax, rom_data + FROM_DATA(XEN_SHARED_INFO) + XEN_SHARED_PENDING(%rip)
	movl VCPU(XV_RAISED), %edx
1:	bsfq %rax, %rcx			/* event channels to sources */
	jz 2f
	btrq %rcx, %rax
	movzbl VCPU(XV_SOURCES)(%rcx), %ecx
	btsl %ecx, %edx
	jmp 1b
2:	movl VCPU(XV_OPEN), %eax
	andl %edx, %eax
	bsfl %eax, %ecx
	jz 4f
	cmpl $0, VCPU(XV_LAZY)
	jne 5f
3:	btrl %ecx, %edx			/* raised, no more */
	movl %edx, VCPU(XV_RAISED)
	movl VCPU(XV_OPEN), %edx
	btrl %ecx, %edx			/* closed until EventAck */
	movl %edx, VCPU(XV_OPEN)
	movl VCPU(XV_BUSY), %edx
	btsl %ecx, %edx
	movl %edx, VCPU(XV_BUSY)
	movb $1, VCPU(XV_DELIVERED)
	btrl %ecx, %eax
	testl %eax, %eax		/* others wait: on to them when the handler enables */
	setnz %al
	orb %al, PENDING
	movzbl VCPU(XV_VECTORS)(%rcx), %ecx
	leaq rom_data + FROM_DATA(XEN_STUBS)(%rip), %rax
	leaq (%rax, %rcx, STUB_SIZE), %rax
	movq %rax, 16(%rsp)
	popq %rdx
	popq %rax
	call 7f				/* goes to the stub; the processor must not guess where that is */
6:	pause
	lfence
	jmp 6b
7:	leaq 8(%rsp), %rsp
	ret

4:	movl %edx, VCPU(XV_RAISED)	/* nothing to deliver: as if it had not come */
	popq %rdx
	popq %rax
	addq $8, %rsp
	popq %rcx
	popq %r11
	jmp iret

5:	movl $0, VCPU(XV_LAZY)		/* no handler runs lazy */
	call flush_updates
	jmp 3b

	.globl iret
/*
 * Masked, frame at (%rsp), every other register the target context's. To the kernel with interrupts disabled nothing has
 * to be asked of Xen: CS with RPL 3 is the kernel's own.
 */
iret:
	testl $VMI_FLAG_IF, VMI_FRAME_RFLAGS(%rsp)
	jnz 1f
	testb $2, VMI_FRAME_CS(%rsp)
	jnz 1f
	orb $3, VMI_FRAME_CS(%rsp)
	iretq
1:	pushq $0
2:	pushq %rcx
	pushq %r11
	pushq %rax
	movl $XEN_IRET, %eax
	syscall
	ud2

	.globl sys_ret
/* As above, to user mode after a system call: Xen may use SYSRET. */
sys_ret:
	pushq $XEN_VGCF_IN_SYSCALL
	jmp 2b

	.globl failsafe_entry
/* Iret to a context that the processor refused: DS ES FS GS RCX R11 and that context's frame. General protection. */
failsafe_entry:
	movq 32(%rsp), %rcx
	movq 40(%rsp), %r11
	addq $40, %rsp
	movq $0, (%rsp)			/* its error code */
	pushq %r11
	pushq %rcx
	jmp rom_data + FROM_DATA(XEN_STUBS) + STUB_PROTECTION

	.globl denied_entry
/* INT 0x80 without leave: RCX, R11, frame. General protection at the instruction, as its gate would raise it. */
denied_entry:
	pushq (%rsp)
	movq 16(%rsp), %rcx
	movq %rcx, 8(%rsp)
	movq $0x80 * 8 + 2, 16(%rsp)
	subq $2, 24(%rsp)
	jmp rom_data + FROM_DATA(XEN_STUBS) + STUB_PROTECTION

	.globl protection_entry
/* Vector 13: RCX, R11, error code, frame. Of our own MSR accesses it means that there is no such register. */
protection_entry:
	leaq read_msr(%rip), %rcx
	cmpq %rcx, 24(%rsp)
	je 1f
	leaq write_msr(%rip), %rcx
	cmpq %rcx, 24(%rsp)
	je 1f
	jmp rom_data + FROM_DATA(XEN_STUBS) + STUB_PROTECTION
1:	leaq no_msr(%rip), %rcx
	movq %rcx, 24(%rsp)
	popq %rcx
	popq %r11
	addq $8, %rsp
	jmp iret

	.globl msr_read
/* EDI: register, RSI: where to. */
msr_read:
	movl %edi, %ecx
read_msr:
	rdmsr
	movl %eax, (%rsi)
	movl %edx, 4(%rsi)
	xorl %eax, %eax
	ret

	.globl msr_write
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
