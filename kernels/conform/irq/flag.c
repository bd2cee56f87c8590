/* SPDX-License-Identifier: MIT */
/* IrqDisable and IrqEnable: the flag, and what waits while it is clear. */
#include "irq.h"

volatile unsigned events, ticks;
static volatile unsigned raises; /* that a handler has left */

static void on_event(struct vmi_trap *trap)
{
	(void)trap;
	events++;
	pv_event_ack(VMI_SOURCE_SOFT);
	if (raises) {
		raises--;
		pv_event_send(VMI_SOURCE_SOFT);
	}
}

static void on_tick(struct vmi_trap *trap)
{
	(void)trap;
	ticks++;
	pv_event_ack(VMI_SOURCE_TIMER);
}

void irq_begin(void)
{
	vmi_handle(SOFT_VECTOR, on_event);
	vmi_handle(TIMER_VECTOR, on_tick);
	pv_event_bind(VMI_SOURCE_SOFT, SOFT_VECTOR);
	pv_event_bind(VMI_SOURCE_TIMER, TIMER_VECTOR);
	events = ticks = raises = 0;
}

int is_enabled(void)
{
	return !!(pv_irq_save() & VMI_FLAG_IF);
}

uint64_t lost_hostile(leaf_call *call, uint64_t may)
{
	struct registers before;
	uint64_t result = 0;

	for (unsigned i = 0; i < REGISTERS; i++)
		(&before.rax)[i] = i % 3 ? i % 3 == 1 ? UNMAPPED : UINT64_MAX - i : NOT_CANONICAL + i;
	call(&before, &left);
	for (unsigned i = 0; i < REGISTERS; i++)
		result |= (uint64_t)((&left.rax)[i] != (&before.rax)[i]) << i;
	return result & ~may;
}

/* ---- IrqDisable ---- */

TEST(IRQ_DISABLE, POSITIVE, no_event_comes_until_the_flag_is_set_again)
{
	irq_begin();
	pv_irq_enable();
	pv_irq_disable();
	same("it disables", is_enabled(), 0);
	pv_event_send(VMI_SOURCE_SOFT);
	pv_timer_set(0);
	for (unsigned i = 0; i < 1000; i++)
		breathe();
	same("no event comes", events + ticks, 0);
	pv_irq_enable();
	expect("then each does", comes(&events, 1) && comes(&ticks, 1));
}

TEST(IRQ_DISABLE, POSITIVE, it_keeps_every_register)
{
	pv_irq_enable();
	same("from enabled", lost(leaf_irq_disable, RUBBISH, RUBBISH, LOSES_NONE), 0);
	same("it disables", is_enabled(), 0);
	same("from disabled", lost(leaf_irq_disable, RUBBISH, RUBBISH, LOSES_NONE), 0);
}

TEST_FRUGAL(IRQ_DISABLE, irq_disable, 0, 0, 0)

TEST(IRQ_DISABLE, BOUNDARY, it_does_not_count)
{
	pv_irq_enable();
	pv_irq_disable();
	pv_irq_disable();
	same("twice is as good as once", is_enabled(), 0);
	pv_irq_enable();
	same("once is enough to enable", is_enabled(), 1);
}

TEST(IRQ_DISABLE, HOSTILE, registers_full_of_bad_addresses_do_no_harm)
{
	pv_irq_enable();
	same("it keeps them", lost_hostile(leaf_irq_disable, LOSES_NONE), 0);
	same("it disables", is_enabled(), 0);
}

/* ---- IrqEnable ---- */

TEST(IRQ_ENABLE, POSITIVE, events_wait_for_it_and_come_with_it)
{
	irq_begin();
	for (unsigned i = 1; i <= 100; i++) {
		uint64_t flags;

		pv_event_send(VMI_SOURCE_SOFT);
		each(events == i - 1, i);
		flags = pv_irq_save_disable();
		pv_irq_restore(flags);
		breathe();
		each(events == i - 1, i);
		if (i % 3 == 0)
			pv_irq_enable();
		else
			pv_irq_restore(VMI_FLAG_IF);
		breathe();
		each(events == i, i);
		pv_irq_disable();
	}
	all("100 of them, by IrqEnable or IrqRestore");
}

TEST(IRQ_ENABLE, POSITIVE, it_keeps_every_register)
{
	irq_begin();
	same("from disabled", lost(leaf_irq_enable, RUBBISH, RUBBISH, LOSES_NONE), 0);
	same("it enables", is_enabled(), 1);
	same("from enabled", lost(leaf_irq_enable, RUBBISH, RUBBISH, LOSES_NONE), 0);
	pv_irq_disable();
	pv_event_send(VMI_SOURCE_SOFT);
	same("with an event", lost(leaf_irq_enable, RUBBISH, RUBBISH, LOSES_NONE), 0);
	same("which came", events, 1);
}

TEST_FRUGAL(IRQ_ENABLE, irq_enable, 0, 0, 0)

