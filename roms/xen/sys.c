/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Console and end. dom0 has Xen's own console, another domain a ring that its console daemon reads. */
#include "rom.h"

#define WAIT_LIMIT 1000 /* yields while a ring is full: the daemon may need to run here */

static void console_notify(void)
{
	uint32_t port = handover(XEN_HANDOVER_CONSOLE_PORT);

	xen_call2(XEN_EVENT_CHANNEL_OP, XEN_EVENT_SEND, (uint64_t)&port);
}

static int64_t ring_write(const char *buffer, uint64_t size)
{
	volatile struct xen_console *ring = window(XEN_CONSOLE);
	uint64_t done = 0;

	for (unsigned waits = 0; done < size && waits < WAIT_LIMIT; waits++) {
		uint32_t producer = ring->out_producer;

		while (done < size && producer - ring->out_consumer < sizeof(ring->out))
			ring->out[producer++ % sizeof(ring->out)] = buffer[done++];
		ring->out_producer = producer;
		console_notify();
		if (done < size)
			xen_call2(XEN_SCHED_OP, XEN_SCHEDOP_YIELD, 0);
	}
	return done;
}

static int64_t ring_read(char *buffer, uint64_t size)
{
	volatile struct xen_console *ring = window(XEN_CONSOLE);
	uint32_t consumer = ring->in_consumer;
	uint64_t done = 0;

	while (done < size && consumer != ring->in_producer)
		buffer[done++] = ring->in[consumer++ % sizeof(ring->in)];
	ring->in_consumer = consumer;
	if (done)
		console_notify();
	return done;
}

int64_t console_write(const char *buffer, uint64_t size)
{
	if (size > VMI_CONSOLE_LIMIT)
		return VMI_INVALID;
	if (!is_dom0())
		return ring_write(buffer, size);
	int64_t error = xen_call3(XEN_CONSOLE_IO, XEN_CONSOLE_WRITE, size, (uint64_t)buffer);

	return error < 0 ? vmi_error(error) : (int64_t)size;
}

int64_t console_read(char *buffer, uint64_t size)
{
	if (size > VMI_CONSOLE_LIMIT)
		return VMI_INVALID;
	if (!is_dom0())
		return ring_read(buffer, size);
	int64_t result = xen_call3(XEN_CONSOLE_IO, XEN_CONSOLE_READ, size, (uint64_t)buffer);

	return result < 0 ? vmi_error(result) : result;
}

_Noreturn void shutdown(uint32_t reason, uint32_t code)
{
	uint8_t *record = window(XEN_HANDOVER);
	uint32_t how = is_dom0() || reason == VMI_SHUTDOWN_REBOOT ? XEN_SHUTDOWN_REBOOT :
		       reason == VMI_SHUTDOWN_EXIT		   ? XEN_SHUTDOWN_POWEROFF :
								     XEN_SHUTDOWN_CRASH;

	*(uint32_t *)(record + XEN_EXIT_REASON) = reason > VMI_SHUTDOWN_REFUSED ? VMI_SHUTDOWN_CRASH : reason;
	*(uint32_t *)(record + XEN_EXIT_CODE) = code > 63 ? 63 : code;
	*(uint32_t *)(record + XEN_EXIT_MAGIC) = XEN_EXIT_VALID;
	for (;;)
		xen_call2(XEN_SCHED_OP, XEN_SCHEDOP_SHUTDOWN, (uint64_t)&how);
}

_Noreturn void die(void)
{
	shutdown(VMI_SHUTDOWN_CRASH, 0);
}

int64_t memory_balloon(void)
{
	return VMI_NOT_SUPPORTED;
}
