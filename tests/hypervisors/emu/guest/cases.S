/* SPDX-License-Identifier: MIT */
/*
 * Kernels of a few instructions, one for each label that begins with "case_". They make hypercalls as the ROM does, and
 * leave what they saw in `seen` or in `frame`, where the test reads it.
 */
#include <vmi/asm.h>
#include "private.h"

#define KERNEL_STACK stack_top
#define SELF_IPI 0x40000

.macro CALL number
	movl $\number, %eax
	outl %eax, $EMU_PORT
.endm

.macro EXIT code
	movl $VMI_SHUTDOWN_EXIT, %edi
	movl $\code, %esi
	CALL VMI_CALL_SHUTDOWN
.endm

.macro LINK
	leaq KERNEL_STACK, %rsp
	movl $VMI_MAJOR << 16 | VMI_MINOR, %edi
	xorl %esi, %esi
	CALL VMI_CALL_INIT
	movq %rax, seen
	xorl %edi, %edi
	movq $block, %rsi
	CALL VMI_CALL_VCPU_INIT
	movq %rax, seen + 8
	movq $gates, %rdi
	movl $(gates_end - gates) / VMI_SIZE_TRAP_GATE, %esi
	CALL VMI_CALL_TRAP_TABLE_SET
	movq %rax, seen + 16
	movq $KERNEL_STACK, %rdi
	CALL VMI_CALL_KERNEL_STACK_SET
	movq %rax, seen + 24
	movq $syscall_handler, %rdi
	movq %rdi, %rsi
	CALL VMI_CALL_SYSCALL_ENTRY_SET
	movq %rax, seen + 32
.endm

/* User mode at the label, with interrupts on, a GS base of 0x1234 and an FS base of 0x5678. */
.macro USER label
	movq $0x5678, %rdi
	movq $0x1234, %rsi
	CALL VMI_CALL_TLS_SET
	pushq $0x23
	pushq $user_stack
	pushq $0x202
	pushq $0x2b
	pushq $\label
	orb $EMU_HIGH_IF, block + VMI_VCPU_ROM_OFFSET + EMU_FLAGS_HIGH
	movq block + VMI_VCPU_ROM_OFFSET + EMU_USER_GS, %rax
	wrgsbase %rax
	iretq
.endm

.macro GATE vector, flags, handler
	.byte \vector, \flags
	.short 0
	.long 0
	.quad \handler, 0
.endm

	.text

/* Keeps RAX and seven words of the stack in `frame`, the GS base and the flag in `seen`, and ends. */
keep:
	movq %rax, frame + 56
	.set at, 0
	.rept 7
	movq at(%rsp), %rax
	movq %rax, frame + at
	.set at, at + 8
	.endr
	movq %rsp, frame + 64
	rdgsbase %rax
	movq %rax, frame + 72
	movl block + VMI_VCPU_ROM_OFFSET, %eax
	movq %rax, frame + 80
	movq block + VMI_VCPU_ROM_OFFSET + EMU_USER_GS, %rax
	movq %rax, frame + 88
	movq %rcx, frame + 96
	movq %r11, frame + 104
	pushfq
	popq frame + 112
	movq block + VMI_VCPU_ROM_OFFSET + EMU_FAULT_ADDRESS, %rax
	movq %rax, frame + 120
	EXIT 7

syscall_handler:
	jmp keep

	.globl case_exit, case_links, case_kernel_trap, case_page_fault
case_exit:
	EXIT 5
case_links:
	LINK
	EXIT 0
case_kernel_trap:
	LINK
	orb $EMU_HIGH_IF, %gs:VMI_VCPU_ROM_OFFSET + EMU_FLAGS_HIGH
	movl $0xabcd, %eax
	subq $8, %rsp
	int3
	.globl after_int3
after_int3:
case_page_fault:
	LINK
	movq $0x1234567000, %rbx
	.globl faults
faults:	movb $1, (%rbx)

	.globl case_no_handler, case_bad_stack, case_user_out, case_user_in, case_user_int, case_user_int3, case_user_syscall
case_no_handler:
	LINK
	xorl %edx, %edx
	divl %edx
case_bad_stack:
	LINK
	movq $0x1234567000, %rsp
	int3
case_user_out:
	LINK
	USER user_out
case_user_in:
	LINK
	USER user_in
case_user_int:
	LINK
	USER user_int
case_user_int3:
	LINK
	USER user_int3
