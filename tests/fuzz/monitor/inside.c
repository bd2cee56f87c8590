/* SPDX-License-Identifier: MIT */
/* The runner's two threads from inside: one round of M's loop, and what I does. */
#include "main.c"
#include "io.c"
#include "fake.h"

bool m_looks(void) { return look(); }
void m_rang(void) { ring(); }

uint32_t the_order;

void i_orders(uint32_t order)
{
	the_order = order;
	obey();
}

void i_receives(void)
{
	if (console_has_room() && console_receive()) {
		__atomic_store_n(&arrived, 1, __ATOMIC_RELEASE);
		ring();
	}
}
