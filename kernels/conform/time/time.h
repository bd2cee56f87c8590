/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_TIME_H
#define CONFORM_TIME_H

#include "conform.h"

#define MS 1000000ull /* in ns */
#define SECOND (1000 * MS)

extern volatile unsigned ticks;
extern volatile uint64_t came; /* the clock at the last tick */

void spin(uint64_t ns);
/* TIMER is bound and ticks is 0, interrupts are disabled; gives the unit of the tests: time that is much here. */
uint64_t timer_begin(void);

#endif
