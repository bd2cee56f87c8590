/* SPDX-License-Identifier: MIT */
/* Exceptions of the kernel, and a handler as TrapTableSet takes it. */
#include <vmi/asm.h>

	.text
	.globl do_ud2, at_ud2, do_ud2_after, do_divide, at_divide, do_breakpoint, after_breakpoint, do_segment, do_spare
	.globl do_fpu, do_vector, kernel_breakpoints
do_ud2:
	nop
at_ud2:	ud2
do_ud2_after:
	ud2
	ret
do_divide:
	xorl %ecx, %ecx
	xorl %edx, %edx
at_divide:
	divl %ecx
	ret
do_breakpoint:
	int3
after_breakpoint:
	ret
do_segment:
	movw %di, %es
	ret
do_spare:
	int $0x80
	ret
do_fpu:	fninit
	ret
do_vector:
	movaps %xmm0, %xmm1
	ret
kernel_breakpoints:
	int3
	int3
	ud2

	.globl fpu_load, fpu_save
/* RDI: 512 bytes. */
fpu_load:
	fxrstor64 (%rdi)
	ret
fpu_save:
	fxsave64 (%rdi)
	ret

	.globl above_stack
/* RDI: 0 or 8. Words above RSP while an exception comes: 0, or 1 + which changed. */
above_stack:
	pushq %rbp
	movq %rsp, %rbp
	andq $-16, %rsp
	subq %rdi, %rsp
	movl $16, %ecx
1:	pushq %rcx
	decl %ecx
	jnz 1b
	int3
	xorl %eax, %eax
2:	incl %ecx
	popq %rdx
	cmpq %rcx, %rdx
	jne 3f
	cmpl $16, %ecx
	jne 2b
	jmp 4f
3:	movl %ecx, %eax
4:	movq %rbp, %rsp
	popq %rbp
	ret

	.globl raw_handler, raw_handler_native, raw_count
/* For vectors without error code. */
raw_handler_native:
	testb $2, VMI_FRAME_CS(%rsp)
	jz raw_handler
	swapgs
raw_handler:
	incq raw_count(%rip)
	VMI_IRET

	.bss
	.balign 8
raw_count: .skip 8
