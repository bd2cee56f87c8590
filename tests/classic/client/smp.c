/* SPDX-License-Identifier: MIT */
/*
 * Starting the second processor, call 62, as the real client does: INIT, the call with a structure that lies on the stack
 * somehow, STARTUP twice. The processor reports every register it was started with.
 */
#include "smp.h"

enum { ICR = 0x300, ICR_HIGH = 0x310, INIT = 0xc500, INIT_END = 0x8500, STARTUP = 0x600, ID_OF_AP = 1 };
enum { SMP_CR0 = 0x80050023 }; /* PG, AM, WP, NE, MP, PE: of Linux */

struct ap_report ap_report;
static const char *const words[] = { "EAX", "EBX", "ECX", "EDX", "EBP", "ESI", "EDI", "ESP", "EFLAGS", "CR0", "CR2", "CR3",
				     "CR4", "EFER", "CS", "SS", "DS", "ES", "FS", "GS", "LDTR", "GDTR limit", "GDTR base",
				     "IDTR limit", "IDTR base" };

static uint32_t cr4(void)
{
	uint32_t value;

	__asm__ volatile("movl %%cr4, %0" : "=r"(value));
	return value;
}

static uint32_t efer(void)
{
	uint32_t low = 0, high;

	if (nx)
		__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(0xc0000080));
	return low;
}

/* What Linux passes, but for registers, which are 0 there. */
static struct vmi3_ap_state state_of(void)
{
	struct cpu *cpu = &cpus[1];

	gdt_prepare(cpu);
	return (struct vmi3_ap_state){
		.cr0 = SMP_CR0, .cr3 = kernel_root, .cr4 = cr4(), .efer = efer(), .eip = (uint32_t)ap_entry,
		.esp = (uint32_t)(cpu->stack + sizeof(cpu->stack)), .cs = KERNEL_CS, .ss = KERNEL_DS, .ds = USER_DS, .es = USER_DS,
		.fs = CPU_SELECTOR, .gdtr_limit = sizeof(cpu->gdt) - 1, .gdtr_base = (uint32_t)cpu->gdt,
		.idtr_base = (uint32_t)idt, .idtr_limit = 256 * 8 - 1,
	};
}

static void ipi(uint32_t command)
{
	apic_write(ICR_HIGH, (uint32_t)ID_OF_AP << 24);
	apic_write(ICR, command);
	for (unsigned i = 0; i < 100000 && apic_read(ICR) & 0x1000; i++)
		;
}

/* The waits are Linux's. */
static void init(void)
{
	ipi(INIT);
	delay(10000);
	ipi(INIT_END);
}

/*
 * 1: the processor came to its entry. Linux sends STARTUP twice. In the host's time the processor may stand still for
 * longer than any wait, and QEMU keeps what it has not taken, even over an INIT: so the second is sent only when needed.
 */
static int startup(uint32_t patience)
{
	uint32_t start = clock_now();

	ap_report.here = 0;
	do {
		for (unsigned i = 0; i < (option("exact") ? 2 : 1); i++) {
			ipi(STARTUP | 0x9f);
			delay(200);
		}
		for (unsigned i = 0; i < 200 && !*(volatile uint32_t *)&ap_report.here; i++)
			delay(100);
	} while (!*(volatile uint32_t *)&ap_report.here && us(clock_since(start)) < patience);
	return *(volatile uint32_t *)&ap_report.here == 1;
}

static void compare(const struct vmi3_ap_state *s)
{
	const uint32_t expected[] = { s->eax, s->ebx, s->ecx, s->edx, s->ebp, s->esi, s->edi, s->esp, s->eflags | 2,
				      s->cr0 | 0x10, s->cr2, s->cr3, s->cr4, (uint32_t)s->efer, s->cs, s->ss, s->ds, s->es,
				      s->fs, s->gs, s->ldtr, s->gdtr_limit, s->gdtr_base, s->idtr_limit, s->idtr_base };

	for (unsigned i = 0; i < COUNT(expected); i++) {
		const uint32_t found = ap_report.words[i];
		/* ET, bit 4 of CR0, is always 1. */
		const int same = (i == 9 ? found | 0x10 : found) == expected[i];

		if (!same)
			print("  the processor starts with %s 0x%x, expected 0x%x\n", words[i], found, expected[i]);
		each(same, i);
	}
}

