/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Native console, the first serial port (National Semiconductor PC16550D), and the ways to end a PC. */
#include "native.h"

#define SERIAL 0x3f8
enum { DATA = 0, ENABLE = 1, FIFO = 2, LINE_CONTROL = 3, MODEM_CONTROL = 4, LINE_STATUS = 5 };
enum { LINE_RECEIVED = 0x01, LINE_EMPTY = 0x20 };

/*
 * QEMU's isa-debug-exit, at the port that everyone gives it. One byte, of which QEMU's own exit status carries seven
 * bits: below EXIT_REASON the guest's status, from there on why it ends.
 */
#define EXIT_PORT 0xf4
#define EXIT_REASON 64
#define KEYBOARD_CONTROLLER 0x64
#define KEYBOARD_RESET 0xfe

static void setup(void)
{
	static int done;

	if (done)
		return;
	done = 1;
	out8(SERIAL + ENABLE, 0);
	out8(SERIAL + LINE_CONTROL, 0x80); /* divisor latch: 115200 baud */
	out8(SERIAL + DATA, 1);
	out8(SERIAL + ENABLE, 0);
	out8(SERIAL + LINE_CONTROL, 0x03);
	/* Turning the FIFO on would drop what is there already, when a ROM has written first. */
	if (!(in8(SERIAL + LINE_STATUS) & LINE_RECEIVED))
		out8(SERIAL + FIFO, 0x01);
	out8(SERIAL + MODEM_CONTROL, 0x0b);
	out8(SERIAL + ENABLE, 1); /* interrupt when something was received */
}

int64_t vmi_native_console_write(uint64_t buffer, uint64_t size)
{
	const uint8_t *from = (const uint8_t *)buffer;

	if (size > VMI_CONSOLE_LIMIT)
		return VMI_INVALID;
	setup();
	for (uint64_t done = 0; done < size; done++) {
		/* Bounded, so that a broken port cannot hang the kernel; long enough for who reads it on a busy host. */
		for (int i = 0; i < 2000000 && !(in8(SERIAL + LINE_STATUS) & LINE_EMPTY); i++)
			;
		out8(SERIAL + DATA, from[done]);
	}
	return size;
}

int64_t vmi_native_console_read(uint64_t buffer, uint64_t size)
{
	uint8_t *to = (uint8_t *)buffer;
	uint64_t done = 0;

	if (size > VMI_CONSOLE_LIMIT)
		return VMI_INVALID;
	if (size) { /* all of the room can be written, or nothing is taken: it has two pages at most */
		__asm__ volatile("orb $0, %0" : "+m"(to[0]) : : "cc");
		__asm__ volatile("orb $0, %0" : "+m"(to[size - 1]) : : "cc");
	}
	setup();
	while (done < size && in8(SERIAL + LINE_STATUS) & LINE_RECEIVED)
		to[done++] = in8(SERIAL + DATA);
	return done;
}

int vmi_native_console_waits(void)
{
	setup();
	return in8(SERIAL + LINE_STATUS) & LINE_RECEIVED;
}

void vmi_native_shutdown(uint32_t reason, uint32_t code)
{
	__asm__ volatile("cli");
	if (reason > VMI_SHUTDOWN_REFUSED)
		reason = VMI_SHUTDOWN_CRASH;
	if (code >= EXIT_REASON)
		code = EXIT_REASON - 1;
	out8(EXIT_PORT, reason == VMI_SHUTDOWN_EXIT ? code : EXIT_REASON + reason);
	if (reason == VMI_SHUTDOWN_REBOOT)
		out8(KEYBOARD_CONTROLLER, KEYBOARD_RESET);
	for (;;)
		__asm__ volatile("hlt");
}
