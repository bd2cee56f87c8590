/* SPDX-License-Identifier: MIT */
/* Exceptions that are expected. */
#include "conform.h"
#include "link.h" /* libvmi's own */

struct caught caught;

void on_exception(struct vmi_trap *trap)
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

int in_rom_text(uint64_t address)
{
	return address - (uint64_t)vmi_window < VMI_TEXT_LIMIT;
}

uint64_t last_page(void)
{
	static uint64_t page;
	const uint64_t address = TEST_ADDRESS + 0x400000;

	if (!page)
		page_map(boot_root, address, page = page_alloc(), PRESENT | WRITABLE | NO_EXECUTE);
	return address;
}

/* Then it is libvmi that follows the address. */
static int stays_native(uint32_t call)
{
	return pv_ops[vmi_form_index(call)].kind == VMI_LINK_NATIVE;
}

static hostile_call *hostile;
static int64_t answer;

static void call_hostile(uint64_t address)
{
	answer = hostile(address);
}

void refuses_address(const char *sentence, hostile_call *call, uint64_t address)
{
	unsigned exception;

	hostile = call;
	exception = attempt(call_hostile, address);
	if (!exception)
		expect(sentence, answer == VMI_FAULT || answer == VMI_INVALID);
	else if (exception == FAULTED || exception == PROTECTED)
		expect(sentence, in_rom_text(caught.trap.frame.rip) || stays_native(present->call));
	else
		same(sentence, exception - 1, 14);
}
