/* SPDX-License-Identifier: MIT */
/* More than one VCPU, or the one that there is. */
#include "conform.h"

static struct vmi_vcpu_block block __attribute__((aligned(256)));
static uint8_t stack[16384] __attribute__((aligned(16)));
static struct vmi_vcpu_start start;
static volatile unsigned began, ipis;
static volatile uint32_t second_id;
static volatile uint64_t second_argument;

/* The second VCPU: says that it is there, and stops. */
static void second(uint64_t argument)
{
	block.self = (uint64_t)&block;
	block.number = 1;
	if (pv_vcpu_init(1, (uint64_t)&block))
		for (;;)
			pv_vcpu_yield();
	second_argument = argument;
	second_id = pv_vcpu_id();
	began++;
	pv_vcpu_stop();
	for (;;)
		pv_vcpu_yield();
}

static void prepare(void)
{
	start = (struct vmi_vcpu_start){
		.entry = (uint64_t)second, .stack = (uint64_t)stack + sizeof(stack) - 8, .page_root = boot_root,
		.argument = 0x1234567890abcdef,
	};
	began = ipis = 0;
}

static int alone(void)
{
	return vmi_boot->vcpu_count < 2;
}

static void on_ipi(struct vmi_trap *trap)
{
	(void)trap;
	ipis++;
	pv_event_ack(VMI_SOURCE_IPI);
}

/* ---- VcpuStart ---- */

on_stack stack_vcpu_start, stack_ipi_send;
leaf_call leaf_vcpu_id, leaf_vcpu_yield;

TEST(VCPU_START, POSITIVE, a_vcpu_begins_at_its_entry)
{
	prepare();
	if (alone()) {
		skip("one VCPU");
		return;
	}
	same("it succeeds", pv_vcpu_start(1, (uint64_t)&start), 0);
	memset(&start, 0, sizeof(start)); /* may be reused at once */
	expect("the VCPU comes", comes(&began, 1));
	same("with its argument", second_argument, 0x1234567890abcdef);
	same("as number 1", second_id, 1);
}

TEST(VCPU_START, POSITIVE, it_keeps_to_the_stack_and_registers_of_its_convention)
{
	prepare();
	frugal(stack_vcpu_start, vmi_boot->vcpu_count, (uint64_t)&start, 0);
}

TEST(VCPU_START, BOUNDARY, the_boot_vcpu_and_the_one_behind_the_last_are_refused)
{
	int64_t result;

	prepare();
	result = pv_vcpu_start(0, (uint64_t)&start);
	expect("the boot VCPU: BUSY or INVALID", result == VMI_BUSY || result == VMI_INVALID);
	same("the one behind the last", pv_vcpu_start(vmi_boot->vcpu_count, (uint64_t)&start), VMI_INVALID);
	same("nothing began", began, 0);
}

TEST(VCPU_START, BOUNDARY, where_there_is_one_vcpu_no_other_starts)
{
	prepare();
	if (!alone()) {
		skip("more than one VCPU");
		return;
	}
	same("the second", pv_vcpu_start(1, (uint64_t)&start), VMI_INVALID);
	same("nothing began", began, 0);
}

static int64_t start_at(uint64_t address)
{
	int64_t result = pv_vcpu_start(1, address);

	return result == VMI_BUSY ? VMI_INVALID : result;
}

TEST(VCPU_START, HOSTILE, no_such_vcpu_and_no_such_address_are_refused)
{
	prepare();
	same("VCPU 2^32 - 1", pv_vcpu_start(UINT32_MAX, (uint64_t)&start), VMI_INVALID);
	same("VCPU 64", pv_vcpu_start(64, (uint64_t)&start), VMI_INVALID);
	refuses_address("unmapped", start_at, UNMAPPED);
	refuses_address("not canonical", start_at, NOT_CANONICAL);
	same("nothing began", began, 0);
}

/* ---- VcpuStop ---- */

TEST(VCPU_STOP, POSITIVE, a_vcpu_that_stopped_can_be_started_again)
{
	prepare();
	if (alone()) {
		skip("one VCPU");
		return;
	}
	for (unsigned i = 1; i <= 3; i++) {
		int64_t result = VMI_BUSY;

		prepare();
		for (uint64_t until = pv_clock_read() + 1000000000; result == VMI_BUSY && pv_clock_read() < until;)
			result = pv_vcpu_start(1, (uint64_t)&start);
		each(!result && comes(&began, 1), i);
	}
	all("three times");
}

TEST_FRUGAL(VCPU_STOP, vcpu_stop, 0, 0, 0)

TEST(VCPU_STOP, BOUNDARY, the_last_running_one_does_not_stop)
{
	same("it is INVALID", pv_vcpu_stop(), VMI_INVALID);
	same("each time", pv_vcpu_stop(), VMI_INVALID);
	same("interrupts stay disabled", pv_irq_save() & VMI_FLAG_IF, 0);
}

