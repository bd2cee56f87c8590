/* SPDX-License-Identifier: MIT */
/* Of the time group. In a run whose time counts instructions (`exact`) every alarm is where it belongs. */
#ifndef TIMING_H
#define TIMING_H

#include "subjects.h"

extern uint64_t frequency; /* cycles a second */
int timing_init(void); /* 0: there is no time group */
uint64_t counter(uint32_t which);
uint64_t cycles(uint32_t microseconds);

static inline void alarm_set(uint32_t flags, uint64_t expiry, uint64_t period)
{
	CALL5(SetAlarm, flags, expiry, expiry >> 32, period, period >> 32);
}

static inline uint32_t alarm_cancel(uint32_t flags)
{
	return (uint32_t)CALL1(CancelAlarm, flags);
}

void lvtt_program(uint8_t vector, int masked); /* as a kernel does, through the interface */

#endif
