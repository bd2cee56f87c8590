/* SPDX-License-Identifier: MIT */
/* What cannot be delivered: tables that are none, stacks that are none, devices taken for something else. */
#include "native.h"

static struct {
	uint16_t offset0, selector;
	uint8_t stack, type;
	uint16_t offset16;
	uint32_t offset32, reserved;
} gates[256] __attribute__((aligned(16)));

static struct {
	uint32_t reserved;
	word stacks[13];
} __attribute__((packed)) task;
static word table[4];
static uint8_t spare_stack[4096] __attribute__((aligned(16)));

__attribute__((naked)) static void on_double_fault(void)
{
	__asm__ volatile("movq (%rsp), %rdi; movq 8(%rsp), %rsi; movq %rsp, %rdx; jmp double_fault");
}

__attribute__((used)) void double_fault(word error, word rip, word rsp)
{
	equal("error code of a double fault", error, 0);
	equal("where it happened", *(uint16_t *)rip, 0x0b0f);
	equal("its stack", rsp, (word)(spare_stack + sizeof(spare_stack)) - 48);
	vmi_shutdown(VMI_SHUTDOWN_EXIT, failures);
}

static void set_gate(unsigned vector, word handler, unsigned type, unsigned stack)
{
	gates[vector].offset0 = handler;
	gates[vector].offset16 = handler >> 16;
	gates[vector].offset32 = handler >> 32;
	gates[vector].type = type;
	gates[vector].stack = stack;
}

static void lose(void) { __asm__ volatile("ud2"); }

static void load(word base, uint16_t limit)
{
	struct table_register idt = { limit, base };

	__asm__ volatile("lidt %0" : : "m"(idt));
}

static void load_task(word base)
{
	struct table_register gdt = { sizeof(table) - 1, (word)table };

	table[2] = 0x0000890000000067 | (base & 0xffffff) << 16 | (base >> 24 & 0xff) << 56;
	table[3] = base >> 32;
	__asm__ volatile("lgdt %0; ltr %w1" : : "m"(gdt), "r"(16));
}

void check_double(void)
{
	task.stacks[4] = (word)(spare_stack + sizeof(spare_stack)); /* the first of the interrupt stacks */
	load_task((word)&task);
	set_gate(DOUBLE, (word)on_double_fault, 0x8e, 1);
	load((word)gates, sizeof(gates) - 1);
	lose();
}

void check_triple(void)
{
	load(0, 0);
	lose();
}

void check_not_a_gate(void)
{
	set_gate(OPCODE, (word)lose, 0x8c, 0);
	load((word)gates, sizeof(gates) - 1);
	lose();
}

void check_odd_gate(void)
{
	set_gate(OPCODE, ODD, 0x8e, 0);
	load((word)gates, sizeof(gates) - 1);
	lose();
}

void check_no_task(void)
{
	set_gate(OPCODE, (word)lose, 0x8e, 7);
	load_task(-8ul);
	load((word)gates, sizeof(gates) - 1);
	lose();
}

/* A stack that is a device. */
void check_device_stack(void)
{
	__asm__ volatile("movq %0, %%rsp; int3" : : "r"(vmi_direct(APIC + 0x800)));
}

void check_tables_of_device(void)
{
	load((word)vmi_direct(APIC), 0xfff);
	lose();
}

/* A device by another instruction than MOV. */
void check_device(void)
{
	__asm__ volatile("orl $1, (%0)" : : "r"(vmi_direct(APIC + 0xf0)) : "memory");
}

void check_device_code(void)
{
	__asm__ volatile("jmp *%0" : : "r"(vmi_direct(APIC)));
}
