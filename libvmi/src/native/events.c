/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Native events: the local APIC, and the I/O APIC for the serial port. The APIC only brings them; what is pending, masked,
 * or being handled is kept here, so that its priorities and what it forgets are nobody's concern.
 */
#include "../link.h"
#include "native.h"

#define SPURIOUS_VECTOR 0xff
#define SELF 0x40000 /* APIC_COMMAND: destination shorthand, fixed delivery */
#define SERIAL_PIN 4
#define PIN_MASKED 0x10000
#define ARRIVAL_LIMIT 100000 /* turns that one's own interrupt may take */

static struct source {
	uint8_t vector; /* 0: unbound */
	uint8_t masked;
	uint8_t busy; /* delivered, not yet acknowledged */
	volatile uint8_t pending;
} sources[VMI_EVENT_SOURCES];

/* 1 + the source that was bound there last, by vector. */
static uint8_t last_bound[256];

static void setup(void)
{
	static int done;

	if (done)
		return;
	done = 1;
	out8(0x21, 0xff); /* the 8259s are not used */
	out8(0xa1, 0xff);
	apic_write(APIC_SPURIOUS, 0x100 | SPURIOUS_VECTOR);
	vmi_native_gate_needed(SPURIOUS_VECTOR);
}

static void route_serial(uint32_t entry)
{
	volatile uint32_t *ioapic = vmi_direct(IOAPIC_BASE);

	ioapic[0] = 0x10 + 2 * SERIAL_PIN + 1;
	ioapic[4] = 0; /* destination: APIC 0 */
	ioapic[0] = 0x10 + 2 * SERIAL_PIN;
	ioapic[4] = entry;
}

static int exists(uint32_t source)
{
	return source == VMI_SOURCE_TIMER || source == VMI_SOURCE_CONSOLE ||
	       (source >= VMI_SOURCE_SOFT && source < VMI_EVENT_SOURCES);
}

uint8_t vmi_native_timer_vector(void)
{
	return sources[VMI_SOURCE_TIMER].vector;
}

static int open(const struct source *source)
{
	return source->vector && !source->masked && !source->busy;
}

static int deliverable(const struct source *source)
{
	return source->pending && open(source);
}

/* Sends what may be delivered on its way; with interrupts enabled it has arrived on return. */
static void settle(const struct source *source)
{
	uint64_t flags;

	if (!deliverable(source))
		return;
	apic_write(APIC_COMMAND, SELF | source->vector);
	__asm__ volatile("pushfq; popq %0" : "=r"(flags));
	for (int i = 0; flags & VMI_FLAG_IF && i < ARRIVAL_LIMIT && deliverable(source); i++)
		__asm__ volatile("pause" : : : "memory");
}

void vmi_native_event_raise(uint32_t number)
{
	sources[number].pending = 1;
	settle(&sources[number]);
}

int vmi_native_holds_back(uint64_t vector)
{
	unsigned number = last_bound[vector];
	struct source *source = &sources[number - 1];

	if (!number)
		return 0;
	apic_write(APIC_EOI, 0);
	if (number - 1 == VMI_SOURCE_CONSOLE || (number - 1 == VMI_SOURCE_TIMER && vmi_native_timer_due()))
		source->pending = 1;
	if (!deliverable(source))
		return 1;
	if (source->vector != vector) { /* bound to another one since */
		settle(source);
		return 1;
	}
	source->pending = 0;
	source->busy = 1;
	return 0;
}

/* At a vector without a gate of the kernel's: nobody's fault, unless an event is to be delivered there. */
void vmi_native_stray(void)
{
	for (unsigned word = 8; word--;) {
		uint32_t set = apic_read(APIC_IN_SERVICE + word * 16);
		unsigned vector = word * 32 + 31 - (set ? __builtin_clz(set) : 0);

		if (!set)
			continue;
		if (!vmi_native_holds_back(vector))
			vmi_panic(0, "vector %lu without handler", (uint64_t)vector);
		return;
	}
}

/* What the APIC asks for that would be delivered. It may ask for a source that is held back, or was delivered since. */
static int requested(void)
{
	for (unsigned word = 1; word < 8; word++)
		for (uint32_t set = apic_read(APIC_REQUESTED + word * 16); set; set &= set - 1) {
			unsigned number = last_bound[word * 32 + __builtin_ctz(set)];

			if (!number)
				return 1; /* the kernel's own */
			if (number - 1 == VMI_SOURCE_CONSOLE && open(&sources[VMI_SOURCE_CONSOLE]))
				return 1; /* pending once it is taken; of all others it is known here */
		}
	return 0;
}

/* IrqPending, for pending.S. */
uint32_t vmi_native_look_for_events(void)
{
	if (pv_ops[vmi_form_index(VMI_CALL_EVENT_BIND)].kind != VMI_LINK_NATIVE)
		return 1; /* who knows? The hypervisor has the events */
	for (unsigned i = 0; i < VMI_EVENT_SOURCES; i++)
		if (deliverable(&sources[i]))
			return 1;
	return (open(&sources[VMI_SOURCE_TIMER]) && vmi_native_timer_passed()) || requested();
}

int64_t vmi_native_event_bind(uint32_t number, uint32_t vector)
{
	if (number >= VMI_EVENT_SOURCES || vector > 255 || (vector && vector < 32))
		return VMI_INVALID;
	if (!exists(number))
		return VMI_NOT_SUPPORTED;
	for (unsigned i = 0; vector && i < VMI_EVENT_SOURCES; i++)
		if (i != number && sources[i].vector == vector)
			return VMI_BUSY;
	setup();
	sources[number].masked = sources[number].busy = 0;
	sources[number].vector = vector;
	if (vector) {
		last_bound[vector] = 1 + number;
		vmi_native_gate_needed(vector);
	}
	if (number == VMI_SOURCE_TIMER)
		vmi_native_timer_arm();
	if (number == VMI_SOURCE_CONSOLE) {
		route_serial(vector ? vector : PIN_MASKED);
		/* The pin tells of a rise only: what came before it was routed is told here. */
		if (vmi_native_console_waits())
			sources[number].pending = 1;
	}
	settle(&sources[number]);
	return 0;
}

int64_t vmi_native_event_mask(uint32_t number)
{
	if (!exists(number))
		return VMI_INVALID;
	sources[number].masked = 1;
	return 0;
}

int64_t vmi_native_event_unmask(uint32_t number)
{
	if (!exists(number))
		return VMI_INVALID;
	sources[number].masked = 0;
	settle(&sources[number]);
	return 0;
}

int64_t vmi_native_event_ack(uint32_t number)
{
	if (!exists(number))
		return VMI_INVALID;
	sources[number].busy = 0;
	settle(&sources[number]);
	return 0;
}

int64_t vmi_native_event_send(uint32_t number)
{
	if (number < VMI_SOURCE_SOFT || number >= VMI_EVENT_SOURCES)
		return VMI_INVALID;
	vmi_native_event_raise(number);
	return 0;
}
