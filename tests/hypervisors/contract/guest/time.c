/* SPDX-License-Identifier: MIT */
/* The clock, the wall clock, and the deadline. */
#include "contract.h"

#define MS 1000000ull /* in ns */
#define NS_PER_SECOND 1000000000ull
#define YEAR_2000 (946684800 * NS_PER_SECOND)
#define YEAR_2100 (4102444800 * NS_PER_SECOND)

static volatile unsigned ticks;
static volatile uint64_t came;
static uint64_t unit; /* ns: what is waited for busily; several times what a deadline comes late here */

static void on_tick(struct vmi_trap *trap)
{
	(void)trap;
	came = pv_clock_read();
	ticks++;
	pv_event_ack(VMI_SOURCE_TIMER);
}

static void spin(uint64_t ns)
{
	uint64_t start = pv_clock_read();

	while (pv_clock_read() - start < ns)
		for (unsigned i = 0; i < 100; i++)
			breathe(); /* reading the clock may cost more than all of this */
}

/* Interrupts on and off again: what may come has come. */
static void let(void)
{
	pv_irq_enable();
	breathe();
	pv_irq_disable();
}

static void clocks(void)
{
	uint64_t before = pv_clock_read(), first = before, wall, frequency = pv_clock_frequency();
	unsigned different = 0;

	for (unsigned i = 0; i < 10000; i++) {
		uint64_t now = pv_clock_read();

		each(now >= before, now);
		different += now != before;
		before = now;
	}
	all("10,000 readings of the clock never go back");
	check("the clock moves", different > 0 && before > first);
	check("10,000 readings take less than 10 s", before - first < 10 * NS_PER_SECOND);
	check("ClockFrequency is at least 1,000,000", frequency >= 1000000 && frequency < 1ull << 40);
	equal("ClockFrequency stays the same", pv_clock_frequency(), frequency);
	wall = pv_wall_clock_read();
	check("the wall clock is plausible", wall > YEAR_2000 && wall < YEAR_2100);
	before = pv_clock_read();
	for (uint64_t until = before + 2 * NS_PER_SECOND; pv_clock_read() < until;) {
		pv_timer_set(until);
		pv_halt();
	}
	pv_irq_disable();
	wall = pv_wall_clock_read() - wall;
	before = pv_clock_read() - before;
	check("the wall clock moves with the clock, to the second", wall + NS_PER_SECOND > before && wall < before + NS_PER_SECOND);
	check("stolen time is not more than there was", pv_stolen_time_read() <= pv_clock_read());
	wall = pv_stolen_time_read();
	check("stolen time does not go back", pv_stolen_time_read() >= wall);
}

static void calibrate(void)
{
	uint64_t late = 0;

	ticks = 0;
	for (unsigned i = 1; i <= 20; i++) {
		uint64_t at = pv_clock_read() + 20000, took;

		pv_timer_set(at);
		took = pv_clock_read() + 20000 - at;
		if (took > late)
			late = took;
		pv_halt();
		pv_irq_disable();
		if (came - at > late)
			late = came - at;
	}
	unit = late < 10000 ? 40000 : late > 5 * MS ? 20 * MS : 4 * late;
}

