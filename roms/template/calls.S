/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * A ROM that does nothing special: copy this folder, name your hypervisor in rom.toml, and replace one call after the
 * other by what your hypervisor wants. It passes as it is, at every step.
 *
 * What is ROM_NATIVE is left to the kernel, which drives the processor and the PC's devices by itself. The others show
 * each way to do it differently: a recipe, a call, a jump, nothing at all.
 */
#include <vmi/rom.h>

#define SERIAL 0x3f8
#define LINE_STATUS 5
#define LINE_EMPTY 0x20

	.text

/* ---- base: who this is. No native form can know. ---- */

	ROM_CALL VMI_CALL_INIT, init
	ROM_CALL VMI_CALL_PROBE, probe
	ROM_CALL VMI_CALL_INFO, info
	ROM_NATIVE VMI_CALL_VCPU_INIT

/* EDI: version the guest was built for. */
init:
	movl %edi, %eax
	shrl $16, %eax
	cmpl $VMI_MAJOR, %eax
	jne 1f
	movzwl %di, %eax
	cmpl $VMI_MINOR, %eax
	ja 1f
	xorl %eax, %eax
	ret
1:	movq $VMI_INVALID, %rax
	ret

/* EDI: group. */
	.balign 8
probe:
	xorl %eax, %eax
	cmpl $VMI_GROUP_COUNT, %edi
	jae 1f
	leaq revisions(%rip), %rcx
	movl %edi, %edi
	movzbl (%rcx, %rdi), %eax
	cmpl $VMI_GROUP_RANDOM, %edi
	je 2f
1:	ret
2:	pushq %rbx			/* of the processor: the only group that not every PC has */
	movl $1, %eax
	cpuid
	shrl $30, %ecx			/* RDRAND */
	andl $1, %ecx
	movl %ecx, %eax
	popq %rbx
	ret

/* EDI: item, RSI: buffer, RDX: room. The texts stand one after the other, each after its length. */
	.balign 8
info:
	cmpl $VMI_INFO_ROM_VERSION, %edi
	ja 3f
	leaq texts(%rip), %rcx
1:	movzbl (%rcx), %eax
	incq %rcx
	subl $1, %edi
	jc 2f
	addq %rax, %rcx
	jmp 1b
2:	cmpq %rdx, %rax
	cmovaq %rdx, %rax
	movq %rsi, %rdi
	movq %rcx, %rsi
	movq %rax, %rcx
	rep movsb
	ret
3:	movq $VMI_INVALID, %rax
	ret

	.section .rodata
revisions:
	.byte VMI_REVISION_BASE, VMI_REVISION_IRQ, VMI_REVISION_TRAP, VMI_REVISION_MMU, VMI_REVISION_TIME
	.byte VMI_REVISION_EVENT, 0, VMI_REVISION_SYS, 0, 0, VMI_REVISION_RANDOM
texts:
	.macro TEXT text
	.byte 882f - 881f
881:	.ascii "\text"
882:
	.endm
	TEXT "bare"
	TEXT ""
	TEXT "template"
	TEXT "1.0"
	.text

/* ---- irq: recipes. These happen to be the native instructions. ---- */

	ROM_RECIPE VMI_CALL_IRQ_DISABLE
	cli
	ROM_END

	ROM_RECIPE VMI_CALL_IRQ_ENABLE
	sti
	nop				/* what is pending is delivered before the site ends */
	ROM_END

	ROM_RECIPE VMI_CALL_IRQ_SAVE
	pushfq
	popq %rax
	ROM_END

	ROM_RECIPE VMI_CALL_IRQ_SAVE_DISABLE
	pushfq
	popq %rax
	cli
	ROM_END

	ROM_RECIPE VMI_CALL_IRQ_RESTORE
	btl $9, %edi
	jnc 1f
	sti
	nop
1:
	ROM_END

	ROM_NATIVE VMI_CALL_IRQ_PENDING	/* the kernel has its events itself */

	ROM_RECIPE VMI_CALL_HALT
	sti
	hlt
	ROM_END

/* ---- trap: the kernel's own tables; the return goes through the ROM ---- */

	ROM_NATIVE VMI_CALL_TRAP_TABLE_SET
	ROM_NATIVE VMI_CALL_SYSCALL_ENTRY_SET
	ROM_NATIVE VMI_CALL_KERNEL_STACK_SET
	ROM_JUMP VMI_CALL_IRET, iret
	ROM_JUMP VMI_CALL_SYS_RET, iret
	ROM_NATIVE VMI_CALL_FAULT_ADDRESS_READ
	ROM_NATIVE VMI_CALL_DESCRIPTORS_SET
	ROM_NATIVE VMI_CALL_TLS_SET
	ROM_NATIVE VMI_CALL_CPUID
	ROM_NATIVE VMI_CALL_MSR_READ
	ROM_NATIVE VMI_CALL_MSR_WRITE
	ROM_NATIVE VMI_CALL_FPU_TRAP_SET

