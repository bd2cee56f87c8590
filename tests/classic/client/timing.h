/* SPDX-License-Identifier: MIT */
/* Of the time group. In a run whose time counts instructions (`exact`) every alarm is where it belongs. */
#ifndef TIMING_H
#define TIMING_H

#include "subjects.h"

enum { LVTT = 0x320 }; /* register of the local APIC */

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

/* ---- alarms.c ---- */

extern const volatile unsigned *alarm_count; /* of the wiring that is in use */
extern uint32_t alarm_slack; /* us that an alarm may be late */
void arm(uint32_t flags, uint32_t from_now, uint64_t period); /* an alarm that many us from now */
/* Interrupts on until as many have come, at most for that time; us since the last arm(). */
uint32_t wait_for(unsigned least, uint32_t most);
unsigned within(uint32_t microseconds); /* how many come in that time */
int early(uint32_t took, uint32_t expected);
void good(int condition, uint32_t who, uint32_t found, uint32_t expected); /* in a function that try() runs */
/* Each try is a new start. In the host's time a processor may stand still between any two instructions: five tries. */
void try(void (*run)(uint32_t), uint32_t with);
void check_generations(void);

#endif