case_user_syscall:
	LINK
	USER user_syscall

/* ---- events and time, linked ---- */

/* The handler of the timer: acknowledges, counts, and sets the next one until five came. */
tick:
	pushq %rax
	pushq %rdi
	movl $VMI_SOURCE_TIMER, %edi
	CALL VMI_CALL_EVENT_ACK
	incl seen + 40
	popq %rdi
	popq %rax
return:
	pushq %rax
	movl 8 + VMI_FRAME_RFLAGS(%rsp), %eax
	shrl $8, %eax
	andl $EMU_HIGH_IF, %eax
	orb %al, %gs:VMI_VCPU_ROM_OFFSET + EMU_FLAGS_HIGH
	js 1f
	popq %rax
	iretq
1:	movl $EMU_IRET, %eax
	outl %eax, $EMU_PORT
	ud2

.macro BIND source, vector
	movl $\source, %edi
	movl $\vector, %esi
	CALL VMI_CALL_EVENT_BIND
.endm

.macro TIMER nanoseconds
	CALL VMI_CALL_CLOCK_READ
	movq %rax, seen + 48
	leaq \nanoseconds(%rax), %rdi
	CALL VMI_CALL_TIMER_SET
.endm

	.globl case_halt, case_spin_until, case_waiting, case_soft, case_hang, case_no_ack, case_spin, case_echo
case_halt:
	LINK
	BIND VMI_SOURCE_TIMER, 40
	movl $5, %ebx
1:	TIMER 1000000
	CALL VMI_CALL_HALT
	decl %ebx
	jnz 1b
	CALL VMI_CALL_CLOCK_READ
	movq %rax, seen + 56
	EXIT 0
case_spin_until:
	LINK
	BIND VMI_SOURCE_TIMER, 40
	TIMER 50000
	orb $EMU_HIGH_IF, %gs:VMI_VCPU_ROM_OFFSET + EMU_FLAGS_HIGH
1:	cmpl $0, seen + 40
	je 1b
	CALL VMI_CALL_CLOCK_READ
	movq %rax, seen + 56
	EXIT 0
case_waiting:
	LINK
	BIND VMI_SOURCE_TIMER, 40
	TIMER 1000
	movl $3000, %ecx
1:	loop 1b
	movl block + VMI_VCPU_ROM_OFFSET, %eax
	movq %rax, seen + 64			/* the flag is off, an event waits */
	movl seen + 40, %eax
	movq %rax, seen + 72
	orb $EMU_HIGH_IF, %gs:VMI_VCPU_ROM_OFFSET + EMU_FLAGS_HIGH
	outb %al, $EMU_DELIVER_PORT
	movl seen + 40, %eax
	movq %rax, seen + 80			/* it came before the call returned */
	movl block + VMI_VCPU_ROM_OFFSET, %eax
	movq %rax, seen + 88
	EXIT 0
case_soft:
	LINK
	BIND VMI_SOURCE_SOFT, 41
	BIND VMI_SOURCE_TIMER, 41
	movq %rax, seen + 64			/* BUSY */
	orb $EMU_HIGH_IF, %gs:VMI_VCPU_ROM_OFFSET + EMU_FLAGS_HIGH
	movl $VMI_SOURCE_SOFT, %edi
	CALL VMI_CALL_EVENT_MASK
	CALL VMI_CALL_EVENT_SEND
	movl seen + 40, %eax
	movq %rax, seen + 72			/* masked: nothing */
	CALL VMI_CALL_EVENT_UNMASK
	movl seen + 40, %eax
	movq %rax, seen + 80			/* delivered before it returned */
	EXIT 0
soft:
	pushq %rax
	pushq %rdi
	incl seen + 40
	movl $VMI_SOURCE_SOFT, %edi
	cmpb $0, no_ack
	jne 1f
	CALL VMI_CALL_EVENT_ACK
1:	popq %rdi
	popq %rax
	jmp return
case_no_ack:
	LINK
	BIND VMI_SOURCE_SOFT, 41
	movb $1, no_ack
	orb $EMU_HIGH_IF, %gs:VMI_VCPU_ROM_OFFSET + EMU_FLAGS_HIGH
	movl $VMI_SOURCE_SOFT, %edi
	CALL VMI_CALL_EVENT_SEND
	CALL VMI_CALL_EVENT_SEND
	movl seen + 40, %eax
	movq %rax, seen + 72			/* not acknowledged: once */
	CALL VMI_CALL_EVENT_ACK
	movl seen + 40, %eax
	movq %rax, seen + 80
	EXIT 0
