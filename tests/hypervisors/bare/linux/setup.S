/* SPDX-License-Identifier: MIT */
/*
 * Boot sector, header of the x86 boot protocol 2.06 and setup code: from the loader to the kernel at 1 MiB, with ESI the
 * linear address of this part.
 */

	.section .setup, "ax"
	.code16
	.org	0x1f1
	.byte	0			/* setup_sects: the builder's */
	.word	0			/* root_flags */
	.long	0			/* syssize: the builder's */
	.word	0, 0xffff, 0		/* ram_size, vid_mode, root_dev */
	.word	0xaa55
	.byte	0xeb, begin - 0f	/* jump */
0:	.ascii	"HdrS"
	.word	0x0206
	.long	0			/* realmode_swtch */
	.word	0			/* start_sys_seg */
	.word	version - 0x200
	.byte	0			/* type_of_loader */
	.byte	1			/* loadflags: LOADED_HIGH */
	.word	0			/* setup_move_size */
	.long	0x100000		/* code32_start */
	.long	0, 0			/* ramdisk_image, ramdisk_size */
	.long	0			/* bootsect_kludge */
	.word	0			/* heap_end_ptr */
	.byte	0, 0			/* ext_loader_ver, ext_loader_type */
	.long	0			/* cmd_line_ptr */
	.long	0x37ffffff		/* initrd_addr_max */
	.long	0			/* kernel_alignment */
	.byte	0, 0			/* relocatable_kernel */
	.word	0
	.long	2047			/* cmdline_size */

begin:	cli				/* CS is 0x20 more than the other segments */
	pushw	%ds
	pushw	$1f
	lretw
1:	xorl	%esi, %esi
	movw	%ds, %si
	shll	$4, %esi
	leal	gdt(%esi), %eax
	movl	%eax, gdtr + 2
	lgdtl	gdtr
	movl	%cr0, %eax
	orb	$1, %al
	movl	%eax, %cr0
	ljmpl	$0x10, $0x100000

	.balign	8
gdt:	.quad	0, 0
	.quad	0x00cf9b000000ffff	/* 0x10: code, 0x18: data; what a Linux has in protected mode */
	.quad	0x00cf93000000ffff
gdtr:	.word	4 * 8 - 1
	.long	0
version: .asciz	"2.6.27-speaker (tests) #1"

	.section .entry, "ax"
	.code32
	movl	$0x18, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	movl	$0x200000, %esp
	pushl	%esi
	call	speak