static void deadlines(void)
{
	uint64_t start;

	ticks = 0;
	start = pv_clock_read();
	pv_irq_enable();
	equal("TimerSet of a moment that has passed succeeds", pv_timer_set(pv_clock_read()), 0);
	check("it comes at once", comes(&ticks, 1) && came - start < 10 * MS);
	pv_timer_set(0);
	check("so does one of the beginning of time", comes(&ticks, 2));
	spin(unit);
	equal("each comes once", ticks, 2);
	start = pv_clock_read();
	equal("TimerSet of a later moment succeeds", pv_timer_set(start + 2 * unit), 0);
	check("it comes", comes(&ticks, 3));
	check("and not early", came >= start + 2 * unit);
	check("and not much later", came < start + 500 * MS);
	for (unsigned i = 0; i < 40; i++) {
		unsigned before = ticks;
		uint64_t at = pv_clock_read() + 1000 + 3571 * i;

		pv_irq_disable();
		pv_timer_set(at);
		pv_halt();
		each(ticks == before + 1, i);
		each(came >= at, i | 0x100);
	}
	all("40 deadlines come, none early");
	pv_irq_disable();
	ticks = 0;
	start = pv_clock_read();
	pv_timer_set(start + unit);
	pv_timer_set(start + 8 * unit);
	spin(4 * unit);
	let();
	equal("a deadline that a later one replaced does not come", ticks, 0);
	pv_irq_enable();
	check("the later one does", comes(&ticks, 1));
	pv_irq_disable();
	start = pv_clock_read();
	pv_timer_set(start + 500 * MS);
	pv_timer_set(start + unit);
	pv_irq_enable();
	check("a deadline replaced by an earlier one comes earlier", comes(&ticks, 2) && came < start + 500 * MS);
	pv_irq_disable();
	pv_timer_set(pv_clock_read() + unit);
	equal("TimerCancel succeeds", pv_timer_cancel(), 0);
	spin(4 * unit);
	let();
	equal("a deadline that was cancelled does not come", ticks, 2);
	pv_timer_cancel();
	equal("TimerCancel without a deadline succeeds", pv_timer_cancel(), 0);
	pv_timer_set(pv_clock_read() + unit);
	spin(4 * unit);
	pv_timer_cancel();
	let();
	equal("TimerCancel leaves an event that is pending", ticks, 3);
	pv_timer_set(pv_clock_read() + unit);
	spin(4 * unit);
	pv_timer_set(pv_clock_read() + 500 * MS);
	let();
	equal("TimerSet leaves an event that is pending", ticks, 4);
	let();
	equal("and that comes once", ticks, 4);
	pv_timer_cancel();
	pv_timer_set(pv_clock_read() + unit);
	spin(4 * unit);
	equal("a deadline that passes while interrupts are disabled waits", ticks, 4);
	pv_irq_enable();
	check("and comes when they are enabled", comes(&ticks, 5));
	pv_irq_disable();
	pv_event_mask(VMI_SOURCE_TIMER);
	pv_timer_set(0);
	spin(unit);
	let();
	equal("a deadline that passes while TIMER is masked waits", ticks, 5);
	pv_irq_enable();
	pv_event_unmask(VMI_SOURCE_TIMER);
	check("and comes when it is unmasked", comes(&ticks, 6));
	pv_irq_disable();
	pv_event_bind(VMI_SOURCE_TIMER, 0);
	pv_timer_set(pv_clock_read() + unit);
	spin(4 * unit);
	let();
	equal("a deadline that passes while TIMER is bound to nothing waits", ticks, 6);
	pv_irq_enable();
	pv_event_bind(VMI_SOURCE_TIMER, TIMER_VECTOR);
	check("and comes when it is bound", comes(&ticks, 7));
	pv_irq_disable();
}

static void far(void)
{
	static const uint64_t moments[] = { UINT64_MAX / 4, UINT64_MAX / 2, UINT64_MAX / 2 + 1, UINT64_MAX - 1, UINT64_MAX,
					    1ull << 40, 1ull << 45, 1ull << 50, 1ull << 55, 1ull << 60, 1ull << 62 };

	ticks = 0;
	pv_irq_enable();
	for (unsigned i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
		each(!pv_timer_set(moments[i]), i);
		spin(unit / 2);
		each(!ticks, i | 0x100);
	}
	all("far deadlines do not come");
	pv_timer_set(pv_clock_read() + unit);
	check("a near one after them does", comes(&ticks, 1));
	pv_timer_cancel();
	pv_irq_disable();
}

void check_time(void)
{
	vmi_handle(TIMER_VECTOR, on_tick);
	pv_event_bind(VMI_SOURCE_TIMER, TIMER_VECTOR);
	clocks();
	calibrate();
	deadlines();
	far();
	pv_event_bind(VMI_SOURCE_TIMER, 0);
}
