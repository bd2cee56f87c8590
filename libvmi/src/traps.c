/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Traps in C: one handler per vector, and what happens without one. */
#include "entry.h"
#include "link.h"
#include "native/native.h"

enum { PROTECTION = 13 };

struct vector_entries {
	uint64_t handler, native;
};
extern const struct vector_entries vmi_vectors[VMI_VECTORS];
extern const char vmi_syscall_entry[], vmi_native_syscall_entry[];

struct fixup {
	int32_t instruction, target; /* relative to the field */
};
extern const struct fixup vmi_fixups_start[], vmi_fixups_end[];

static void no_system_calls(struct vmi_trap *trap)
{
	vmi_panic(trap, "system call without handler, at %lx", trap->frame.rip);
}

/* The entry of system calls goes straight to the last one. */
vmi_handler vmi_handlers[VMI_VECTORS + 1] = { [VMI_SYSCALL] = no_system_calls };

vmi_handler vmi_handle(unsigned vector, vmi_handler handler)
{
	vmi_handler before = vmi_handlers[vector];

	vmi_handlers[vector] = handler || vector != VMI_SYSCALL ? handler : no_system_calls;
	return before;
}

/* An instruction that is allowed to fault (an MSR that may not exist) goes on at its fixup. */
static int fixed_up(struct vmi_trap *trap)
{
	for (const struct fixup *fixup = vmi_fixups_start; fixup < vmi_fixups_end; fixup++) {
		if ((uint64_t)&fixup->instruction + fixup->instruction == trap->frame.rip) {
			trap->frame.rip = (uint64_t)&fixup->target + fixup->target;
			return 1;
		}
	}
	return 0;
}

/* Called by the entry code with interrupts disabled. */
void vmi_dispatch(struct vmi_trap *trap)
{
	vmi_handler handler = trap->vector < VMI_VECTORS ? vmi_handlers[trap->vector] : 0;

	if (trap->vector >= VMI_VECTORS) {
		unsigned arrived = vmi_native_arrived();

		if (!arrived && trap->vector == SPURIOUS)
			return;
		if (arrived)
			trap->vector = arrived;
	}
	if (trap->vector >= FIRST_EVENT && trap->vector != STRAY && vmi_native_holds_back(trap->vector))
		return;
	/* Before the kernel's own handler: it was promised that these raise none. */
	if (trap->vector == PROTECTION && !vmi_from_user(trap) && fixed_up(trap))
		return;
	if (handler)
		handler(trap);
	else
		vmi_panic(trap, "vector %lu without handler, error %lx, at %lx", trap->vector, trap->error,
			  trap->frame.rip);
}

void vmi_traps_init(void)
{
	static struct vmi_trap_gate gates[VMI_VECTORS];

	for (unsigned i = 0; i < VMI_VECTORS; i++)
		gates[i] = (struct vmi_trap_gate){
			.vector = i,
			.flags = i == 3 ? VMI_GATE_USER : 0,
			.handler = vmi_vectors[i].handler,
			.native = vmi_vectors[i].native,
		};
	pv_trap_table_set((uint64_t)gates, VMI_VECTORS);
	pv_syscall_entry_set((uint64_t)vmi_syscall_entry, (uint64_t)vmi_native_syscall_entry);
}
