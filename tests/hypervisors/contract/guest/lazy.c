/* SPDX-License-Identifier: MIT */
/* Subject mmu: updates that wait, and events in the middle of updates. */
#include "mmu.h"

/* ---- lazy mode ---- */

static void defer(unsigned first, unsigned count, int there)
{
	for (unsigned i = first; i < first + count; i++)
		pv_pte_update_deferred(entries[i], there ? pv_pte_make(pages[i] | DATA_FLAGS) : 0);
}

static void lazy(void)
{
	uint64_t memory = new_page(0);
	unsigned other = 0;

	pv_lazy_leave();
	defer(0, 4, 1);
	seen("PteUpdateDeferred outside lazy mode is PteSet", 0, 4, 1);
	pv_lazy_enter();
	defer(4, 100, 1);
	pv_lazy_leave();
	seen("deferred updates are seen after LazyLeave", 4, 100, 1);
	pv_lazy_enter();
	defer(0, 104, 0);
	pv_tlb_flush();
	seen("deferred updates are seen after TlbFlush", 0, 104, 0);
	defer(0, 8, 1);
	pv_tlb_flush_page(AREA + 400 * PAGE);
	seen("deferred updates are seen after TlbFlushPage of another page", 0, 8, 1);
	defer(8, 8, 1);
	other = pv_tlb_flush_others(0, VMI_TLB_ALL);
	seen("deferred updates are seen after TlbFlushOthers of nobody", 8, 8, 1);
	equal("TlbFlushOthers of nobody succeeds", other, 0);
	pv_lazy_leave();
	pv_lazy_leave();
	pv_lazy_enter();
	pv_lazy_enter();
	defer(16, 8, 1);
	pv_lazy_leave();
	seen("LazyLeave and LazyEnter twice do no harm", 16, 8, 1);
	pv_lazy_enter();
	pv_pte_update_deferred(entries[30], pv_pte_make(pages[30] | DATA_FLAGS));
	pv_pte_set(entries[30], pv_pte_make(pages[31] | DATA_FLAGS));
	pv_lazy_leave();
	check("PteSet after a deferred update of the same entry wins", shows(AREA + 30 * PAGE, 0x101f));
	pv_lazy_enter();
	pv_pte_set(entries[32], pv_pte_make(pages[33] | DATA_FLAGS));
	pv_pte_update_deferred(entries[32], pv_pte_make(pages[32] | DATA_FLAGS));
	pv_lazy_leave();
	check("a deferred update after PteSet of the same entry wins", shows(AREA + 32 * PAGE, 0x1020));
	pv_lazy_enter();
	pv_pte_update_deferred(entries[34], pv_pte_make(pages[35] | DATA_FLAGS));
	pv_pte_update_deferred(entries[34], pv_pte_make(pages[34] | DATA_FLAGS));
	pv_lazy_leave();
	check("of two deferred updates of one entry the last wins", shows(AREA + 34 * PAGE, 0x1022));
	pv_lazy_enter();
	pv_pte_update_deferred(entries[36], pv_pte_make(pages[37] | DATA_FLAGS));
	updates[0] = (struct vmi_pte_update){ entries[36], pv_pte_make(pages[36] | DATA_FLAGS) };
	each(pv_pte_set_batch((uint64_t)updates, 1) == 1, 0);
	pv_lazy_leave();
	each(shows(AREA + 36 * PAGE, 0x1024), 1);
	all("PteSetBatch after a deferred update of the same entry wins");
	pv_lazy_enter();
	pv_pte_update_deferred((uint64_t)&words(memory)[9], 0x990);
	pv_lazy_leave();
	equal("a deferred update of a page that is no table is done", words(memory)[9], 0x990);
	pv_lazy_enter();
	defer(0, VMI_BATCH_LIMIT, 0);
	defer(0, VMI_BATCH_LIMIT, 1);
	defer(0, 300, 0);
	defer(0, 300, 1);
	pv_lazy_leave();
	pv_tlb_flush();
	seen("1,624 deferred updates are done in order", 0, VMI_BATCH_LIMIT, 1);
	pv_lazy_enter();
	defer(0, VMI_BATCH_LIMIT, 0);
	pv_lazy_leave();
	pv_tlb_flush();
	seen("512 pages unmapped by deferred updates fault", 0, VMI_BATCH_LIMIT, 0);
}

