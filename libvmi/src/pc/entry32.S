/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Bare hardware: from a boot protocol to 64-bit mode. Both PVH (Xen docs/misc/pvh.pandoc) and Multiboot2 (GNU, version
 * 2.0) enter at a physical address in 32-bit mode without paging; the kernel is linked vmi_physical_offset higher.
 *
 * First page tables, replaced by pc.c:
 *
 *	0 to 1 GiB				the same addresses, writable and executable
 *	the GiB that the image is linked in	physical memory from 0 on, less the distance
 *	direct map base				the same as the first line
 */
#include <vmi/guest.h>

#define PAGE 4096
#define LARGE 0x83			/* present, writable, 2 MiB */
#define TABLE 0x03

#define CR0_PG_WP_FPU_PE 0x80010023 /* and MP, NE: floating point by vector 16 */
#define CR4_PAE_SSE 0x620 /* PAE, and OSFXSR and OSXMMEXCPT: every processor here has SSE2 */
#define EFER 0xc0000080
#define EFER_LME_NXE_SCE 0x901

	.section .note.Xen, "a", @note
	.balign 4
	.long 4, 4, 18			/* XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz "Xen"
	.long pvh_entry_physical

#define MULTIBOOT_MAGIC 0xe85250d6

	.section .multiboot, "a", @progbits
	.balign 8
multiboot_header:
	.long MULTIBOOT_MAGIC, 0, multiboot_header_end - multiboot_header
	.long 0x100000000 - (MULTIBOOT_MAGIC + (multiboot_header_end - multiboot_header))
	.short 3, 0			/* entry address */
	.long 12, multiboot_entry_physical
	.balign 8
	.short 0, 0			/* end */
	.long 8
multiboot_header_end:

	.section .text
	.code32
	.globl pvh_entry, multiboot_entry
/* EBX at struct hvm_start_info, flat segments, interrupts off, no stack. */
pvh_entry:
	xorl %eax, %eax
/* The same, EBX at the boot information, EAX the magic number that says so. EBP: which of the two. */
multiboot_entry:
	cld
	movl %eax, %ebp
	xorl %edi, %edi
	subl $vmi_physical_offset, %edi	/* from linked to physical addresses */
	leal boot_stack_top(%edi), %esp

	/* Page tables. */
	leal boot_tables(%edi), %esi
	leal TABLE + PAGE(%esi), %eax
	movl %eax, (%esi)		/* level 4, first entry: level 3 at +1 */
	movl %eax, VMI_GUEST_DIRECT_MAP >> 39 << 3(%esi)
	leal TABLE + 2 * PAGE(%esi), %eax
	movl %eax, PAGE(%esi)		/* level 3, first entry: level 2 at +2 */
	leal TABLE + 3 * PAGE(%esi), %eax
	movl $pvh_entry, %edx
	shrl $30, %edx
	movl %eax, PAGE(%esi, %edx, 8)	/* level 3, the image's: level 2 at +3 */
	shll $30, %edx
	addl %edi, %edx			/* physical address of the beginning of the image's GiB; may be below 0 */
	xorl %ecx, %ecx
2:	movl %ecx, %eax
	shll $21, %eax
	orl $LARGE, %eax
	movl %eax, 2 * PAGE(%esi, %ecx, 8)
	addl %edx, %eax
	movl %eax, 3 * PAGE(%esi, %ecx, 8)
	incl %ecx
	cmpl $512, %ecx
	jne 2b

	/* 64-bit mode (Intel SDM volume 3, section 10.8.5). */
	movl $CR4_PAE_SSE, %eax
	movl %eax, %cr4
	movl %esi, %cr3
	movl $EFER, %ecx
	xorl %edx, %edx
	movl $EFER_LME_NXE_SCE, %eax
	wrmsr
	movl $CR0_PG_WP_FPU_PE, %eax
	movl %eax, %cr0
	leal boot_descriptors(%edi), %eax
	pushl %eax
	subl $2, %esp
	movw $3 * 8 - 1, (%esp)
	lgdt (%esp)
	leal 3f(%edi), %eax
	pushl $8
	pushl %eax
	lret

	.code64
/* 64-bit, still at physical addresses. */
3:	movl $0x10, %eax
	movl %eax, %ss
	movl %eax, %ds
	movl %eax, %es
	xorl %eax, %eax
	movl %eax, %fs
	movl %eax, %gs
	movq $4f, %rax
	jmp *%rax
/* At linked addresses. */
4:	leaq boot_stack_top(%rip), %rsp
	movl %ebx, %edi
	movl %ebp, %esi
	xorl %ebp, %ebp
	call vmi_pc_begin
	movq %rax, %rdi			/* struct vmi_boot_info */
	jmp vmi_start

	.section .rodata
	.balign 8
boot_descriptors:
	.quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff

	.bss
	.balign PAGE
boot_tables:
	.skip 4 * PAGE
	.skip 4096
boot_stack_top:
