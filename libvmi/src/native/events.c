/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Native events: the local APIC, and the I/O APIC for the serial port. */
#include "native.h"

#define SPURIOUS_VECTOR 0xff
#define SELF 0x40000 /* APIC_COMMAND: destination shorthand, fixed delivery */
#define SERIAL_PIN 4
#define PIN_MASKED 0x10000

static struct source {
	uint8_t vector;
	uint8_t masked;
	uint8_t waiting; /* came while masked */
} sources[VMI_EVENT_SOURCES];

static void setup(void)
{
	static int done;

	if (done)
		return;
	done = 1;
	out8(0x21, 0xff); /* the 8259s are not used */
	out8(0xa1, 0xff);
	apic_write(APIC_SPURIOUS, 0x100 | SPURIOUS_VECTOR);
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
	return source == VMI_SOURCE_TIMER || source == VMI_SOURCE_CONSOLE || source >= VMI_SOURCE_SOFT;
}

uint8_t vmi_native_timer_vector(void)
{
	return sources[VMI_SOURCE_TIMER].vector;
}

static void raise(uint8_t vector)
{
	apic_write(APIC_COMMAND, SELF | vector);
}

int vmi_native_holds_back(uint64_t vector)
{
	for (unsigned i = 0; i < VMI_EVENT_SOURCES; i++) {
		struct source *source = &sources[i];

		if (source->vector != vector)
			continue;
		if (i == VMI_SOURCE_TIMER && vmi_native_timer_early()) {
			apic_write(APIC_EOI, 0);
			return 1;
		}
		if (source->masked) {
			source->waiting = 1;
			apic_write(APIC_EOI, 0);
			return 1;
		}
		return 0;
	}
	return 0;
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
	sources[number] = (struct source){ .vector = vector };
	if (number == VMI_SOURCE_TIMER)
		vmi_native_timer_arm();
	if (number == VMI_SOURCE_CONSOLE)
		route_serial(vector ? vector : PIN_MASKED);
	return 0;
}

int64_t vmi_native_event_mask(uint32_t number)
{
	if (number >= VMI_EVENT_SOURCES)
		return VMI_INVALID;
	sources[number].masked = 1;
	return 0;
}

int64_t vmi_native_event_unmask(uint32_t number)
{
	struct source *source = &sources[number];

	if (number >= VMI_EVENT_SOURCES)
		return VMI_INVALID;
	source->masked = 0;
	if (source->waiting && source->vector) {
		source->waiting = 0;
		raise(source->vector);
	}
	return 0;
}

int64_t vmi_native_event_ack(uint32_t number)
{
	if (number >= VMI_EVENT_SOURCES)
		return VMI_INVALID;
	apic_write(APIC_EOI, 0);
	return 0;
}

int64_t vmi_native_event_send(uint32_t number)
{
	if (number < VMI_SOURCE_SOFT || number >= VMI_EVENT_SOURCES)
		return VMI_INVALID;
	if (sources[number].vector)
		raise(sources[number].vector);
	return 0;
}
