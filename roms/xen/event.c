/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Events: Xen's channels for timer, console and IPI, and the guest's own sources. rom.h has the state and its rules. */
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

static int64_t bind_virq(struct xen_vcpu *vcpu, uint32_t virq, unsigned source)
{
	struct xen_bind_virq bind = { .virq = virq };
	int64_t error = xen_call2(XEN_EVENT_CHANNEL_OP, XEN_EVENT_BIND_VIRQ, (uint64_t)&bind);

	if (!error && bind.port < XEN_PORTS)
		vcpu->sources[bind.port] = source;
	return error;
}

static uint32_t ipi_port;

int64_t events_init(struct xen_vcpu *vcpu)
{
	struct xen_bind_ipi ipi = { 0 };
	uint64_t console = handover(XEN_HANDOVER_CONSOLE_PORT);
	int64_t error = bind_virq(vcpu, XEN_VIRQ_TIMER, VMI_SOURCE_TIMER);

	if (!error && is_dom0())
		error = bind_virq(vcpu, XEN_VIRQ_CONSOLE, VMI_SOURCE_CONSOLE);
	if (!is_dom0() && console < XEN_PORTS)
		vcpu->sources[console] = VMI_SOURCE_CONSOLE;
	if (!error)
		error = xen_call2(XEN_EVENT_CHANNEL_OP, XEN_EVENT_BIND_IPI, (uint64_t)&ipi);
	ipi_port = ipi.port;
	if (!error && ipi.port < XEN_PORTS)
		vcpu->sources[ipi.port] = VMI_SOURCE_IPI;
	return error;
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

/* Sets or clears a source's bit in one of the words of the state. */
static int64_t mark(uint32_t source, size_t word, int set)
{
	struct xen_vcpu *vcpu = this_vcpu();
	uint32_t *bits = (uint32_t *)((uint8_t *)vcpu + word);

	if (!is_source(source))
		return VMI_INVALID;
	uint32_t before = events_off();

	*bits = set ? *bits | 1u << source : *bits & ~(1u << source);
	settle(vcpu);
	events_on(before);
	return 0;
}

int64_t event_mask(uint32_t source)
{
	return mark(source, XV_HELD, 1);
}

int64_t event_unmask(uint32_t source)
{
	return mark(source, XV_HELD, 0);
}

int64_t event_ack(uint32_t source)
{
	return mark(source, XV_BUSY, 0);
}

int64_t event_send(uint32_t source)
{
	return source < VMI_SOURCE_SOFT ? VMI_INVALID : mark(source, XV_RAISED, 1);
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
	return vcpus ? vmi_error(xen_call2(XEN_EVENT_CHANNEL_OP, XEN_EVENT_SEND, (uint64_t)&ipi_port)) : 0;
}
