/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_IRQ_H
#define CONFORM_IRQ_H

#include "conform.h"

#define MS 1000000ull /* in ns */
#define RUBBISH 0xa5a5 /* in registers that are no arguments */

extern volatile unsigned events, ticks;

leaf_call leaf_irq_disable, leaf_irq_enable, leaf_irq_save, leaf_irq_restore, leaf_irq_save_disable, leaf_halt;

/* SOFT and TIMER are bound, events and ticks are 0. */
void irq_begin(void);
int is_enabled(void);
/* Which registers a leaf call changes, as lost(), when all of them are addresses of nothing. */
uint64_t lost_hostile(leaf_call *call, uint64_t may);

#endif
