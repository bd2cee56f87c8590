/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include <vmi/asm.h>

	.text
	.globl vmi_start
/* Boot contract: kernel mode, paging on, boot stack, interrupts off, RDI at boot_info. */
vmi_start:
	cld
	leaq boot_stack_top(%rip), %rsp
	xorl %ebp, %ebp
	call vmi_begin
	movl $VMI_SHUTDOWN_EXIT, %edi
	movl %eax, %esi
	call vmi_shutdown

	.bss
	.balign 16
	.skip 16384
boot_stack_top:
