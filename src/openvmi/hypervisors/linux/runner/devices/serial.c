/* SPDX-License-Identifier: MIT */
/* The first serial port: a 16550 (National Semiconductor PC16550D) that never makes its guest wait. */
#include "devices.h"
#include "vcpu.h"

enum { DATA, ENABLE, IDENTITY, LINE_CONTROL, MODEM_CONTROL, LINE_STATUS, MODEM_STATUS };
#define RECEIVED 0x01
#define EMPTY 0x60
#define DIVISOR 0x80 /* line control: data and enable registers are the divisor */
#define NOTHING_PENDING 0x01
#define RECEIVE_PENDING 0x04
#define FIFO 0xc0
#define MODEM_READY 0xb0 /* carrier, data set ready, clear to send */

static uint8_t kept[SERIAL_SIZE], divisor[2];

bool serial_interrupt(void) { return kept[ENABLE] & RECEIVED && console_waits(); }

uint8_t serial_read(uint32_t offset)
{
	if (offset < sizeof divisor && kept[LINE_CONTROL] & DIVISOR)
		return divisor[offset];
	switch (offset) {
	case DATA: {
		int byte = console_take();

		/* With the last byte the line falls, also when another one comes before anybody looks. */
		ioapic_set_line(SERIAL_PIN, serial_interrupt());
		return byte < 0 ? 0 : (uint8_t)byte;
	}
	case IDENTITY:
		return FIFO | (serial_interrupt() ? RECEIVE_PENDING : NOTHING_PENDING);
	case LINE_STATUS:
		return EMPTY | (console_waits() ? RECEIVED : 0);
	case MODEM_STATUS:
		return MODEM_READY;
	default:
		return kept[offset];
	}
}

void serial_write(uint32_t offset, uint8_t value)
{
	if (offset < sizeof divisor && kept[LINE_CONTROL] & DIVISOR)
		divisor[offset] = value;
	else if (offset == DATA)
		console_put(value);
	else
		kept[offset] = value;
}
