/* SPDX-License-Identifier: MIT */
/* Runs the tests of one subject: all, or what conform.only=PREFIX and conform.from=INDEX say. */
#include "conform.h"
#include <vmi/guest.h>

/* Absent groups are skipped, so that a ROM of any profile can be asked. */
VMI_GUEST(VMI_GUEST_LICENCE, VMI_PROFILE_BASE, VMI_WANTS(VMI_GROUP_MMU, 1) VMI_WANTS(VMI_GROUP_SMP, 1)
	  VMI_WANTS(VMI_GROUP_SUSPEND, 1) VMI_WANTS(VMI_GROUP_DEBUG, 1) VMI_WANTS(VMI_GROUP_RANDOM, 1));

extern const struct conform_test __start_conform[], __stop_conform[];
void vmi_traps_init(void); /* libvmi: the trap table and the entry of system calls as at the start */

const struct conform_test *present;
uint64_t boot_root;
uint8_t kernel_stack[KERNEL_STACK_SIZE] __attribute__((aligned(16)));
static int checks, failures, wrong, tried;
static uint64_t first_wrong;
static const char *skipped;

/* ---- checks ---- */

void same(const char *sentence, uint64_t found, uint64_t expected)
{
	checks++;
	if (found == expected)
		return;
	failures++;
	vmi_print("\n  %s: found 0x%lx, expected 0x%lx\n", sentence, found, expected);
}

void expect(const char *sentence, int good)
{
	same(sentence, good != 0, 1);
}

void each(int good, uint64_t which)
{
	tried++;
	if (!good && !wrong++)
		first_wrong = which;
}

void all(const char *sentence)
{
	if (wrong)
		vmi_print("\n  wrong: %d of %d, first 0x%lx\n", wrong, tried, first_wrong);
	same(sentence, tried ? tried - wrong : 0, tried ? tried : 1);
	tried = wrong = 0;
}

void skip(const char *reason)
{
	skipped = reason;
}

/* FNV-1a, 64 bits. */
void shown(const void *bytes, size_t size)
{
	const uint8_t *byte = bytes;
	uint64_t hash = 0xcbf29ce484222325;
	size_t counted = 0;

	for (; size; size--, byte++) {
		if (*byte == '\r' || *byte == '\n')
			continue;
		hash = (hash ^ *byte) * 0x100000001b3;
		counted++;
	}
	checks++;
	vmi_print("\n~ %lu %lx\n", counted, hash);
}

int comes(const volatile unsigned *counter, unsigned least)
{
	uint64_t start = pv_clock_read();

	while (*counter < least && pv_clock_read() - start < 1000000000)
		for (unsigned i = 0; *counter < least && i < 100; i++)
			; /* reading the clock may cost more than all of this */
	return *counter >= least;
}

int64_t read_some(uint64_t to, uint64_t size)
{
	uint64_t start = pv_clock_read();
	int64_t some = 0;

	for (unsigned tries = 0; !some && (tries < 20000 || pv_clock_read() - start < 1000000000); tries++) {
		some = pv_console_read(to, size);
		let();
	}
	return some;
}

/* ---- between two tests ---- */

static uint32_t draining;

static void on_drained(struct vmi_trap *trap)
{
	(void)trap;
	pv_event_ack(draining);
}

/* No event is pending, bound, masked or being handled, and no deadline waits; but CONSOLE for who reads input. */
static void reset_events(const struct conform_test *next)
{
	pv_timer_cancel();
	vmi_handle(RESET_VECTOR, on_drained);
	for (unsigned source = 0; source < VMI_EVENT_SOURCES; source++)
		pv_event_bind(source, 0);
	for (draining = 0; draining < VMI_EVENT_SOURCES; draining++) {
		if (draining == VMI_SOURCE_CONSOLE && next->flags & CONFORM_INPUT)
			continue;
		if (pv_event_bind(draining, RESET_VECTOR))
			continue;
		pv_event_ack(draining);
		let();
		pv_event_bind(draining, 0);
	}
}

