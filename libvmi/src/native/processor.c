/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Native processor state: descriptor tables, task state, model-specific registers. */
#include "native.h"

enum { MSR_STAR = 0xc0000081, MSR_LSTAR = 0xc0000082, MSR_SYSCALL_MASK = 0xc0000084, MSR_FS_BASE = 0xc0000100,
       MSR_GS_BASE = 0xc0000101, MSR_KERNEL_GS_BASE = 0xc0000102 };

/* Flags cleared by SYSCALL: trap, interrupt, direction, nested task, alignment check. */
#define SYSCALL_MASK 0x44700

enum { KERNEL_CODE = 1, KERNEL_DATA, USER_CODE32, USER_DATA, USER_CODE, SLOTS, TSS = SLOTS + VMI_DESCRIPTOR_SLOTS,
       DESCRIPTORS = TSS + 2 };

/*
 * The selectors of the boot contract on a PC (user_cs 0x2b and so on) index this table. Intel SDM volume 3, section
 * 3.4.5; the accessed bit is set so that the processor never writes here.
 */
static uint64_t descriptors[DESCRIPTORS] = {
	[KERNEL_CODE] = 0x00af9b000000ffff,
	[KERNEL_DATA] = 0x00cf93000000ffff,
	[USER_CODE32] = 0x00cffb000000ffff,
	[USER_DATA] = 0x00cff3000000ffff,
	[USER_CODE] = 0x00affb000000ffff,
};

/* Intel SDM volume 3, section 8.7. */
static struct {
	uint32_t reserved;
	uint64_t stack[3];
	uint64_t reserved2, interrupt_stack[7], reserved3;
	uint16_t reserved4, io_map;
} __attribute__((packed)) task = { .io_map = sizeof(task) };
_Static_assert(sizeof(task) == 104, "size of the 64-bit TSS");

/* Intel SDM volume 3, section 6.14.1. */
static struct gate {
	uint16_t offset0, selector;
	uint8_t stack, type;
	uint16_t offset16;
	uint32_t offset32, reserved;
} gates[256] __attribute__((aligned(16)));
_Static_assert(sizeof(struct gate) == 16, "size of a 64-bit gate");