on_stack stack_vcpu_stop;

TEST(VCPU_STOP, HOSTILE, rubbish_where_it_has_no_arguments_is_ignored)
{
	same("it is INVALID", raw_result(stack_vcpu_stop, NOT_CANONICAL, UNMAPPED, UINT64_MAX), VMI_INVALID);
}

/* ---- VcpuId ---- */

/* Which registers but RAX a leaf call changed. */
static uint64_t changed(leaf_call *call, const struct registers *before)
{
	struct registers after;
	uint64_t result = 0;

	call(before, &after);
	for (unsigned i = 1; i < REGISTERS; i++)
		result |= (uint64_t)((&after.rax)[i] != (&before->rax)[i]) << i;
	return result;
}

TEST(VCPU_ID, POSITIVE, the_boot_vcpu_is_0)
{
	const struct registers before = patterns();

	same("it is", pv_vcpu_id(), 0);
	same("no other register changes", changed(leaf_vcpu_id, &before), 0);
}

TEST_FRUGAL(VCPU_ID, vcpu_id, 0, 0, 0)

TEST(VCPU_ID, BOUNDARY, with_interrupts_enabled_it_is_the_same)
{
	pv_irq_enable();
	same("it is", pv_vcpu_id(), 0);
}

TEST(VCPU_ID, HOSTILE, registers_full_of_bad_addresses_do_no_harm)
{
	struct registers before, after;

	for (unsigned i = 0; i < REGISTERS; i++)
		(&before.rax)[i] = NOT_CANONICAL + i;
	leaf_vcpu_id(&before, &after);
	same("it is 0", (uint32_t)after.rax, 0);
	same("no other register changes", changed(leaf_vcpu_id, &before), 0);
}

/* ---- IpiSend ---- */

static void bind(void)
{
	ipis = 0;
	vmi_handle(IPI_VECTOR, on_ipi);
	pv_event_bind(VMI_SOURCE_IPI, IPI_VECTOR);
}

TEST(IPI_SEND, POSITIVE, one_to_oneself_comes_when_interrupts_are_enabled)
{
	bind();
	same("it succeeds", pv_ipi_send(1), 0);
	same("it waits while interrupts are disabled", ipis, 0);
	pv_irq_enable();
	expect("then it comes", comes(&ipis, 1));
	pv_irq_disable();
	let();
	same("once", ipis, 1);
}

TEST_FRUGAL(IPI_SEND, ipi_send, 0, 0, 0)

TEST(IPI_SEND, BOUNDARY, one_to_nobody_raises_nothing)
{
	bind();
	pv_irq_enable();
	same("it succeeds", pv_ipi_send(0), 0);
	breathe();
	same("nothing comes", ipis, 0);
}

TEST(IPI_SEND, HOSTILE, one_that_was_never_started_is_invalid_with_nothing_sent)
{
	bind();
	pv_irq_enable();
	same("VCPU 63", pv_ipi_send(1ull << 63), VMI_INVALID);
	same("the one behind the last", pv_ipi_send(1ull << vmi_boot->vcpu_count % 64), VMI_INVALID);
	same("with this one", pv_ipi_send(1ull << 63 | 1), VMI_INVALID);
	same("everyone", pv_ipi_send(UINT64_MAX), VMI_INVALID);
	breathe();
	same("nothing comes", ipis, 0);
}

/* ---- VcpuYield ---- */

TEST(VCPU_YIELD, POSITIVE, it_returns_with_every_register_as_it_was)
{
	const struct registers before = patterns();

	same("the registers", changed(leaf_vcpu_yield, &before), 0);
	same("interrupts stay disabled", pv_irq_save() & VMI_FLAG_IF, 0);
}

TEST_FRUGAL(VCPU_YIELD, vcpu_yield, 0, 0, 0)

TEST(VCPU_YIELD, BOUNDARY, it_is_a_hint_and_never_waits_for_long)
{
	uint64_t before = pv_clock_read();

	pv_irq_enable();
	for (unsigned i = 0; i < 100; i++)
		pv_vcpu_yield();
	same("interrupts stay enabled", pv_irq_save() & VMI_FLAG_IF, VMI_FLAG_IF);
	expect("100 take less than 5 s", pv_clock_read() - before < 5000000000);
}

TEST(VCPU_YIELD, HOSTILE, registers_full_of_bad_addresses_do_no_harm)
{
	struct registers before;

	for (unsigned i = 0; i < REGISTERS; i++)
		(&before.rax)[i] = NOT_CANONICAL + i;
	same("the registers", changed(leaf_vcpu_yield, &before), 0);
}
