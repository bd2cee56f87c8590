/* SPDX-License-Identifier: MIT */
/* Descriptor tables and their entries, calls 3 to 14. */
#include "subjects.h"

enum { VECTOR = 0x81, SPARE = 20 };

static uint64_t other_gdt[GDT_ENTRIES] __attribute__((aligned(8))), other_idt[256] __attribute__((aligned(8))),
	ldt[8] __attribute__((aligned(8))), expected[256];
static uint8_t other_stack[4096] __attribute__((aligned(16)));
static struct tss other_tss;
static unsigned calls;

static struct table stored(int interrupts)
{
	struct table table = { 0, 0 };

	if (interrupts)
		__asm__ volatile("sidtl %0" : "=m"(table));
	else
		__asm__ volatile("sgdtl %0" : "=m"(table));
	return table;
}

static int same(struct table a, struct table b)
{
	return a.limit == b.limit && a.base == b.base;
}

static void on_vector(struct trap *trap)
{
	(void)trap;
	calls++;
}

static void registers(void)
{
	struct table gdt = stored(0), interrupts = stored(1), other, got[2];

	memset(got, 0xee, sizeof(got));
	CALL1(GetGDT, (uint32_t)&got[0]);
	check("GetGDT writes limit and base, 6 bytes", same(got[0], gdt) && got[1].limit == 0xeeee);
	memset(got, 0xee, sizeof(got));
	CALL1(GetIDT, (uint32_t)&got[0]);
	check("GetIDT writes limit and base, 6 bytes", same(got[0], interrupts) && got[1].limit == 0xeeee);
	memcpy(other_gdt, this_cpu()->gdt, sizeof(other_gdt));
	other = (struct table){ sizeof(other_gdt) - 1, (uint32_t)other_gdt };
	CALL1(SetGDT, &other);
	check("SetGDT", same(stored(0), other));
	CALL1(SetGDT, &gdt);
	check("SetGDT back", same(stored(0), gdt));
	memcpy(other_idt, idt, sizeof(other_idt));
	other = (struct table){ sizeof(other_idt) - 1, (uint32_t)other_idt };
	CALL1(SetIDT, &other);
	check("SetIDT", same(stored(1), other));
	calls = 0;
	handlers[3] = on_vector;
	__asm__ volatile("int3");
	equal("traps come through the new table", calls, 1);
	CALL1(SetIDT, &interrupts);
	check("SetIDT back", same(stored(1), interrupts));
}

static void write(const char *sentence, unsigned call, uint64_t *table, unsigned count, unsigned index, uint64_t entry)
{
	memcpy(expected, table, count * 8);
	expected[index] = entry;
	invoke(call, (uint32_t)table, index, (uint32_t)entry, (uint32_t)(entry >> 32), 0x88888888);
	check(sentence, !memcmp(table, expected, count * 8));
}

static void entries(void)
{
	uint64_t *gdt = this_cpu()->gdt;
	uint16_t selector;
	uint32_t found;

	write("WriteGDTEntry writes its 8 bytes", VMI3_CALL_WriteGDTEntry, gdt, GDT_ENTRIES, LDT_SELECTOR / 8,
	      segment((uint32_t)ldt, sizeof(ldt) - 1, 0x082));
	write("WriteGDTEntry of the last entry", VMI3_CALL_WriteGDTEntry, gdt, GDT_ENTRIES, GDT_ENTRIES - 1, 0xc0a5f30000ffff);
	write("WriteLDTEntry writes its 8 bytes", VMI3_CALL_WriteLDTEntry, ldt, COUNT(ldt), 3,
	      segment((uint32_t)&other_tss, 0xfff, 0x493));
	write("WriteLDTEntry of entry 0", VMI3_CALL_WriteLDTEntry, ldt, COUNT(ldt), 0, 0x123456789abcdef0);
	CALL1(SetLDT, LDT_SELECTOR);
	__asm__ volatile("sldt %0" : "=r"(selector));
	equal("SetLDT", selector, LDT_SELECTOR);
	equal("GetLDT", (uint16_t)CALL0(GetLDT), LDT_SELECTOR);
	other_tss.esp0 = 0xfee1600d;
	__asm__ volatile("movl %1, %%gs; movl %%gs:4, %0; movl %2, %%gs" : "=&r"(found) : "r"(3 * 8 + 4), "r"(0));
	equal("a segment of that table works", found, 0xfee1600d);
	CALL1(SetLDT, 0);
	__asm__ volatile("sldt %0" : "=r"(selector));
	check("SetLDT of 0 is none", !selector && !(uint16_t)CALL0(GetLDT));
	handlers[VECTOR] = on_vector;
	calls = 0;
	write("WriteIDTEntry writes its 8 bytes", VMI3_CALL_WriteIDTEntry, idt, 256, VECTOR, gate(trap_stubs + 16 * VECTOR, 0xee));
	__asm__ volatile("int %0" : : "i"(VECTOR));
	equal("the new gate works", calls, 1);
	write("WriteIDTEntry of vector 255", VMI3_CALL_WriteIDTEntry, idt, 256, 255, gate(trap_stubs + 16 * 255, 0x8e));
}

