/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Events and returns. Xen enters the kernel with RCX and R11 pushed below the frame; a trap goes through its stub
 * (trap.c), which drops them. Everything here runs in ring 3, which is the kernel's.
 */
#include "rom.h"

/* A bit for each source that exists. */
#define SOURCES (((2 << VMI_SOURCE_SUSPEND) - 1) | (0xff << VMI_SOURCE_SOFT))

	.text

	.globl deliver
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
/*
 * Xen's event callback: RCX, R11, frame on the kernel stack, masked; the rest the interrupted context's. RCX and R11 are
 * all that this needs, and the stub that it goes to takes them back.
 */
event_entry:
	movq 16 + VMI_FRAME_RIP(%rsp), %rcx
	leaq return(%rip), %r11
	subq %r11, %rcx
	cmpq $return_end - return, %rcx
	jb 7f
look:	movb $0, PENDING		/* before looking: what comes later sets it again */
	movq $0, VCPU(XEN_SELECTOR)
	xorl %ecx, %ecx
	xchgq %rcx, rom_data + FROM_DATA(XEN_SHARED_INFO) + XEN_SHARED_PENDING(%rip)
1:	bsfq %rcx, %r11			/* event channels to sources */
	jz 2f
	btrq %r11, %rcx
	movzbl VCPU(XV_SOURCES)(%r11), %r11d
	btsl %r11d, VCPU(XV_RAISED)
	jmp 1b
2:	movl VCPU(XV_RAISED), %ecx
	andl VCPU(XV_OPEN), %ecx
	bsfl %ecx, %r11d
	jz 6f
	btrl %r11d, VCPU(XV_RAISED)
	btrl %r11d, VCPU(XV_OPEN)	/* closed until EventAck */
	btsl %r11d, VCPU(XV_BUSY)
	movb $1, VCPU(XV_DELIVERED)
	btrl %r11d, %ecx
	testl %ecx, %ecx
	jz 3f
	movb $1, PENDING		/* others wait: on to them when the handler enables */
3:	cmpl $0, VCPU(XV_LAZY)
	jne 5f
4:	movzbl VCPU(XV_VECTORS)(%r11), %r11d
	leaq rom_data + FROM_DATA(XEN_STUBS)(%rip), %rcx
	leaq (%rcx, %r11, STUB_SIZE), %rcx
	pushq %rcx
	jmp go

5:	movl $0, VCPU(XV_LAZY)		/* no handler runs lazy */
	call flush_updates
	jmp 4b

6:	popq %rcx			/* nothing to deliver: as if it had not come */
	popq %r11
	jmp iret

/*
 * Interrupted between setting the flag and IRETQ of `iret`: the frame that counts is the one that it was about to take,
 * and every register is the target's already. User mode may jump to these addresses: its stack is not to be believed.
 */
7:	testb $2, 16 + VMI_FRAME_CS(%rsp)
	jnz look
	popq %rcx
	popq %r11
	movq VMI_FRAME_RSP(%rsp), %rsp
	andb $~3, VMI_FRAME_CS(%rsp)
	pushq %r11
	pushq %rcx
	jmp event_entry

/* Goes to the address on the stack; the processor must not guess where that is. */
go:	call 2f
1:	pause
	lfence
	jmp 1b
2:	leaq 8(%rsp), %rsp
	ret

	.globl event_send
/* EDI: source; C convention. One that is open is the only one that waits while interrupts are enabled: it goes at once. */
event_send:
	leal -VMI_SOURCE_SOFT(%rdi), %eax
	cmpl $VMI_EVENT_SOURCES - VMI_SOURCE_SOFT - 1, %eax
	ja invalid
	movzbl MASK, %eax
	movb $1, MASK
	btl %edi, VCPU(XV_OPEN)
	jnc 2f
	testl %eax, %eax
	jnz 1f
	cmpl $0, VCPU(XV_LAZY)
	jne 1f
	btrl %edi, VCPU(XV_OPEN)
	btsl %edi, VCPU(XV_BUSY)
	popq %rcx			/* the frame of deliver */
	movq %rsp, %rdx
	andq $-16, %rsp
	pushq $XEN_KERNEL_SS
	pushq %rdx
	pushfq
	orl $VMI_FLAG_IF, (%rsp)
	pushq $XEN_KERNEL_CS
	pushq %rcx
	movl %edi, %edi
	movzbl VCPU(XV_VECTORS)(%rdi), %ecx
	leaq rom_data + FROM_DATA(XEN_STUBS) + STUB_JUMP(%rip), %rdx
	leaq (%rdx, %rcx, STUB_SIZE), %rdx
	pushq %rdx
	jmp go				/* RAX is 0: success, when the handler returns */
1:	movb $1, PENDING
2:	btsl %edi, VCPU(XV_RAISED)
	movl %eax, %edi
	xorl %eax, %eax
	jmp events_on

	.globl event_ack
/* EDI: source; C convention. Open again, unless it was unbound or held meanwhile. */
event_ack:
	cmpl $VMI_EVENT_SOURCES - 1, %edi
	ja invalid
	btrl %edi, VCPU(XV_BUSY)
	btl %edi, VCPU(XV_BOUND)
	jnc 3f
	btl %edi, VCPU(XV_HELD)
	jc 2f
	btsl %edi, VCPU(XV_OPEN)
	btl %edi, VCPU(XV_RAISED)
	jc 1f
2:	xorl %eax, %eax
	ret
1:	xorl %eax, %eax			/* comes with the flag */
	movb $1, PENDING
	cmpb $0, MASK
	je deliver
	ret
3:	movl $SOURCES, %eax		/* one that was never bound, or no source at all */
	btl %edi, %eax
	jc 2b
invalid:
	movq $VMI_INVALID, %rax
	ret

	.globl iret
/*
 * Masked, frame at (%rsp), every other register the target context's. To the kernel nothing has to be asked of Xen: CS with
 * RPL 3 is the kernel's own.
 */
iret:
	testb $2, VMI_FRAME_CS(%rsp)
	jnz 2f
	orb $3, VMI_FRAME_CS(%rsp)
	testb $VMI_FLAG_IF >> 8, VMI_FRAME_RFLAGS + 1(%rsp)
	jz 1f
return:	movb $0, MASK			/* from here on an event would nest on the frame: event_entry knows these */
	cmpb $0, PENDING
	jne 4f
1:	iretq
return_end:
4:	movb $1, MASK
	andb $~3, VMI_FRAME_CS(%rsp)
	pushq %r11
	pushq %rcx
	jmp event_entry

2:	pushq $0
3:	pushq %rcx
	pushq %r11
	pushq %rax
	movl $XEN_IRET, %eax
	syscall
	ud2

	.globl sys_ret
/* As above, to user mode after a system call: Xen may use SYSRET. */
sys_ret:
	pushq $XEN_VGCF_IN_SYSCALL
	jmp 3b

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
/*
 * INT 0x80 of a gate without GATE_USER: RCX, R11, frame. The kernel's goes to the handler; user mode's is general protection
 * at the instruction, as its gate would raise it.
 */
denied_entry:
	testb $2, 16 + VMI_FRAME_CS(%rsp)
	jz rom_data + FROM_DATA(XEN_STUBS) + 0x80 * STUB_SIZE
denied:	pushq (%rsp)
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
