/* SPDX-License-Identifier: MIT */
/* Clocks that neither the ROM nor the time-stamp counter has a part in: QEMU's ACPI timer, and the CMOS clock. */
#include "client.h"

#define ACPI_TIMER 0x608 /* where SeaBIOS puts it on a PIIX4 */
#define CMOS 0x70
enum { SECOND = 0, MINUTE = 2, HOUR = 4, DAY = 7, MONTH = 8, YEAR = 9, STATUS_A = 10, STATUS_B = 11 };

uint32_t clock_now(void)
{
	return inl(ACPI_TIMER) & 0xffffff;
}

void delay(uint32_t microseconds)
{
	uint32_t start = clock_now(), clocks = (uint32_t)divide((uint64_t)microseconds * CLOCK_HZ, 1000000);

	while (clock_since(start) < clocks)
		;
}

uint64_t rdtsc(void)
{
	uint64_t value;

	__asm__ volatile("rdtsc" : "=A"(value));
	return value;
}

static uint8_t cmos(unsigned index)
{
	outb(CMOS, (uint8_t)index);
	return inb(CMOS + 1);
}

static unsigned field(unsigned index, unsigned status)
{
	unsigned value = cmos(index), afternoon = index == HOUR && !(status & 2) && value & 0x80;

	value &= index == HOUR ? 0x7f : 0xff;
	if (!(status & 4))
		value = (value >> 4) * 10 + (value & 15);
	if (index == HOUR && !(status & 2))
		value = value % 12 + (afternoon ? 12 : 0);
	return value;
}

static uint32_t read_once(void)
{
	static const uint16_t before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
	unsigned status = cmos(STATUS_B), year = field(YEAR, status), month = field(MONTH, status), days;

	year += year < 70 ? 2000 : 1900;
	if (month < 1 || month > 12)
		return 0;
	days = (year - 1970) * 365 + (year - 1969) / 4 + before[month - 1] + field(DAY, status) - 1;
	if (year % 4 == 0 && month > 2)
		days++;
	return days * 86400 + field(HOUR, status) * 3600 + field(MINUTE, status) * 60 + field(SECOND, status);
}

uint32_t rtc_seconds(void)
{
	uint32_t first, second = 0;

	do {
		first = second;
		for (unsigned i = 0; i < 100000 && cmos(STATUS_A) & 0x80; i++)
			;
		second = read_once();
	} while (first != second);
	return second;
}
