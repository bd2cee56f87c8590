/* SPDX-License-Identifier: MIT */
/*
 * One line per operation: "times NAME TURNS TICKS TICKS ...", ticks of the time-stamp counter for all turns of each round.
 * The last line but one is "clock TICKS NANOSECONDS", both from the start. With the option times.stay it then waits for a
 * byte of console input, so that its processes can be looked at; with times.short it only does what is compared with
 * vmi=off.
 */
#include "common.h"
#include "work.h"
#include <vmi/guest.h>

VMI_GUEST(VMI_GUEST_LICENCE, VMI_PROFILE_PAGED);

enum { SHORT_TURNS = 4096, TURNS = 2000, BATCH = VMI_BATCH_LIMIT, UNROLLED = 16, ACCESSED = 0x20, DIRTY = 0x40 };

#define SIXTEEN(x) x x x x x x x x x x x x x x x x
#define TEST_ADDRESS 0x60000000ul /* a multiple of 2 MiB: one table holds the entries of a batch */
#define USER_CODE 0x400000ul
#define USER_STACK 0x600000ul

extern char user_start[], user_end[]; /* ../common/calls.S */

static uint8_t kernel_stack[8192] __attribute__((aligned(16)));
static struct vmi_pte_update updates[BATCH];
static uint64_t rounds[ROUNDS], spaces[2], entries;
static int switching;

/* ---- turns: as many as TURNS says, so that a loop can be unrolled ---- */

static void empty(void)
{
	for (unsigned i = 0; i < SHORT_TURNS / UNROLLED; i++)
		__asm__ volatile("" : : : "memory");
}

static void interrupts_off_on(void)
{
	for (unsigned i = 0; i < SHORT_TURNS / UNROLLED; i++) {
		SIXTEEN(pv_irq_disable(); pv_irq_enable();)
	}
}

/* A call that has nothing to do: what is left is the way there and back. */
static void direct_call(void)
{
	for (unsigned i = 0; i < SHORT_TURNS / UNROLLED; i++) {
		SIXTEEN(pv_pte_set_batch(0, 0);)
	}
}

static void space_switches(void)
{
	for (unsigned i = 0; i < TURNS; i++)
		pv_address_space_set(spaces[i & 1]);
}

/* User mode counts its system calls. With `switching`, each goes back to user mode in the other address space. */
static void system_calls(void)
{
	run_user(USER_CODE, USER_STACK + PAGE, TURNS);
}

static void arithmetic(void)
{
	__asm__ volatile("" : : "r"(work(WORK_TURNS)));
}

/* ---- measuring ---- */

static void report(const char *name, unsigned turns)
{
	vmi_print("times %s %u", name, turns);
	for (unsigned i = 0; i < ROUNDS; i++)
		vmi_print(" %lu", rounds[i]);
	vmi_print("\n");
}

static void measure(const char *name, unsigned turns, void (*all)(void))
{
	all(); /* first use of pages and tables is not what is measured */
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t start = ticks();

		all();
		rounds[i] = ticks() - start;
	}
	report(name, turns);
}

/*
 * Maps a batch of pages that follow each other and writes to every one of them: `next` is the first page of each round.
 * The entries say accessed and dirty, as those that a kernel makes for its own use do.
 */
static void measure_batch(const char *name, uint64_t (*next)(void))
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t page = next(), start;

		for (unsigned j = 0; j < BATCH; j++) {
			updates[j].entry = entries + j * 8;
			updates[j].value = 0;
		}
		pv_pte_set_batch((uint64_t)updates, BATCH);
		pv_tlb_flush();
		for (unsigned j = 0; j < BATCH; j++)
			updates[j].value = pv_pte_make((page + j * PAGE) | PRESENT | WRITABLE | ACCESSED | DIRTY | NO_EXECUTE);
		start = ticks();
		pv_pte_set_batch((uint64_t)updates, BATCH);
		for (unsigned j = 0; j < BATCH; j++)
			*(volatile uint64_t *)(TEST_ADDRESS + j * PAGE) = j;
		rounds[i] = ticks() - start;
	}
	report(name, BATCH);
}

static uint64_t used_pages, untouched;

static uint64_t same_pages(void)
{
	return used_pages;
}

/* Memory that nobody has touched: from the end, where page_alloc() does not come. */
static uint64_t fresh_pages(void)
{
	untouched -= BATCH * PAGE;
	return untouched;
}

/* ---- handlers ---- */

static void on_system_call(struct vmi_trap *trap)
{
	static unsigned space;

	if (trap->rax)
		leave_user(0);
	if (switching)
		pv_address_space_set(spaces[space ^= 1]);
}

/* ---- all of it ---- */

static void map_user(uint64_t space)
{
	uint64_t code = page_alloc();

	memcpy(vmi_direct(code), user_start, user_end - user_start);
	page_map(space, USER_CODE, code, PRESENT | USER);
	page_map(space, USER_STACK, page_alloc(), PRESENT | WRITABLE | USER | NO_EXECUTE);
}

static void prepare(void)
{
	const struct vmi_memory_range *range = vmi_direct(vmi_boot->memory_map);
	uint64_t largest = 0;

	space_init();
	for (uint32_t i = 0; i < vmi_boot->memory_map_count; i++, range++) {
		if (range->type == VMI_MEMORY_USABLE && range->size > largest) {
			largest = range->size;
			untouched = range->start + range->size;
		}
	}
	if (largest < (ROUNDS + 4) * BATCH * PAGE)
		vmi_panic(0, "%lu bytes of memory in one piece are too few", largest);
	for (unsigned i = 0; i < 2; i++) {
		spaces[i] = space_create();
		map_user(spaces[i]);
	}
	entries = entry_of(spaces[1], TEST_ADDRESS, PRESENT | WRITABLE);
	vmi_handle(VMI_SYSCALL, on_system_call);
	pv_kernel_stack_set((uint64_t)(kernel_stack + sizeof(kernel_stack)));
	pv_address_space_set(spaces[1]);
}

static void user_rows(void)
{
	measure("null-system-call", TURNS, system_calls);
	measure("address-space-switch", TURNS, space_switches);
	switching = 1;
	measure("user-switch", TURNS, system_calls);
	switching = 0;
	pv_address_space_set(spaces[1]);
	used_pages = page_alloc();
	for (unsigned i = 1; i < BATCH; i++)
		page_alloc();
	measure_batch("batch-used", same_pages);
	measure_batch("batch-fresh", fresh_pages);
}

static void stay(void)
{
	char byte;

	vmi_print("stays\n");
	while (pv_console_read((uint64_t)&byte, 1) < 1)
		;
}

int vmi_main(void)
{
	uint64_t start = ticks(), clock = pv_clock_read();
	char value[2];

	prepare();
	pv_irq_enable();
	measure("empty", SHORT_TURNS, empty);
	measure("interrupts-off-on", SHORT_TURNS, interrupts_off_on);
	pv_irq_disable();
	if (!vmi_option("times.short", value, sizeof(value))) {
		measure("direct-call", SHORT_TURNS, direct_call);
		measure("arithmetic", 1, arithmetic);
		user_rows();
	}
	vmi_print("clock %lu %lu\n", ticks() - start, pv_clock_read() - clock);
	if (vmi_option("times.stay", value, sizeof(value)))
		stay();
	return 0;
}
