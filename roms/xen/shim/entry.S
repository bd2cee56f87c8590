/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The way in from Xen, and the way back from a fault. */
#include "private.h"

#define STACK 8192

/* Types of ELF notes with owner Xen (Xen public header elfnote.h). */
#define NOTE_ENTRY 1
#define NOTE_VIRT_BASE 3
#define NOTE_XEN_VERSION 5
#define NOTE_GUEST_OS 6
#define NOTE_LOADER 8
#define NOTE_PAE_MODE 9

.macro NOTE type
	.long 4, 2f - 1f, \type
	.asciz "Xen"
1:
.endm
.macro NOTE_END
2:	.balign 4
.endm

	.section .note.Xen, "a", @note
	NOTE NOTE_XEN_VERSION
	.asciz "xen-3.0"
	NOTE_END
	NOTE NOTE_LOADER
	.asciz "generic"
	NOTE_END
	NOTE NOTE_GUEST_OS
	.asciz "OpenVMI"
	NOTE_END
	NOTE NOTE_PAE_MODE
	.asciz "yes"
	NOTE_END
	NOTE NOTE_VIRT_BASE
	.quad XEN_SHIM_BASE
	NOTE_END
	NOTE NOTE_ENTRY
	.quad shim_start
	NOTE_END

	.section .record, "aw", @nobits
	.globl shim_record
	.hidden shim_record
shim_record:
	.skip 4096

/* RSI: start_info, RSP: the end of Xen's stack, the last thing that it put into the initial mapping. */
	.text
	.globl shim_start
	.type shim_start, @function
shim_start:
	cld
	movq %rsi, %rdi
	movq %rsp, %rsi
	leaq stack_end(%rip), %rsp
	xorl %ebp, %ebp
	call shim_main
	.size shim_start, . - shim_start

/* One of 8 bytes for each exception, with Xen's frame on the stack: RCX R11 [error code] RIP CS RFLAGS RSP SS. */
	.balign 8
	.globl shim_faults
	.hidden shim_faults
shim_faults:
	vector = 0
	.rept 32
	pushq $vector
	jmp 1f
	.balign 8
	vector = vector + 1
	.endr
1:	popq %rsi
	movq %rsp, %rdi
	andq $-16, %rsp
	call shim_fault

	.bss
	.balign 16
	.skip STACK
stack_end:
