/* SPDX-License-Identifier: MIT */
/* One operation. What is out of bounds is told as X, and does nothing. */
#include "sequence.h"

#define SCRATCH_ROOM (SCRATCH_WORDS * 8)
static uint8_t buffer[2 * PAGE] __attribute__((aligned(4096)));
static const uint8_t text[2 * PAGE] = { [0 ... 2 * PAGE - 1] = '#' };
#define UNTOUCHED 0x7e /* no byte of the input */
#define INPUT_FIRST 0x20
#define INPUT_COUNT 64 /* bytes of the input, over and over */
static int refused; /* a value that the guest must not make here */

static int has_large_pages(void)
{
	static uint32_t registers[4];

	if (!registers[0])
		pv_cpuid(1, 0, (uint64_t)registers);
	return registers[3] >> 3 & 1; /* PSE */
}

uint64_t value_of(unsigned kind, uint64_t value)
{
	switch (kind) {
	case KIND_PAGE:
		return pool + value;
	case KIND_DIRECT:
		return (uint64_t)vmi_direct(pool + value);
	case KIND_ENTRY:
		if (value & 0x100)
			global_used = 1;
		return pv_pte_make((value & ~ADDRESS) | (pool + (value & ADDRESS)));
	case KIND_ROOT:
		return roots[value % ROOTS];
	case KIND_ANCHOR:
		return (uint64_t)vmi_direct(roots[value % ROOTS]) + TEST_INDEX * 8;
	case KIND_SCRATCH:
		return (uint64_t)scratch + value;
	case KIND_STACK:
		return (uint64_t)stacks[value % 2] + STACK_SIZE;
	case KIND_VECTOR:
	case KIND_NATIVE: {
		extern const uint64_t vmi_vectors[VMI_VECTORS][2];

		return vmi_vectors[value % VMI_VECTORS][kind == KIND_NATIVE];
	}
	case KIND_BUFFER:
		return (uint64_t)buffer + value;
	case KIND_CLOCK:
		return pv_clock_read() + value;
	case KIND_SPAN:
		return span + value;
	case KIND_SPAN_DIRECT:
		return (uint64_t)vmi_direct(span + value);
	case KIND_SPAN_ENTRY:
		if (value & 0x100)
			global_used = 1;
		if (value & LARGE && !has_large_pages())
			refused = 1;
		return pv_pte_make((value & ~ADDRESS) | (span + (value & ADDRESS)));
	case KIND_SELECTOR:
		return value % 5 < VMI_DESCRIPTOR_SLOTS ? vmi_boot->descriptor_base + value % 5 * 8 :
		       value % 5 == 3			? 0 :
							  vmi_boot->user_ss;
	case KIND_TEXT:
		return (uint64_t)text + value;
	}
	return value;
}

/* Handlers tell in between, not within. */
static void log_letter(char letter)
{
	uint64_t interrupts = pv_irq_save_disable();

	log_char(letter);
	pv_irq_restore(interrupts);
}

static void tell(char letter, uint64_t value)
{
	uint64_t interrupts = pv_irq_save_disable();

	log_char(letter);
	log_number(value);
	pv_irq_restore(interrupts);
}

/* What the guest itself must know of what went through. */
static void note(unsigned call, const uint64_t *arguments, int64_t result)
{
	uint64_t page = (arguments[0] - pool) / PAGE;

	if (call == VMI_CALL_EVENT_BIND && result)
		events_unbind();
	if (result)
		return;
	if (call == VMI_CALL_KERNEL_STACK_SET)
		present_stack = arguments[0];
	else if (call == VMI_CALL_PAGE_TABLE_ADD && page < POOL)
		levels[page] = arguments[1];
	else if (call == VMI_CALL_PAGE_TABLE_REMOVE && page < POOL)
		levels[page] = 0;
}

static uint64_t named(unsigned call, uint64_t result)
{
	switch (call) {
	case VMI_CALL_PTE_MAKE:
		return name_entry(pv_pte_read(result));
	case VMI_CALL_PTE_READ:
		return name_entry(result);
	case VMI_CALL_IRQ_SAVE:
	case VMI_CALL_IRQ_SAVE_DISABLE:
		return result & VMI_FLAG_IF;
	case VMI_CALL_ADDRESS_SPACE_READ:
	case VMI_CALL_FAULT_ADDRESS_READ:
		return name_address(result);
	}
	return result;
}

