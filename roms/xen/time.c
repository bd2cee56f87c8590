/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Time, the parts that are not in a hurry. Xen's clock is the time-stamp counter with a scale that Xen keeps right. */
#include "rom.h"

#define NS_PER_SECOND 1000000000ull

uint64_t clock_read(void); /* entry.S */

uint64_t clock_frequency(void)
{
	const struct xen_time *time = &this_vcpu()->time;
	uint64_t ticks = (NS_PER_SECOND << 32) / time->scale;

	return time->shift < 0 ? ticks << -time->shift : ticks >> time->shift;
}

uint64_t wall_clock_read(void)
{
	const volatile struct xen_wall_clock *start = window(XEN_SHARED_INFO + XEN_SHARED_WALL_CLOCK);
	uint32_t version;
	uint64_t ns;

	do {
		version = start->version;
		ns = ((uint64_t)start->seconds_high << 32 | start->seconds) * NS_PER_SECOND + start->nanoseconds;
	} while (version & 1 || version != start->version);
	return ns + clock_read();
}

uint64_t stolen_time_read(void)
{
	struct xen_runstate state;

	xen_call3(XEN_VCPU_OP, XEN_VCPUOP_RUNSTATE, 0, (uint64_t)&state);
	return state.time[1] + state.time[3];
}

int64_t timer_cancel(void)
{
	return vmi_error(xen_call3(XEN_VCPU_OP, XEN_VCPUOP_STOP_SINGLESHOT, 0, 0));
}
