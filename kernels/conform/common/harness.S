/* SPDX-License-Identifier: MIT */
/* What C cannot say: going on after an exception, contexts with all their registers. */
#include <vmi/asm.h>
#include "registers.h"

	.text

	.globl try_call, try_landing
/* RDI: function, RSI: its argument. 0, or 1 when an exception ended it. Nests. */
try_call:
	SAVE_KEPT
	pushq try_back(%rip)
	movq %rsp, try_back(%rip)
	movq %rdi, %rax
	movq %rsi, %rdi
	call *%rax
	xorl %eax, %eax
1:	popq try_back(%rip)
	RESTORE_KEPT
	ret
try_landing:
	movq try_back(%rip), %rsp
	cld
	movl $1, %eax
	jmp 1b

	.globl enter, leave
/* RDI: frame, RSI: registers. */
enter:
	SAVE_KEPT
	pushq enter_back(%rip)
	movq %rsp, enter_back(%rip)
	VMI_IRQ_DISABLE
	pushq VMI_FRAME_SS(%rdi)
	pushq VMI_FRAME_RSP(%rdi)
	pushq VMI_FRAME_RFLAGS(%rdi)
	pushq VMI_FRAME_CS(%rdi)
	pushq VMI_FRAME_RIP(%rdi)
	movq %rsi, %rax
	LOAD_ALL
	VMI_IRET
/* RDI: result. On the kernel stack of a trap, which is abandoned. */
leave:
	VMI_IRQ_DISABLE
	movq %rdi, %rax
	movq enter_back(%rip), %rsp
	popq enter_back(%rip)
	RESTORE_KEPT
	ret

/* ---- leaf calls with all registers: RDI what they are before, RSI where to put what they are after ---- */

.macro LEAF name, call
	.globl leaf_\name
leaf_\name:
	SAVE_KEPT
	pushq %rsi
	movq %rdi, %rax
	LOAD_ALL
	\call
	xchgq %rax, (%rsp)
	popq (%rax)
	movq %rbx, 8(%rax)
	movq %rcx, 16(%rax)
	movq %rdx, 24(%rax)
	movq %rsi, 32(%rax)
	movq %rdi, 40(%rax)
	movq %rbp, 48(%rax)
	movq %r8, 56(%rax)
	movq %r9, 64(%rax)
	movq %r10, 72(%rax)
	movq %r11, 80(%rax)
	movq %r12, 88(%rax)
	movq %r13, 96(%rax)
	movq %r14, 104(%rax)
	movq %r15, 112(%rax)
	RESTORE_KEPT
	ret
.endm
	LEAF irq_disable, VMI_IRQ_DISABLE
	LEAF irq_enable, VMI_IRQ_ENABLE
	LEAF irq_save, VMI_IRQ_SAVE
	LEAF irq_restore, VMI_IRQ_RESTORE
	LEAF irq_save_disable, VMI_IRQ_SAVE_DISABLE
	LEAF irq_pending, VMI_IRQ_PENDING
	LEAF halt, VMI_HALT
	LEAF fault_address_read, VMI_FAULT_ADDRESS_READ
	LEAF address_space_set, VMI_ADDRESS_SPACE_SET
	LEAF address_space_read, VMI_ADDRESS_SPACE_READ
	LEAF pte_set, VMI_PTE_SET
	LEAF pte_update_deferred, VMI_PTE_UPDATE_DEFERRED
	LEAF pte_make, VMI_PTE_MAKE
	LEAF pte_read, VMI_PTE_READ
	LEAF tlb_flush, VMI_TLB_FLUSH
	LEAF tlb_flush_page, VMI_TLB_FLUSH_PAGE
	LEAF lazy_enter, VMI_LAZY_ENTER
	LEAF lazy_leave, VMI_LAZY_LEAVE
	LEAF vcpu_yield, VMI_VCPU_YIELD
	LEAF vcpu_id, VMI_VCPU_ID
	LEAF debug_break, VMI_DEBUG_BREAK
	LEAF int_spare, "int $0x80"

/* ---- calls on a stack of their own: RDI five arguments, RSI end of the stack; which kept register, or DF, was lost ---- */

.macro KEPT op:vararg
	\op 0x1111111111111111, %rbx, 0
	\op 0x2222222222222222, %rbp, 1
	\op 0x3333333333333333, %r12, 2
	\op 0x4444444444444444, %r13, 3
	\op 0x5555555555555555, %r14, 4
	\op 0x6666666666666666, %r15, 5
.endm
.macro SET_KEPT value, register, bit
	movabsq $\value, \register
.endm
.macro COMPARE_KEPT value, register, bit
	movabsq $\value, %rcx
	cmpq %rcx, \register
	je 8f
	orl $1 << \bit, %eax
8:
.endm

.macro ON_STACK name, call
	.globl stack_\name
