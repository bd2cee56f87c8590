/* SPDX-License-Identifier: MIT */
/* The CMOS clock (Motorola MC146818A). */
#include "devices.h"
#include "vcpu.h"

enum { STATUS_A = 0x0a, STATUS_B = 0x0b, STATUS_D = 0x0d };
#define BINARY 0x04
#define HOURS_24 0x02
#define DIVIDER 0x26 /* status A: 32.768 kHz, no update in progress */
#define VALID 0x80
#define SECOND 1000000000ul
#define DAY 86400u
#define ERA_DAYS 146097u /* of 400 years */
#define EPOCH 719468u	 /* days from 1 March of the year 0 to 1970 */

static uint8_t selected, format;

void rtc_select(uint8_t value) { selected = value & 0x7f; /* the highest bit is the NMI mask */ }

void rtc_write(uint8_t value)
{
	if (selected == STATUS_B)
		format = value & BINARY;
}

/* The Gregorian calendar, with years that begin in March, so that the leap day is a year's last. */
static void date(uint32_t days, uint32_t *year, uint32_t *month, uint32_t *day)
{
	uint32_t since = days + EPOCH, era = since / ERA_DAYS, of_era = since % ERA_DAYS;
	uint32_t of_years = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	uint32_t of_year = of_era - (365 * of_years + of_years / 4 - of_years / 100);
	uint32_t from_march = (5 * of_year + 2) / 153;

	*day = of_year - (153 * from_march + 2) / 5 + 1;
	*month = from_march < 10 ? from_march + 3 : from_march - 9;
	*year = era * 400 + of_years + (*month <= 2);
}

static uint32_t field(void)
{
	uint64_t seconds = clock_wall() / SECOND;
	uint32_t days = (uint32_t)(seconds / DAY), rest = (uint32_t)(seconds % DAY), year, month, day;

	date(days, &year, &month, &day);
	switch (selected) {
	case 0x00:
		return rest % 60;
	case 0x02:
		return rest / 60 % 60;
	case 0x04:
		return rest / 3600;
	case 0x06:
		return (days + 4) % 7 + 1; /* 1: Sunday; 1 January 1970 was a Thursday */
	case 0x07:
		return day;
	case 0x08:
		return month;
	case 0x09:
		return year % 100;
	case 0x32:
		return year / 100;
	default:
		return 0;
	}
}

uint8_t rtc_read(void)
{
	uint32_t value;

	if (selected == STATUS_A)
		return DIVIDER;
	if (selected == STATUS_B)
		return format | HOURS_24;
	if (selected == STATUS_D)
		return VALID;
	value = field();
	return (uint8_t)(format & BINARY ? value : (value / 10) << 4 | value % 10);
}
