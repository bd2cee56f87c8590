/* SPDX-License-Identifier: MIT */
/* Events in the middle of updates. */
#include "mmu.h"

static volatile unsigned ticks, stale;
static volatile uint64_t pending_entry, interval;
static volatile int handler_defers;
static uint64_t tick_cost;

#define TURNS 40
#define MOST_TURNS 60000

static void again(void)
{
	if (interval)
		pv_timer_set(pv_clock_read() + interval);
}

/* A handler sees what was deferred before, and may be lazy by itself. */
static void on_tick(struct vmi_trap *trap)
{
	uint64_t entry = pending_entry;

	(void)trap;
	ticks++;
	pv_event_ack(VMI_SOURCE_TIMER);
	if (entry && !value_at(entry))
		stale++;
	if (handler_defers) {
		unsigned slot = 400 + ticks % 100;

		pv_lazy_enter();
		pv_pte_update_deferred(entries[slot], 0x7000 + slot * 2);
		pv_pte_update_deferred(entries[511], 0x9000 + ticks * 2);
		pv_lazy_leave();
		if (value_at(entries[slot]) != 0x7000 + slot * 2 || value_at(entries[511]) != 0x9000 + ticks * 2ull)
			stale++;
	}
	again();
}

/* Nanoseconds that one tick takes from one TimerSet to the next, several times over: below that nothing else runs. */
static uint64_t cost_of_tick(void)
{
	uint64_t start;

	interval = 0;
	handler_defers = 0;
	ticks = 0;
	vmi_handle(TIMER_VECTOR, on_tick);
	pv_event_bind(VMI_SOURCE_TIMER, TIMER_VECTOR);
	pv_irq_enable();
	start = pv_clock_read();
	for (unsigned i = 1; i <= 8; i++) {
		pv_timer_set(0);
		comes(&ticks, i);
	}
	pv_irq_disable();
	return (pv_clock_read() - start) / 2;
}

static void begin_ticks(void)
{
	begin();
	tick_cost = cost_of_tick();
	stale = ticks = 0;
	pending_entry = 0;
}

static void end_ticks(void)
{
	interval = 0;
	pv_irq_disable();
	pv_timer_cancel();
	let();
}

/*
 * Whether there is one more turn, and a timer for it that comes at another moment than those before. There are more turns
 * where one takes less time than an event needs to come; the first event is then waited for.
 */
static int goes_on(unsigned turn)
{
	if (turn > TURNS && (ticks || turn > MOST_TURNS))
		return 0;
	interval = tick_cost + tick_cost * 7 * turn % 97 / 20;
	if (turn == 1 || ticks)
		pv_timer_set(pv_clock_read() + interval);
	return 1;
}

/* One turn: 300 deferred updates while the timer comes at many different moments. How many entries are wrong then. */
static unsigned interrupted_turn(unsigned turn)
{
	unsigned bad = 0;

	pv_lazy_enter();
	for (unsigned i = 0; i < 300; i++) {
		pv_pte_update_deferred(entries[i], 0x10000 * turn + 0x10 * i + 2);
		if (i % 7 == 3)
			pv_pte_update_deferred(entries[i], 0x10000 * turn + 0x10 * i + 4);
		pending_entry = entries[i];
	}
	pv_lazy_leave();
	pending_entry = 0;
	for (unsigned i = 0; i < 300; i++)
		bad += value_at(entries[i]) != 0x10000 * turn + 0x10 * i + (i % 7 == 3 ? 4 : 2);
	fill(300, 0);
	pv_pte_set_batch((uint64_t)updates, 300);
	return bad;
}

static void interrupted(int defers)
{
	unsigned bad = 0, turns = 0;

	begin_ticks();
	handler_defers = defers;
	pv_irq_enable();
	for (unsigned turn = 1; goes_on(turn); turn++, turns++)
		bad += interrupted_turn(turn);
	end_ticks();
	expect("events come while updates are deferred", ticks > 0 && turns >= TURNS);
	same("the updates are whole", bad, 0);
}

TEST(LAZY_LEAVE, BOUNDARY, deferred_updates_are_whole_when_events_come_in_between)
{
	interrupted(0);
	same("a handler sees what was deferred before", stale, 0);
}

TEST(LAZY_LEAVE, BOUNDARY, deferred_updates_are_whole_when_handlers_defer_too)
{
	interrupted(1);
	same("what a handler defers is done after its LazyLeave", stale, 0);
}

/* ---- entries cross in two tables, batches and all, while a handler does the same ---- */

static void on_tick_batch(struct vmi_trap *trap)
{
	struct vmi_pte_update own[4];

	(void)trap;
	ticks++;
	pv_event_ack(VMI_SOURCE_TIMER);
	for (unsigned i = 0; i < 4; i++)
		own[i] = (struct vmi_pte_update){ entries[i % 2 ? 500 + i : 100 + i], 0xab000 + ticks * 0x10 };
	if (pv_pte_set_batch((uint64_t)own, 4) != 4)
		stale++;
	for (unsigned i = 0; i < 4; i++)
		stale += value_at(own[i].entry) != own[i].value;
	again();
}

TEST(PTE_SET_BATCH, BOUNDARY, a_batch_that_is_interrupted_by_a_batch_is_whole)
{
	unsigned bad = 0;

	begin_ticks();
	vmi_handle(TIMER_VECTOR, on_tick_batch);
	pv_irq_enable();
	for (unsigned turn = 1; goes_on(turn); turn++) {
		for (unsigned i = 0; i < 100; i++)
			updates[i] = (struct vmi_pte_update){ entries[i % 2 ? 300 + i : i], 0x10000 * turn + 0x10 * i + 2 };
		bad += pv_pte_set_batch((uint64_t)updates, 100) != 100;
		for (unsigned i = 0; i < 100; i++)
			bad += value_at(updates[i].entry) != updates[i].value;
	}
	end_ticks();
	expect("events come between batches", ticks > 0);
	same("a batch of the main line is whole", bad, 0);
	same("one in a handler too", stale, 0);
}
