/* SPDX-License-Identifier: MIT */
/* A kernel that uses every part of profile paged once. Exit status: how many checks failed. */
#include "common.h"
#include <vmi/guest.h>

VMI_GUEST(VMI_GUEST_LICENCE, VMI_PROFILE_PAGED, VMI_WANTS(VMI_GROUP_DEBUG, 1));

enum { TIMER_VECTOR = 32, TICKS = 10, TICK_NS = 1000000, BATCH = 64 };
enum { CALL_WRITE = 0, CALL_EXIT = 1 };

extern char user_start[], user_end[], user_polite[], user_rude[]; /* user.S */

#define TEST_ADDRESS 0x60000000ul /* kernel half of every address space, unused */
#define USER_CODE 0x400000ul
#define USER_STACK 0x600000ul

static int failures;
static volatile unsigned breakpoints, page_faults, ticks, system_calls;
static uint8_t user_stack[2 * 4096] __attribute__((aligned(16))); /* of the kernel, for traps from user mode */

static void check(const char *what, int good)
{
	vmi_print("  %-40s%s\n", what, good ? "ok" : "FAILED");
	failures += !good;
}

/* ---- handlers ---- */

static void on_breakpoint(struct vmi_trap *trap)
{
	(void)trap;
	breakpoints++;
}

static void on_page_fault(struct vmi_trap *trap)
{
	uint64_t address = pv_fault_address_read();

	page_faults++;
	if (vmi_from_user(trap)) {
		vmi_print("  user: fault at %lx\n", address);
		leave_user(-1);
	}
	if (trap->frame.rip != (uint64_t)try_load_fault)
		vmi_panic(trap, "page fault at %lx", address);
	trap->frame.rip = (uint64_t)try_load_failed;
}

static void on_tick(struct vmi_trap *trap)
{
	(void)trap;
	ticks++;
	pv_event_ack(VMI_SOURCE_TIMER);
	if (ticks < TICKS)
		pv_timer_set(pv_clock_read() + TICK_NS);
}

static void on_system_call(struct vmi_trap *trap)
{
	system_calls++;
	switch (trap->rax) {
	case CALL_WRITE:
		/* The text must lie in the one page that user code has. */
		if (trap->rdi < USER_CODE || trap->rdi > USER_CODE + PAGE || trap->rsi > USER_CODE + PAGE - trap->rdi) {
			trap->rax = VMI_INVALID;
			return;
		}
		trap->rax = pv_console_write(trap->rdi, trap->rsi);
		return;
	case CALL_EXIT:
		leave_user(trap->rdi);
	default:
		trap->rax = VMI_NOT_SUPPORTED;
	}
}

/* ---- the parts ---- */

static unsigned ring(void)
{
	uint16_t cs;

	__asm__("mov %%cs, %0" : "=rm"(cs));
	return cs & 3;
}

static void say_what_we_run_on(void)
{
	char text[3][32];
	static const unsigned items[3] = { VMI_INFO_HYPERVISOR, VMI_INFO_ROM, VMI_INFO_ROM_VERSION };

	for (int i = 0; i < 3; i++) {
		int64_t length = pv_info(items[i], (uint64_t)text[i], sizeof(text[i]) - 1);

		text[i][length > 0 ? length : 0] = 0;
	}
	vmi_print("hello from ring %u on %s, ROM %s %s\n", ring(), text[0],
		  text[1][0] ? text[1] : "none", text[2]);
	for (unsigned group = 0; group < VMI_GROUP_COUNT; group++)
		if (vmi_revision(group))
			vmi_print("  group %-8s revision %u %s\n", vmi_group_name(group), vmi_revision(group),
				  vmi_is_linked(group) ? "linked" : "native");
	vmi_print("  sites %u: %u native, %u inline, %u call, %u nop, %u jump\n", vmi_link_state.sites,
		  vmi_link_state.native, vmi_link_state.inlined, vmi_link_state.call, vmi_link_state.nop,
		  vmi_link_state.jump);
}

static void take_traps(void)
{
	uint64_t value;

	vmi_print("traps\n");
	__asm__ volatile("int3");
	check("breakpoint", breakpoints == 1);
	check("page fault", !try_load(TEST_ADDRESS, &value) && page_faults == 1);
	check("fault address", pv_fault_address_read() == TEST_ADDRESS);
}

