/* SPDX-License-Identifier: MIT */
/*
 * The real-mode part of a bzImage: boot sector, header of boot protocol 2.03, and the way to protected mode. Linked at 0,
 * runs in the segment that the loader chose. Facts: the kernel's Documentation/x86/boot.rst and zero-page.rst.
 */
#define MEMORY_K 0x1e0		/* where the kernel looks for the size of memory above 1 MiB, in KiB */

	.section .setup, "awx", @progbits
	.code16
	.globl setup_start
setup_start:
	/* A PC that starts this sector itself has no loader. */
	movw $0x7c0, %ax
	movw %ax, %ds
	movw $message, %si
	cld
1:	lodsb
	testb %al, %al
	jz 2f
	movb $0x0e, %ah
	movw $7, %bx
	int $0x10
	jmp 1b
2:	hlt
	jmp 2b
message:
	.asciz "This kernel needs a boot loader.\r\n"

	.org 0x1f1
	.byte 0			/* setup_sects: by the builder */
	.short 1		/* root_flags */
	.long 0			/* syssize: by the builder */
	.short 0		/* ram_size */
	.short 0xffff		/* vid_mode: normal */
	.short 0		/* root_dev */
	.short 0xaa55
	.byte 0xeb, start - 1f	/* jmp */
1:	.ascii "HdrS"
	.short 0x0203
	.long 0			/* realmode_swtch */
	.short 0		/* start_sys_seg */
	.short version - 0x200
	.byte 0			/* type_of_loader */
	.byte 1			/* loadflags: the kernel is loaded at 1 MiB */
	.short 0x8000		/* setup_move_size */
	.long 0x100000		/* code32_start */
	.long 0, 0		/* ramdisk */
	.long 0			/* bootsect_kludge */
	.short 0x8000		/* heap_end_ptr */
	.short 0
	.long 0			/* cmd_line_ptr */
	.long 0x37ffffff	/* initrd_addr_max */

start:	cli
	cld
	movw %cs, %ax
	subw $0x20, %ax
	movw %ax, %ds
	movw %ax, %es
	movw %ax, %ss
	movl $0x9000, %esp
	movb $0x88, %ah
	int $0x15
	movw %ax, MEMORY_K
	inb $0x92, %al		/* address line 20 */
	orb $2, %al
	andb $~1, %al
	outb %al, $0x92
	xorl %esi, %esi
	movw %ds, %si
	shll $4, %esi
	addl %esi, gdt_base
	addl %esi, far_pointer
	cli
	lgdtl gdt_limit
	movl %cr0, %eax
	orb $1, %al
	movl %eax, %cr0
	ljmpl *far_pointer

	.code32
start_protected:
	movl $0x18, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	movl 0x214(%esi), %eax	/* the loader may have changed it */
	jmpl *%eax

	.balign 8
gdt:	.quad 0, 0
	.quad 0x00cf9a000000ffff /* 0x10: code */
	.quad 0x00cf92000000ffff /* 0x18: data */
gdt_limit:
	.short . - gdt - 1
gdt_base:
	.long gdt
far_pointer:
	.long start_protected
	.short 0x10
version:
	.asciz "classic client (OpenVMI)"
