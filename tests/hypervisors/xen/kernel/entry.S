/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* A PV kernel of its own, in place of the boot shim: what the class does is tested without shim and ROM. */
.macro NOTE type
	.long 4, 2f - 1f, \type
	.asciz "Xen"
1:
.endm
.macro NOTE_END
2:	.balign 4
.endm

/* Types as in Xen's public header elfnote.h. */
	.section .note.Xen, "a", @note
	NOTE 5 /* XEN_VERSION */
	.asciz "xen-3.0"
	NOTE_END
	NOTE 8 /* LOADER */
	.asciz "generic"
	NOTE_END
	NOTE 9 /* PAE_MODE */
	.asciz "yes"
	NOTE_END
	NOTE 3 /* VIRT_BASE */
	.quad 0xffffc00000000000
	NOTE_END
	NOTE 1 /* ENTRY */
	.quad start
	NOTE_END

	.section .record, "aw", @nobits
	.globl record
record:
	.skip 4096

	.text
	.globl start
start:
	cld
	movq %rsi, %rdi
	leaq stack_end(%rip), %rsp
	pushq $0
	pushq $0
	movq %rsp, %rbp
	call kernel

	.bss
	.balign 16
	.skip 8192
stack_end:
