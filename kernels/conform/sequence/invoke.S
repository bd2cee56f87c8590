/* SPDX-License-Identifier: MIT */
/* What C cannot say: calls with all their registers, going on after an exception, contexts of user mode. */
#include <vmi/asm.h>
#include "registers.h"

	.text

	.globl invoke
/* RDI: thunk, RSI: registers. 0, or 1 when an exception ended it. */
invoke:
	SAVE_KEPT
	pushq %rsi
	pushq try_back(%rip)
	movq %rsp, try_back(%rip)
	movq %rdi, target(%rip)
	movq %rsi, %rax
	LOAD_ALL
	call *target(%rip)
	xchgq %rax, 8(%rsp)
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
	movq 8(%rsp), %rcx
	movq %rcx, (%rax)
	xorl %eax, %eax
	cld
1:	popq try_back(%rip)
	addq $8, %rsp
	RESTORE_KEPT
	ret

	.globl try_landing
try_landing:
	movq try_back(%rip), %rsp
	cld
	movl $1, %eax
	jmp 1b

	.globl try_call
/* RDI: function, RSI, RDX: its arguments, RCX: where its result goes. As invoke. */
try_call:
	SAVE_KEPT
	pushq %rcx
	pushq try_back(%rip)
	movq %rsp, try_back(%rip)
	movq %rdi, %rax
	movq %rsi, %rdi
	movq %rdx, %rsi
	call *%rax
	movq 8(%rsp), %rcx
	movq %rax, (%rcx)
	xorl %eax, %eax
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
	cld
	movq %rdi, %rax
	movq enter_back(%rip), %rsp
	popq enter_back(%rip)
	RESTORE_KEPT
	ret

	.globl breathe
/* Where the native form of a call ends with STI, an event comes one instruction later. */
breathe:
	nop
	nop
	nop
	ret

/* ---- accesses of the kernel ---- */

	.globl do_load, at_load, do_store, at_store, do_execute, do_int, ints
do_load:
at_load:
	movq (%rdi), %rax
	ret
do_store:
at_store:
	movq %rsi, (%rdi)
	ret
do_execute:
	call *%rdi
	ret
do_int:
	leaq ints(%rip), %rax
	leaq (%rax, %rdi, 4), %rax
	jmp *%rax
	.balign 4
ints:
	.irp n, 48, 49, 50, 51
	int $\n
	ret
	.balign 4
	.endr

	.globl do_fpu_read, do_fpu_write, fpu_reset
do_fpu_read:
	cmpl $1, %edi
	je 1f
	ja 2f
	movq %xmm0, %rax
	ret
1:	movq %xmm15, %rax
	ret
2:	movq %mm0, %rax
	ret
do_fpu_write:
	cmpl $1, %edi
	je 1f
	ja 2f
	movq %rsi, %xmm0
	ret
1:	movq %rsi, %xmm15
	ret
2:	movq %rsi, %mm0
	ret
fpu_reset:
	pxor %xmm0, %xmm0
	pxor %xmm15, %xmm15
	pxor %mm0, %mm0
	emms
	ret

/* ---- one thunk for each call, by number ---- */

	.section .rodata
	.balign 8
	.globl thunks, thunk_list_end
thunks:
	.text
	.globl thunks_start, thunks_end
thunks_start:
.macro THUNK number, call
	.balign 16
881:	\call
	ret
	.pushsection .rodata
	.quad \number, 881b
	.popsection