/* Ring 0, interrupts off, frame at (%rsp), every other register the target context's, GS the kernel's. */
	.balign 16
iret:
	testb $2, VMI_FRAME_CS(%rsp)
	jz 1f
	swapgs
1:	iretq

/* ---- mmu: native but for the batch; lazy mode has nothing to put off ---- */

	ROM_NATIVE VMI_CALL_ADDRESS_SPACE_SET
	ROM_NATIVE VMI_CALL_ADDRESS_SPACE_READ
	ROM_NATIVE VMI_CALL_PTE_SET
	ROM_CALL VMI_CALL_PTE_SET_BATCH, pte_set_batch
	ROM_NATIVE VMI_CALL_PTE_UPDATE_DEFERRED
	ROM_NATIVE VMI_CALL_PTE_MAKE
	ROM_NATIVE VMI_CALL_PTE_READ
	ROM_NATIVE VMI_CALL_PAGE_TABLE_ADD
	ROM_NATIVE VMI_CALL_PAGE_TABLE_REMOVE
	ROM_NATIVE VMI_CALL_TLB_FLUSH
	ROM_NATIVE VMI_CALL_TLB_FLUSH_PAGE
	ROM_NATIVE VMI_CALL_TLB_FLUSH_OTHERS
	ROM_NOP VMI_CALL_LAZY_ENTER
	ROM_NOP VMI_CALL_LAZY_LEAVE

/* RDI: updates, ESI: count. */
	.balign 16
pte_set_batch:
	cmpl $VMI_BATCH_LIMIT, %esi
	ja 3f
	xorl %eax, %eax
1:	cmpl %esi, %eax
	je 2f
	movq VMI_PTE_UPDATE_ENTRY(%rdi), %rcx
	movq VMI_PTE_UPDATE_VALUE(%rdi), %rdx
	movq %rdx, (%rcx)
	addq $VMI_SIZE_PTE_UPDATE, %rdi
	incl %eax
	jmp 1b
2:	ret
3:	movq $VMI_INVALID, %rax
	ret

/* ---- time and event: the kernel drives the local APIC by itself ---- */

	ROM_NATIVE VMI_CALL_CLOCK_READ
	ROM_NATIVE VMI_CALL_CLOCK_FREQUENCY
	ROM_NATIVE VMI_CALL_WALL_CLOCK_READ
	ROM_CALL VMI_CALL_STOLEN_TIME_READ, nothing
	ROM_NATIVE VMI_CALL_TIMER_SET
	ROM_NATIVE VMI_CALL_TIMER_CANCEL
	ROM_NATIVE VMI_CALL_EVENT_BIND
	ROM_NATIVE VMI_CALL_EVENT_MASK
	ROM_NATIVE VMI_CALL_EVENT_UNMASK
	ROM_NATIVE VMI_CALL_EVENT_ACK
	ROM_NATIVE VMI_CALL_EVENT_SEND

nothing:
	xorl %eax, %eax
	ret

/* ---- sys: the console from the ROM ---- */

	ROM_CALL VMI_CALL_CONSOLE_WRITE, console_write
	ROM_NATIVE VMI_CALL_CONSOLE_READ
	ROM_NATIVE VMI_CALL_SHUTDOWN
	ROM_NATIVE VMI_CALL_MEMORY_BALLOON

/* RDI: bytes, RSI: how many. Waits for the port a bounded time for each. */
	.balign 16
console_write:
	cmpq $VMI_CONSOLE_LIMIT, %rsi
	ja 4f
	movq %rsi, %r8
1:	testq %rsi, %rsi
	jz 3f
	movl $2000000, %ecx		/* two seconds on a PC; who reads may be slow, not gone */
	movl $SERIAL + LINE_STATUS, %edx
2:	inb %dx, %al
	testb $LINE_EMPTY, %al
	loopz 2b
	movl $SERIAL, %edx
	movb (%rdi), %al
	outb %al, %dx
	incq %rdi
	decq %rsi
	jmp 1b
3:	movq %r8, %rax
	ret
4:	movq $VMI_INVALID, %rax
	ret

/* ---- random: the processor's, which needs no privilege ---- */

	ROM_NATIVE VMI_CALL_RANDOM_READ
