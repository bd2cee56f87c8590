/* SPDX-License-Identifier: MIT */
/*
 * One line per operation: "row NAME TURNS TICKS", ticks of the time-stamp counter for all turns, loop included. Where
 * virtual time counts instructions, ticks are instructions times a constant that the host knows.
 */
#include "common.h"
#include <vmi/guest.h>

VMI_GUEST(VMI_GUEST_LICENCE, VMI_PROFILE_PAGED);

enum { TURNS = 2000, BATCH = 64, BATCH_TURNS = 100, TIMER_VECTOR = 32, SOFT_VECTOR = 40 };

#define TEST_ADDRESS 0x60000000ul
#define USER_CODE 0x400000ul
#define USER_STACK 0x600000ul

extern char user_start[], user_end[]; /* ../common/calls.S */

static uint8_t kernel_stack[8192] __attribute__((aligned(16)));
static struct vmi_pte_update map[BATCH], unmap[BATCH];
static uint64_t spaces[2], test_entry, test_native, test_value;

static uint64_t ticks(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}

/* ---- one turn of each row ---- */

static void empty(void)
{
	__asm__ volatile("" : : : "memory");
}

static void flag_off(void)
{
	pv_irq_disable();
}

static void flag_on(void)
{
	pv_irq_enable();
}

static void flag_save_restore(void)
{
	pv_irq_restore(pv_irq_save_disable());
}

static void page_fault(void)
{
	uint64_t value;

	try_load(TEST_ADDRESS + BATCH * PAGE, &value);
}

static void entry_map_unmap(void)
{
	pv_pte_set(test_entry, test_value);
	pv_pte_set(test_entry, 0);
	pv_tlb_flush_page(TEST_ADDRESS);
}

static void batch_map(void)
{
	pv_pte_set_batch((uint64_t)map, BATCH);
}

static void batch_unmap(void)
{
	pv_pte_set_batch((uint64_t)unmap, BATCH);
}

static void entry_encode(void)
{
	__asm__ volatile("" : : "r"(pv_pte_read(pv_pte_make(test_native))));
}

static void space_switch(void)
{
	pv_address_space_set(spaces[0]);
	pv_address_space_set(spaces[1]);
}

static void timer_set(void)
{
	pv_timer_set(UINT64_MAX / 4);
}

static volatile int fired;

/* A deadline that has passed: it is raised at once. */
static void timer_fires(void)
{
	fired = 0;
	pv_timer_set(1);
	while (!fired)
		;
}

static void clock_read(void)
{
	__asm__ volatile("" : : "r"(pv_clock_read()));
}

static void event_to_oneself(void)
{
	pv_event_send(VMI_SOURCE_SOFT);
}

static void yield(void)
{
	pv_vcpu_yield();
}

/* ---- handlers ---- */

static void on_page_fault(struct vmi_trap *trap)
{
	if (trap->frame.rip != (uint64_t)try_load_fault)
		vmi_panic(trap, "page fault at %lx", pv_fault_address_read());
	trap->frame.rip = (uint64_t)try_load_failed;
}

static void on_system_call(struct vmi_trap *trap)
{
	if (trap->rax)
		leave_user(0);
}

static void on_timer(struct vmi_trap *trap)
{
	(void)trap;
	fired = 1;
	pv_event_ack(VMI_SOURCE_TIMER);
}

static void on_event(struct vmi_trap *trap)
{
	(void)trap;
	pv_event_ack(VMI_SOURCE_SOFT);
}

/* ---- measuring ---- */

/* Turns in a function of their own, so that every row has the same loop around it. */
__attribute__((noinline)) static void row(const char *name, unsigned turns, void (*turn)(void))
{
	uint64_t start;

	turn(); /* first use of pages and tables is not what is measured */
	start = ticks();
	for (unsigned i = 0; i < turns; i++)
		turn();
	vmi_print("row %s %u %lu\n", name, turns, ticks() - start);
}

/* Two turns that undo each other, one after the other, each with its own sum. */
static void two_rows(const char *name, void (*turn)(void), const char *name2, void (*turn2)(void), unsigned turns)
{
	uint64_t sum = 0, sum2 = 0, start, middle;

	for (unsigned i = 0; i <= turns; i++) {
		if (i == 1)
			sum = sum2 = 0;
		start = ticks();
		turn();
		middle = ticks();
		turn2();
		sum2 += ticks() - middle;
		sum += middle - start;
	}
	vmi_print("row %s %u %lu\nrow %s %u %lu\n", name, turns, sum, name2, turns, sum2);
}

static void flush(void)
{
	pv_tlb_flush();
}

static void system_calls(void)
{
	uint64_t code = page_alloc(), stack = page_alloc(), start;

	memcpy(vmi_direct(code), user_start, user_end - user_start);
	page_map(spaces[1], USER_CODE, code, PRESENT | USER);
	page_map(spaces[1], USER_STACK, stack, PRESENT | WRITABLE | USER | NO_EXECUTE);
	pv_kernel_stack_set((uint64_t)(kernel_stack + sizeof(kernel_stack)));
	run_user(USER_CODE, USER_STACK + PAGE, 1);
	start = ticks();
	run_user(USER_CODE, USER_STACK + PAGE, TURNS);
	vmi_print("row null-system-call %u %lu\n", TURNS, ticks() - start);
}

static void prepare(void)
{
	space_init();
	spaces[0] = space_create();
	spaces[1] = space_create();
	for (unsigned i = 0; i < BATCH; i++) {
		map[i].entry = unmap[i].entry = entry_of(spaces[1], TEST_ADDRESS + i * PAGE, PRESENT | WRITABLE);
		test_native = page_alloc() | PRESENT | WRITABLE | NO_EXECUTE;
		map[i].value = pv_pte_make(test_native);
	}
	test_entry = map[BATCH - 1].entry;
	test_value = map[BATCH - 1].value;
	vmi_handle(14, on_page_fault);
	vmi_handle(VMI_SYSCALL, on_system_call);
	vmi_handle(SOFT_VECTOR, on_event);
	vmi_handle(TIMER_VECTOR, on_timer);
	pv_event_bind(VMI_SOURCE_TIMER, TIMER_VECTOR);
	pv_event_bind(VMI_SOURCE_SOFT, SOFT_VECTOR);
	pv_address_space_set(spaces[1]);
}

int vmi_main(void)
{
	uint64_t start = ticks();

	prepare();
	row("empty-turn", TURNS, empty);
	row("interrupt-off", TURNS, flag_off);
	row("interrupt-on", TURNS, flag_on);
	row("interrupt-flag-save-restore", TURNS, flag_save_restore);
	pv_irq_disable();
	row("page-fault", TURNS, page_fault);
	system_calls();
	row("entry-map-unmap-flush", TURNS, entry_map_unmap);
	two_rows("64-entries-map", batch_map, "64-entries-unmap", batch_unmap, BATCH_TURNS);
	row("flush", TURNS, flush);
	row("entry-encode-decode", TURNS, entry_encode);
	row("two-address-space-switches", TURNS, space_switch);
	row("timer-set", TURNS, timer_set);
	row("clock-read", TURNS, clock_read);
	pv_timer_cancel();
	pv_irq_enable();
	row("timer-fires", TURNS, timer_fires);
	row("event-to-oneself", TURNS, event_to_oneself);
	pv_irq_disable();
	row("yield", TURNS, yield);
	vmi_print("row whole-run 1 %lu\n", ticks() - start);
	return 0;
}