case_hang:
	LINK
	CALL VMI_CALL_HALT
	EXIT 0
case_spin:
	jmp case_spin

/* Waits for console input and writes it back; ends after a full stop. */
case_echo:
	LINK
	BIND VMI_SOURCE_CONSOLE, 42
1:	CALL VMI_CALL_HALT
2:	movq $buffer, %rdi
	movl $16, %esi
	CALL VMI_CALL_CONSOLE_READ
	testq %rax, %rax
	jz 1b
	movq %rax, %rbx
	movq $buffer, %rdi
	movq %rax, %rsi
	CALL VMI_CALL_CONSOLE_WRITE
	cmpb $'.', buffer - 1(%rbx)
	jne 2b
	EXIT 3
input:
	pushq %rax
	pushq %rdi
	movl $VMI_SOURCE_CONSOLE, %edi
	CALL VMI_CALL_EVENT_ACK
	popq %rdi
	popq %rax
	jmp return

/* ---- calls ---- */

	.globl case_calls, case_crash, case_mark, case_init_badly, case_descriptors
case_calls:
	LINK
	movl $VMI_GROUP_IRQ, %edi
	CALL VMI_CALL_PROBE
	movq %rax, seen + 40
	movl $200, %edi
	CALL VMI_CALL_PROBE
	movq %rax, seen + 48
	movl $VMI_INFO_ROM_VERSION, %edi
	movq $buffer, %rsi
	movl $2, %edx
	CALL VMI_CALL_INFO
	movq %rax, seen + 56
	movl $0x0fff, %edi
	CALL 0x7777
	movq %rax, seen + 64
	movl $0x277, %edi			/* PAT */
	movq $seen + 72, %rsi
	CALL VMI_CALL_MSR_READ
	movl $0xc0000082, %edi			/* LSTAR: the ROM's */
	movq $seen + 80, %rsi
	CALL VMI_CALL_MSR_READ
	movq %rax, seen + 80
	movl $0x40000000, %edi
	xorl %esi, %esi
	movq $buffer + 16, %rdx
	CALL VMI_CALL_CPUID
	CALL VMI_CALL_WALL_CLOCK_READ
	movq %rax, seen + 88
	EXIT 0
case_crash:
	LINK
	movq $report, %rdi
	CALL VMI_CALL_CRASH_REPORT
	movl $VMI_SHUTDOWN_CRASH, %edi
	CALL VMI_CALL_SHUTDOWN
case_mark:
	movl $17, %edi
	movl $34, %esi
	CALL VMI_CALL_TRACE_MARK
	EXIT 200
case_init_badly:
	movl $5 << 16, %edi
	xorl %esi, %esi
	CALL VMI_CALL_INIT
	movq %rax, seen
	movl $4 << 16 | VMI_MINOR + 1, %edi
	CALL VMI_CALL_INIT
	movq %rax, seen + 8
	movl $4 << 16, %edi
	movl $2, %esi				/* irq native, trap not */
	CALL VMI_CALL_INIT
	movq %rax, seen + 16
	movl $1, %esi				/* base native */
	CALL VMI_CALL_INIT
	movq %rax, seen + 24
	movl $6, %esi
	CALL VMI_CALL_INIT
	movq %rax, seen + 32
	EXIT 0
case_descriptors:
	LINK
	xorl %edi, %edi
	movq $descriptors, %rsi
	movl $1, %edx
	CALL VMI_CALL_DESCRIPTORS_SET
	movq %rax, seen + 40
	movq $descriptors + 8, %rsi
	CALL VMI_CALL_DESCRIPTORS_SET
	movq %rax, seen + 48
	movl $3, %edi
	CALL VMI_CALL_DESCRIPTORS_SET
	movq %rax, seen + 56
	movl $0x33, %eax
	movl %eax, %ds
	movl %ds, %eax
	movq %rax, seen + 64
	EXIT 0

/* ---- native: everything privileged traps and is emulated ---- */

.macro NATIVE_EXIT code
	movb $\code, %al
	outb %al, $0xf4
.endm

	.globl case_native, case_native_faults, case_triple, case_native_user, case_sti_hlt, case_apic, case_ports