static void take_ticks(void)
{
	uint64_t start = pv_clock_read(), flags;

	vmi_print("time\n");
	check("timer bound", !pv_event_bind(VMI_SOURCE_TIMER, TIMER_VECTOR));
	pv_timer_set(start + TICK_NS);
	while (ticks < TICKS)
		pv_halt();
	check("ten ticks, none early", pv_clock_read() - start >= TICKS * TICK_NS);
	flags = pv_irq_save_disable();
	check("interrupt flag saved", flags & VMI_FLAG_IF && !(pv_irq_save() & VMI_FLAG_IF));
	pv_timer_set(pv_clock_read());
	check("disabled: the tick waits", ticks == TICKS);
	pv_irq_restore(flags);
	while (ticks == TICKS && pv_clock_read() - start < 1000000000)
		; /* at once where the interface delivers it, a moment later on hardware */
	check("enabled: it comes", ticks == TICKS + 1);
	pv_irq_disable();
}

static void map_pages(void)
{
	static struct vmi_pte_update updates[BATCH];
	uint64_t root = pv_address_space_read(), page = page_alloc(), value = 0;
	unsigned good = 0;

	vmi_print("pages\n");
	*(uint64_t *)vmi_direct(page) = 0x1234;
	page_map(root, TEST_ADDRESS, page, PRESENT | WRITABLE | NO_EXECUTE);
	check("one mapped", try_load(TEST_ADDRESS, &value) && value == 0x1234);
	pv_pte_set(entry_of(root, TEST_ADDRESS, PRESENT | WRITABLE), 0);
	pv_tlb_flush_page(TEST_ADDRESS);
	check("unmapped", !try_load(TEST_ADDRESS, &value));

	for (unsigned i = 0; i < BATCH; i++) {
		page = page_alloc();
		*(uint64_t *)vmi_direct(page) = i;
		updates[i].entry = entry_of(root, TEST_ADDRESS + i * PAGE, PRESENT | WRITABLE);
		updates[i].value = pv_pte_make(page | PRESENT | NO_EXECUTE);
	}
	check("batch mapped", pv_pte_set_batch((uint64_t)updates, BATCH) == BATCH);
	for (unsigned i = 0; i < BATCH; i++)
		good += try_load(TEST_ADDRESS + i * PAGE, &value) && value == i;
	check("all of it", good == BATCH);
	for (unsigned i = 0; i < BATCH; i++)
		updates[i].value = 0;
	check("batch unmapped", pv_pte_set_batch((uint64_t)updates, BATCH) == BATCH);
	pv_tlb_flush();
	good = 0;
	for (unsigned i = 0; i < BATCH; i++)
		good += !*(uint64_t *)updates[i].entry && (i % 8 || !try_load(TEST_ADDRESS + i * PAGE, &value));
	check("all of it", good == BATCH);
}

static void enter_user_mode(void)
{
	uint64_t kernel_root = pv_address_space_read(), root = space_create(), code = page_alloc(), stack = page_alloc();
	int64_t result;

	vmi_print("user mode\n");
	memcpy(vmi_direct(code), user_start, user_end - user_start);
	page_map(root, USER_CODE, code, PRESENT | USER);
	page_map(root, USER_STACK, stack, PRESENT | WRITABLE | USER | NO_EXECUTE);
	pv_kernel_stack_set((uint64_t)(user_stack + sizeof(user_stack)));
	pv_address_space_set(root);
	result = run_user(USER_CODE + (user_polite - user_start), USER_STACK + PAGE, 0);
	check("system calls served", result == 42 && system_calls == 4);
	result = run_user(USER_CODE + (user_rude - user_start), USER_STACK + PAGE, 0);
	check("its fault is its own", result == -1);
	pv_address_space_set(kernel_root);
}

int vmi_main(void)
{
	char text[8];

	say_what_we_run_on();
	space_init();
	vmi_handle(3, on_breakpoint);
	vmi_handle(14, on_page_fault);
	vmi_handle(TIMER_VECTOR, on_tick);
	vmi_handle(VMI_SYSCALL, on_system_call);

	take_traps();
	take_ticks();
	map_pages();
	enter_user_mode();

	vmi_print("%d checks failed\n", failures);
	/* hello.exit=N: for those who want to see a status arrive. */
	if (!failures && vmi_option("hello.exit", text, sizeof(text)))
		for (const char *digit = text; *digit >= '0' && *digit <= '9'; digit++)
			failures = failures * 10 + *digit - '0';
	return failures;
}
