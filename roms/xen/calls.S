/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What the ROM for Xen answers at each call. */
#include "rom.h"

	.section .rodata
	.balign 8
	.globl rom_data
rom_data:				/* first in the data page: see the list of sources in rom.toml */
	.ascii "VMI for Xen PV"
	.text

	ROM_CALL VMI_CALL_INIT, init
	ROM_CALL VMI_CALL_PROBE, probe
	ROM_CALL VMI_CALL_INFO, info
	ROM_CALL VMI_CALL_VCPU_INIT, vcpu_init

/* ---- irq: Xen's mask is a byte, 1 for disabled ---- */

	ROM_RECIPE VMI_CALL_IRQ_DISABLE
	movb $1, MASK
	ROM_END

	ROM_CALL VMI_CALL_IRQ_ENABLE, irq_enable

	ROM_RECIPE VMI_CALL_IRQ_SAVE
	cmpb $1, MASK
	sbbl %eax, %eax			/* every bit, FLAG_IF too, where the mask was 0 */
	ROM_END

	ROM_RECIPE VMI_CALL_IRQ_PENDING
	movzbl PENDING, %eax		/* 0 or 1, of Xen's channels and the ROM's own sources */
	ROM_END

	ROM_RECIPE VMI_CALL_IRQ_SAVE_DISABLE
	cmpb $1, MASK
	sbbl %eax, %eax
	movb $1, MASK
	ROM_END

	ROM_RECIPE VMI_CALL_IRQ_RESTORE
	btl $9, %edi
	jnc 1f
	call irq_enable
1:
	ROM_END

	ROM_CALL VMI_CALL_HALT, halt

/* ---- trap ---- */

	ROM_CALL VMI_CALL_TRAP_TABLE_SET, trap_table_set
	ROM_CALL VMI_CALL_SYSCALL_ENTRY_SET, syscall_entry_set
	ROM_CALL VMI_CALL_KERNEL_STACK_SET, kernel_stack_set
	ROM_JUMP VMI_CALL_IRET, iret
	ROM_JUMP VMI_CALL_SYS_RET, sys_ret

	ROM_RECIPE VMI_CALL_FAULT_ADDRESS_READ
	movq VCPU(XEN_CR2), %rax
	ROM_END

	ROM_CALL VMI_CALL_DESCRIPTORS_SET, descriptors_set
	ROM_CALL VMI_CALL_TLS_SET, tls_set
	ROM_CALL VMI_CALL_CPUID, cpuid_read
	ROM_CALL VMI_CALL_MSR_READ, msr_read
	ROM_CALL VMI_CALL_MSR_WRITE, msr_write
	ROM_CALL VMI_CALL_FPU_TRAP_SET, fpu_trap_set

/* ---- mmu ---- */

	ROM_CALL VMI_CALL_ADDRESS_SPACE_SET, address_space_set

	ROM_RECIPE VMI_CALL_ADDRESS_SPACE_READ
	movq VCPU(XV_ROOT), %rax
	ROM_END

	ROM_CALL VMI_CALL_PTE_SET, pte_set
	ROM_CALL VMI_CALL_PTE_SET_BATCH, pte_set_batch
	ROM_CALL VMI_CALL_PTE_UPDATE_DEFERRED, pte_update_deferred
	ROM_CALL VMI_CALL_PTE_MAKE, pte_make
	ROM_CALL VMI_CALL_PTE_READ, pte_read
	ROM_CALL VMI_CALL_PAGE_TABLE_ADD, page_table_add
	ROM_CALL VMI_CALL_PAGE_TABLE_REMOVE, page_table_remove
	ROM_CALL VMI_CALL_TLB_FLUSH, tlb_flush
	ROM_CALL VMI_CALL_TLB_FLUSH_PAGE, tlb_flush_page
	ROM_CALL VMI_CALL_TLB_FLUSH_OTHERS, tlb_flush_others
	ROM_CALL VMI_CALL_LAZY_ENTER, lazy_enter
	ROM_CALL VMI_CALL_LAZY_LEAVE, lazy_leave

/* ---- time, event, smp, sys ---- */

	ROM_CALL VMI_CALL_CLOCK_READ, clock_read
	ROM_CALL VMI_CALL_CLOCK_FREQUENCY, clock_frequency
	ROM_CALL VMI_CALL_WALL_CLOCK_READ, wall_clock_read
	ROM_CALL VMI_CALL_STOLEN_TIME_READ, stolen_time_read
	ROM_CALL VMI_CALL_TIMER_SET, timer_set
	ROM_CALL VMI_CALL_TIMER_CANCEL, timer_cancel

	ROM_CALL VMI_CALL_EVENT_BIND, event_bind
	ROM_CALL VMI_CALL_EVENT_MASK, event_mask
	ROM_CALL VMI_CALL_EVENT_UNMASK, event_unmask
	ROM_CALL VMI_CALL_EVENT_ACK, event_ack
	ROM_CALL VMI_CALL_EVENT_SEND, event_send

	ROM_CALL VMI_CALL_VCPU_START, vcpu_invalid
	ROM_CALL VMI_CALL_VCPU_STOP, vcpu_invalid
	ROM_NATIVE VMI_CALL_VCPU_ID
	ROM_CALL VMI_CALL_IPI_SEND, ipi_send
	ROM_CALL VMI_CALL_VCPU_YIELD, vcpu_yield

	ROM_CALL VMI_CALL_CONSOLE_WRITE, console_write
	ROM_CALL VMI_CALL_CONSOLE_READ, console_read
	ROM_CALL VMI_CALL_SHUTDOWN, shutdown
	ROM_CALL VMI_CALL_MEMORY_BALLOON, memory_balloon

	ROM_NATIVE VMI_CALL_RANDOM_READ	/* the processor's, which needs no privilege */