TEST(IRQ_ENABLE, POSITIVE, events_in_the_middle_of_the_flags_calls_change_no_register)
{
	uint64_t start;

	beats_begin(2);
	start = pv_clock_read();
	for (unsigned turns = 0; beats < 400 && pv_clock_read() - start < 20000 * MS; turns++) {
		each(!lost(leaf_irq_enable, turns, 2, LOSES_NONE), VMI_CALL_IRQ_ENABLE);
		each(!lost(leaf_irq_save, turns, 2, LOSES_RAX) && left.rax & VMI_FLAG_IF, VMI_CALL_IRQ_SAVE);
		each(!lost(leaf_irq_save_disable, turns, 2, LOSES_RAX) && left.rax & VMI_FLAG_IF, VMI_CALL_IRQ_SAVE_DISABLE);
		each(!lost(leaf_irq_restore, VMI_FLAG_IF, 2, LOSES_NONE), VMI_CALL_IRQ_RESTORE);
		each(!lost(leaf_irq_disable, turns, 2, LOSES_NONE), VMI_CALL_IRQ_DISABLE);
		each(!lost(leaf_irq_restore, ~0ull, 2, LOSES_NONE), VMI_CALL_IRQ_RESTORE);
		each(is_enabled(), 0x10000);
	}
	beats_end();
	expect("400 come", beats >= 400);
	all("they change none, and the flag is what it should be");
}

static uint64_t frame_end;

static void note_frame(struct vmi_trap *trap)
{
	frame_end = (uint64_t)(&trap->frame + 1);
	pv_event_ack(VMI_SOURCE_SOFT);
	events++;
}

/* As the processor does it (Intel SDM volume 3, section 6.14.2). */
TEST(IRQ_ENABLE, BOUNDARY, an_events_frame_is_aligned_wherever_the_stack_is)
{
	static uint64_t stack[512];
	on_stack stack_irq_enable;

	irq_begin();
	vmi_handle(SOFT_VECTOR, note_frame);
	for (unsigned word = 480; word < 484; word++) {
		uint64_t top = (uint64_t)(stack + word);

		pv_event_send(VMI_SOURCE_SOFT);
		stack_irq_enable((const uint64_t[5]){ 0 }, stack + word);
		let(); /* natively it may come one instruction later */
		each(!(frame_end & 15), top);
	}
	same("each came", events, 4);
	all("to 16");
}

TEST(IRQ_ENABLE, BOUNDARY, it_does_not_count)
{
	pv_irq_enable();
	pv_irq_enable();
	same("twice is as good as once", is_enabled(), 1);
	pv_irq_disable();
	same("once is enough to disable", is_enabled(), 0);
}

TEST(IRQ_ENABLE, BOUNDARY, an_event_that_is_masked_does_not_come)
{
	irq_begin();
	pv_event_mask(VMI_SOURCE_SOFT);
	pv_event_send(VMI_SOURCE_SOFT);
	let();
	same("it waits", events, 0);
	pv_event_unmask(VMI_SOURCE_SOFT);
	same("it waits for the flag too", events, 0);
	let();
	same("it comes with both", events, 1);
}

static volatile unsigned seen; /* a bit per source */

static void on_any(struct vmi_trap *trap)
{
	unsigned source = trap->vector - SOFT_VECTOR + VMI_SOURCE_SOFT;

	seen |= 1u << source;
	events++;
	pv_event_ack(source);
}

TEST(IRQ_ENABLE, BOUNDARY, all_that_wait_come_at_once)
{
	irq_begin();
	seen = 0;
	for (unsigned i = 0; i < 8; i++) {
		vmi_handle(SOFT_VECTOR + i, on_any);
		each(!pv_event_bind(VMI_SOURCE_SOFT + i, SOFT_VECTOR + i), i);
	}
	for (unsigned i = 0; i < 8; i++)
		each(!pv_event_send(VMI_SOURCE_SOFT + i), i | 0x10);
	all("eight are raised");
	same("they wait", events, 0);
	let();
	same("each comes once", events, 8);
	same("from its source", seen, 0xff00);
}

TEST(IRQ_ENABLE, HOSTILE, registers_full_of_bad_addresses_do_no_harm)
{
	irq_begin();
	same("it keeps them", lost_hostile(leaf_irq_enable, LOSES_NONE), 0);
	same("it enables", is_enabled(), 1);
	pv_irq_disable();
	pv_event_send(VMI_SOURCE_SOFT);
	same("also with an event", lost_hostile(leaf_irq_enable, LOSES_NONE), 0);
	same("which came", events, 1);
}

TEST(IRQ_ENABLE, HOSTILE, an_event_that_raises_itself_again_comes_each_time)
{
	irq_begin();
	raises = 1000;
	pv_event_send(VMI_SOURCE_SOFT);
	pv_irq_enable();
	expect("1,001 times", comes(&events, 1001));
	breathe();
	same("no more", events, 1001);
	same("interrupts stay enabled", is_enabled(), 1);
}
