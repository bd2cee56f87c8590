/* SPDX-License-Identifier: MIT */
#include "event.h"

volatile unsigned count[VMI_VECTORS], order[64], arrived, deepest;
volatile int enabled, from_user, flag_in_frame, acknowledges, raises, opens;
const uint32_t no_sources[8] = { 16, 17, 31, 32, 40, 99, 0x80000008, UINT32_MAX };
const uint32_t reserved[4] = { 4, 5, 6, 7 };

static volatile unsigned depth;
static unsigned source_at[VMI_VECTORS];

static void on_event(struct vmi_trap *trap)
{
	unsigned source = source_at[trap->vector];

	count[trap->vector]++;
	order[arrived++ & 63] = trap->vector;
	depth++;
	if (depth > deepest)
		deepest = depth;
	enabled = !!(pv_irq_save() & VMI_FLAG_IF);
	from_user = vmi_from_user(trap);
	flag_in_frame = !!(trap->frame.rflags & VMI_FLAG_IF);
	if (raises && raises--)
		pv_event_send(source);
	if (opens) {
		opens = 0;
		pv_event_send(source); /* must wait for the acknowledgement */
		pv_event_send(FIRST + 7);
		let();
	}
	if (acknowledges)
		pv_event_ack(source);
	depth--;
}

int64_t bind(unsigned source, unsigned vector)
{
	if (vector) {
		vmi_handle(vector, on_event);
		source_at[vector] = source;
	}
	return pv_event_bind(source, vector);
}

void begin(void)
{
	for (unsigned i = 0; i < SOURCES; i++)
		bind(FIRST + i, SOFT_VECTOR + i);
	memset((void *)count, 0, sizeof(count));
	arrived = depth = deepest = raises = opens = 0;
	acknowledges = 1;
}

void refuses_no_sources(int64_t (*call)(uint32_t source))
{
	begin();
	for (unsigned i = 0; i < sizeof(no_sources) / sizeof(no_sources[0]); i++)
		each(call(no_sources[i]) == VMI_INVALID, no_sources[i]);
	all("beyond the sources");
	for (unsigned i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
		each(call(reserved[i]) == VMI_INVALID, reserved[i]);
	all("between the sources");
	let();
	same("nothing comes by that", arrived, 0);
	for (unsigned i = 0; i < SOURCES; i++)
		pv_event_send(FIRST + i);
	let();
	for (unsigned i = 0; i < SOURCES; i++)
		each(came(i) == 1, i);
	all("the guest's sources come as before");
}
