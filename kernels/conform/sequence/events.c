/* SPDX-License-Identifier: MIT */
/* What handlers do: tell, then what the sequence wants of them. */
#include "sequence.h"

int quiet;

static const uint8_t sources[] = { VMI_SOURCE_TIMER, VMI_SOURCE_CONSOLE, VMI_SOURCE_IPI, VMI_SOURCE_SUSPEND, 8, 9, 10, 11, 12, 13, 14, 15 };
#define FIRST_VECTOR 32 /* to 47: any source at any of them */
static struct {
	uint8_t mode, other;
} handlers[VMI_EVENT_SOURCES];
static uint8_t bound_to[VMI_VECTORS], bound_before[VMI_VECTORS]; /* source + 1, by vector */

uint64_t trap_flags(const struct vmi_trap *trap)
{
	uint64_t stack = (uint64_t)(trap + 1);
	uint64_t flags = trap->frame.rflags & VMI_FLAG_IF ? 1 : 0;

	if (vmi_from_user(trap)) {
		flags |= 2;
		if (stack != present_stack)
			flags |= 4;
	} else if (trap->frame.rsp - stack > 15 + VMI_STACK_LIMIT) /* a call that was interrupted may use as much */
		flags |= 4;
	if (pv_irq_save() & VMI_FLAG_IF)
		flags |= 8;
	return flags;
}

static void on_event(struct vmi_trap *trap)
{
	unsigned source = bound_to[trap->vector] - 1u;

	if (!quiet && (source != VMI_SOURCE_CONSOLE || log_again(trap->vector | trap_flags(trap) << 8))) {
		log_char('V');
		log_number(trap->vector);
		log_number(trap_flags(trap));
		if (source == VMI_SOURCE_TIMER)
			log_number(pv_clock_read());
		log_event_over();
	}
	if (vmi_from_user(trap) && user_spins(trap->frame.rip))
		trap->frame.rip += 2;
	if (source >= VMI_EVENT_SOURCES)
		return;
	switch (handlers[source].mode) {
	case MODE_KEEP:
		return;
	case MODE_MASK:
		pv_event_mask(source);
		break;
	case MODE_SEND:
		handlers[source].mode = MODE_ACK;
		pv_event_send(handlers[source].other);
		break;
	}
	pv_event_ack(source);
	if (handlers[source].mode == MODE_ENABLE) {
		handlers[source].mode = MODE_ACK;
		pv_irq_enable();
		breathe();
		pv_irq_disable();
	}
}

void handler_set(unsigned source, unsigned mode, unsigned other)
{
	if (source < VMI_EVENT_SOURCES && mode < MODES) {
		handlers[source].mode = mode;
		handlers[source].other = other;
	}
}

void events_bind(unsigned source, unsigned vector)
{
	memcpy(bound_before, bound_to, sizeof(bound_to));
	for (unsigned i = 0; i < VMI_VECTORS; i++)
		if (bound_to[i] == source + 1)
			bound_to[i] = 0;
	if (vector && vector < VMI_VECTORS)
		bound_to[vector] = source + 1;
}

void events_unbind(void)
{
	memcpy(bound_to, bound_before, sizeof(bound_to));
}

void events_start(void)
{
	for (unsigned vector = FIRST_VECTOR; vector < FIRST_SPARE; vector++)
		vmi_handle(vector, on_event);
}

/* Nothing bound, masked, handled or pending. Interrupts are disabled. */
void events_reset(void)
{
	quiet = 1;
	pv_timer_cancel();
	memset(handlers, 0, sizeof(handlers));
	for (unsigned i = 0; i < sizeof(sources); i++)
		pv_event_bind(sources[i], 0);
	for (unsigned i = 0; i < sizeof(sources); i++) {
		pv_event_ack(sources[i]);
		pv_event_bind(sources[i], FIRST_VECTOR + i);
		events_bind(sources[i], FIRST_VECTOR + i);
		pv_event_unmask(sources[i]);
	}
	pv_irq_enable();
	breathe();
	pv_irq_disable();
	for (unsigned i = 0; i < sizeof(sources); i++) {
		pv_event_bind(sources[i], 0);
		events_bind(sources[i], 0);
	}
	quiet = 0;
}

/* ---- exceptions, INT ---- */

static uint64_t where(const struct vmi_trap *trap)
{
	uint64_t rip = trap->frame.rip;

	if (rip - (uint64_t)vmi_window < VMI_TEXT_LIMIT)
		return 1;
	return rip - (uint64_t)thunks_start < (uint64_t)(thunks_end - thunks_start) ? 2 : 0;
}

void on_exception(struct vmi_trap *trap)
{
	static unsigned depth;

	if ((!try_back && !in_user) || ++depth > 8) {
		log_flush();
		vmi_panic(trap, "vector %lu out of place, at %lx", trap->vector, trap->frame.rip);
	}
	log_char('F');
	log_number(trap->vector);
	log_number(trap->vector == 13 ? name_error(trap->error) : trap->error);
	log_number(trap->vector == 14 ? name_address(pv_fault_address_read()) : 0);
	log_number(where(trap));
	log_number(trap_flags(trap));
	depth = 0;
	if (in_user) {
		if (vmi_from_user(trap))
			changed_from(trap);
		leave(1);
	}
	if (trap->vector >= FIRST_SPARE)
		return; /* INT of the kernel: goes on behind it */
	trap->frame.rip = (uint64_t)try_landing;
}
