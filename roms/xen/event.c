/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Events: binding and holding their sources; entry.S has the rest, rom.h the state and its rules. */
#include "rom.h"

static int is_source(uint32_t source)
{
	return source <= VMI_SOURCE_SUSPEND || (source >= VMI_SOURCE_SOFT && source < VMI_EVENT_SOURCES);
}

/* With events off: opens what may be; then whatever is raised and open comes as soon as they are on. */
static void settle(struct xen_vcpu *vcpu)
{
	vcpu->open = vcpu->bound & ~vcpu->held & ~vcpu->busy;
	if (vcpu->raised & vcpu->open)
		vcpu->pending = 1;
}

int64_t event_bind(uint32_t source, uint32_t vector)
{
	struct xen_vcpu *vcpu = this_vcpu();
	uint32_t bit = 1u << (source & 31);

	if (!is_source(source) || (vector && (vector < 32 || vector > 255)))
		return VMI_INVALID;
	if (source == VMI_SOURCE_SUSPEND)
		return VMI_NOT_SUPPORTED;
	for (uint32_t other = 0; vector && other < VMI_EVENT_SOURCES; other++)
		if (other != source && vcpu->bound >> other & 1 && vcpu->vectors[other] == vector)
			return VMI_BUSY;
	uint32_t before = events_off();

	vcpu->vectors[source] = vector;
	vcpu->bound = vector ? vcpu->bound | bit : vcpu->bound & ~bit;
	vcpu->held &= ~bit;
	vcpu->busy &= ~bit;
	settle(vcpu);
	events_on(before);
	return 0;
}

static int64_t hold(uint32_t source, int held)
{
	struct xen_vcpu *vcpu = this_vcpu();

	if (!is_source(source))
		return VMI_INVALID;
	uint32_t before = events_off();

	vcpu->held = (vcpu->held & ~(1u << source)) | (uint32_t)held << source;
	settle(vcpu);
	events_on(before);
	return 0;
}

int64_t event_mask(uint32_t source)
{
	return hold(source, 1);
}

int64_t event_unmask(uint32_t source)
{
	return hold(source, 0);
}

/* ---- one VCPU ---- */

/* VcpuStart has no other to start, VcpuStop none to go on. */
int64_t vcpu_invalid(void)
{
	return VMI_INVALID;
}

int64_t ipi_send(uint64_t vcpus)
{
	if (vcpus & ~1ull)
		return VMI_INVALID;
	return vcpus ? vmi_error(xen_call2(XEN_EVENT_CHANNEL_OP, XEN_EVENT_SEND, (uint64_t)window(XEN_HANDOVER + XEN_HANDOVER_IPI_PORT))) : 0;
}
