/* SPDX-License-Identifier: MIT */
/* The guest's own sources, which can be raised at will, and a handler for them. */
#ifndef CONFORM_EVENT_H
#define CONFORM_EVENT_H

#include "conform.h"

enum { SOURCES = 8, FIRST = VMI_SOURCE_SOFT, SECOND_VECTOR = 50 };

/* Deliveries: by vector, in order of arrival, all of them; the most of them at once. */
extern volatile unsigned count[VMI_VECTORS], order[64], arrived, deepest;
/* What the last handler saw. */
extern volatile int enabled, from_user, flag_in_frame;
/* What handlers do. raises: that many times raise their own source. opens: once, raise their own and the last, and enable. */
extern volatile int acknowledges, raises, opens;

/* The eight are bound, each to a vector from SOFT_VECTOR on; interrupts are disabled; handlers acknowledge, no more. */
void begin(void);
int64_t bind(unsigned source, unsigned vector); /* EventBind, with the handler */
static inline unsigned came(unsigned which)
{
	return count[SOFT_VECTOR + which];
}

/* No sources: beyond them, and between them. */
extern const uint32_t no_sources[8], reserved[4];
/* Checks that a call is INVALID for all of them, and that none of the eight changes by it: they come once each. */
void refuses_no_sources(int64_t (*call)(uint32_t source));

#endif
