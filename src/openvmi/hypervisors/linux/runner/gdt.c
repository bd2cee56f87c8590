/* SPDX-License-Identifier: MIT */
/*
 * A native guest writes descriptors for user mode into its own table, where the host's processor does not look. A process
 * has a local table of its own for that, and the boot contract gives selectors of that one: before user mode goes on, what
 * the guest's table holds in the slots is there too. What the host does not take, or user mode may not have, is empty.
 */
#include "native.h"

#define SLOTS 0x30 /* of the guest's table, after the descriptors that every PC's has (libvmi/src/native/processor.c) */

void native_slots(void)
{
	static uint64_t known[VMI_DESCRIPTOR_SLOTS];
	const uint64_t empty = 0;
	uint64_t now[VMI_DESCRIPTOR_SLOTS] = {0};

	if (SLOTS + sizeof now - 1 <= native_gdt.limit)
		guest_read(native_gdt.base + SLOTS, now, sizeof now);
	for (uint32_t i = 0; i < VMI_DESCRIPTOR_SLOTS; i++) {
		if (now[i] == known[i])
			continue;
		known[i] = now[i];
		if (descriptors_change(i, &now[i], 1) != VMI_SUCCESS)
			descriptors_change(i, &empty, 1);
	}
}