.endm
	THUNK VMI_CALL_INIT, VMI_INIT
	THUNK VMI_CALL_PROBE, VMI_PROBE
	THUNK VMI_CALL_INFO, VMI_INFO
	THUNK VMI_CALL_VCPU_INIT, VMI_VCPU_INIT
	THUNK VMI_CALL_IRQ_DISABLE, VMI_IRQ_DISABLE
	THUNK VMI_CALL_IRQ_ENABLE, VMI_IRQ_ENABLE
	THUNK VMI_CALL_IRQ_SAVE, VMI_IRQ_SAVE
	THUNK VMI_CALL_IRQ_RESTORE, VMI_IRQ_RESTORE
	THUNK VMI_CALL_IRQ_SAVE_DISABLE, VMI_IRQ_SAVE_DISABLE
	THUNK VMI_CALL_HALT, VMI_HALT
	THUNK VMI_CALL_TRAP_TABLE_SET, VMI_TRAP_TABLE_SET
	THUNK VMI_CALL_SYSCALL_ENTRY_SET, VMI_SYSCALL_ENTRY_SET
	THUNK VMI_CALL_KERNEL_STACK_SET, VMI_KERNEL_STACK_SET
	THUNK VMI_CALL_FAULT_ADDRESS_READ, VMI_FAULT_ADDRESS_READ
	THUNK VMI_CALL_DESCRIPTORS_SET, VMI_DESCRIPTORS_SET
	THUNK VMI_CALL_TLS_SET, VMI_TLS_SET
	THUNK VMI_CALL_CPUID, VMI_CPUID
	THUNK VMI_CALL_MSR_READ, VMI_MSR_READ
	THUNK VMI_CALL_MSR_WRITE, VMI_MSR_WRITE
	THUNK VMI_CALL_FPU_TRAP_SET, VMI_FPU_TRAP_SET
	THUNK VMI_CALL_ADDRESS_SPACE_SET, VMI_ADDRESS_SPACE_SET
	THUNK VMI_CALL_ADDRESS_SPACE_READ, VMI_ADDRESS_SPACE_READ
	THUNK VMI_CALL_PTE_SET, VMI_PTE_SET
	THUNK VMI_CALL_PTE_SET_BATCH, VMI_PTE_SET_BATCH
	THUNK VMI_CALL_PTE_UPDATE_DEFERRED, VMI_PTE_UPDATE_DEFERRED
	THUNK VMI_CALL_PTE_MAKE, VMI_PTE_MAKE
	THUNK VMI_CALL_PTE_READ, VMI_PTE_READ
	THUNK VMI_CALL_PAGE_TABLE_ADD, VMI_PAGE_TABLE_ADD
	THUNK VMI_CALL_PAGE_TABLE_REMOVE, VMI_PAGE_TABLE_REMOVE
	THUNK VMI_CALL_TLB_FLUSH, VMI_TLB_FLUSH
	THUNK VMI_CALL_TLB_FLUSH_PAGE, VMI_TLB_FLUSH_PAGE
	THUNK VMI_CALL_TLB_FLUSH_OTHERS, VMI_TLB_FLUSH_OTHERS
	THUNK VMI_CALL_LAZY_ENTER, VMI_LAZY_ENTER
	THUNK VMI_CALL_LAZY_LEAVE, VMI_LAZY_LEAVE
	THUNK VMI_CALL_CLOCK_READ, VMI_CLOCK_READ
	THUNK VMI_CALL_CLOCK_FREQUENCY, VMI_CLOCK_FREQUENCY
	THUNK VMI_CALL_WALL_CLOCK_READ, VMI_WALL_CLOCK_READ
	THUNK VMI_CALL_STOLEN_TIME_READ, VMI_STOLEN_TIME_READ
	THUNK VMI_CALL_TIMER_SET, VMI_TIMER_SET
	THUNK VMI_CALL_TIMER_CANCEL, VMI_TIMER_CANCEL
	THUNK VMI_CALL_EVENT_BIND, VMI_EVENT_BIND
	THUNK VMI_CALL_EVENT_MASK, VMI_EVENT_MASK
	THUNK VMI_CALL_EVENT_UNMASK, VMI_EVENT_UNMASK
	THUNK VMI_CALL_EVENT_ACK, VMI_EVENT_ACK
	THUNK VMI_CALL_EVENT_SEND, VMI_EVENT_SEND
	THUNK VMI_CALL_VCPU_START, VMI_VCPU_START
	THUNK VMI_CALL_VCPU_STOP, VMI_VCPU_STOP
	THUNK VMI_CALL_VCPU_ID, VMI_VCPU_ID
	THUNK VMI_CALL_IPI_SEND, VMI_IPI_SEND
	THUNK VMI_CALL_VCPU_YIELD, VMI_VCPU_YIELD
	THUNK VMI_CALL_CONSOLE_WRITE, VMI_CONSOLE_WRITE
	THUNK VMI_CALL_CONSOLE_READ, VMI_CONSOLE_READ
	THUNK VMI_CALL_MEMORY_BALLOON, VMI_MEMORY_BALLOON
	THUNK VMI_CALL_TRACE_MARK, VMI_TRACE_MARK
	THUNK VMI_CALL_DEBUG_BREAK, VMI_DEBUG_BREAK
	THUNK VMI_CALL_CRASH_REPORT, VMI_CRASH_REPORT
#ifdef VMI_CALL_IRQ_PENDING
	THUNK VMI_CALL_IRQ_PENDING, VMI_IRQ_PENDING
#endif
#ifdef VMI_CALL_RANDOM_READ
	THUNK VMI_CALL_RANDOM_READ, VMI_RANDOM_READ
#endif
thunks_end:
	.section .rodata
thunk_list_end:

	.bss
	.balign 8
	.globl try_back
try_back: .skip 8
enter_back: .skip 8
target:	.skip 8
