/* SPDX-License-Identifier: MIT */
/*
 * Tries escape.do=DEED with escape.at=HEX, in the kernel or with escape.user=1 in user mode; then looks whether anything
 * is where nothing may be, which shows too that the mode still works.
 */
#include "common.h"
#include <vmi/guest.h>

VMI_GUEST(VMI_GUEST_LICENCE, VMI_PROFILE_PAGED);

#define USER_CODE 0x400000ul
#define USER_STACK 0x600000ul
#define NOWHERE 0x50000000ul /* UNMAPPED of deeds.S */
#define WINDOW 0x30000000ul  /* for `map` */
#define UPPER 0xffff900000000000ul
#define LENT 0x700000ul
#define USER_CS_32 0x23
#define TIMER_VECTOR 40

/* System calls that the kernel serves, as one would: it goes back to user mode. */
enum { TAKE = 1000, TAKE_AND_WAIT, RETURN_32, RETURN, LEAVE };

extern char deeds_start[], deeds_end[], attempt_over[];
void attempt(const char *code, uint64_t at);

#define DEEDS(_)                                                                                                      \
	_(read) _(write) _(syscall) _(int80) _(sysenter) _(far) _(gadget_write) _(gadget_mmap) _(gadget_mmap_secret)  \
	_(gadget_munmap) _(gadget_munmap_secret) _(scribble) _(turn) _(context) _(fpstate) _(return) _(return_mxcsr)  \
	_(return_bits) _(return_header) _(return_size) _(return_end) _(return_misaligned) _(return_none)              \
	_(return_nowhere) _(cpuid) _(spin) _(forge) _(forge_call) _(forge_frame)                                      \
	_(forge_return) _(deaf) _(deaf_fault) _(sleep) _(wake) _(each) _(vsyscall) _(inside) _(calls)
#define DECLARE(name) extern char deed_##name[];
#define ENTRY(name) { #name, deed_##name },
DEEDS(DECLARE)

static const struct {
	const char *name, *code;
} deeds[] = { DEEDS(ENTRY) };

static uint8_t kernel_stack[8192] __attribute__((aligned(16)));
static int in_user;
static volatile uint32_t ticks;
static uint64_t wanted, deadline, latest; /* escape.ticks */
static int quiet, ends; /* the timer ends what user mode does: everywhere, escape.ends */

/* A while that is another each time: the tick comes at every place of what is interrupted. */
static void set_next(void)
{
	static uint32_t random = 1;

	random = random * 1664525 + 1013904223;
	deadline = pv_clock_read() + 20000 + (random >> 15);
	pv_timer_set(deadline);
}

static void on_timer(struct vmi_trap *trap)
{
	uint64_t late = pv_clock_read() - deadline;

	ticks++;
	pv_event_ack(VMI_SOURCE_TIMER);
	if (ends && vmi_from_user(trap))
		leave_user(0);
	if (!wanted)
		return;
	if (latest < late)
		latest = late;
	if (ticks < wanted) {
		set_next();
		return;
	}
	vmi_print("%u ticks, %lu us late at most\n", ticks, latest / 1000);
	leave_user(0);
}

static void wait_for_tick(void)
{
	uint32_t before = ticks;

	pv_timer_set(pv_clock_read() + 1000000);
	while (ticks == before)
		pv_halt();
	pv_irq_disable();
}

static void on_trap(struct vmi_trap *trap)
{
	uint64_t address = trap->vector == 14 ? pv_fault_address_read() : 0;

	if (quiet && vmi_from_user(trap))
		leave_user(0);
	vmi_print("%s trap %lu error %lx address %lx\n", vmi_from_user(trap) ? "user" : "kernel", trap->vector,
		  trap->error, address);
	if (vmi_from_user(trap))
		leave_user(0);
	trap->frame.rip = (uint64_t)attempt_over;
}

/* As kernels do at munmap. */
static void take(void)
{
	pv_pte_set(entry_of(pv_address_space_read(), LENT, 0), 0);
	pv_tlb_flush_page(LENT);
}

static void on_system_call(struct vmi_trap *trap)
{
	switch (trap->rax) {
	case TAKE_AND_WAIT:
		take();
		wait_for_tick();
		return;
	case TAKE:
		take();
		return;
	case RETURN_32:
		trap->frame.cs = USER_CS_32;
		return;
	case RETURN:
		return;
	case LEAVE:
		leave_user(0);
	}
	if (!quiet)
		vmi_print("user call %lu\n", trap->rax);
	leave_user(0);
}

static uint64_t hexadecimal(const char *text)
{
	uint64_t value = 0;

	for (; *text; text++)
		value = value << 4 | (uint64_t)(*text <= '9' ? *text - '0' : *text - 'a' + 10);
	return value;
}

static void try(const char *code, uint64_t at)
{
	if (in_user)
		run_user(USER_CODE + (uint64_t)(code - deeds_start), USER_STACK + PAGE, at);
	else
		attempt(code, at);
}

static void prepare_user(void)
{
	uint64_t root = space_create(), code = page_alloc(), stack = page_alloc();

	if (deeds_end - deeds_start > (int64_t)PAGE)
		vmi_panic(0, "the deeds are more than a page");
	memcpy(vmi_direct(code), deeds_start, (size_t)(deeds_end - deeds_start));
	page_map(root, USER_CODE, code, PRESENT | USER);
	page_map(root, USER_STACK, stack, PRESENT | WRITABLE | USER | NO_EXECUTE);
	page_map(root, LENT, page_alloc(), PRESENT | WRITABLE | USER | NO_EXECUTE);
	pv_kernel_stack_set((uint64_t)(kernel_stack + sizeof(kernel_stack)));
	pv_address_space_set(root);
}

