/* SPDX-License-Identifier: MIT */
/*
 * One line per call: "row NAME TURNS TICKS", ticks of the time-stamp counter for all turns, loop included. On bare hardware
 * the native forms are timed (nothing, where there is none); with a ROM its functions, as the client reaches them (rows.S).
 */
#include "client.h"

enum { TURNS = 2000, VECTOR = 0x40 };
enum { MSR_SYSENTER_CS = 0x174, MSR_SYSENTER_ESP, MSR_SYSENTER_EIP, INVALID_OPCODE = 6 };

struct row {
	const char *name;
	void (*native)(void), (*linked)(void); /* all turns */
	uint32_t number; /* of the call */
};
extern const struct row rows_start[], rows_end[]; /* rows.S, like the next */
extern void empty_turn(void);
extern char sysenter_back[], wake_up[], user_code[];
extern uint32_t saved_cr0, saved_cr4;
extern uint8_t *tss_type;
extern struct table saved_gdt, saved_idt;
extern volatile uint32_t turns_left;

static void row(const char *name, void (*run_turns)(void))
{
	uint64_t start, ticks;

	turns_left = 1; /* first use of pages and tables is not what is measured */
	run_turns();
	turns_left = TURNS;
	start = rdtsc();
	run_turns();
	ticks = rdtsc() - start;
	__asm__ volatile("cli");
	print("row ");
	for (; *name; name++)
		print("%c", *name == '_' ? '-' : *name);
	print(" %u %llu\n", TURNS, ticks);
}

/* QEMU has no performance counters: its RDPMC is this trap, in both forms. */
static void skip_rdpmc(struct trap *trap)
{
	if (memcmp((const void *)trap->eip, "\x0f\x33", 2))
		die("invalid instruction at 0x%x", trap->eip);
	trap->eip += 2;
}

static void wrmsr(uint32_t index, const void *value)
{
	__asm__ volatile("wrmsr" : : "c"(index), "a"(value), "d"(0));
}

static void prepare(void)
{
	uint32_t page = page_alloc();

	__asm__("movl %%cr0, %0; movl %%cr4, %1" : "=r"(saved_cr0), "=r"(saved_cr4));
	__asm__("sgdt %0; sidt %1" : "=m"(saved_gdt), "=m"(saved_idt));
	tss_type = (uint8_t *)&this_cpu()->gdt[TSS_SELECTOR / 8] + 5;
	handlers[INVALID_OPCODE] = skip_rdpmc;
	idt[VECTOR] = gate(wake_up, 0x8e);
	memcpy(linear(page), user_code, 2);
	page_map(USER_CODE, page | PRESENT | USER);
	wrmsr(MSR_SYSENTER_CS, (void *)KERNEL_CS);
	wrmsr(MSR_SYSENTER_ESP, this_cpu()->trap_stack + sizeof(this_cpu()->trap_stack));
	wrmsr(MSR_SYSENTER_EIP, sysenter_back);
}

int run(void)
{
	/* Calls that the client links only with PAE, or with a second processor, are timed in any case. */
	static const uint8_t more[] = { VMI3_CALL_SetPxE, VMI3_CALL_SetPxELong, VMI3_CALL_UpdatePxE, VMI3_CALL_UpdatePxELong,
					VMI3_CALL_SetInitialAPState };

	for (unsigned i = 0; paravirtualized && i < COUNT(more); i++) {
		uint64_t answer = ask(more[i]);

		answers[more[i]] = (uint8_t)(answer >> 32);
		if (answers[more[i]] == VMI3_RELOCATION_CALL_REL)
			ops[more[i]] = (const void *)(uint32_t)answer;
	}
	prepare();
	row("empty_turn", empty_turn);
	for (const struct row *at = rows_start; at < rows_end; at++)
		if (!paravirtualized)
			row(at->name, at->native);
		else if (answers[at->number] != VMI3_RELOCATION_NONE)
			row(at->name, at->linked);
	return failed != 0;
}