/* The structure at an address that nothing aligns. */
static void start_with(const struct vmi3_ap_state *state, void *at)
{
	unsigned tries = option("exact") ? 1 : 5;
	int here;

	do {
		memcpy(at, state, sizeof(*state));
		init();
		CALL2(SetInitialAPState, at, ID_OF_AP);
		memset(at, 0xee, sizeof(*state)); /* the stack goes on being used */
		here = startup(300000);
	} while (!here && --tries);
	each(here, (uint32_t)at);
	compare(state);
}

static void nowhere(const char *sentence, uint32_t state, uint32_t id)
{
	init();
	if (id)
		CALL2(SetInitialAPState, state, id);
	equal(sentence, (uint32_t)startup(5000), 0);
}

static void no_state(void)
{
	struct vmi3_ap_state state = state_of();

	nowhere("a processor without a state does not start", 0, 0);
	nowhere("nor one with no structure", 0, ID_OF_AP);
	nowhere("nor when another has one", (uint32_t)&state, 5);
	state.cr0 &= 0x7fffffff;
	nowhere("nor with a state without paging", (uint32_t)&state, ID_OF_AP);
	state = state_of();
	init();
	CALL2(SetInitialAPState, &state, ID_OF_AP);
	CALL2(SetInitialAPState, 0, ID_OF_AP);
	equal("nor when its state was taken back", (uint32_t)startup(5000), 0);
}

static int states(void)
{
	uint8_t stack[2 * sizeof(struct vmi3_ap_state)];
	const uint32_t window = TEST_ADDRESS + 0x20000; /* two pages whose frames are apart */
	struct vmi3_ap_state state = state_of();
	uint32_t first = page_alloc(), second;

	start_with(&state, stack);
	all("a processor starts with all registers of Linux's state");
	if (!ap_report.here)
		return 0;
	for (unsigned i = 1; i < 8; i += 2) {
		state = state_of();
		start_with(&state, stack + i);
	}
	all("the structure is on the stack at odd addresses");
	page_alloc();
	second = page_alloc();
	page_map(window, first | PRESENT | WRITABLE);
	page_map(window + PAGE, second | PRESENT | WRITABLE);
	for (unsigned i = 1; i < sizeof(state); i += 30) {
		state = state_of();
		start_with(&state, (void *)(window + PAGE - i));
	}
	all("the structure crosses a page");
	cpus[1].gdt[LDT_SELECTOR / 8] = segment((uint32_t)idt, 0xff, 0x082);
	state = state_of();
	cpus[1].gdt[LDT_SELECTOR / 8] = segment((uint32_t)idt, 0xff, 0x082);
	state.eax = 0x0a0a0a01, state.ebx = 0x0b0b0b02, state.ecx = 0x0c0c0c03, state.edx = 0x0d0d0d04;
	state.ebp = 0x0e0e0e05, state.esi = 0x0f0f0f06, state.edi = 0x10101007, state.cr2 = 0xdeadbeef;
	state.ds = KERNEL_DS, state.es = 0, state.gs = USER_DS, state.ldtr = LDT_SELECTOR, state.eflags = 0x8d5;
	state.idtr_limit = 0x3ff, state.gdtr_limit = CPU_SELECTOR + 7;
	start_with(&state, stack + 3);
	all("every register has a value of its own");
	state = state_of();
	state.cr4 &= ~0x80u; /* no global pages */
	state.cr0 = 0x80000031 | 0x10000;
	start_with(&state, stack + 5);
	all("CR0 and CR4 are the state's");
	return 1;
}

/* The processor as Linux has it, for work. */
static int at_work(void)
{
	struct vmi3_ap_state state = state_of();

	for (unsigned tries = 5; tries; tries--) {
		init();
		CALL2(SetInitialAPState, &state, ID_OF_AP);
		if (startup(300000))
			break;
	}
	if (ap_report.here != 1)
		return 0;
	ap_report.here = 2; /* go on */
	return do_on_ap(ap_prepare, 0) == 0;
}

void check_smp(void)
{
	if (!option("smp") || !apic || !ops[VMI3_CALL_SetInitialAPState])
		return;
	no_state();
	if (!states())
		return;
	check("the processor works", at_work());
	both_processors();
}