/* ---- what only a kernel does; `at` is a number, or a guest-physical address ---- */

static void spin(void)
{
	for (;;)
		__asm__ volatile("");
}

/* So many address spaces, each with user mode that has run. */
static void make_spaces(uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		prepare_user();
		run_user(USER_CODE + (uint64_t)(deed_syscall - deeds_start), USER_STACK + PAGE, LEAVE);
	}
	vmi_print("%lu spaces\n", count);
	spin();
}

/* User mode goes to every byte of the stub's page, up to that one, until a trap, a call or the timer gives it back. */
static void go_inside(uint64_t end)
{
	prepare_user();
	quiet = ends = 1;
	for (uint64_t at = 0; at < 3 * end; at++) {
		pv_timer_set(pv_clock_read() + 500000);
		run_user(USER_CODE + (uint64_t)(deed_inside - deeds_start), USER_STACK + PAGE, at % end | at / end << 32);
	}
	vmi_print("been everywhere, %u ticks\n", ticks);
}

static void wait_for_input(void)
{
	char byte;

	vmi_print("ready\n");
	while (pv_console_read((uint64_t)&byte, 1) != 1)
		;
}

/* A page that nobody has touched. */
static void touch(uint64_t gpa)
{
	wait_for_input();
	*(volatile uint8_t *)vmi_direct(gpa) = 1;
	vmi_print("there was one\n");
}

/* All of them from there to the end. */
static void fill(uint64_t gpa)
{
	const struct vmi_memory_range *range = vmi_direct(vmi_boot->memory_map);

	for (uint32_t i = 0; i < vmi_boot->memory_map_count; i++, range++)
		for (; range->type == VMI_MEMORY_USABLE && gpa >= range->start && gpa < range->start + range->size; gpa += PAGE)
			*(volatile uint8_t *)vmi_direct(gpa) = 1;
	vmi_print("filled to %lx\n", gpa);
}

/* The same at an address of its own. */
static void touch_anew(uint64_t gpa)
{
	wait_for_input();
	page_map(pv_address_space_read(), WINDOW, gpa, PRESENT | WRITABLE | NO_EXECUTE);
	*(volatile uint8_t *)WINDOW = 1;
	vmi_print("there was one\n");
}

/* The same, by the monitor. */
static void have_touched(uint64_t gpa)
{
	wait_for_input();
	vmi_print("result %ld\n", (long)pv_info(0, (uint64_t)vmi_direct(gpa), 16));
}

static void halt(uint64_t unused)
{
	(void)unused;
	vmi_print("ready\n");
	for (;;)
		pv_halt();
}

static const struct {
	const char *name;
	void (*perform)(uint64_t at);
} services[] = { { "spaces", make_spaces }, { "touch", touch }, { "touch_anew", touch_anew }, { "fill", fill }, { "have_touched", have_touched }, { "halt", halt }, { "everywhere", go_inside } };

int vmi_main(void)
{
	char name[32], text[20];
	uint64_t at, inside;

	if (!vmi_option("escape.do", name, sizeof(name)) || !vmi_option("escape.at", text, sizeof(text)))
		return 63;
	at = hexadecimal(text);
	in_user = vmi_option("escape.user", text, sizeof(text));
	space_init();
	for (unsigned vector = 0; vector < 32; vector++)
		vmi_handle(vector, on_trap);
	vmi_handle(VMI_SYSCALL, on_system_call);
	vmi_handle(TIMER_VECTOR, on_timer);
	pv_event_bind(VMI_SOURCE_TIMER, TIMER_VECTOR);
	if (in_user)
		prepare_user();
	if (vmi_option("escape.timer", text, sizeof(text)))
		pv_timer_set(pv_clock_read() + 1000000);
	if (vmi_option("escape.ends", text, sizeof(text))) {
		ends = 1;
		pv_timer_set(pv_clock_read() + 50000000);
	}
	if (vmi_option("escape.ticks", text, sizeof(text))) {
		wanted = hexadecimal(text);
		set_next();
	}
	if (!strcmp(name, "map")) { /* the page at guest-physical `at`, for whoever tries */
		inside = at & (PAGE - 1);
		page_map(pv_address_space_read(), WINDOW, at - inside,
			 PRESENT | WRITABLE | NO_EXECUTE | (in_user ? USER : 0));
		at = WINDOW + inside;
		memcpy(name, "read", 5);
	}
	for (unsigned i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
		if (!strcmp(name, services[i].name)) {
			services[i].perform(at);
			return 0;
		}
	}
	for (unsigned i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++) {
		if (strcmp(name, deeds[i].name))
			continue;
		try(deeds[i].code, at);
		pv_timer_cancel();
		ends = 0;
		if (vmi_option("escape.refer", text, sizeof(text))) /* the ROM leaves such a return to the monitor */
			run_user(UPPER, USER_STACK + PAGE, 0);
		try(deed_read, NOWHERE);
		vmi_print("end\n");
		return 0;
	}
	return 62;
}
