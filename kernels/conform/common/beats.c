/* SPDX-License-Identifier: MIT */
/* Events at any moment: what they interrupt must not notice. */
#include "conform.h"

volatile unsigned beats, user_beats;
static volatile uint64_t interval;

/* Not always the same distance, so that in time they come everywhere. */
static void on_beat(struct vmi_trap *trap)
{
	pv_event_ack(VMI_SOURCE_TIMER);
	beats++;
	user_beats += vmi_from_user(trap);
	if (interval)
		pv_timer_set(pv_clock_read() + interval + beats % 61 * (interval >> 6));
}

/* Below what one takes nothing else would run. */
void beats_begin(unsigned times)
{
	uint64_t start;

	vmi_handle(TIMER_VECTOR, on_beat);
	pv_event_bind(VMI_SOURCE_TIMER, TIMER_VECTOR);
	beats = 0;
	interval = 0;
	pv_irq_enable();
	start = pv_clock_read();
	for (unsigned i = 1; i <= 8; i++) {
		pv_timer_set(0);
		comes(&beats, i);
	}
	interval = (pv_clock_read() - start) * times / 8;
	beats = user_beats = 0;
	pv_timer_set(pv_clock_read() + interval);
}

void beats_end(void)
{
	interval = 0;
	pv_irq_disable();
	pv_timer_cancel();
	let();
}
