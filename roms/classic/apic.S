/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The local APIC. Clients name a register by its offset, as Linux does, or by its linear address, as the document of the
 * interface says. An offset needs the page's address, which only the client's own page tables tell.
 */
#include <vmi/classic-rom.h>

#include "private.h"

#define CR4_PAE_BIT 5
#define PRESENT 1
#define LARGE 0x80 /* PS: maps memory itself */
#define FRAME_MASK 0xfffff000
#define LINEAR_END 0x38000000 /* 896 MiB: no kernel maps more of physical memory linearly at the default split */
#define NOT_NX 0x7fffffff /* of an entry's high word */

#define ICR_MODE 7 /* bits 8 to 10 */
#define ICR_STARTUP 6

	ROM3_CALL VMI3_CALL_APICRead, apic_read
	ROM3_CALL VMI3_CALL_APICWrite, apic_write

	.section .text.second, "ax", @progbits

/* EAX: register. EAX: its value; 0 when there is an offset and no page. */
apic_read:
	call register
	jz 1f
	movl (%eax), %eax
1:	ret

/*
 * EAX: register, EDX: value; dropped when there is an offset and no page. A STARTUP goes to the ROM's own real-mode code,
 * whatever page the client names: the processor goes from there to the state that the client set for it. The mode of LVTT
 * is the ROM's once it has used that timer: some clients set the alarm first and the vector then.
 */
apic_write:
	call register
	jz 3f
	movl %eax, %ecx
	andl $0xfff, %ecx
	cmpl $APIC_LVTT, %ecx
	je 4f
	cmpl $APIC_ICR, %ecx
	jne 2f
	movb %dh, %cl
	andb $ICR_MODE, %cl
	cmpb $ICR_STARTUP, %cl
	jne 2f
	call 1f
1:	popl %ecx
	leal ap_odd - 1b(%ecx), %ecx	/* in an image at an odd multiple of 2 KiB the page of ap_even */
	shrl $12, %ecx
	movb %cl, %dl
2:	movl %edx, (%eax)
3:	ret
4:	pushl %ebx
	call rom_base
	cmpl $0, STATE_APIC_RATIO(%ebx)
	popl %ebx
	je 2b
	movl (%eax), %ecx
	andl $APIC_LVTT_MODE, %ecx
	orl %ecx, %edx
	jmp 2b

/* EAX: offset or linear address. EAX: linear address, ZF: there is none. ECX clobbered. */
register:
	cmpl $0x1000, %eax
	jae 2f
	pushl %ebx
	pushl %edx
	pushl %eax
	call rom_base
	call apic_page
	popl %ecx
	testl %eax, %eax
	jz 1f
	addl %ecx, %eax
1:	popl %edx
	popl %ebx
2:	testl %eax, %eax
	ret

	.globl apic_page
/*
 * private.h. Kernels map the APIC near the top of the address space: the last 8 MiB are looked through, 2048 entries at
 * most. Page tables are read in the linear map.
 *
 *	EDX	size of an entry: 4, with PAE 8		EBP	bits of an entry's high word that must be 0
 *	CH	entries of the directory to look at	CL	how far an offset in a table is from an index << 12
 */
apic_page:
	movl STATE_APIC(%ebx), %eax
	testl %eax, %eax
	jz 1f
	ret
1:	pushl %ebp
	pushl %esi
	pushl %edi
	xorl %ebp, %ebp
	movl $4, %edx
	movl $0x020a, %ecx
	movl %cr3, %eax
	movl %cr4, %esi
	btl $CR4_PAE_BIT, %esi
	movl %eax, %esi
	jnc 2f
	movl $NOT_NX, %ebp
	addl %edx, %edx
	movl $0x0409, %ecx
	call frame
	jnc 7f
	andl $0xfe0, %esi
	leal 24(%eax, %esi), %esi	/* the last of the four directories */
	call table
	jmp 3f
2:	call frame
3:	jnc 7f
	leal 4096(%eax), %esi
4:	subl %edx, %esi
	call table
	jnc 6f
	leal 4096(%eax), %edi
5:	subl %edx, %edi
	movl (%edi), %eax
	xorl $APIC_FRAME | PRESENT, %eax
	testl $FRAME_MASK | PRESENT, %eax
	jnz 51f
	testl %ebp, -4(%edi, %edx)
	jz 8f
51:	testl $0xfff, %edi
	jnz 5b
6:	decb %ch
	jnz 4b
7:	xorl %eax, %eax			/* not remembered: it may be mapped later */
	jmp 9f
8:	andl $0xfff, %esi		/* the linear address is where the entries were */
	shll %cl, %esi
	andl $0xfff, %edi
	leal (%esi, %edi), %eax
	shll %cl, %eax
	orl $0xc0000000, %eax
	movl %eax, STATE_APIC(%ebx)
9:	popl %edi
	popl %esi
	popl %ebp
	ret

/* ESI: entry. CF: it names a table that can be read, EAX: the table's linear address. */
table:
	testl %ebp, -4(%esi, %edx)
	jnz 1f				/* TEST clears CF */
	movl (%esi), %eax
	xorb $PRESENT, %al
	testb $PRESENT | LARGE, %al
	jnz 1f
/* The same of the page of physical address EAX. */
frame:
	andl $FRAME_MASK, %eax
	cmpl $LINEAR_END, %eax
	leal (%eax, %ebx), %eax
1:	ret
