/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Where Xen enters the kernel. It pushes RCX and R11 below the frame that the interface wants, so each vector has a stub
 * of eight bytes in a page of the window, and so has SYSCALL, written here through the direct map:
 *
 *	popq %rcx
 *	popq %r11
 *	jmp handler
 */
#include "rom.h"

enum { PROTECTION = 13, VECTORS = 256 };

#define POP_BOTH_JUMP 0xe95b4159u /* as bytes: 59, 41 5b, e9 */

void event_entry(void), failsafe_entry(void), protection_entry(void), denied_entry(void);

/* Writes the stub at an offset in their page. */
static void write_stub(unsigned offset, uint64_t target)
{
	uint32_t *to = (uint32_t *)(handover(XEN_HANDOVER_DIRECT_MAP) + translate(stub(offset)));

	to[0] = POP_BOTH_JUMP;
	to[1] = target - stub(offset + STUB_SIZE);
}

/* Who comes here has no handler. */
_Noreturn void unhandled(void)
{
	refuse("event or trap without handler", 0, 0, 0);
}

static int64_t set_callback(uint16_t type, uint64_t address)
{
	struct xen_callback callback = { .type = type, .flags = XEN_CALLBACK_MASK_EVENTS, .address = address };

	return xen_call2(XEN_CALLBACK_OP, XEN_CALLBACK_REGISTER, (uint64_t)&callback);
}

int64_t traps_init(void)
{
	for (unsigned vector = 0; vector < VECTORS; vector++)
		write_stub(vector * STUB_SIZE, (uint64_t)unhandled);

	int64_t error = set_callback(XEN_CALLBACK_EVENT, (uint64_t)event_entry);

	return error ? error : set_callback(XEN_CALLBACK_FAILSAFE, (uint64_t)failsafe_entry);
}

/*
 * Xen takes INT n of the kernel for one of privilege 1, and lets user mode's INT 0x80 in whatever the gate says: so that
 * one goes where it is refused, unless it is user mode's.
 */
static uint64_t entry_of(const struct vmi_trap_gate *gate)
{
	if (gate->vector == PROTECTION)
		return (uint64_t)protection_entry;
	if (gate->vector == 0x80 && !(gate->flags & VMI_GATE_USER))
		return (uint64_t)denied_entry;
	return stub(gate->vector * STUB_SIZE);
}

int64_t trap_table_set(const struct vmi_trap_gate *gate, uint32_t count)
{
	if (count > VECTORS)
		return VMI_INVALID;
	/* All are looked at, and so read, before the first is taken. */
	for (uint32_t i = 0; i < count; i++)
		if (!are_canonical(gate[i].handler, gate[i].native) || (gate[i].handler - stub(0) + (1u << 31)) >> 32)
			return VMI_INVALID;
	for (; count; count--, gate++) {
		struct xen_trap_info traps[2] = { {
			.vector = gate->vector,
			.flags = XEN_TRAP_MASK_EVENTS | (gate->flags & VMI_GATE_USER ? XEN_TRAP_USER : XEN_TRAP_KERNEL),
			.cs = XEN_USER_CS,
			.address = entry_of(gate),
		} };
		write_stub(gate->vector * STUB_SIZE, gate->handler);
		int64_t error = xen_call2(XEN_SET_TRAP_TABLE, (uint64_t)traps, 0);

		if (error)
			return vmi_error(error);
	}
	return 0;
}

int64_t syscall_entry_set(uint64_t handler, uint64_t native)
{
	if (!are_canonical(handler, native))
		return VMI_INVALID;
	write_stub(STUB_SYSCALL, handler);
	return vmi_error(set_callback(XEN_CALLBACK_SYSCALL, stub(STUB_SYSCALL)));
}

int64_t kernel_stack_set(uint64_t top)
{
	return top & 15 || !are_canonical(top, top) ? VMI_INVALID : vmi_error(xen_call2(XEN_STACK_SWITCH, XEN_USER_SS, top));
}

int64_t tls_set(uint64_t fs_base, uint64_t gs_base)
{
	/* Both are checked before either is set. */
	if (!are_canonical(fs_base, gs_base))
		return VMI_INVALID;
	int64_t error = xen_call2(XEN_SET_SEGMENT_BASE, XEN_SEGMENT_FS, fs_base);

	return vmi_error(error ? error : xen_call2(XEN_SET_SEGMENT_BASE, XEN_SEGMENT_GS_USER, gs_base));
}

/* Zero, or a present code or data segment of privilege 3 (Intel SDM volume 3, section 3.4.5). */
static int is_allowed(uint64_t descriptor)
{
	return !descriptor || (descriptor >> 44 & 0xf) == 0xf;
}

int64_t descriptors_set(uint32_t first, const uint64_t *descriptors, uint32_t count)
{
	if (first > VMI_DESCRIPTOR_SLOTS || count > VMI_DESCRIPTOR_SLOTS - first)
		return VMI_INVALID;
	for (uint32_t i = 0; i < count; i++)
		if (!is_allowed(descriptors[i]))
			return VMI_INVALID;
	uint64_t table = machine_frame(handover(XEN_HANDOVER_GDT) >> 12) << 12;

	for (uint32_t i = 0; i < count; i++) {
		int64_t error = xen_call2(XEN_UPDATE_DESCRIPTOR, table + (XEN_GDT_FIRST + first + i) * 8, descriptors[i]);

		if (error)
			return vmi_error(error);
	}
	return 0;
}

void fpu_trap_set(uint32_t on)
{
	xen_call2(XEN_FPU_TASKSWITCH, on, 0);
}
