/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What the ROM would have to ask Xen for once, and has no room for: event channels, and which Xen this is. */
#include "shim.h"

static uint64_t bind_virq(uint32_t virq)
{
	struct xen_bind_virq bind = { .virq = virq };

	check(xen_call2(XEN_EVENT_CHANNEL_OP, XEN_EVENT_BIND_VIRQ, (uint64_t)&bind), "event_channel_op", "bind interrupt",
	      virq);
	return bind.port;
}

static uint64_t bind_ipi(void)
{
	struct xen_bind_ipi bind = { 0 };

	check(xen_call2(XEN_EVENT_CHANNEL_OP, XEN_EVENT_BIND_IPI, (uint64_t)&bind), "event_channel_op", "bind an IPI of VCPU",
	      bind.vcpu);
	return bind.port;
}

static void put(char *to, unsigned size, const char *format, ...)
{
	__builtin_va_list arguments;

	__builtin_va_start(arguments, format);
	to[shim_format(to, size, format, arguments)] = 0;
	__builtin_va_end(arguments);
}

void events_bind(uint64_t *handover)
{
	uint64_t *ports = handover + XEN_HANDOVER_PORTS / 8;
	int dom0 = !!(shim_start_info->flags & SIF_INITDOMAIN);
	uint32_t version = xen_call2(XEN_XEN_VERSION, XEN_VERSION_NUMBER, 0);
	char extra[16] = ""; /* terminated by Xen */

	ports[VMI_SOURCE_TIMER] = bind_virq(XEN_VIRQ_TIMER);
	ports[VMI_SOURCE_CONSOLE] = dom0 ? bind_virq(XEN_VIRQ_CONSOLE) : shim_start_info->console_port;
	ports[VMI_SOURCE_IPI] = bind_ipi();
	for (unsigned source = VMI_SOURCE_TIMER; source <= VMI_SOURCE_IPI; source++)
		if (ports[source] >= XEN_PORTS)
			refuse("Xen gives event channel %lu, expected one below %lu; start the domain anew", ports[source],
			       (uint64_t)XEN_PORTS);
	check(xen_call3(XEN_VCPU_OP, XEN_VCPUOP_STOP_PERIODIC, 0, 0), "vcpu_op", "stop the periodic timer of VCPU", 0);

	xen_call2(XEN_XEN_VERSION, XEN_VERSION_EXTRA, (uint64_t)extra);
	put((char *)(handover + XEN_HANDOVER_VERSION / 8), XEN_HANDOVER_VERSION_SIZE, "%lu.%lu%s", (uint64_t)version >> 16,
	    (uint64_t)version & 0xffff, extra);
}
