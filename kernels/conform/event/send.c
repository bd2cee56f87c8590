/* SPDX-License-Identifier: MIT */
/* EventSend, and delivery. */
#include "event.h"

on_stack stack_event_send;

TEST(EVENT_SEND, POSITIVE, it_delivers_before_it_returns)
{
	begin();
	pv_irq_enable();
	same("it succeeds", pv_event_send(FIRST), 0);
	same("the event came", came(0), 1);
	same("its handler ran with interrupts disabled", enabled, 0);
	same("its frame says that they were enabled", flag_in_frame, 1);
	same("its frame says that it came in the kernel", from_user, 0);
	same("they are enabled afterwards", pv_irq_save() & VMI_FLAG_IF, VMI_FLAG_IF);
}

TEST(EVENT_SEND, POSITIVE, an_event_waits_while_interrupts_are_disabled)
{
	begin();
	same("it succeeds", pv_event_send(FIRST), 0);
	breathe();
	same("the event waits", came(0), 0);
	same("interrupts stay disabled", pv_irq_save() & VMI_FLAG_IF, 0);
	pv_irq_enable();
	breathe();
	same("it comes when they are enabled", came(0), 1);
	pv_irq_disable();
	let();
	same("once", came(0), 1);
}

TEST(EVENT_SEND, POSITIVE, two_hundred_events_are_delivered_at_once)
{
	begin();
	for (unsigned turn = 0; turn < 200; turn++) {
		pv_irq_enable();
		pv_event_send(FIRST + turn % SOURCES);
		each(arrived == turn + 1, turn);
		each(count[SOFT_VECTOR + turn % SOURCES] == turn / SOURCES + 1, turn | 0x1000);
	}
	all("each before it returns");
}

TEST_FRUGAL(EVENT_SEND, event_send, FIRST, 0, 0)

TEST(EVENT_SEND, BOUNDARY, an_event_raised_three_times_while_pending_comes_once)
{
	begin();
	for (unsigned i = 0; i < 3; i++)
		each(!pv_event_send(FIRST), i);
	all("it succeeds each time");
	let();
	let();
	same("it comes once", came(0), 1);
}

TEST(EVENT_SEND, BOUNDARY, eight_sources_raised_while_disabled_come_once_each)
{
	begin();
	for (unsigned i = 0; i < SOURCES; i++)
		pv_event_send(FIRST + i);
	same("none comes yet", arrived, 0);
	let();
	for (unsigned i = 0; i < SOURCES; i++)
		each(came(i) == 1, i);
	all("each comes");
	same("no other", arrived, SOURCES);
	same("their handlers do not nest", deepest, 1);
}

static uint64_t frame_end;

static void note_frame(struct vmi_trap *trap)
{
	frame_end = (uint64_t)(trap + 1);
	arrived++;
	pv_event_ack(FIRST);
}

/* As the processor does it (Intel SDM volume 3, section 6.14.2). */
TEST(EVENT_SEND, BOUNDARY, an_events_frame_is_aligned_wherever_the_stack_is)
{
	static uint64_t stack[512];
	on_stack stack_event_send_enabled;

	begin();
	vmi_handle(SOFT_VECTOR, note_frame);
	for (unsigned word = 480; word < 484; word++) {
		uint64_t top = (uint64_t)(stack + word), before = arrived;

		frame_end = 1;
		each(!stack_event_send_enabled((const uint64_t[5]){ FIRST }, stack + word), top);
		each(!stack_result, top | 1);
		each(arrived == before + 1, top | 2);
		each(!(frame_end & 15), top | 3);
	}
	all("to 16; and nothing is lost by it");
}

/* ---- a handler raises a source that is masked while the main line is inside an event call of another source ---- */

static volatile unsigned raised;

static void on_tick(struct vmi_trap *trap)
{
	(void)trap;
	pv_event_ack(VMI_SOURCE_TIMER);
	pv_event_send(FIRST + 2);
	raised++;
}

/* Nanoseconds, twice what a deadline takes to come. */
static uint64_t cost_of_tick(void)
{
	uint64_t start;

	vmi_handle(TIMER_VECTOR, on_tick);
	pv_event_bind(VMI_SOURCE_TIMER, TIMER_VECTOR);
	raised = 0;
	start = pv_clock_read();
	pv_timer_set(0);
	pv_irq_enable();
	comes(&raised, 1);
	return 2 * (pv_clock_read() - start);
}

TEST(EVENT_SEND, BOUNDARY, what_a_handler_raises_in_the_middle_of_event_calls_is_not_lost)
{
	uint64_t cost;

	begin();
	cost = cost_of_tick();
	for (unsigned round = 0; round < 400; round++) {
		unsigned before = raised, others = came(2);

		pv_event_mask(FIRST + 2);
		pv_timer_set(pv_clock_read() + cost + cost * (round * 7 % 101) / 100);
		for (unsigned i = 0; raised == before && i < 100000; i++) {
			pv_event_send(FIRST);
			pv_event_mask(FIRST + 1);
			pv_event_unmask(FIRST + 1);
		}
		pv_event_unmask(FIRST + 2);
		breathe();
		each(raised == before + 1 && came(2) == others + 1, round);
	}
	all("it comes in each of 400 rounds, once");
}

/* ---- what it must not do ---- */

static int64_t send(uint32_t source)
{
	return pv_event_send(source);
}

TEST(EVENT_SEND, HOSTILE, what_is_not_the_guests_is_invalid)
{
	refuses_no_sources(send);
	for (uint32_t source = 0; source < FIRST; source++)
		each(pv_event_send(source) == VMI_INVALID, source);
	all("neither are the other sources");
}

TEST(EVENT_SEND, HOSTILE, another_source_is_not_raised)
{
	begin();
	for (unsigned source = 0; source < FIRST; source++)
		bind(source, SECOND_VECTOR + source); /* those that there are */
	for (unsigned source = 0; source < FIRST; source++)
		each(pv_event_send(source) == VMI_INVALID, source);
	all("it is INVALID");
	let();
	same("nothing comes", arrived, 0);
	pv_irq_enable();
	for (unsigned source = 0; source < FIRST; source++)
		each(pv_event_send(source) == VMI_INVALID && !arrived, source);
	all("nor with interrupts enabled");
}

TEST(EVENT_SEND, HOSTILE, rubbish_above_its_argument_is_ignored)
{
	begin();
	same("it succeeds", raw_result(stack_event_send, DIRTY(FIRST + 7), NOT_CANONICAL, UINT64_MAX), 0);
	let();
	same("the event comes", came(7), 1);
	same("no other", arrived, 1);
}
