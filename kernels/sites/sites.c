/* SPDX-License-Identifier: MIT */
/*
 * A kernel made of sites. The hypervisor counts instructions at the marks:
 *
 *	1, 2	around 1000 turns of an empty loop
 *	3, 4	around 1000 turns with an interrupt disable + enable pair
 *
 * Linking is over when mark 1 is set: the instructions until then are an upper bound for it.
 */
#include <vmi/guest.h>
#include <vmi/vmi.h>

VMI_GUEST(VMI_GUEST_LICENCE, VMI_PROFILE_BASE, VMI_WANTS(VMI_GROUP_DEBUG, 1));

enum { TURNS = 1000 };

/* Never run; there to be linked: 2,500 pairs. */
__attribute__((used)) static void many_sites(void)
{
#define PAIR pv_irq_disable(); pv_irq_enable();
#define TEN(x) x x x x x x x x x x
	TEN(TEN(TEN(PAIR PAIR) PAIR PAIR PAIR PAIR PAIR))
}

int vmi_main(void)
{
	pv_trace_mark(1, vmi_link_state.sites);
	for (int i = 0; i < TURNS; i++)
		__asm__ volatile("");
	pv_trace_mark(2, 0);
	pv_trace_mark(3, 0);
	for (int i = 0; i < TURNS; i++) {
		pv_irq_disable();
		pv_irq_enable();
	}
	pv_trace_mark(4, 0);
	pv_irq_disable();
	vmi_print("%u sites\n", vmi_link_state.sites);
	return 0;
}