static void reset(const struct conform_test *next)
{
	pv_irq_disable();
	for (unsigned vector = 0; vector <= VMI_VECTORS; vector++)
		vmi_handle(vector, vector < 32 ? on_exception : 0);
	if (vmi_revision(VMI_GROUP_MMU)) {
		pv_lazy_leave();
		if (pv_address_space_read() != boot_root)
			pv_address_space_set(boot_root);
	}
	vmi_traps_init();
	pv_kernel_stack_set(KERNEL_STACK_TOP);
	pv_fpu_trap_set(0);
	reset_events(next);
}

/* A test with input leaves the newline, or more when it did not get far. */
static void drop_line(void)
{
	char byte = 0;

	while (byte != '\n' && read_some((uint64_t)&byte, 1) > 0)
		;
}

/* ---- tests ---- */

/* CALL~variation to call~variation, with - for _, as the tool names it. */
static void name_of(const struct conform_test *test, char *name, size_t size)
{
	size_t length = vmi_text(name, size, "%s/%s", vmi_group_name(test->call >> 8), test->name);

	for (size_t i = 0; i < length; i++) {
		if (name[i] == '_')
			name[i] = '-';
		else if (name[i] >= 'A' && name[i] <= 'Z')
			name[i] += 'a' - 'A';
	}
}

/* The first group that is needed and absent, or VMI_GROUP_COUNT. */
static unsigned absent(const struct conform_test *test)
{
	uint64_t needs = test->needs | 1ull << (test->call >> 8);
	unsigned group = 0;

	while (group < VMI_GROUP_COUNT && (!(needs >> group & 1) || vmi_revision(group)))
		group++;
	return group;
}

static void run_present(uint64_t unused)
{
	(void)unused;
	present->run();
}

static void run(const struct conform_test *test, const char *name)
{
	unsigned group = absent(test), exception;

	if (group < VMI_GROUP_COUNT) {
		vmi_print("@ %s\n= SKIP no group %s\n", name, vmi_group_name(group));
		return;
	}
	reset(test);
	vmi_print("@ %s\n", name);
	checks = failures = wrong = tried = 0;
	skipped = 0;
	present = test;
	exception = attempt(run_present, 0);
	pv_irq_disable();
	if (test->flags & CONFORM_INPUT)
		drop_line();
	if (exception) {
		const struct vmi_trap *trap = &caught.trap;

		failures++;
		vmi_print("\n  an exception: vector %lu, error %lx, address %lx, at %lx\n", trap->vector, trap->error,
			  caught.address, trap->frame.rip);
	}
	if (skipped && !failures && !wrong) {
		vmi_print("\n= SKIP %s\n", skipped);
		return;
	}
	if (test->ends) {
		failures++;
		vmi_print("\n  the machine goes on\n");
	}
	if (tried)
		all("what is tried is told with all()");
	if (!checks)
		vmi_print("\n  nothing was checked\n");
	vmi_print(checks && !failures ? "\n= SUCCESS\n" : "\n= FAILURE\n");
}

/* Tests with input, then the others, then those that end the machine or may: the order that indices count in. */
static unsigned turn(const struct conform_test *test)
{
	return test->flags & CONFORM_INPUT ? 0 : test->ends || test->flags & CONFORM_MAY_END ? 2 : 1;
}

static int begins_with(const char *name, const char *start)
{
	return strlen(name) >= strlen(start) && !memcmp(name, start, strlen(start));
}

static unsigned number(const char *digits)
{
	unsigned result = 0;

	while (*digits >= '0' && *digits <= '9')
		result = result * 10 + *digits++ - '0';
	return result;
}

int vmi_main(void)
{
	char only[160] = "", from[12] = "", name[160];
	unsigned index = 0, count = 0;

	vmi_option("conform.only", only, sizeof(only));
	vmi_option("conform.from", from, sizeof(from));
	space_init();
	if (vmi_revision(VMI_GROUP_MMU))
		boot_root = pv_address_space_read();
	for (unsigned now = 0; now < 3; now++) {
		for (const struct conform_test *test = __start_conform; test < __stop_conform; test++) {
			if (turn(test) != now || index++ < number(from))
				continue;
			name_of(test, name, sizeof(name));
			if (!begins_with(name, only))
				continue;
			run(test, name);
			count++;
		}
	}
	vmi_print("conform: %u run\n", count);
	return 0;
}