/* Where a call writes as many bytes as it returns, if that is in the buffer; else 0. */
static uint8_t *written(unsigned call, const uint64_t *arguments)
{
	uint64_t to = arguments[call == VMI_CALL_INFO] - (uint64_t)buffer;

	switch (call) {
	case VMI_CALL_INFO:
	case VMI_CALL_CONSOLE_READ:
#ifdef VMI_CALL_RANDOM_READ
	case VMI_CALL_RANDOM_READ:
#endif
		return to < sizeof(buffer) ? buffer + to : 0;
	}
	return 0;
}

static void tell_written(unsigned call, const uint8_t *to, uint64_t size)
{
	unsigned kept = size <= (uint64_t)(buffer + sizeof(buffer) - to), counted = 1;

	for (const uint8_t *at = buffer; kept && at < buffer + sizeof(buffer); at++)
		if (*at != UNTOUCHED && (at < to || at >= to + size))
			kept = 0;
	log_char('K');
	log_number(kept);
	if (call != VMI_CALL_CONSOLE_READ || !size || !kept)
		return;
	for (uint64_t i = 1; i < size; i++)
		if (to[i] != INPUT_FIRST + (to[i - 1] - INPUT_FIRST + 1) % INPUT_COUNT)
			counted = 0;
	log_number(to[0]);
	log_number(counted);
}

static void call(unsigned number, const uint64_t *arguments)
{
	const struct thunk *thunk = thunks;
	struct registers before, after;
	uint8_t *to = written(number, arguments);

	while (thunk < thunk_list_end && thunk->call != number)
		thunk++;
	if (thunk == thunk_list_end || (number >> 8 == VMI_GROUP_SMP && !pv_probe(VMI_GROUP_SMP))) {
		log_letter('X');
		return;
	}
	for (unsigned i = 0; i < REGISTERS; i++)
		(&before.rax)[i] = 0x2020202020202020 * (i & 3) + i;
	before.rdi = arguments[0];
	before.rsi = arguments[1];
	before.rdx = arguments[2];
	after = before;
	/* Before the call: an event may come in it. Taken back when it fails. */
	if (number == VMI_CALL_EVENT_BIND)
		events_bind(arguments[0], arguments[1]);
	if (to)
		memset(buffer, UNTOUCHED, sizeof(buffer));
	if (number == VMI_CALL_TIMER_SET)
		tell('T', arguments[0]);
	if (invoke(thunk->address, &after))
		return;
	uint64_t interrupts = pv_irq_save_disable(); /* a handler tells in between, not within */

	note(number, arguments, after.rax);
	log_char('R');
	log_number(named(number, after.rax));
	log_number(changed(&after, &before));
	if (to && (int64_t)after.rax >= 0)
		tell_written(number, to, after.rax);
	pv_irq_restore(interrupts);
}

static int is_user_space(void)
{
	uint64_t root = pv_address_space_read();

	return root == roots[1] || root == roots[2];
}

void operate(const struct operation *operation)
{
	uint64_t values[3], loaded = 0;

	for (unsigned i = 0; i < 3; i++)
		values[i] = value_of(operation->kinds[i], operation->values[i]);
	if (refused) {
		refused = 0;
		log_letter('X');
		log_letter(';');
		return;
	}
	switch (operation->code) {
	case OP_CALL:
		call(operation->number, values);
		break;
	case OP_LOAD:
		if (!try_call(do_load, values[0], 0, &loaded)) {
			tell('L', loaded);
		}
		break;
	case OP_STORE:
		try_call(do_store, values[0], values[1], &loaded);
		break;
	case OP_EXECUTE:
		if (!try_call(do_execute, values[0], 0, &loaded))
			log_letter('E');
		break;
	case OP_POKE:
		if (operation->number < SCRATCH_WORDS)
			scratch[operation->number] = values[0];
		break;
	case OP_HANDLER:
		handler_set(operation->number, values[0], values[1]);
		break;
	case OP_USER:
		if (is_user_space() && operation->number < PAGE / 16)
			user_run(operation->number, values[0], values[1], values[2]);
		else
			log_letter('X');
		break;
	case OP_INT:
		if (operation->number < SPARES)
			try_call(do_int, operation->number, 0, &loaded);
		break;
	case OP_FPU_READ:
		if (operation->number < FPU_REGISTERS && !try_call(do_fpu_read, operation->number, 0, &loaded))
			tell('L', loaded);
		break;
	case OP_FPU_WRITE:
		if (operation->number < FPU_REGISTERS)
			try_call(do_fpu_write, operation->number, values[0], &loaded);
		break;
	default:
		log_letter('X');
	}
	breathe();
	tell_values();
	log_letter(';');
}