case_native:
	leaq KERNEL_STACK, %rsp
	movq %cr0, %rax
	movq %rax, seen
	movq %cr3, %r12
	movq %r12, seen + 8
	movq %r12, %cr3
	movq %cr4, %rax
	movq %rax, seen + 16
	movq %rax, %cr4
	movl $0x77, %eax
	movq %rax, %cr2
	movq %cr2, %rax
	movq %rax, seen + 24
	sti
	pushfq
	popq seen + 32
	cli
	pushfq
	popq seen + 40
	movl $0xc0000102, %ecx			/* KERNEL_GS_BASE */
	movl $0x9abc, %eax
	movl $1, %edx
	wrmsr
	swapgs
	rdgsbase %rax
	movq %rax, seen + 48
	swapgs
	rdmsr
	movq %rax, seen + 56
	movq %rdx, seen + 64
	movq %cr0, %rax
	orl $8, %eax
	movq %rax, %cr0
	smsw %ax
	movq %rax, seen + 72
	clts
	movq %cr0, %rax
	movq %rax, seen + 80
	movl $0xb, %eax
	lmsw %ax
	movq %cr0, %rax
	movq %rax, seen + 88
	clts
	rdtsc
	movq %rax, %rbx
	rdtscp
	subq %rbx, %rax
	movq %rax, seen + 96
	lgdt table
	lidt table
	movl $0x10, %eax
	ltr %ax
	xorl %eax, %eax
	lldt %ax
	invlpg seen
	wbinvd
	movl $0x1122, %eax
	movq %rax, %dr3
	movq %dr3, %rax
	movq %rax, seen + 104
	movq %rsp, %rax
	pushq $0x11
	pushq %rax
	pushq $0x206
	pushq $0x09
	pushq $1f
	iretq
1:	pushfq
	popq seen + 112
	movl %cs, %eax
	movq %rax, seen + 120
	NATIVE_EXIT 0x0009

/* Each of these must give general protection in the guest: the handler counts and skips the bytes in RBX. */
case_native_faults:
	leaq KERNEL_STACK, %rsp
	lidt idt_register
	movl $2, %ebx
	movl $0x12345678, %ecx
	rdmsr
	wrmsr
	movl $0xc0000082, %ecx			/* LSTAR, not canonical */
	movl $0x80000000, %edx
	wrmsr
	movl $3, %ebx
	xorl %eax, %eax
	movq %rax, %cr0
	movq %rax, %cr4
	movl $0x20, %eax
	ltr %ax
	NATIVE_EXIT 0x0000
skip:
	incl seen
	addq %rbx, 8(%rsp)
	addq $8, %rsp
	iretq

case_triple:
	leaq KERNEL_STACK, %rsp
	ud2

/* User mode and back by SYSCALL and SYSRET, and an interrupt stack from the task state. */
case_native_user:
	leaq KERNEL_STACK, %rsp
	lgdt gdt_register
	lidt idt_register
	movl $0x10, %eax
	ltr %ax
	movl $0xc0000082, %ecx
	movq $native_syscall, %rax
	movq %rax, %rdx
	shrq $32, %rdx
	wrmsr
	movl $0xc0000084, %ecx
	movl $0x200, %eax
	xorl %edx, %edx
	wrmsr
	pushq $0x23
	pushq $user_stack
	pushq $0x202
	pushq $0x2b
	pushq $user_native
	iretq
native_syscall:
	movq %rcx, seen
	movq %r11, seen + 8
	pushfq
	popq seen + 16				/* on the user's stack, still */
	movl %cs, %eax
	movq %rax, seen + 24
	sysretq
native_breakpoint:
	movq %rsp, seen + 32
	movq 8(%rsp), %rax
	movq %rax, seen + 40
	movl $0x300, %eax
	NATIVE_EXIT 0x0004

/* STI lets one more instruction pass before an interrupt: HLT must see the one that waits. */
case_sti_hlt:
	leaq KERNEL_STACK, %rsp
	lidt idt_register
	movq direct_apic, %rbx
	movl $0x1ff, 0xf0(%rbx)
	movl $0x31, 0x320(%rbx)
	movl $0x0b, 0x3e0(%rbx)
	movl $3, %r12d
1:	movl $100, 0x380(%rbx)
	movl $500, %ecx
2:	loop 2b
	sti
	hlt
	.globl after_hlt
after_hlt:
	cli
	decl %r12d
	jnz 1b
	NATIVE_EXIT 0x0000
