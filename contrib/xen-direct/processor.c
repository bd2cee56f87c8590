/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Group trap, but for the entries and returns: what a kernel asks for once, or when it switches threads. */
#include "direct.h"

extern const struct {
	uint64_t handler, native;
} vmi_vectors[VMI_VECTORS]; /* libvmi's own entries */
extern const char vmi_syscall_entry[];

/* traps.S */
extern const uint64_t direct_vectors[VMI_VECTORS];
void direct_syscall(void), protection_entry(void), event_entry(void), failsafe_entry(void);

static int64_t set_callback(uint16_t type, uint64_t address)
{
	struct xen_callback callback = { .type = type, .flags = XEN_CALLBACK_MASK_EVENTS, .address = address };

	return xen_call2(XEN_CALLBACK_OP, XEN_CALLBACK_REGISTER, (uint64_t)&callback);
}

/* Called by the ROM's Init. */
int64_t traps_init(void)
{
	int64_t error = set_callback(XEN_CALLBACK_EVENT, (uint64_t)event_entry);

	return error ? error : set_callback(XEN_CALLBACK_FAILSAFE, (uint64_t)failsafe_entry);
}

/* Only what libvmi itself asks for: the entries are the back-end's own. */
int64_t direct_trap_table_set(const struct vmi_trap_gate *gate, uint32_t count)
{
	for (; count; count--, gate++) {
		if (gate->vector >= VMI_VECTORS || gate->handler != vmi_vectors[gate->vector].handler)
			return VMI_NOT_SUPPORTED;
		struct xen_trap_info traps[2] = { {
			.vector = gate->vector,
			.flags = XEN_TRAP_MASK_EVENTS | (gate->flags & VMI_GATE_USER ? XEN_TRAP_USER : XEN_TRAP_KERNEL),
			.cs = XEN_USER_CS,
			.address = gate->vector == 13 ? (uint64_t)protection_entry : direct_vectors[gate->vector],
		} };
		int64_t error = xen_call2(XEN_SET_TRAP_TABLE, (uint64_t)traps, 0);

		if (error)
			return vmi_error(error);
	}
	return 0;
}

int64_t direct_syscall_entry_set(uint64_t handler)
{
	if (handler != (uint64_t)vmi_syscall_entry)
		return VMI_NOT_SUPPORTED;
	return vmi_error(set_callback(XEN_CALLBACK_SYSCALL, (uint64_t)direct_syscall));
}

int64_t direct_kernel_stack_set(uint64_t top)
{
	return vmi_error(xen_call2(XEN_STACK_SWITCH, XEN_USER_SS, top));
}

int64_t direct_descriptors_set(uint32_t first, const uint64_t *descriptors, uint32_t count)
{
	uint64_t table = machine_frame(handover(XEN_HANDOVER_GDT) >> 12) << 12;

	for (uint32_t i = 0; i < count; i++) {
		int64_t error = xen_call2(XEN_UPDATE_DESCRIPTOR, table + (XEN_GDT_FIRST + first + i) * 8, descriptors[i]);

		if (error)
			return vmi_error(error);
	}
	return 0;
}

int64_t direct_tls_set(uint64_t fs_base, uint64_t gs_base)
{
	int64_t error = xen_call2(XEN_SET_SEGMENT_BASE, XEN_SEGMENT_FS, fs_base);

	return vmi_error(error ? error : xen_call2(XEN_SET_SEGMENT_BASE, XEN_SEGMENT_GS_USER, gs_base));
}

void direct_fpu_trap_set(uint32_t on)
{
	xen_call2(XEN_FPU_TASKSWITCH, on != 0, 0);
}
