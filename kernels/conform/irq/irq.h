/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_IRQ_H
#define CONFORM_IRQ_H

#include "conform.h"

#define MS 1000000ull /* in ns */

extern volatile unsigned events, ticks;

/* SOFT and TIMER are bound, events and ticks are 0. */
void irq_begin(void);
int is_enabled(void);
/* Which registers a leaf call changes, as lost(), when all of them are addresses of nothing. */
uint64_t lost_hostile(leaf_call *call, uint64_t may);

#endif
