/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What the ROM says when Xen refuses: on the console, and in the record that the host finds. */
#include "rom.h"

static char *put_text(char *to, const char *text)
{
	while (*text)
		*to++ = *text++;
	return to;
}

static char *put_hex(char *to, uint64_t value)
{
	int shift = 60;

	to = put_text(to, "0x");
	while (shift && !(value >> shift))
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		*to++ = "0123456789abcdef"[value >> shift & 15];
	return to;
}

void report_refusal(const char *call, uint64_t entry, uint64_t value, int64_t error)
{
	char *text = window(XEN_HANDOVER + XEN_EXIT_TEXT), *to = text;

	to = put_text(to, call);
	if (error == XEN_ENOMEM) {
		to = put_text(to, ": no page left for user mode's tables, give the domain more memory");
	} else if (error) {
		uint8_t number = -error;

		to = put_text(to, ": Xen refused, errno ");
		*to++ = '0' + number / 10 % 10;
		*to++ = '0' + number % 10;
	}
	to = put_text(to, ", entry ");
	to = put_hex(to, entry);
	to = put_text(to, ", value ");
	to = put_hex(to, value);
	*to = 0;
	*to++ = '\n';
	console_write("xen: ", 5);
	console_write(text, to - text);
	to[-1] = 0;
}
