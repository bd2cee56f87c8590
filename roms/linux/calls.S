/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The ROM of the hypervisor linux: the interrupt flag and the page tables without leaving the process, returns in user.S,
 * everything else a hypercall.
 */
#include <vmi/rom.h>
#include "private.h"

#define HIGH %gs:rom_vcpu + LNX_FLAGS_HIGH

	.text

/* ---- hypercalls with the C convention: number in EAX, arguments where they are, result in RAX ---- */

.macro HYPERCALL number
	ROM_CALL \number, 881f
	.balign 8
881:	movl $\number, %eax
	int $LNX_CALL_VECTOR
	ret
.endm

	HYPERCALL VMI_CALL_INIT
	HYPERCALL VMI_CALL_INFO
	HYPERCALL VMI_CALL_VCPU_INIT
	HYPERCALL VMI_CALL_TRAP_TABLE_SET
	HYPERCALL VMI_CALL_SYSCALL_ENTRY_SET
	HYPERCALL VMI_CALL_KERNEL_STACK_SET
	HYPERCALL VMI_CALL_DESCRIPTORS_SET
	HYPERCALL VMI_CALL_TLS_SET
	HYPERCALL VMI_CALL_CPUID
	HYPERCALL VMI_CALL_MSR_READ
	HYPERCALL VMI_CALL_MSR_WRITE
	HYPERCALL VMI_CALL_PAGE_TABLE_ADD
	HYPERCALL VMI_CALL_PAGE_TABLE_REMOVE
	HYPERCALL VMI_CALL_TLB_FLUSH_OTHERS
	HYPERCALL VMI_CALL_CLOCK_FREQUENCY
	HYPERCALL VMI_CALL_WALL_CLOCK_READ
	HYPERCALL VMI_CALL_STOLEN_TIME_READ
	HYPERCALL VMI_CALL_TIMER_SET
	HYPERCALL VMI_CALL_TIMER_CANCEL
	HYPERCALL VMI_CALL_EVENT_BIND
	HYPERCALL VMI_CALL_EVENT_MASK
	HYPERCALL VMI_CALL_EVENT_UNMASK
	HYPERCALL VMI_CALL_EVENT_ACK
	HYPERCALL VMI_CALL_EVENT_SEND
	HYPERCALL VMI_CALL_CONSOLE_WRITE
	HYPERCALL VMI_CALL_CONSOLE_READ
	HYPERCALL VMI_CALL_SHUTDOWN
	HYPERCALL VMI_CALL_MEMORY_BALLOON
	HYPERCALL VMI_CALL_TRACE_MARK
	HYPERCALL VMI_CALL_CRASH_REPORT

/* ---- what this ROM knows by itself ---- */

	ROM_CALL VMI_CALL_PROBE, probe

/* EDI: group. RAX, RCX, RDI are free. */
	.balign 8
probe:
	xorl %eax, %eax
	cmpl $VMI_GROUP_COUNT, %edi
	jae 1f
	leaq revisions(%rip), %rcx
	movl %edi, %edi
	movzbl (%rcx, %rdi), %eax
1:	ret

revisions: /* not in the data, which begins with the clock */
	.byte VMI_REVISION_BASE, VMI_REVISION_IRQ, VMI_REVISION_TRAP, VMI_REVISION_MMU, VMI_REVISION_TIME
	.byte VMI_REVISION_EVENT, 0, VMI_REVISION_SYS, 0, VMI_REVISION_DEBUG

	ROM_CALL VMI_CALL_FPU_TRAP_SET, fpu_trap_set

/* EDI: on. The next return to user mode looks at it; the instructions themselves cannot be trapped in a process. */
	.balign 8
fpu_trap_set:
	testl %edi, %edi
	setnz %gs:rom_vcpu + LNX_FPU_TRAP
	ret

	ROM_CALL VMI_CALL_CLOCK_READ, clock_read

