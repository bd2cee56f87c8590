/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The way out. The last instructions of the shim run from the page of stubs, which is in the guest's window and still
 * unused: they take the shim itself out of the address space and give its page tables back as memory.
 */
#include "shim/leave.h"
#include "xen.h"

#define READ_WRITE 0x8010000000000003 /* PRESENT, WRITABLE, XEN_PTE_KERNEL_BIT, NO_EXECUTE */
#define TLB_FLUSH 1 /* UVMF_TLB_FLUSH */

	.text
	.globl shim_enter
	.hidden shim_enter
	.type shim_enter, @function
/* RDI: struct leaving, in the shim. */
shim_enter:
	movq LEAVING_FIRST(%rdi), %rbx
	movq LEAVING_END(%rdi), %rbp
	movq LEAVING_P2M(%rdi), %r12
	movq LEAVING_DIRECT_MAP(%rdi), %r13
	movq LEAVING_RDI(%rdi), %r14
	movq LEAVING_RIP(%rdi), %r15
	movq LEAVING_RSP(%rdi), %rsp
	movq LEAVING_CODE(%rdi), %rax
	movq LEAVING_SLOT(%rdi), %rdi
	jmp *%rax
	.size shim_enter, . - shim_enter

	.globl shim_leave, shim_leave_end
	.hidden shim_leave, shim_leave_end
/*
 * On the guest's boot stack, in the window. RDI: machine address of the shim's entry at level 4, RBX to RBP: pages of its
 * tables, R12: list of frames, R13: direct map, R14 and R15: RDI and RIP for the guest.
 */
shim_leave:
	pushq $0			/* struct xen_mmu_update: nothing there */
	pushq %rdi
	xorl %edi, %edi			/* no handlers: what goes wrong from here on Xen tells */
	movl $XEN_SET_TRAP_TABLE, %eax
	syscall
	movq %rsp, %rdi
	movl $1, %esi
	xorl %edx, %edx
	movl $XEN_DOMID_SELF, %r10d
	movl $XEN_MMU_UPDATE, %eax
	syscall
	testl %eax, %eax
	jnz 3f
	popq %rdi
	popq %rdi
1:	cmpq %rbp, %rbx
	jae 2f
	movabsq $READ_WRITE, %rax
	movq (%r12, %rbx, 8), %rsi
	shlq $12, %rsi
	orq %rax, %rsi
	movq %rbx, %rdi
	shlq $12, %rdi
	addq %r13, %rdi
	movl $TLB_FLUSH, %edx
	movl $XEN_UPDATE_VA_MAPPING, %eax
	syscall
	testl %eax, %eax
	jnz 3f
	incq %rbx
	jmp 1b
2:	pushq %r15
	movq %r14, %rdi
	xorl %eax, %eax
	xorl %ebx, %ebx
	xorl %ecx, %ecx
	xorl %edx, %edx
	xorl %esi, %esi
	xorl %ebp, %ebp
	xorl %r8d, %r8d
	xorl %r9d, %r9d
	xorl %r10d, %r10d
	xorl %r11d, %r11d
	xorl %r12d, %r12d
	xorl %r13d, %r13d
	xorl %r14d, %r14d
	xorl %r15d, %r15d
	ret
3:	ud2				/* Xen refused what it must allow; it says so, and where */
shim_leave_end:
