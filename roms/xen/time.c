/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Time: Xen's clock is the time-stamp counter with a scale that Xen keeps right (public/xen.h, vcpu_time_info). */
#include "rom.h"

#define NS_PER_SECOND 1000000000ull

static uint64_t time_stamp(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

/* (a * b) >> 32 */
static uint64_t scale(uint64_t a, uint32_t b)
{
	uint64_t low, high;

	__asm__("mulq %3" : "=a"(low), "=d"(high) : "a"(a), "r"((uint64_t)b));
	return high << 32 | low >> 32;
}

uint64_t clock_read(void)
{
	const volatile struct xen_time *time = &this_vcpu()->time;
	uint32_t version;
	uint64_t ns;

	do {
		version = time->version;
		uint64_t ticks = time_stamp() - time->tsc;

		ticks = time->shift < 0 ? ticks >> -time->shift : ticks << time->shift;
		ns = time->system_time + scale(ticks, time->scale);
	} while (version & 1 || version != time->version);
	return ns;
}

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

int64_t timer_set(uint64_t deadline)
{
	struct xen_singleshot timer = { .deadline = deadline > INT64_MAX ? INT64_MAX : deadline };

	return vmi_error(xen_call3(XEN_VCPU_OP, XEN_VCPUOP_SET_SINGLESHOT, 0, (uint64_t)&timer));
}

int64_t timer_cancel(void)
{
	return vmi_error(xen_call3(XEN_VCPU_OP, XEN_VCPUOP_STOP_SINGLESHOT, 0, 0));
}
