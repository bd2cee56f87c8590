/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Native time: the time-stamp counter, the local APIC's timer, the CMOS clock. */
#include "native.h"

#define CPUID_HYPERVISOR 0x40000000
#define CPUID_TIMING 0x40000010 /* VMware's timing leaf: TSC and APIC timer in kHz */
#define CPUID_TSC 0x15

static uint64_t tsc_khz, apic_khz; /* 0 until measured */
static uint64_t deadline = UINT64_MAX;

/* Counts down channel 2 of the 8254 (1.193182 MHz) for 10 ms while the counter runs. */
static uint64_t measure_tsc(void)
{
	enum { CHANNEL2 = 0x42, COMMAND = 0x43, GATE = 0x61, TICKS = 11932 };

	out8(GATE, (in8(GATE) & 0xfd) | 1);
	out8(COMMAND, 0xb0); /* channel 2, both bytes, mode 0 */
	out8(CHANNEL2, TICKS & 0xff);
	out8(CHANNEL2, TICKS >> 8);

	uint64_t start = read_tsc();

	for (int i = 0; i < 1000000 && !(in8(GATE) & 0x20); i++)
		;
	return (read_tsc() - start) / 10;
}

/* The APIC timer against the time-stamp counter for 1 ms. */
static uint64_t measure_apic(void)
{
	apic_write(APIC_TIMER_DIVIDE, 0x0b);
	apic_write(APIC_LVT_TIMER, 1 << 16);
	apic_write(APIC_TIMER_INITIAL, UINT32_MAX);

	uint64_t start = read_tsc();

	while (read_tsc() - start < tsc_khz)
		;
	uint32_t left = apic_read(APIC_TIMER_CURRENT);

	apic_write(APIC_TIMER_INITIAL, 0);
	return UINT32_MAX - left;
}

static void measure(void)
{
	uint32_t r[4];

	vmi_native_cpuid(CPUID_HYPERVISOR, 0, (uint64_t)r);
	if (r[0] >= CPUID_TIMING && r[0] < CPUID_HYPERVISOR + 0x100) {
		vmi_native_cpuid(CPUID_TIMING, 0, (uint64_t)r);
		tsc_khz = r[0];
		apic_khz = r[1];
	}
	if (!tsc_khz) {
		vmi_native_cpuid(0, 0, (uint64_t)r);
		if (r[0] >= CPUID_TSC) {
			vmi_native_cpuid(CPUID_TSC, 0, (uint64_t)r);
			if (r[0] && r[1] && r[2])
				tsc_khz = (uint64_t)r[2] * r[1] / r[0] / 1000;
		}
	}
	if (!tsc_khz)
		tsc_khz = measure_tsc();
	if (!tsc_khz)
		tsc_khz = 1000000;
	if (!apic_khz)
		apic_khz = measure_apic();
	if (!apic_khz)
		apic_khz = 1000000;
}

/* value * multiplier / divisor, where the product needs more than 64 bits and the quotient does not. */
static uint64_t scale(uint64_t value, uint64_t multiplier, uint64_t divisor)
{
	uint64_t quotient, rest;

	__asm__("mulq %3; divq %4"
		: "=a"(quotient), "=&d"(rest)
		: "0"(value), "r"(multiplier), "r"(divisor) : "cc");
	return quotient;
}

uint64_t vmi_native_clock_read(void)
{
	static uint64_t origin;

	if (!tsc_khz) {
		measure();
		origin = read_tsc();
	}
	return scale(read_tsc() - origin, 1000000, tsc_khz);
}

uint64_t vmi_native_clock_frequency(void)
{
	vmi_native_clock_read();
	return tsc_khz * 1000;
}

uint64_t vmi_native_stolen_time_read(void)
{
	return 0;
}

void vmi_native_timer_arm(void)
{
	static const struct {
		uint32_t shift, code;
	} dividers[] = { { 0, 0x0b }, { 4, 0x03 }, { 7, 0x0a } };
	uint64_t now = vmi_native_clock_read();
	uint64_t ticks = deadline > now ? scale(deadline - now < 1ull << 50 ? deadline - now : 1ull << 50, apic_khz, 1000000) : 0;
	unsigned i = 0;

	if (!vmi_native_timer_vector() || deadline == UINT64_MAX) {
		apic_write(APIC_TIMER_INITIAL, 0);
		return;
	}
	while (i < 2 && ticks >> dividers[i].shift >= UINT32_MAX)
		i++;
	ticks >>= dividers[i].shift;
	apic_write(APIC_LVT_TIMER, vmi_native_timer_vector());
	apic_write(APIC_TIMER_DIVIDE, dividers[i].code);
	apic_write(APIC_TIMER_INITIAL, ticks >= UINT32_MAX ? UINT32_MAX : ticks + 1);
}

int vmi_native_timer_passed(void)
{
	return deadline != UINT64_MAX && vmi_native_clock_read() >= deadline;
}

int vmi_native_timer_due(void)
{
	if (deadline == UINT64_MAX)
		return 0;
	if (vmi_native_clock_read() < deadline) {
		vmi_native_timer_arm();
		return 0;
	}
	deadline = UINT64_MAX;
	return 1;
}

int64_t vmi_native_timer_set(uint64_t at)
{
	/* The old deadline may have passed a moment ago: what is pending stays so. */
	uint64_t now = vmi_native_clock_read();
	int due = deadline <= now || at <= now;

	deadline = at <= now ? UINT64_MAX : at;
	vmi_native_timer_arm();
	if (due)
		vmi_native_event_raise(VMI_SOURCE_TIMER);
	return 0;
}

int64_t vmi_native_timer_cancel(void)
{
	return vmi_native_timer_set(UINT64_MAX);
}

static uint8_t cmos(uint8_t reg)
{
	out8(0x70, reg);
	return in8(0x71);
}

static unsigned cmos_number(uint8_t reg, int binary)
{
	uint8_t value = cmos(reg);

	return binary ? value : (value >> 4) * 10 + (value & 15);
}

/* MC146818A registers; the century is taken to be this one. */
uint64_t vmi_native_wall_clock_read(void)
{
	static const uint16_t before_month[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
	unsigned second, minute, hour, day, month, year;
	int binary = cmos(0x0b) & 4;

	for (int i = 0; i < 100000 && cmos(0x0a) & 0x80; i++)
		; /* update in progress */
	do {
		second = cmos_number(0, binary);
		minute = cmos_number(2, binary);
		hour = cmos_number(4, binary);
		day = cmos_number(7, binary);
		month = cmos_number(8, binary);
		year = 2000 + cmos_number(9, binary);
	} while (second != cmos_number(0, binary));
	if (month < 1 || month > 12)
		month = 1;

	uint64_t days = (year - 1970) * 365ull + (year - 1969) / 4 + before_month[month - 1] + day - 1;

	if (month > 2 && year % 4 == 0)
		days++;
	return (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000000000ull;
}