native_tick:
	incl seen
	pushq %rax
	movq 8(%rsp), %rax
	movq %rax, seen + 8
	movl $0, 0xb0(%rbx)
	popq %rax
	iretq

/* The interrupt controller's own interrupts, and that each store reaches it once. */
case_apic:
	leaq KERNEL_STACK, %rsp
	lidt idt_register
	movq direct_apic, %rbx
	movl $0x1ff, 0xf0(%rbx)
	movl $SELF_IPI | 0x31, 0x300(%rbx)
	movl 0x210(%rbx), %eax			/* requested, vectors 32 to 63 */
	movq %rax, seen + 16
	sti
	nop
	nop
	cli
	NATIVE_EXIT 0x0000

case_ports:
	leaq KERNEL_STACK, %rsp
	movq $-1, %rax
	inb $0x99, %al
	movq %rax, seen
	xorl %eax, %eax
	movw $0x3fd, %dx
	inb %dx, %al
	movq %rax, seen + 8
	movl $'!', %eax
	movw $0x3f8, %dx
	outb %al, %dx
	movl $9, %eax
	outb %al, $0x70
	inb $0x71, %al
	movq %rax, seen + 16
	movl $1, %eax
	cpuid
	movq %rcx, seen + 24
	NATIVE_EXIT 65

/* ---- accesses that end the guest ---- */

	.globl case_rom_write, case_no_memory, case_null_root
case_rom_write:
	movb $0x90, window
case_no_memory:
	movq direct_apic, %rbx			/* a page that the test maps to nowhere */
	movl (%rbx), %eax
case_null_root:
	movl $0xff000000, %eax
	movq %rax, %cr3
	nop

	.section .user, "awx", @progbits
	.globl user_out, user_in, user_int, user_int3, user_syscall, user_native, user_after
user_out:
	movl $0x1234, %eax
	outl %eax, $EMU_PORT
user_in:
	movq $0x1122334455667788, %rax
	movw $0x60, %dx
	inb %dx, %al
user_int:
	int $0x50
user_int3:
	int3
user_syscall:
	movl $0x4321, %eax
	syscall
user_after:
	ud2
user_native:
	syscall
	int3
	.skip 4096
user_stack:

	.data
	.globl seen, frame, block, stack_top, gates, direct_apic, buffer, window
	.set window, 0x40100000
task:	.long 0				/* task state: the kernel stack at offset 4 */
	.quad stack_top
	.skip 92
	.balign 64
block:	.skip VMI_VCPU_BLOCK_SIZE
seen:	.skip 256
frame:	.skip 256
buffer:	.skip 64
no_ack:	.quad 0
direct_apic:
	.quad 0x1fee00000
gates:
	GATE 3, VMI_GATE_USER, keep
	GATE 13, 0, keep
	GATE 14, 0, keep
	GATE 40, 0, tick
	GATE 41, 0, soft
	GATE 42, 0, input
	GATE 80, 0, keep
gates_end:
descriptors:
	.quad 0x00cff2000000ffff		/* user data, not yet accessed */
	.quad 0x00cf92000000ffff		/* kernel data */
report:
	.long VMI_SIZE_CRASH_REPORT, 14
	.quad 2, 0x40100010, 0x5000
	.quad 0x1111, 0x09, 0x202, 0x2222, 0x11
	.set number, 0
	.rept 15
	.quad number
	.set number, number + 1
	.endr
	.quad message
	.long 12, 0
message:
	.ascii "it went away"
	.balign 8
table:	.short 0x2f
	.quad native_gdt
native_gdt:
	.quad 0, 0
	.quad 0x4000890000000067, 0		/* task state at 0x40000000; never used */
	.quad 0, 0
gdt_register:
	.short 0x1f
	.quad user_gdt
user_gdt:
	.quad 0, 0
	.quad 0x4000890100000067, 0		/* task state at 0x40010000: task */
idt_register:
	.short 64 * 16 - 1
	.quad idt
	.balign 16
.macro IDT_GATE vector, handler, type
	.org idt + \vector * 16
	.short (\handler - 0x40000000)
	.short 0x09
	.byte 0, \type
	.short 0x4000
	.long 0, 0
.endm
idt:
	IDT_GATE 3, native_breakpoint, 0xee
	IDT_GATE 13, skip, 0x8e
	IDT_GATE 0x31, native_tick, 0x8e
	.org idt + 64 * 16
	.skip 4096
	.balign 16
stack_top:
