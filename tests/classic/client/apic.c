/* SPDX-License-Identifier: MIT */
/* The local APIC, calls 63 and 64: by offset, as the kernels of 2.6.21 to 36 ask, and by address, as the document says. */
#include "subjects.h"

enum { ID = 0x20, VERSION = 0x30, TPR = 0x80, EOI = 0xb0, ICR = 0x300, LVTERR = 0x370, TDCR = 0x3e0, VECTOR = 0xd1 };

static unsigned came;
static uint32_t eoi;

static volatile uint32_t *page(uint32_t offset)
{
	return (volatile uint32_t *)(FIX_APIC + offset);
}

static void on_ipi(struct trap *trap)
{
	(void)trap;
	came++;
	CALL2(APICWrite, eoi, 0);
}

static void forms(void)
{
	static const uint16_t registers[] = { ID, VERSION, TPR, 0xd0, 0xe0, 0xf0, 0x320, 0x350, 0x360, LVTERR, TDCR };

	for (unsigned i = 0; i < COUNT(registers); i++)
		each((uint32_t)CALL1(APICRead, registers[i]) == *page(registers[i]), registers[i]);
	all("APICRead by offset");
	check("it is an APIC's version", (*page(VERSION) & 0xf0) == 0x10);
	if (from_rom(VMI3_CALL_APICRead)) {
		for (unsigned i = 0; i < COUNT(registers); i++)
			each((uint32_t)CALL1(APICRead, FIX_APIC + registers[i]) == *page(registers[i]), registers[i]);
		all("APICRead by address");
	}
	CALL2(APICWrite, LVTERR, 0x100d2);
	equal("APICWrite by offset", *page(LVTERR), 0x100d2);
	if (from_rom(VMI3_CALL_APICWrite)) {
		CALL2(APICWrite, FIX_APIC + LVTERR, 0x100d3);
		equal("APICWrite by address", *page(LVTERR), 0x100d3);
	}
	CALL2(APICWrite, TPR, 0x20);
	equal("APICWrite of the task priority", *page(TPR), 0x20);
	CALL2(APICWrite, TPR, 0);
}

static void interrupts(void)
{
	handlers[VECTOR] = on_ipi;
	for (unsigned form = 0; form < 1u + (unsigned)from_rom(VMI3_CALL_APICWrite); form++) {
		uint32_t base = form ? FIX_APIC : 0;

		came = 0;
		eoi = base + EOI;
		for (unsigned i = 1; i <= 20; i++) {
			CALL2(APICWrite, base + ICR, 0x44000 | VECTOR);
			__asm__ volatile("sti; nop; nop; cli" : : : "memory");
			for (uint32_t start = clock_now(); came < i && clock_since(start) < CLOCK_HZ / 10;)
				__asm__ volatile("sti; nop; nop; cli" : : : "memory");
			each(came == i, came);
		}
		all(form ? "20 interrupts to itself, each ended, by address" : "20 interrupts to itself, each ended, by offset");
	}
}

/* A client that has not mapped its APIC, or never does: noapic. The real one does not ask for 63 and 64 then. */
static void unmapped(void)
{
	uint64_t read = paravirtualized ? ask(VMI3_CALL_APICRead) : 0, write = paravirtualized ? ask(VMI3_CALL_APICWrite) : 0;

	if (read >> 32 != VMI3_RELOCATION_CALL_REL || write >> 32 != VMI3_RELOCATION_CALL_REL)
		return;
	ops[VMI3_CALL_APICRead] = (void *)(uint32_t)read;
	ops[VMI3_CALL_APICWrite] = (void *)(uint32_t)write;
	equal("APICRead of an APIC that is not mapped gives 0", (uint32_t)CALL1(APICRead, VERSION), 0);
	CALL2(APICWrite, TPR, 0x30);
	page_map(FIX_APIC, 0xfee00000u | PRESENT | WRITABLE | UNCACHED);
	equal("APICWrite of it does nothing", *page(TPR), 0);
	equal("APICRead finds it when it is mapped", (uint32_t)CALL1(APICRead, VERSION), *page(VERSION));
	CALL2(APICWrite, TPR, 0x30);
	equal("so does APICWrite", *page(TPR), 0x30);
	*page(TPR) = 0;
}

void check_apic(void)
{
	if (!apic) {
		unmapped();
		return;
	}
	forms();
	interrupts();
}
