/* SPDX-License-Identifier: MIT */
/* A kernel that checks what the interface promises, one subject after the other. Exit status: failures, at most 63. */
#include "contract.h"
#include <vmi/guest.h>

VMI_GUEST(VMI_GUEST_LICENCE, VMI_PROFILE_PAGED, VMI_WANTS(VMI_GROUP_SMP, 1) VMI_WANTS(VMI_GROUP_DEBUG, 1));

static const struct subject {
	const char *name;
	void (*run)(void);
} subjects[] = {
	{ "mmu", check_mmu },
	{ "user", check_user },
	{ "event", check_event },
	{ "trap", check_trap },
	{ "irq", check_irq },
	{ "time", check_time },
	{ "sys", check_sys },
	{ "base", check_base },
}, *subject;

struct caught caught;
uint8_t kernel_stack[KERNEL_STACK_SIZE] __attribute__((aligned(16)));
static int failures, wrong, tried;
static uint64_t first_wrong;

void check(const char *sentence, int good)
{
	equal(sentence, good != 0, 1);
}

void equal(const char *sentence, uint64_t found, uint64_t expected)
{
	if (found == expected) {
		vmi_print("ok %s/%s\n", subject->name, sentence);
		return;
	}
	failures++;
	vmi_print("FAILED %s/%s: found 0x%lx, expected 0x%lx\n", subject->name, sentence, found, expected);
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
		vmi_print("  wrong: %d of %d, first 0x%lx\n", wrong, tried, first_wrong);
	equal(sentence, tried ? tried - wrong : 0, tried ? tried : 1);
	tried = wrong = 0;
}

/* ---- exceptions ---- */

static void on_exception(struct vmi_trap *trap)
{
	static unsigned depth; /* of exceptions that this function itself raises */

	if (!try_back || ++depth > 10)
		vmi_panic(trap, "vector %lu without an attempt around it", trap->vector);
	caught.trap = *trap;
	caught.stack = (uint64_t)trap;
	caught.address = trap->vector == 14 ? pv_fault_address_read() : 0;
	caught.enabled = !!(pv_irq_save() & VMI_FLAG_IF);
	caught.count++;
	depth = 0;
	if (vmi_from_user(trap))
		leave(TRAPPED + trap->vector);
	trap->frame.rip = (uint64_t)try_landing;
}

unsigned attempt(void (*code)(uint64_t), uint64_t argument)
{
	return try_call(code, argument) ? 1 + caught.trap.vector : 0;
}

static uint64_t moved;

static void load_one(uint64_t address)
{
	moved = *(volatile uint64_t *)address;
}

static void store_one(uint64_t address)
{
	*(volatile uint64_t *)address = moved;
}

static void execute_one(uint64_t address)
{
	((void (*)(void))address)();
}

unsigned load(uint64_t address, uint64_t *loaded)
{
	unsigned result = attempt(load_one, address);

	*loaded = moved;
	return result;
}

unsigned store(uint64_t address, uint64_t value)
{
	moved = value;
	return attempt(store_one, address);
}

unsigned execute(uint64_t address)
{
	return attempt(execute_one, address);
}

int comes(const volatile unsigned *counter, unsigned least)
{
	uint64_t start = pv_clock_read();

	while (*counter < least && pv_clock_read() - start < 1000000000)
		for (unsigned i = 0; *counter < least && i < 100; i++)
			; /* reading the clock may cost more than all of this */
	return *counter >= least;
}

/* ---- subjects ---- */

static void run_subject(uint64_t number)
{
	subject = subjects + number;
	pv_irq_disable();
	subject->run();
}

int vmi_main(void)
{
	char only[16];

	if (!vmi_option("contract.only", only, sizeof(only)))
		only[0] = 0;
	space_init();
	for (unsigned vector = 0; vector < 32; vector++)
		vmi_handle(vector, on_exception);
	pv_kernel_stack_set(KERNEL_STACK_TOP);
	for (unsigned i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
		uint64_t root = pv_address_space_read();
		unsigned exception;

		if (only[0] && strcmp(only, subjects[i].name))
			continue;
		exception = attempt(run_subject, i);
		if (exception) {
			const struct vmi_trap *trap = &caught.trap;

			vmi_print("  vector %lu, error %lx, address %lx, at %lx from %lx\n", trap->vector, trap->error,
				  caught.address, trap->frame.rip, *(uint64_t *)trap->frame.rsp);
			pv_irq_disable();
			if (pv_address_space_read() != root)
				pv_address_space_set(root);
		}
		tried = wrong = 0;
		equal("the subject runs to its end", exception, 0);
	}
	vmi_print("%d checks failed\n", failures);
	return failures > 63 ? 63 : failures;
}
