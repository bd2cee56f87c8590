/* SPDX-License-Identifier: MIT */
/* EventAck. */
#include "event.h"

on_stack stack_event_ack;

static int64_t acknowledge(uint32_t source)
{
	return pv_event_ack(source);
}

/* Sources that are being handled, and stay so. */
static void handle(const unsigned *which, unsigned number)
{
	acknowledges = 0;
	for (unsigned i = 0; i < number; i++)
		pv_event_send(FIRST + which[i]);
	let();
	acknowledges = 1;
}

TEST(EVENT_ACK, POSITIVE, before_it_the_same_source_does_not_come_again)
{
	begin();
	acknowledges = 0;
	pv_event_send(FIRST);
	let();
	pv_event_send(FIRST);
	let();
	let();
	same("it came once", came(0), 1);
	pv_event_send(FIRST + 1);
	let();
	same("another source comes", came(1), 1);
	pv_irq_enable();
	same("it succeeds", pv_event_ack(FIRST), 0);
	breathe();
	same("what was raised before it comes after it", came(0), 2);
	pv_event_ack(FIRST + 1);
	breathe();
	same("a source that was not raised again does not", came(1), 1);
}

TEST(EVENT_ACK, POSITIVE, a_source_that_its_own_handler_raises_comes_again)
{
	begin();
	raises = 1;
	pv_event_send(FIRST);
	let();
	same("it does", came(0), 2);
	same("after that handler", deepest, 1);
	raises = 50;
	pv_irq_enable();
	pv_event_send(FIRST);
	same("50 times", comes(count + SOFT_VECTOR, 53), 1);
	same("and no more", came(0), 53);
	same("each after the one before", deepest, 1);
}

TEST(EVENT_ACK, POSITIVE, sources_can_be_acknowledged_in_another_order_than_they_came)
{
	begin();
	handle((const unsigned[]){ 0, 3, 5 }, 3);
	same("three came", arrived, 3);
	pv_event_ack(FIRST + 3);
	pv_event_send(FIRST);
	pv_event_send(FIRST + 3);
	pv_event_send(FIRST + 5);
	let();
	same("the one that was acknowledged comes again", came(3), 2);
	expect("the others wait", came(0) == 1 && came(5) == 1);
	pv_event_ack(FIRST);
	pv_event_ack(FIRST + 5);
	let();
	expect("they come when they are acknowledged", came(0) == 2 && came(5) == 2);
}

TEST(EVENT_ACK, POSITIVE, another_source_comes_inside_a_handler_that_enables_interrupts)
{
	begin();
	opens = 1;
	pv_event_send(FIRST + 2);
	let();
	same("it comes", came(7), 1);
	same("inside", deepest, 2);
	same("the handler's own source comes again", came(2), 2);
	same("first the other", order[1], SOFT_VECTOR + 7);
	same("then its own, after EventAck", order[2], SOFT_VECTOR + 2);
}

/* No vector goes before another. */
TEST(EVENT_ACK, POSITIVE, another_source_comes_inside_whatever_the_vectors_are)
{
	static const unsigned vectors[][2] = {
		{ SECOND_VECTOR, HIGH_VECTOR }, { HIGH_VECTOR, SECOND_VECTOR }, { 62, 33 }, { 33, 62 },
	};

	for (unsigned i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		begin();
		bind(FIRST, vectors[i][0]);
		bind(FIRST + 7, vectors[i][1]);
		opens = 1;
		pv_event_send(FIRST);
		let();
		each(count[vectors[i][1]] == 1, i);
		each(deepest == 2, i | 0x10);
		each(count[vectors[i][0]] == 2, i | 0x20);
		bind(FIRST, 0);
		bind(FIRST + 7, 0);
	}
	all("it does, and the handler's own comes again after EventAck");
}

TEST_FRUGAL(EVENT_ACK, event_ack, FIRST, 0, 0)

TEST(EVENT_ACK, BOUNDARY, all_the_sources_can_be_handled_at_once)
{
	begin();
	handle((const unsigned[]){ 0, 1, 2, 3, 4, 5, 6, 7 }, SOURCES);
	same("each came once", arrived, SOURCES);
	for (unsigned i = 0; i < SOURCES; i++)
		pv_event_send(FIRST + i);
	let();
	same("none comes before it is acknowledged", arrived, SOURCES);
	for (unsigned i = SOURCES; i-- > 0;) {
		pv_event_ack(FIRST + i);
		let();
		each(came(i) == 2 && arrived == 2 * SOURCES - i, i);
	}
	all("each comes when it is");
}

TEST(EVENT_ACK, BOUNDARY, a_masked_source_stays_masked)
{
	begin();
	handle((const unsigned[]){ 0 }, 1);
	pv_event_mask(FIRST);
	pv_event_send(FIRST);
	pv_event_ack(FIRST);
	let();
	same("it does not come", came(0), 1);
	pv_event_unmask(FIRST);
	let();
	same("it comes when it is unmasked", came(0), 2);
}

TEST(EVENT_ACK, BOUNDARY, interrupts_stay_as_they_are)
{
	begin();
	handle((const unsigned[]){ 0 }, 1);
	pv_event_send(FIRST);
	pv_event_ack(FIRST);
	breathe();
	same("disabled", pv_irq_save() & VMI_FLAG_IF, 0);
	same("and so nothing comes", came(0), 1);
	pv_irq_enable();
	breathe();
	same("it comes when they are enabled", came(0), 2);
	pv_event_ack(FIRST);
	same("enabled", pv_irq_save() & VMI_FLAG_IF, VMI_FLAG_IF);
}

TEST(EVENT_ACK, BOUNDARY, a_source_that_is_not_being_handled_succeeds)
{
	begin();
	for (unsigned i = 0; i < SOURCES; i++)
		each(!pv_event_ack(FIRST + i), i);
	all("each of the guest's sources");
	pv_event_send(FIRST);
	same("one that is pending", pv_event_ack(FIRST), 0);
	same("nothing comes by that", arrived, 0);
	let();
	same("it stays pending", came(0), 1);
}

TEST(EVENT_ACK, HOSTILE, what_is_no_source_is_invalid)
{
	refuses_no_sources(acknowledge);
}

TEST(EVENT_ACK, HOSTILE, rubbish_above_its_argument_is_ignored)
{
	begin();
	handle((const unsigned[]){ 0 }, 1);
	same("it succeeds", raw_result(stack_event_ack, DIRTY(FIRST), NOT_CANONICAL, UINT64_MAX), 0);
	pv_event_send(FIRST);
	let();
	same("the source comes again", came(0), 2);
}
