/* SPDX-License-Identifier: MIT */
/*
 * Linked to no ROM: it keeps the registers that it was entered with, tries what only Xen can answer, and ends.
 */
#include <vmi/asm.h>
#include "../../../../roms/xen/private.h"
#include "../../../../roms/xen/xen.h"

#define DATA_SEGMENT 0x00cff3000000ffff /* flat, writable, ring 3 (Intel SDM volume 3, section 3.4.5) */

.macro NOTE type
	.pushsection .note.OpenVMI, "a", @note
	.long 8, 4f - 3f, \type
	.asciz "OpenVMI"
3:
.endm
.macro NOTE_END
4:
	.balign 4
	.popsection
.endm

NOTE VMI_NOTE_VERSION
	.short VMI_MAJOR, VMI_MINOR
	.long VMI_PROFILE_BASE
NOTE_END
NOTE VMI_NOTE_ENTRY
	.quad start
NOTE_END
NOTE VMI_NOTE_WINDOW
	.quad window
NOTE_END
NOTE VMI_NOTE_DIRECT_MAP
	.quad direct_map
NOTE_END
NOTE VMI_NOTE_LICENCE
	.ascii VMI_GUEST_LICENCE
NOTE_END
NOTE VMI_NOTE_SITES
	.quad 0, 0
NOTE_END

	.section .rodata, "a"
	.ascii "read only"

/* RAX: the machine frame of the page at guest-physical RAX. RCX is free. */
.macro MACHINE_FRAME
	movq window + XEN_HANDOVER + XEN_HANDOVER_P2M(%rip), %rcx
	shrq $12, %rax
	movq (%rcx, %rax, 8), %rax
.endm

	.text
	.globl start
	.type start, @function
start:
	movq %rax, state + 0x00(%rip)
	movq %rbx, state + 0x08(%rip)
	movq %rcx, state + 0x10(%rip)
	movq %rdx, state + 0x18(%rip)
	movq %rsi, state + 0x20(%rip)
	movq %rbp, state + 0x28(%rip)
	movq %r8, state + 0x30(%rip)
	movq %r9, state + 0x38(%rip)
	movq %r10, state + 0x40(%rip)
	movq %r11, state + 0x48(%rip)
	movq %r12, state + 0x50(%rip)
	movq %r13, state + 0x58(%rip)
	movq %r14, state + 0x60(%rip)
	movq %r15, state + 0x68(%rip)
	movq %rdi, state + 0x70(%rip)
	movq %rsp, state + 0x78(%rip)
	pushfq
	popq state + 0x80(%rip)

	/* The GDT is in use: a descriptor of ours can be loaded. */
	movq window + XEN_HANDOVER + XEN_HANDOVER_GDT(%rip), %rax
	MACHINE_FRAME
	shlq $12, %rax
	leaq XEN_GDT_FIRST * 8(%rax), %rdi
	movabsq $DATA_SEGMENT, %rsi
	movl $XEN_UPDATE_DESCRIPTOR, %eax
	syscall
	movq %rax, answers(%rip)
	movl $(XEN_GDT_FIRST * 8 + 3), %eax
	movl %eax, %fs
	movl %fs, %eax
	movq %rax, answers + 8(%rip)

	/* The table of user mode is pinned: only then can it be unpinned. */
	movq window + XEN_HANDOVER + XEN_HANDOVER_POOL(%rip), %rax
	MACHINE_FRAME
	movq %rax, command + 8(%rip)
	leaq command(%rip), %rdi
	movl $1, %esi
	xorl %edx, %edx
	movl $XEN_DOMID_SELF, %r10d
	movl $XEN_MMUEXT_OP, %eax
	syscall
	movq %rax, answers + 16(%rip)

	movl $XEN_EXIT_VALID, window + XEN_HANDOVER + XEN_EXIT_MAGIC(%rip)
	movl $XEN_SCHED_OP, %eax
	movl $XEN_SCHEDOP_SHUTDOWN, %edi
	leaq reboot(%rip), %rsi
	syscall
	ud2
	.size start, . - start

	.data
	.globl state, answers
	.type state, @object
	.type answers, @object
state:
	.fill 17, 8, -1
	.size state, . - state
answers:
	.fill 3, 8, -1
	.size answers, . - answers
command:
	.quad XEN_MMUEXT_UNPIN, 0, 0
reboot:
	.long 1

	.bss
	.skip 3 * 4096
