/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Console and end. dom0 has Xen's own console, another domain a ring that its console daemon reads. */
#include "rom.h"

void vcpu_yield(void); /* entry.S */

/*
 * Yields while nothing is taken out of the ring. The daemon may need to run here, and it reads a ring at most 30 times in
 * 200 ms (Xen tools/console/daemon/io.c): a second, or a few. One that is gone is waited for once, not at each call.
 */
#define WAIT_LIMIT (1u << 20)

static uint32_t waits;

static __attribute__((noinline)) int wait(void)
{
	vcpu_yield();
	return waits < WAIT_LIMIT && ++waits;
}

static void console_notify(void)
{
	uint32_t port = handover(XEN_HANDOVER_CONSOLE_PORT);

	xen_call2(XEN_EVENT_CHANNEL_OP, XEN_EVENT_SEND, (uint64_t)&port);
}

static int64_t ring_write(const char *buffer, uint64_t size)
{
	volatile struct xen_console *ring = window(XEN_CONSOLE);
	uint64_t done = 0;

	do {
		uint32_t before = has_vcpu ? events_off() : 1, producer = ring->out_producer; /* a handler may write, too */

		while (done < size && producer - ring->out_consumer < sizeof(ring->out))
			ring->out[producer++ % sizeof(ring->out)] = buffer[done++];
		if (producer != ring->out_producer) {
			ring->out_producer = producer;
			console_notify();
			waits = 0;
		}
		events_on(before);
	} while (done < size && wait());
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
	if (size) { /* all of the room can be written, or nothing is taken: it has two pages at most */
		__asm__ volatile("orb $0, %0" : "+m"(buffer[0]) : : "cc");
		__asm__ volatile("orb $0, %0" : "+m"(buffer[size - 1]) : : "cc");
	}
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

	if (!is_dom0()) { /* what is in the ring may be lost with the domain */
		volatile struct xen_console *ring = window(XEN_CONSOLE);

		while (ring->out_consumer != ring->out_producer && wait())
			;
	}
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
