/* SPDX-License-Identifier: MIT */
#include <vmi/guest.h>
#include <vmi/vmi.h>

VMI_GUEST(VMI_GUEST_LICENCE, VMI_PROFILE_PAGED);

/* Xen takes a deadline nearer than 50 us for one that has passed. */
enum { TIMER_VECTOR = 32, SOFT_VECTOR = 33, EVENTS = 2500, NS = 60000, SPREAD = 4000 };

int loop(void); /* loop.S */

static volatile unsigned fired, soft;
static uint64_t random = 1, lowest = UINT64_MAX;

static void check(const struct vmi_trap *trap)
{
	if (vmi_from_user(trap) || !(trap->frame.rflags & VMI_FLAG_IF))
		vmi_panic(trap, "the frame of an event is wrong");
	if (trap->frame.rsp < lowest)
		lowest = trap->frame.rsp;
}

static void on_timer(struct vmi_trap *trap)
{
	check(trap);
	fired++;
	random = random * 6364136223846793005 + 1442695040888963407; /* Knuth's MMIX */
	pv_event_ack(VMI_SOURCE_TIMER);
	pv_timer_set(pv_clock_read() + NS + (random >> 40) % SPREAD);
}

static void on_soft(struct vmi_trap *trap)
{
	check(trap);
	soft++;
	pv_event_ack(VMI_SOURCE_SOFT);
}

int vmi_main(void)
{
	unsigned sent = 0, wrong = 0;

	vmi_handle(TIMER_VECTOR, on_timer);
	vmi_handle(SOFT_VECTOR, on_soft);
	pv_event_bind(VMI_SOURCE_TIMER, TIMER_VECTOR);
	pv_event_bind(VMI_SOURCE_SOFT, SOFT_VECTOR);
	pv_irq_enable();
	pv_timer_set(0);
	while (fired < EVENTS) {
		wrong += loop();
		pv_event_send(VMI_SOURCE_SOFT); /* at once */
		uint64_t flags = pv_irq_save_disable();

		pv_event_send(VMI_SOURCE_SOFT);
		pv_irq_restore(flags); /* now */
		sent += 2;
	}
	pv_irq_disable();
	uint64_t depth = (uint64_t)__builtin_frame_address(0) - lowest;

	vmi_print("%u wrong, %u of %u, depth %lu\n", wrong, soft, sent, depth);
	return wrong || soft != sent || depth > 1024;
}
