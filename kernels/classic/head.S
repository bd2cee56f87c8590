/* SPDX-License-Identifier: MIT */
/*
 * The first instructions in protected mode, at 1 MiB, ESI: linear address of the real-mode part. Boot page tables: the
 * linear map in 4 MiB pages, and the same at 0, which goes when the kernel has its own tables.
 */
#include "client.h"
#define PHYSICAL(symbol) (symbol - PAGE_OFFSET)
#define CR4_PSE 0x10

	.section .head, "ax", @progbits
	.globl start32
start32:
	cld
	cli
	movl $PHYSICAL(bss_start), %edi
	movl $bss_end, %ecx
	subl $bss_start, %ecx
	shrl $2, %ecx
	xorl %eax, %eax
	rep stosl
	movl %esi, PHYSICAL(boot_parameters)
	movl $PHYSICAL(boot_directory), %edi
	movl $(0x80 | 3), %eax	/* large, writable, present */
1:	movl %eax, (%edi)
	movl %eax, (PAGE_OFFSET >> 20)(%edi)
	addl $4, %edi
	addl $0x400000, %eax
	cmpl $(LOWMEM | 0x83), %eax
	jb 1b
	movl $CR4_PSE, %eax
	movl %eax, %cr4
	movl $PHYSICAL(boot_directory), %eax
	movl %eax, %cr3
	movl $0x80050033, %eax	/* PG, AM, WP, NE, ET, MP, PE */
	movl %eax, %cr0
	movl $1f, %eax
	jmpl *%eax
1:	movl $boot_stack_end, %esp
	xorl %ebp, %ebp
	call kernel_main
2:	hlt
	jmp 2b

	.text
	.globl paging_switch
/*
 * EAX: CR3, EDX: bits to be set in CR4. Both sets of tables map low memory at its own address too. regparm(3). PAE cannot
 * be turned on where paging is: the processor would read the old directory as pointers.
 */
paging_switch:
	movl $PHYSICAL(1f), %ecx
	jmpl *%ecx
1:	movl %cr0, %ecx
	andl $0x7fffffff, %ecx
	movl %ecx, %cr0
	movl %eax, %cr3
	movl %cr4, %eax
	orl %edx, %eax
	movl %eax, %cr4
	orl $0x80000000, %ecx
	movl %ecx, %cr0
	ret

	.section .bss
	.balign 4096
	.globl boot_directory, boot_parameters
boot_directory:
	.skip 4096
boot_stack:
	.skip 16384
boot_stack_end:
boot_parameters:
	.skip 4
