/* SPDX-License-Identifier: MIT */
/* Processor registers and single instructions: calls 0 to 2, 15 to 28, 35, 61, 65. Each against the instruction itself. */
#include "subjects.h"

enum { CR0_TS = 8, CR0_AM = 0x40000, CR4_TSD = 4, CR4_PCE = 0x100, SYSENTER_ESP = 0x175 };

#define READ(name, register) \
	static uint32_t name(void) \
	{ \
		uint32_t value; \
		__asm__ volatile("movl %%" register ", %0" : "=r"(value)); \
		return value; \
	}
READ(cr0, "cr0")
READ(cr2, "cr2")
READ(cr3, "cr3")
READ(cr4, "cr4")
READ(dr0, "db0")
READ(dr1, "db1")
READ(dr2, "db2")
READ(dr3, "db3")
READ(dr6, "db6")
READ(dr7, "db7")

static void cpuid(void)
{
	static const uint32_t leaves[] = { 0, 1, 2, 4, 5, 7, 0xd, 0x80000000, 0x80000001, 0x80000002, 0x12345678 };
	static const uint32_t words[2];

	for (unsigned i = 0; i < 2 * COUNT(leaves); i++) {
		struct registers r = { .eax = leaves[i / 2], .ebx = 0x11111111, .ecx = i % 2, .edx = 0x44444444, .esi = 0x22222222,
				       .edi = 0x33333333, .ebp = 0x55555555, .eflags = 2 };
		uint32_t a = r.eax, b, c = r.ecx, d;

		__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
		call_registers(ops[VMI3_CALL_CPUID], &r, words);
		each(r.eax == a && r.ebx == b && r.ecx == c && r.edx == d, leaves[i / 2]);
		each(r.esi == 0x22222222 && r.edi == 0x33333333 && r.ebp == 0x55555555 && !r.esp, leaves[i / 2]);
	}
	all("CPUID gives the four registers of leaf and sub-leaf, and changes no other");
}

static void control(void)
{
	uint32_t old = cr0();

	equal("GetCR0", (uint32_t)CALL0(GetCR0), old);
	CALL1(SetCR0, old | CR0_TS);
	equal("SetCR0 sets a bit", cr0(), old | CR0_TS);
	equal("GetCR0 sees it", (uint32_t)CALL0(GetCR0), old | CR0_TS);
	CALL0(CLTS);
	equal("CLTS clears TS and nothing else", cr0(), old & ~(uint32_t)CR0_TS);
	CALL1(SetCR0, old ^ CR0_AM);
	equal("SetCR0 clears a bit", cr0(), old ^ CR0_AM);
	CALL1(SetCR0, old);
	equal("and sets it again", cr0(), old);
	CALL1(SetCR2, 0xdeadb123);
	equal("SetCR2", cr2(), 0xdeadb123);
	equal("GetCR2", (uint32_t)CALL0(GetCR2), 0xdeadb123);
	equal("GetCR3", (uint32_t)CALL0(GetCR3), cr3());
	CALL1(SetCR3, kernel_root);
	equal("SetCR3", cr3(), kernel_root);
	old = cr4();
	equal("GetCR4", (uint32_t)CALL0(GetCR4), old);
	CALL1(SetCR4, old | CR4_TSD);
	equal("SetCR4 sets a bit", cr4(), old | CR4_TSD);
	CALL1(SetCR4, old);
	equal("SetCR4 clears it", cr4(), old);
}

static void debug(void)
{
	static uint32_t (*const read[])(void) = { dr0, dr1, dr2, dr3, 0, 0, dr6, dr7 };
	static const uint32_t breakpoints[] = { 0x1234, 0xc0100000, 0xffffffff, 0 };
	uint32_t before;

	for (unsigned i = 0; i < 4; i++)
		CALL2(SetDR, i, breakpoints[i]);
	for (unsigned i = 0; i < 4; i++) {
		each(read[i]() == breakpoints[i], i);
		each((uint32_t)CALL1(GetDR, i) == breakpoints[i], 0x10 | i);
	}
	all("SetDR and GetDR of 0 to 3");
	CALL2(SetDR, 6, 0xffff0ff0);
	each(dr6() == 0xffff0ff0, 0);
	each((uint32_t)CALL1(GetDR, 6) == dr6(), 1);
	CALL2(SetDR, 6, 0xffff0ff2);
	each(dr6() == 0xffff0ff2, 2);
	each((uint32_t)CALL1(GetDR, 6) == dr6(), 3);
	CALL2(SetDR, 6, 0xffff0ff0);
	all("SetDR and GetDR of 6");
	before = dr7();
	CALL2(SetDR, 7, 0x000f0700);
	each((dr7() & 0xffff00ff) == 0x000f0000, dr7());
	each((uint32_t)CALL1(GetDR, 7) == dr7(), 1);
	CALL2(SetDR, 7, before);
	each(dr7() == before, 2);
	all("SetDR and GetDR of 7");
	for (unsigned i = 0; i < 4; i++)
		CALL2(SetDR, i, 0);
}

static void read_counter(uint32_t counter)
{
	CALL3(RDPMC, 0, 0, counter);
}

static void native_read_counter(uint32_t counter)
{
	__asm__ volatile("rdpmc" : : "c"(counter) : "eax", "edx");
}

static void instructions(void)
{
	uint64_t before, value;
	uint32_t low, high, flags;

	for (unsigned i = 0; i < 100; i++) {
		before = rdtsc();
		value = CALL0(RDTSC);
		each(value >= before && value <= rdtsc(), i);
	}
	all("RDTSC is between two readings");
	equal("RDPMC does what the instruction does", attempt(read_counter, 0), attempt(native_read_counter, 0));
	CALL3(WRMSR, 0xc0123450, 0, SYSENTER_ESP);
	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(SYSENTER_ESP));
	equal("WRMSR", (uint64_t)high << 32 | low, 0xc0123450);
	equal("RDMSR", CALL3(RDMSR, 0x5555, 0x5555, SYSENTER_ESP), 0xc0123450);
	low = 0x12345678;
	CALL0(WBINVD);
	CALL0(IODelay);
	equal("WBINVD and IODelay change nothing", low, 0x12345678);
	flags = native_flags();
	for (unsigned i = 0; i < 8; i++) {
		uint32_t mask = (i & 3) << 12;
		uint32_t on = i & 4 ? FLAG_IF : 0;

		if (on)
			__asm__ volatile("sti");
		CALL1(SetIOPLMask, mask);
		low = this_cpu()->eflags;
		__asm__ volatile("cli");
		each((low & 0x3000) == mask, low);
		each((low & FLAG_IF) == on && !((low ^ flags) & 0x244500), low);
	}
	CALL1(SetIOPLMask, 0);
	all("SetIOPLMask sets bits 12 and 13 and leaves the rest");
}

static void halt(void)
{
	unsigned before = irq0_count;
	uint32_t start = clock_now();

	outb(0x43, 0x30);
	outb(0x40, (uint8_t)2386);
	outb(0x40, 2386 >> 8); /* 2 ms */
	CALL0(Halt);
	start = clock_since(start);
	check("Halt returns after an interrupt, interrupts on", this_cpu()->eflags & FLAG_IF && irq0_count == before + 1);
	__asm__ volatile("cli");
	check("it waited for that", us(start) >= 1900);
	make_pending();
	CALL0(Halt);
	__asm__ volatile("cli");
	equal("Halt with an interrupt waiting returns", irq0_count, before + 2);
	timer_rests();
}

void check_cpu(void)
{
	cpuid();
	control();
	debug();
	instructions();
	halt();
}
