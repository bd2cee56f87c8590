/* SPDX-License-Identifier: MIT */
/* A kernel that misbehaves in the way its command line asks for. Exit status 0: the hypervisor said no politely. */
#include <vmi/guest.h>
#include <vmi/vmi.h>

VMI_GUEST(VMI_GUEST_LICENCE, VMI_PROFILE_PAGED, VMI_WANTS(VMI_GROUP_DEBUG, 1));

#define PRESENT_WRITABLE 3
#define ADDRESS 0x000ffffffffff000ull
#define WILD 0x5ead00000000ull /* canonical, mapped nowhere */

static uint64_t *entry_of(uint64_t address)
{
	uint64_t *table = vmi_direct(pv_address_space_read());

	for (int level = 4;; level--) {
		uint64_t *entry = table + (address >> (3 + 9 * level) & 511);

		if (level == 1)
			return entry;
		table = vmi_direct(pv_pte_read(*entry) & ADDRESS);
	}
}

static void spin(void)
{
	for (;;)
		__asm__ volatile("");
}

static void spin_disabled(void)
{
	pv_irq_disable();
	spin();
}

static void sleep_forever(void)
{
	for (;;)
		pv_halt();
}

static void load_nothing(void)
{
	(void)*(volatile uint64_t *)WILD;
}

/* Three functions deep, so that a back-trace has something to show. */
__attribute__((noinline)) static void third(void)
{
	*(volatile uint64_t *)WILD = 1;
	__asm__ volatile("");
}

__attribute__((noinline)) static void second(void)
{
	third();
	__asm__ volatile("");
}

static void deep(void)
{
	second();
	__asm__ volatile("");
}

static void write_rom(void)
{
	*(volatile uint8_t *)vmi_window = 0x90;
}

static void remap_and_write_rom(void)
{
	uint64_t *entry = entry_of((uint64_t)vmi_window);

	pv_pte_set((uint64_t)entry, *entry | PRESENT_WRITABLE);
	pv_tlb_flush_page((uint64_t)vmi_window);
	write_rom();
}

static void lose_stack(void)
{
	__asm__ volatile("movq %0, %%rsp; pushq $0" : : "r"(WILD) : "memory");
}

static void jump_away(void)
{
	__asm__ volatile("jmp *%0" : : "r"(WILD));
}

static void jump_into_rom(void)
{
	__asm__ volatile("jmp *%0" : : "r"((uint64_t)vmi_window + VMI_TEXT_LIMIT - 2));
}

static void lose_address_space(void)
{
	pv_address_space_set(0x7ffffffff000);
	spin();
}

static void lose_tables(void)
{
	memset(vmi_direct(pv_address_space_read()), 0xff, 4096);
	pv_tlb_flush();
	load_nothing();
}

static void swallow_traps(void)
{
	const uint64_t nowhere = (uint64_t)swallow_traps + (1ull << 30); /* as near as a handler must be */
	struct vmi_trap_gate gate = { .vector = 14, .handler = nowhere, .native = nowhere };

	pv_trap_table_set((uint64_t)&gate, 1);
	load_nothing();
}

static void flood_console(void)
{
	for (;;)
		vmi_print("0123456789012345678901234567890123456789012345678901234567890123456789\n");
}

static void call_unknown(void)
{
	__asm__ volatile("outl %0, $0x56" : : "a"(0x7fffffff));
	__asm__ volatile("outl %0, $0x56" : : "a"(0x0a00));
}

/* Arguments that no contract allows; each must give an error and change nothing. */
static void call_badly(void)
{
	const int64_t results[] = {
		pv_init(0x00030000, 0),
		pv_info(99, (uint64_t)&results, 8),
		pv_info(0, WILD, 8),
		pv_vcpu_init(0, 1),
		pv_vcpu_init(7, 0),
		pv_trap_table_set(WILD, 1),
		pv_trap_table_set(0, 0xffffffff),
		pv_kernel_stack_set(1),
		pv_descriptors_set(0xffffffff, 0, 2),
		pv_tls_set(0x8000000000000000, 0),
		pv_pte_set_batch(0, VMI_BATCH_LIMIT + 1),
		pv_page_table_add(1, 1),
		pv_page_table_add(0, 9),
		pv_event_bind(0xffffffff, 40),
		pv_event_bind(0, 3),
		pv_event_bind(0, 300),
		pv_event_mask(99),
		pv_event_ack(0xffffffff),
		pv_event_send(0),
		pv_console_write(WILD, 16),
		pv_console_write(-16ull, 16),
		pv_console_write(0, -1ull),
		pv_console_read(WILD, VMI_CONSOLE_LIMIT + 1),
	};

	for (unsigned i = 0; i < sizeof(results) / sizeof(results[0]); i++)
		if (results[i] >= 0)
			vmi_panic(0, "bad call %u gave %ld", i, results[i]);
	if (pv_probe(0xffffffff) || pv_probe(VMI_GROUP_SMP))
		vmi_panic(0, "probe found what is not there");
	pv_trace_mark(1, WILD);
	pv_crash_report(WILD);
}

static const struct {
	const char *name;
	void (*run)(void);
} deeds[] = {
	{ "spin", spin },
	{ "spin-disabled", spin_disabled },
	{ "sleep", sleep_forever },
	{ "load", load_nothing },
	{ "deep", deep },
	{ "write-rom", write_rom },
	{ "remap-rom", remap_and_write_rom },
	{ "stack", lose_stack },
	{ "jump", jump_away },
	{ "jump-rom", jump_into_rom },
	{ "root", lose_address_space },
	{ "tables", lose_tables },
	{ "gate", swallow_traps },
	{ "flood", flood_console },
	{ "unknown", call_unknown },
	{ "bad-calls", call_badly },
};

int vmi_main(void)
{
	char name[32];

	if (!vmi_option("hostile.do", name, sizeof(name)))
		name[0] = 0;
	for (unsigned i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++) {
		if (!strcmp(name, deeds[i].name)) {
			vmi_print("hostile: %s\n", name);
			deeds[i].run();
			return 0;
		}
	}
	vmi_print("hostile.do= must be one of");
	for (unsigned i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++)
		vmi_print(" %s", deeds[i].name);
	vmi_print("\n");
	return 1;
}
