/* SPDX-License-Identifier: MIT */
/* The devices together: which port and which address is whose. */
#include "devices.h"
#include "native.h"

/* Where a PC has them, and openvmi.machine.boot says. */
#define IOAPIC_BASE 0xfec00000ul
#define APIC_BASE 0xfee00000ul
#define NOTHING 0xffffffffu /* what a port without device reads as */

/* openvmi.machine.exit_port: a status up to this, from there on a reason of Shutdown. */
#define EXIT_PORT 0xf4
#define EXIT_CODE_MOST 63

static uint64_t page_of(uint64_t physical) { return physical & ~(PAGE_SIZE - 1); }

bool device_at(uint64_t physical) { return page_of(physical) == IOAPIC_BASE || page_of(physical) == APIC_BASE; }

uint32_t device_read(uint64_t physical)
{
	uint32_t offset = physical % PAGE_SIZE;

	count_exit("mmio");
	apic_tick(clock_now());
	return page_of(physical) == APIC_BASE ? apic_read(offset) : ioapic_read(offset);
}

void device_write(uint64_t physical, uint32_t value)
{
	uint32_t offset = physical % PAGE_SIZE;

	count_exit("mmio");
	apic_tick(clock_now()); /* a deadline may have passed unseen */
	if (page_of(physical) == APIC_BASE)
		apic_write(offset, value);
	else
		ioapic_write(offset, value);
}

static bool is_serial(uint16_t port) { return port >= SERIAL_BASE && port < SERIAL_BASE + SERIAL_SIZE; }

static uint32_t low_bytes(uint32_t value, uint32_t size) { return size >= 4 ? value : value & ((1u << 8 * size) - 1); }

uint32_t port_read(uint16_t port, uint32_t size)
{
	uint32_t value = NOTHING;

	count_exit("port in");
	if (is_serial(port))
		value = serial_read(port - SERIAL_BASE);
	else if (port == RTC_DATA_PORT)
		value = rtc_read();
	return low_bytes(value, size);
}

static _Noreturn void exit_byte(uint8_t value)
{
	if (value <= EXIT_CODE_MOST)
		finish(END_EXIT, value, "");
	guest_ends(value - (EXIT_CODE_MOST + 1u), 0);
}

void port_write(uint16_t port, uint32_t size, uint32_t value)
{
	uint8_t byte = (uint8_t)low_bytes(value, size);

	count_exit("port out");
	if (is_serial(port))
		serial_write(port - SERIAL_BASE, byte);
	else if (port == RTC_INDEX_PORT)
		rtc_select(byte);
	else if (port == RTC_DATA_PORT)
		rtc_write(byte);
	else if (port == EXIT_PORT)
		exit_byte(byte);
}

uint32_t interrupt_next(void)
{
	timer_tick(); /* of the host's alarm; what has come is the local controller's affair */
	apic_tick(clock_now());
	ioapic_set_line(SERIAL_PIN, serial_interrupt());
	return apic_next();
}

uint32_t interrupt_take(void)
{
	uint32_t vector = interrupt_next();

	if (vector) {
		apic_take(vector);
		count_exit("event");
	}
	return vector;
}
