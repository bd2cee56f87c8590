/* SPDX-License-Identifier: MIT */
/* What the calls are without a ROM: the operations that a kernel has anyway. In ring 0, flat segments, regparm(3). */
#include "client.h"

	.text

#define NATIVE(name) .globl native_##name; native_##name:

NATIVE(CPUID)	cpuid
		ret
NATIVE(WRMSR)	wrmsr
		ret
NATIVE(RDMSR)	rdmsr
		ret
NATIVE(SetGDT)	lgdtl (%eax)
		ret
NATIVE(SetLDT)	lldt %ax
		ret
NATIVE(SetIDT)	lidtl (%eax)
		ret
NATIVE(SetTR)	ltr %ax
		ret
NATIVE(GetGDT)	sgdtl (%eax)
		ret
NATIVE(GetLDT)	sldt %eax
		ret
NATIVE(GetIDT)	sidtl (%eax)
		ret
NATIVE(GetTR)	str %eax
		ret
NATIVE(WriteEntry)
		movl %ecx, (%eax, %edx, 8)
		movl 4(%esp), %ecx
		movl %ecx, 4(%eax, %edx, 8)
		ret
NATIVE(UpdateKernelStack)
		movl %fs:CPU_SELF, %ecx
		movl %edx, CPU_TSS + 4(%ecx)
		ret
NATIVE(SetCR0)	movl %eax, %cr0
		ret
NATIVE(SetCR2)	movl %eax, %cr2
		ret
NATIVE(SetCR3)	movl %eax, %cr3
		ret
NATIVE(SetCR4)	movl %eax, %cr4
		ret
NATIVE(GetCR0)	movl %cr0, %eax
		ret
NATIVE(GetCR2)	movl %cr2, %eax
		ret
NATIVE(GetCR3)	movl %cr3, %eax
		ret
NATIVE(GetCR4)	movl %cr4, %eax
		ret
NATIVE(WBINVD)	wbinvd
		ret
NATIVE(RDPMC)	rdpmc
		ret
NATIVE(RDTSC)	rdtsc
		ret
NATIVE(CLTS)	clts
		ret
NATIVE(EnableInterrupts)
		sti
		ret
NATIVE(DisableInterrupts)
		cli
		ret
NATIVE(GetInterruptMask)
		pushfl
		popl %eax
		ret
NATIVE(SetInterruptMask)
		btl $9, %eax
		jc native_EnableInterrupts
		cli
		ret
NATIVE(IRET)	iret
NATIVE(SYSEXIT)	sti
		sysexit
NATIVE(Halt)	sti
		hlt
		ret
NATIVE(SetPxE)	movl %eax, (%edx)
		ret
NATIVE(SetPxELong)
		movl $0, (%ecx)
		movl %edx, 4(%ecx)
		movl %eax, (%ecx)
		ret
NATIVE(Nothing)	ret
NATIVE(InvalPage)
		invlpg (%eax)
		ret
NATIVE(FlushTLB)
		testb $VMI3_FLUSH_GLOBAL, %al
		jz 1f
		movl %cr4, %eax
		movl %eax, %edx
		andb $0x7f, %al
		movl %eax, %cr4
		movl %edx, %cr4
1:		movl %cr3, %eax
		movl %eax, %cr3
		ret
NATIVE(INL)	inl %dx, %eax
		ret
NATIVE(INB)	inb %dx, %al
		ret
NATIVE(INW)	inw %dx, %ax
		ret
NATIVE(INSL)	rep insl
		ret
NATIVE(INSB)	rep insb
		ret
NATIVE(INSW)	rep insw
		ret
NATIVE(OUTL)	outl %eax, %dx
		ret
NATIVE(OUTB)	outb %al, %dx
		ret
NATIVE(OUTW)	outw %ax, %dx
		ret
NATIVE(OUTSL)	rep outsl
		ret
NATIVE(OUTSB)	rep outsb
		ret
NATIVE(OUTSW)	rep outsw
		ret
NATIVE(SetIOPLMask)
		pushfl
		andl $~0x3000, (%esp)
		orl %eax, (%esp)
		popfl
		ret
NATIVE(APICWrite)
		movl %edx, FIX_APIC(%eax)
		ret
NATIVE(APICRead)
		movl FIX_APIC(%eax), %eax
		ret
NATIVE(IODelay)	outb %al, $0x80
		ret

	/* Debug registers 4 and 5 are not used; EAX: number, EDX: value. */
.macro DEBUG_REGISTER number, from, to
	cmpl $\number, %eax
	jne 1f
	movl \from, \to
	ret
1:
.endm
NATIVE(SetDR)
	DEBUG_REGISTER 0, %edx, %db0
	DEBUG_REGISTER 1, %edx, %db1
	DEBUG_REGISTER 2, %edx, %db2
	DEBUG_REGISTER 3, %edx, %db3
	DEBUG_REGISTER 6, %edx, %db6
	DEBUG_REGISTER 7, %edx, %db7
		ret
NATIVE(GetDR)
	DEBUG_REGISTER 0, %db0, %eax
	DEBUG_REGISTER 1, %db1, %eax
	DEBUG_REGISTER 2, %db2, %eax
	DEBUG_REGISTER 3, %db3, %eax
	DEBUG_REGISTER 6, %db6, %eax
	DEBUG_REGISTER 7, %db7, %eax
		ret

/* In order of the numbers; 0: a client has no such operation. */
	.section .rodata
	.balign 4
	.globl natives
natives:
	.long native_CPUID, native_WRMSR, native_RDMSR, native_SetGDT, native_SetLDT, native_SetIDT, native_SetTR
	.long native_GetGDT, native_GetLDT, native_GetIDT, native_GetTR, native_WriteEntry, native_WriteEntry
	.long native_WriteEntry, native_UpdateKernelStack
	.long native_SetCR0, native_SetCR2, native_SetCR3, native_SetCR4
	.long native_GetCR0, native_GetCR2, native_GetCR3, native_GetCR4, native_WBINVD, native_SetDR, native_GetDR
	.long native_RDPMC, native_RDTSC, native_CLTS
	.long native_EnableInterrupts, native_DisableInterrupts, native_GetInterruptMask, native_SetInterruptMask
	.long native_IRET, native_SYSEXIT, native_Halt, 0, 0
	.long native_SetPxE, native_SetPxELong, native_Nothing, native_Nothing, 0, 0
	.long native_Nothing, native_Nothing, native_InvalPage, native_FlushTLB, native_Nothing
	.long native_INL, native_INB, native_INW, native_INSL, native_INSB, native_INSW
	.long native_OUTL, native_OUTB, native_OUTW, native_OUTSL, native_OUTSB, native_OUTSW
	.long native_SetIOPLMask, 0, native_APICWrite, native_APICRead, native_IODelay
	.long 0, 0, 0, 0, 0, 0, 0, native_Nothing
natives_end:
	.if natives_end - natives - 4 * VMI3_CALL_COUNT
	.error "natives has not one word for each call"
	.endif
