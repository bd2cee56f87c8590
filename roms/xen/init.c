/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Group base: from the shim's hands into the kernel's, and what this is. */
#include "rom.h"

#define MAY_BE_NATIVE (1u << VMI_GROUP_SMP | 1u << VMI_GROUP_SUSPEND | 1u << VMI_GROUP_DEBUG | 1u << VMI_GROUP_RANDOM)

#define CPUID_1_RDRAND (1u << 30) /* ECX (Intel SDM volume 2A, CPUID) */

int64_t init(uint32_t version, uint64_t native_groups)
{
	if (version >> 16 != VMI_MAJOR || (version & 0xffff) > VMI_MINOR)
		return VMI_INVALID;
	if (native_groups & ~(uint64_t)MAY_BE_NATIVE)
		return VMI_NOT_SUPPORTED;
	return vmi_error(traps_init());
}

uint32_t probe(uint32_t group)
{
	static const uint8_t revisions[VMI_GROUP_COUNT] = {
		[VMI_GROUP_BASE] = VMI_REVISION_BASE, [VMI_GROUP_IRQ] = VMI_REVISION_IRQ,
		[VMI_GROUP_TRAP] = VMI_REVISION_TRAP, [VMI_GROUP_MMU] = VMI_REVISION_MMU,
		[VMI_GROUP_TIME] = VMI_REVISION_TIME, [VMI_GROUP_EVENT] = VMI_REVISION_EVENT,
		[VMI_GROUP_SMP] = VMI_REVISION_SMP, [VMI_GROUP_SYS] = VMI_REVISION_SYS,
	};

	if (group == VMI_GROUP_RANDOM) { /* the domain's processor may have it or not */
		uint32_t registers[4];

		cpuid_read(1, 0, registers);
		return registers[2] & CPUID_1_RDRAND ? VMI_REVISION_RANDOM : 0;
	}
	return group < VMI_GROUP_COUNT ? revisions[group] : 0;
}

int64_t info(uint32_t item, char *buffer, uint64_t size)
{
	const char *text;
	uint64_t length = 0;

	switch (item) {
	case VMI_INFO_HYPERVISOR:
	case VMI_INFO_ROM:
		text = "xen";
		break;
	case VMI_INFO_HYPERVISOR_VERSION:
		text = window(XEN_HANDOVER + XEN_HANDOVER_VERSION);
		break;
	case VMI_INFO_ROM_VERSION:
		text = "1.0";
		break;
	default:
		return VMI_INVALID;
	}
	for (; text[length] && length < size; length++)
		buffer[length] = text[length];
	return length;
}

int are_canonical(uint64_t one, uint64_t other)
{
	return !(((one + (1ull << 47)) | (other + (1ull << 47))) >> 48);
}

uint32_t has_vcpu;

int64_t vcpu_init(uint32_t number, uint64_t block)
{
	struct xen_vcpu *vcpu = (struct xen_vcpu *)(block + VMI_VCPU_ROM_OFFSET);
	struct xen_register_info where;
	int64_t error;

	if (number || block & 63 || !are_canonical(block, block))
		return VMI_INVALID;
	for (uint64_t *word = (uint64_t *)vcpu; word < (uint64_t *)(vcpu + 1); word++)
		*word = 0;
	where = (struct xen_register_info){
		.frame = machine_frame(translate((uint64_t)vcpu) >> 12),
		.offset = (uint64_t)vcpu & 4095,
	};
	vcpu->root = handover(XEN_HANDOVER_ROOT);
	error = xen_call3(XEN_VCPU_OP, XEN_VCPUOP_REGISTER_INFO, 0, (uint64_t)&where);
	vcpu->mask = 1;
	has_vcpu = 1;
	if (!error)
		error = xen_call2(XEN_SET_SEGMENT_BASE, XEN_SEGMENT_GS_KERNEL, block);
	for (unsigned source = VMI_SOURCE_TIMER; source <= VMI_SOURCE_IPI; source++)
		vcpu->sources[handover(XEN_HANDOVER_PORTS + source * 8) % XEN_PORTS] = source;
	return vmi_error(error);
}