stack_\name:
	SAVE_KEPT
	movq %rsp, stack_back(%rip)
	movq %rsi, %rsp
	movq %rdi, %rax
	movq (%rax), %rdi
	movq 8(%rax), %rsi
	movq 16(%rax), %rdx
	movq 24(%rax), %rcx
	movq 32(%rax), %r8
	KEPT SET_KEPT
	VMI_IRQ_DISABLE
	\call
	movq %rax, stack_result(%rip)
	movq stack_back(%rip), %rsp
	pushfq
	popq %rax
	shrl $4, %eax
	andl $1 << 6, %eax		/* DF */
	cld
	KEPT COMPARE_KEPT
	RESTORE_KEPT
	ret
.endm
	ON_STACK address_space_read, VMI_ADDRESS_SPACE_READ
	ON_STACK address_space_set, VMI_ADDRESS_SPACE_SET
	ON_STACK clock_frequency, VMI_CLOCK_FREQUENCY
	ON_STACK clock_read, VMI_CLOCK_READ
	ON_STACK console_read, VMI_CONSOLE_READ
	ON_STACK console_write, VMI_CONSOLE_WRITE
	ON_STACK cpuid, VMI_CPUID
	ON_STACK crash_report, VMI_CRASH_REPORT
	ON_STACK debug_break, VMI_DEBUG_BREAK
	ON_STACK descriptors_set, VMI_DESCRIPTORS_SET
	ON_STACK event_ack, VMI_EVENT_ACK
	ON_STACK event_bind, VMI_EVENT_BIND
	ON_STACK event_mask, VMI_EVENT_MASK
	ON_STACK event_send, VMI_EVENT_SEND
	ON_STACK event_send_enabled, "VMI_IRQ_ENABLE; VMI_EVENT_SEND; VMI_IRQ_DISABLE"
	ON_STACK event_unmask, VMI_EVENT_UNMASK
	ON_STACK fault_address_read, VMI_FAULT_ADDRESS_READ
	ON_STACK fpu_trap_set, VMI_FPU_TRAP_SET
	ON_STACK info, VMI_INFO
	ON_STACK init, VMI_INIT
	ON_STACK ipi_send, VMI_IPI_SEND
	ON_STACK irq_disable, VMI_IRQ_DISABLE
	ON_STACK irq_enable, VMI_IRQ_ENABLE
	ON_STACK irq_pending, VMI_IRQ_PENDING
	ON_STACK irq_restore, VMI_IRQ_RESTORE
	ON_STACK irq_save, VMI_IRQ_SAVE
	ON_STACK irq_save_disable, VMI_IRQ_SAVE_DISABLE
	ON_STACK kernel_stack_set, VMI_KERNEL_STACK_SET
	ON_STACK lazy_enter, VMI_LAZY_ENTER
	ON_STACK lazy_leave, VMI_LAZY_LEAVE
	ON_STACK memory_balloon, VMI_MEMORY_BALLOON
	ON_STACK msr_read, VMI_MSR_READ
	ON_STACK msr_write, VMI_MSR_WRITE
	ON_STACK page_table_add, VMI_PAGE_TABLE_ADD
	ON_STACK page_table_remove, VMI_PAGE_TABLE_REMOVE
	ON_STACK probe, VMI_PROBE
	ON_STACK pte_make, VMI_PTE_MAKE
	ON_STACK pte_read, VMI_PTE_READ
	ON_STACK pte_set, VMI_PTE_SET
	ON_STACK pte_set_batch, VMI_PTE_SET_BATCH
	ON_STACK pte_update_deferred, VMI_PTE_UPDATE_DEFERRED
	ON_STACK random_read, VMI_RANDOM_READ
	ON_STACK stolen_time_read, VMI_STOLEN_TIME_READ
	ON_STACK suspend, VMI_SUSPEND
	ON_STACK suspend_prepare, VMI_SUSPEND_PREPARE
	ON_STACK syscall_entry_set, VMI_SYSCALL_ENTRY_SET
	ON_STACK timer_cancel, VMI_TIMER_CANCEL
	ON_STACK timer_set, VMI_TIMER_SET
	ON_STACK tlb_flush, VMI_TLB_FLUSH
	ON_STACK tlb_flush_others, VMI_TLB_FLUSH_OTHERS
	ON_STACK tlb_flush_page, VMI_TLB_FLUSH_PAGE
	ON_STACK tls_set, VMI_TLS_SET
	ON_STACK trace_mark, VMI_TRACE_MARK
	ON_STACK trap_table_set, VMI_TRAP_TABLE_SET
	ON_STACK vcpu_id, VMI_VCPU_ID
	ON_STACK vcpu_init, VMI_VCPU_INIT
	ON_STACK vcpu_start, VMI_VCPU_START
	ON_STACK vcpu_stop, VMI_VCPU_STOP
	ON_STACK vcpu_yield, VMI_VCPU_YIELD
	ON_STACK wall_clock_read, VMI_WALL_CLOCK_READ

	.globl stack_result
	.bss
stack_result: .skip 8
stack_back: .skip 8
	.balign 8
	.globl try_back
try_back: .skip 8
enter_back: .skip 8