static void task(void)
{
	struct cpu *cpu = this_cpu();
	uint16_t selector;

	__asm__ volatile("str %0" : "=r"(selector));
	equal("GetTR", (uint16_t)CALL0(GetTR), selector);
	other_tss.esp0 = cpu->tss.esp0;
	other_tss.ss0 = KERNEL_DS;
	other_tss.bitmap = sizeof(other_tss);
	cpu->gdt[SPARE] = segment((uint32_t)&other_tss, sizeof(other_tss) - 1, 0x089);
	CALL1(SetTR, SPARE * 8);
	__asm__ volatile("str %0" : "=r"(selector));
	check("SetTR loads it and marks it busy", selector == SPARE * 8 && (cpu->gdt[SPARE] >> 40 & 0xff) == 0x8b);
	equal("GetTR sees it", (uint16_t)CALL0(GetTR), SPARE * 8);
	cpu->gdt[TSS_SELECTOR / 8] = segment((uint32_t)&cpu->tss, sizeof(cpu->tss) - 1, 0x089);
	CALL1(SetTR, TSS_SELECTOR);
	equal("SetTR back", (uint16_t)CALL0(GetTR), TSS_SELECTOR);
}

/* Where the trap's frame was: its five words end at the stack of the TSS. */
static uint32_t frame_end;

static void on_system_call(struct trap *trap)
{
	frame_end = (uint32_t)(&trap->ss + 1);
	leave_user(trap->eax);
}

static void kernel_stack(void)
{
	struct cpu *cpu = this_cpu();
	struct tss before = cpu->tss;
	uint32_t top = (uint32_t)(other_stack + sizeof(other_stack));

	user_init();
	handlers[SYSTEM_CALL] = on_system_call;
	cpu->tss.esp0 = top; /* the client itself has written it before it calls */
	CALL2(UpdateKernelStack, KERNEL_DS, top);
	equal("user mode runs", to_user(PROGRAM(program_int)), 0x1234);
	equal("its traps come on the stack of UpdateKernelStack", frame_end, top);
	cpu->tss.esp0 = 0;
	cpu->tss.ss0 = 0;
	CALL2(UpdateKernelStack, KERNEL_DS, before.esp0);
	if (from_rom(VMI3_CALL_UpdateKernelStack))
		equal("UpdateKernelStack writes SS0 and ESP0 itself", (uint64_t)cpu->tss.ss0 << 32 | cpu->tss.esp0,
		      (uint64_t)KERNEL_DS << 32 | before.esp0);
	cpu->tss.ss0 = KERNEL_DS;
	cpu->tss.esp0 = before.esp0;
	check("and nothing else", !memcmp(&cpu->tss, &before, sizeof(before)));
	if (from_rom(VMI3_CALL_UpdateKernelStack)) {
		static const uint8_t types[] = { 0x89, 0x0b, 0x82, 0x93, 0x00 }; /* not busy, not present, no TSS */

		for (unsigned i = 0; i < COUNT(types); i++) {
			cpu->gdt[TSS_SELECTOR / 8] = segment((uint32_t)&cpu->tss, sizeof(cpu->tss) - 1, types[i]);
			CALL2(UpdateKernelStack, 0x1234, 0x5678);
			each(!memcmp(&cpu->tss, &before, sizeof(before)), types[i]);
		}
		all("UpdateKernelStack writes to nothing but a busy TSS");
		cpu->gdt[TSS_SELECTOR / 8] = segment((uint32_t)&cpu->tss, sizeof(cpu->tss) - 1, 0x08b);
		cpu->tss = before;
	}
	equal("user mode runs again", to_user(PROGRAM(program_int)), 0x1234);
	equal("on the stack before", frame_end, before.esp0);
	handlers[SYSTEM_CALL] = 0;
}

void check_tables(void)
{
	registers();
	entries();
	task();
	kernel_stack();
	user_init();
}