/* ---- lazy mode and events ---- */

static volatile unsigned ticks, stale;
static volatile uint64_t pending_entry, interval;
static volatile unsigned handler_defers;
static uint64_t tick_cost;

#define TURNS 40
#define MOST_TURNS 60000

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
	if (interval)
		pv_timer_set(pv_clock_read() + interval);
}

/* Nanoseconds that one tick takes from one TimerSet to the next, several times over: below that nothing else runs. */
static uint64_t cost_of_tick(void)
{
	uint64_t start;

	interval = 0;
	handler_defers = 0;
	ticks = 0;
	pv_event_bind(VMI_SOURCE_TIMER, TIMER_VECTOR);
	vmi_handle(TIMER_VECTOR, on_tick);
	pv_irq_enable();
	start = pv_clock_read();
	for (unsigned i = 1; i <= 8; i++) {
		pv_timer_set(0);
		comes(&ticks, i);
	}
	pv_irq_disable();
	return (pv_clock_read() - start) / 2;
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

/* One turn: 300 deferred updates while the timer comes at many different moments. */
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
	for (unsigned i = 0; i < 300; i++)
		updates[i] = (struct vmi_pte_update){ entries[i], 0 };
	pv_pte_set_batch((uint64_t)updates, 300);
	return bad;
}

static void interrupted(const char *during, const char *order, const char *handler, int defers)
{
	unsigned bad = 0, turns = 0;

	tick_cost = cost_of_tick();
	handler_defers = defers;
	stale = ticks = 0;
	pv_irq_enable();
	for (unsigned turn = 1; goes_on(turn); turn++, turns++)
		bad += interrupted_turn(turn);
	interval = 0;
	pv_irq_disable();
	pv_timer_cancel();
	pv_irq_enable();
	breathe();
	pv_irq_disable();
	check(during, ticks > 0 && turns >= TURNS);
	equal(order, bad, 0);
	equal(handler, stale, 0);
	for (unsigned i = 0; i < VMI_BATCH_LIMIT; i++)
		pv_pte_set(entries[i], 0);
	pv_tlb_flush();
}

/* Entries cross in two tables, batches and all, while a handler does the same. */
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
	if (interval)
		pv_timer_set(pv_clock_read() + interval);
}

static void batches_interrupted(void)
{
	unsigned bad = 0;

	tick_cost = cost_of_tick();
	stale = ticks = 0;
	vmi_handle(TIMER_VECTOR, on_tick_batch);
	pv_irq_enable();
	for (unsigned turn = 1; goes_on(turn); turn++) {
		for (unsigned i = 0; i < 100; i++)
			updates[i] = (struct vmi_pte_update){ entries[i % 2 ? 300 + i : i], 0x10000 * turn + 0x10 * i + 2 };
		bad += pv_pte_set_batch((uint64_t)updates, 100) != 100;
		for (unsigned i = 0; i < 100; i++)
			bad += value_at(updates[i].entry) != updates[i].value;
	}
	interval = 0;
	pv_irq_disable();
	pv_timer_cancel();
	pv_irq_enable();
	breathe();
	pv_irq_disable();
	check("events come between batches", ticks > 0);
	equal("a batch that was interrupted by a batch is whole", bad, 0);
	equal("a batch in an event's handler is whole", stale, 0);
	for (unsigned i = 0; i < VMI_BATCH_LIMIT; i++)
		pv_pte_set(entries[i], 0);
	pv_tlb_flush();
}

void check_lazy(void)
{
	lazy();
	interrupted("events come while updates are deferred", "deferred updates are whole when events come in between",
		    "an event's handler sees what was deferred before", 0);
	interrupted("events whose handlers defer come while updates are deferred",
		    "deferred updates are whole when handlers defer too",
		    "what a handler defers is done after its LazyLeave", 1);
	batches_interrupted();
}