struct table_register {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

uint64_t vmi_native_user_cs, vmi_native_user_ss;

int64_t vmi_native_vcpu_init(uint32_t vcpu, uint64_t block)
{
	struct table_register gdt = { sizeof(descriptors) - 1, (uint64_t)descriptors };
	struct table_register idt = { sizeof(gates) - 1, (uint64_t)gates };
	uint64_t base = (uint64_t)&task;

	if (vcpu || block % 64 || !canonical(block))
		return VMI_INVALID;
	__asm__ volatile("cli");
	descriptors[TSS] = (sizeof(task) - 1) | (base & 0xffffff) << 16 | 0x89ull << 40 | (base >> 24 & 0xff) << 56;
	descriptors[TSS + 1] = base >> 32;
	__asm__ volatile("lgdt %0; lidt %1; ltr %w2" : : "m"(gdt), "m"(idt), "r"(TSS * 8));
	write_msr(MSR_GS_BASE, block);
	write_msr(MSR_KERNEL_GS_BASE, 0);
	vmi_native_user_cs = vmi_boot->user_cs;
	vmi_native_user_ss = vmi_boot->user_ss;
	return 0;
}

int64_t vmi_native_trap_table_set(uint64_t table, uint32_t count)
{
	const struct vmi_trap_gate *from = (const void *)table;

	if (count > 256)
		return VMI_INVALID;
	for (; count--; from++)
		gates[from->vector] = (struct gate){
			.offset0 = from->native,
			.offset16 = from->native >> 16,
			.offset32 = from->native >> 32,
			.selector = vmi_boot->kernel_cs,
			.type = from->flags & VMI_GATE_USER ? 0xee : 0x8e,
		};
	return 0;
}

void vmi_native_gate_needed(uint8_t vector)
{
	extern const char vmi_native_stray_entry[];
	const struct vmi_trap_gate gate = { .vector = vector, .native = (uint64_t)vmi_native_stray_entry };

	if (!gates[vector].type)
		vmi_native_trap_table_set((uint64_t)&gate, 1);
}

int64_t vmi_native_syscall_entry_set(uint64_t handler, uint64_t native)
{
	uint64_t user = USER_CODE32 * 8 | 3, kernel = KERNEL_CODE * 8;

	if (!canonical(handler) || !canonical(native))
		return VMI_INVALID;
	write_msr(MSR_STAR, user << 48 | kernel << 32);
	write_msr(MSR_LSTAR, native);
	write_msr(MSR_SYSCALL_MASK, SYSCALL_MASK);
	return 0;
}

int64_t vmi_native_kernel_stack_set(uint64_t top)
{
	if (top % 16 || !canonical(top))
		return VMI_INVALID;
	task.stack[0] = top;
	__asm__ volatile("movq %0, %%gs:%c1" : : "r"(top), "i"(offsetof(struct vmi_vcpu_block, kernel_stack)));
	return 0;
}

/* Zero, or a present code or data segment of privilege 3 (Intel SDM volume 3, section 3.4.5). */
static int allowed(uint64_t descriptor)
{
	return !descriptor || (descriptor >> 44 & 0xf) == 0xf;
}

int64_t vmi_native_descriptors_set(uint32_t first, uint64_t table, uint32_t count)
{
	const uint64_t *from = (const uint64_t *)table;

	if (first > VMI_DESCRIPTOR_SLOTS || count > VMI_DESCRIPTOR_SLOTS - first)
		return VMI_INVALID;
	for (uint32_t i = 0; i < count; i++)
		if (!allowed(from[i]))
			return VMI_INVALID;
	for (uint32_t i = 0; i < count; i++)
		descriptors[SLOTS + first + i] = from[i];
	return 0;
}

int64_t vmi_native_tls_set(uint64_t fs_base, uint64_t gs_base)
{
	if (!canonical(fs_base) || !canonical(gs_base))
		return VMI_INVALID;
	write_msr(MSR_FS_BASE, fs_base);
	write_msr(MSR_KERNEL_GS_BASE, gs_base);
	return 0;
}

static void cpuid(uint32_t leaf, uint32_t subleaf, uint32_t r[4])
{
	__asm__ volatile("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3]) : "a"(leaf), "c"(subleaf));
}

/* The first leaf of each quarter has the highest one; above it a processor may say anything. */
void vmi_native_cpuid(uint32_t leaf, uint32_t subleaf, uint64_t registers)
{
	uint32_t *r = (uint32_t *)registers, quarter = leaf & 0xc0000000;

	cpuid(quarter, 0, r);
	if (r[0] < leaf || (r[0] ^ leaf) & 0xc0000000)
		memset(r, 0, 16);
	else
		cpuid(leaf, subleaf, r);
}

/* The instruction at 1 may fault; it then goes on at 2 with the error. */
#define MAY_FAULT(instruction)					\
	"1: " instruction "; xorl %%esi, %%esi; 2:\n"		\
	".pushsection .vmi.fixups, \"a\", @progbits\n"		\
	".long 1b - ., 2b - .\n"				\
	".popsection"

int64_t vmi_native_msr_read(uint32_t msr, uint64_t value)
{
	int64_t error = VMI_NOT_SUPPORTED;
	uint32_t low, high;

	__asm__ volatile(MAY_FAULT("rdmsr") : "=a"(low), "=d"(high), "+S"(error) : "c"(msr) : "cc");
	if (!error)
		*(uint64_t *)value = (uint64_t)high << 32 | low;
	return error;
}

int64_t vmi_native_msr_write(uint32_t msr, uint64_t value)
{
	int64_t error = VMI_NOT_SUPPORTED;

	__asm__ volatile(MAY_FAULT("wrmsr")
			 : "+S"(error) : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "cc", "memory");
	return error;
}

void vmi_native_fpu_trap_set(uint32_t on)
{
	uint64_t cr0;

	if (!on) {
		__asm__ volatile("clts");
		return;
	}
	__asm__ volatile("movq %%cr0, %0" : "=r"(cr0));
	__asm__ volatile("movq %0, %%cr0" : : "r"(cr0 | 8));
}
