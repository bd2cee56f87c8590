/* SPDX-License-Identifier: MIT */
/* Traps, calls with every register, and user mode. */
#include "client.h"

	.text

/* ---- traps: 256 stubs of 16 bytes ---- */

	.balign 16
	.globl trap_stubs
trap_stubs:
	.set vector, 0
	.rept 256
	.balign 16
	.if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17)
	pushl $0
	.endif
	pushl $vector
	jmp trap_common
	.set vector, vector + 1
	.endr

trap_common:
	cld
	pushl %ds
	pushl %es
	pushl %fs
	pushl %gs
	pushl %eax
	pushl %ecx
	pushl %edx
	pushl %ebx
	pushl %ebp
	pushl %esi
	pushl %edi
	movl $KERNEL_DS, %eax
	movl %eax, %ds
	movl %eax, %es
	movl $CPU_SELECTOR, %eax
	movl %eax, %fs
	movl %esp, %eax
	call trap
	popl %edi
	popl %esi
	popl %ebp
	popl %ebx
	popl %edx
	popl %ecx
	popl %eax
	popl %gs
	popl %fs
	popl %es
	popl %ds
	addl $8, %esp
	.globl site_iret, site_sysexit
site_iret:
	jmpl *%cs:ops + 4 * VMI3_CALL_IRET
site_iret_end:

/* EDX: user EIP, ECX: user ESP. */
	.globl to_sysexit
to_sysexit:
	movl $USER_DS, %eax
	movl %eax, %ds
	movl %eax, %es
	xorl %eax, %eax
site_sysexit:
	jmpl *%cs:ops + 4 * VMI3_CALL_SYSEXIT
site_sysexit_end:

	.section .parainstructions, "a"
	.long site_iret
	.byte SITE_IRET, site_iret_end - site_iret
	.short 0
	.long site_sysexit
	.byte SITE_SYSEXIT, site_sysexit_end - site_sysexit
	.short 7
	.text

/* ---- calls ---- */

	.globl call_registers
/* EAX: function, EDX: struct registers, ECX: two words. A function that leaves ESP wrong is survived. */
call_registers:
	pushl %ebp
	pushl %ebx
	pushl %esi
	pushl %edi
	pushfl
	pushl %ds
	pushl %es
	pushl %fs
	pushl %gs
	pushl %edx
	pushl %fs:CPU_BACK
	movl %esp, %fs:CPU_BACK
	pushl 4(%ecx)
	pushl (%ecx)
	pushl $1f
	pushl %eax
	pushl R_EFLAGS(%edx)
	movl R_EAX(%edx), %eax
	movl R_EBX(%edx), %ebx
	movl R_ECX(%edx), %ecx
	movl R_ESI(%edx), %esi
	movl R_EDI(%edx), %edi
	movl R_EBP(%edx), %ebp
	movl R_EDX(%edx), %edx
	popfl
	ret
	.globl call_registers_back
call_registers_back:
1:	pushfl
	pushl %ebp
	pushl %edx
	movl %fs:CPU_BACK, %ebp
	movl 4(%ebp), %edx		/* struct registers */
	movl %eax, R_EAX(%edx)
	movl %ebx, R_EBX(%edx)
	movl %ecx, R_ECX(%edx)
	movl %esi, R_ESI(%edx)
	movl %edi, R_EDI(%edx)
	popl R_EDX(%edx)
	popl R_EBP(%edx)
	popl R_EFLAGS(%edx)
	cld
	leal 8(%esp), %eax
	subl %ebp, %eax
	movl %eax, R_ESP(%edx)
	movw %ds, R_SEGMENTS(%edx)
	movw %es, R_SEGMENTS + 2(%edx)
	movw %fs, R_SEGMENTS + 4(%edx)
	movw %gs, R_SEGMENTS + 6(%edx)
	movw %ss, R_SEGMENTS + 8(%edx)
	movw %cs, R_SEGMENTS + 10(%edx)
	movl %ebp, %esp
	popl %fs:CPU_BACK
	popl %edx
	popl %gs
	popl %fs
	popl %es
	popl %ds
	popfl
	popl %edi
	popl %esi
	popl %ebx
	popl %ebp
	ret

	.globl try_call, try_landing
/* EAX: function, EDX: its argument. 0, or 1 when an exception ended it. Nests. */
try_call:
	pushl %ebp
	pushl %ebx
	pushl %esi
	pushl %edi
	pushl %fs:CPU_BACK
	pushl %fs:CPU_LANDING
	movl %esp, %fs:CPU_LANDING
	pushl %edx
	call *%eax
	xorl %eax, %eax
	jmp 1f
try_landing:
	cld
	movl $1, %eax
1:	movl %fs:CPU_LANDING, %esp
	popl %fs:CPU_LANDING
	popl %fs:CPU_BACK
	popl %edi
	popl %esi
	popl %ebx
	popl %ebp
	ret

/* ---- user mode ---- */

	.globl enter_user, leave_user
/* EAX: EIP, CS, EFLAGS, ESP, SS and for virtual 8086 mode ES, DS, FS, GS; the registers are zero. Through the site. */
enter_user:
	pushl %ebp
	pushl %ebx
	pushl %esi
	pushl %edi
	pushl user_back
	movl %esp, user_back
	subl $36, %esp
	movl %eax, %esi
	movl %esp, %edi
	movl $9, %ecx
	rep movsl
	movl $USER_DS, %eax
	movl %eax, %ds
	movl %eax, %es
	xorl %eax, %eax
	movl %eax, %ebx
	movl %eax, %ecx
	movl %eax, %edx
	movl %eax, %esi
	movl %eax, %edi
	movl %eax, %ebp
	jmp site_iret
	.globl enter_user_sysexit
/* EAX: EIP, EDX: ESP; EBX, ESI, EDI and EBP are 0x11111111 to 0x44444444. */
enter_user_sysexit:
	pushl %ebp
	pushl %ebx
	pushl %esi
	pushl %edi
	pushl user_back
	movl %esp, user_back
	movl %edx, %ecx
	movl %eax, %edx
	movl $0x11111111, %ebx
	movl $0x22222222, %esi
	movl $0x33333333, %edi
	movl $0x44444444, %ebp
	jmp to_sysexit
/* EAX: the value. */
leave_user:
	movl user_back, %esp
	popl user_back
	popl %edi
	popl %esi
	popl %ebx
	popl %ebp
	ret

	.globl sysenter_entry
/* SYSENTER leaves here with the stack of MSR 0x175: the end of the trap stack. EAX: value for leave_user. */
sysenter_entry:
	movl $KERNEL_DS, %ecx
	movl %ecx, %ds
	movl %ecx, %es
	movl $CPU_SELECTOR, %ecx
	movl %ecx, %fs
	cld
	jmp leave_user

	.section .bss
	.balign 4
user_back:
	.skip 4
