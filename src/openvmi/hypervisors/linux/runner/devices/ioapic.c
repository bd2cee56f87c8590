/* SPDX-License-Identifier: MIT */
/* The I/O interrupt controller (Intel 82093AA): redirection entries, and one pin that something is connected to. */
#include "devices.h"
#include "vcpu.h"

enum { SELECT = 0x00, WINDOW = 0x10 };			/* in memory */
enum { VERSION = 1, REDIRECTION = 0x10, PINS = 24 };	/* by number */
#define VERSION_VALUE ((PINS - 1) << 16 | 0x11)
#define MASKED (1u << 16)

/* Low and high word of each pin. The low word is kept inverted in its mask bit, so that zeros are what a reset leaves. */
static uint32_t entries[2 * PINS];
static uint32_t levels, selected;

static uint32_t entry(uint32_t index) { return entries[index] ^ (index % 2 ? 0 : MASKED); }

void ioapic_set_line(uint32_t pin, bool up)
{
	uint32_t bit = 1u << pin, low = entry(2 * pin);
	bool open = !(low & MASKED), rises = up && !(levels & bit);

	/* A line that is up when its pin is unmasked rises then. */
	levels = (levels & ~bit) | (up && open ? bit : 0);
	if (rises && open)
		apic_request(low & 0xff);
}

uint32_t ioapic_read(uint32_t offset)
{
	uint32_t index = selected - REDIRECTION;

	if (offset == SELECT)
		return selected;
	if (offset != WINDOW)
		return 0;
	if (selected == VERSION)
		return VERSION_VALUE;
	return index < LENGTH(entries) ? entry(index) : 0;
}

void ioapic_write(uint32_t offset, uint32_t value)
{
	uint32_t index = selected - REDIRECTION;

	if (offset == SELECT)
		selected = value & 0xff;
	else if (offset == WINDOW && index < LENGTH(entries))
		entries[index] = value ^ (index % 2 ? 0 : MASKED);
}