/* By the time-stamp counter, once M has found its rate: all of K runs on one processor. */
	.balign 16
clock_read:
	movq clock + LNX_CLOCK_RATE(%rip), %rcx
	testq %rcx, %rcx
	jz 1f
	lfence
	rdtsc
	shlq $32, %rdx
	orq %rdx, %rax
	subq clock + LNX_CLOCK_COUNT(%rip), %rax
	mulq %rcx
	shrdq $32, %rdx, %rax
	addq clock + LNX_CLOCK_TIME(%rip), %rax
	ret
1:	movl $VMI_CALL_CLOCK_READ, %eax
	int $LNX_CALL_VECTOR
	ret

	.data
	.balign 8
clock:
	.skip LNX_CLOCK_SIZE
	.text

/* ---- hypercalls that preserve every register: short enough to stand in the site ---- */

.macro LEAF_HYPERCALL number
	ROM_RECIPE \number
	pushq %rax
	movl $\number, %eax
	int $LNX_CALL_VECTOR
	popq %rax
	ROM_END
.endm

	LEAF_HYPERCALL VMI_CALL_ADDRESS_SPACE_SET
	LEAF_HYPERCALL VMI_CALL_TLB_FLUSH
	LEAF_HYPERCALL VMI_CALL_TLB_FLUSH_PAGE

/* Sites of these have no room for the above. */
.macro LEAF_CALL number
	ROM_CALL \number, 881f
	.balign 8
881:	pushq %rax
	movl $\number, %eax
	int $LNX_CALL_VECTOR
	popq %rax
	ret
.endm

	LEAF_CALL VMI_CALL_HALT
	LEAF_CALL VMI_CALL_DEBUG_BREAK

/* ---- the virtual interrupt flag: bit 1 of a byte whose sign says that an event waits ---- */

	ROM_RECIPE VMI_CALL_IRQ_DISABLE
	andb $~LNX_HIGH_IF, HIGH
	ROM_END

	ROM_RECIPE VMI_CALL_IRQ_ENABLE
	orb $LNX_HIGH_IF, HIGH
	jns 1f
	int $LNX_DELIVER_VECTOR
1:
	ROM_END

	ROM_RECIPE VMI_CALL_IRQ_SAVE
	movl %gs:rom_vcpu + LNX_FLAGS, %eax
	ROM_END

	ROM_RECIPE VMI_CALL_IRQ_SAVE_DISABLE
	movl %gs:rom_vcpu + LNX_FLAGS, %eax
	andb $~LNX_HIGH_IF, HIGH
	ROM_END

	ROM_RECIPE VMI_CALL_IRQ_RESTORE
	btl $9, %edi
	jnc 1f
	orb $LNX_HIGH_IF, HIGH
	jns 1f
	int $LNX_DELIVER_VECTOR
1:
	ROM_END

	ROM_RECIPE VMI_CALL_FAULT_ADDRESS_READ
	movq %gs:rom_vcpu + LNX_FAULT_ADDRESS, %rax
	ROM_END

/* ---- page tables: M walks the guest's own when a page is missed, so entries are plain memory ---- */

	ROM_NATIVE VMI_CALL_PTE_SET
	ROM_NATIVE VMI_CALL_PTE_UPDATE_DEFERRED
	ROM_NATIVE VMI_CALL_PTE_MAKE
	ROM_NATIVE VMI_CALL_PTE_READ
	ROM_NATIVE VMI_CALL_LAZY_ENTER
	ROM_NATIVE VMI_CALL_LAZY_LEAVE

	ROM_RECIPE VMI_CALL_ADDRESS_SPACE_READ
	movq %gs:rom_vcpu + LNX_PAGE_ROOT, %rax
	ROM_END

	ROM_CALL VMI_CALL_PTE_SET_BATCH, pte_set_batch

/* RDI: updates, ESI: count. Done here without an exit; RAX, RCX, RDX, RDI are free. */
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
