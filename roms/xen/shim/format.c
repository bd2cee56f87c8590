/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Text from a format and arguments, without a C library. */
#include "shim.h"

struct text {
	char *start;
	unsigned size, used;
};

static void put(struct text *text, char character)
{
	if (text->used < text->size)
		text->start[text->used++] = character;
}

static void put_string(struct text *text, const char *string)
{
	while (*string)
		put(text, *string++);
}

static void put_number(struct text *text, uint64_t value, unsigned base)
{
	char digits[20];
	unsigned count = 0;

	do
		digits[count++] = "0123456789abcdef"[value % base];
	while (value /= base);
	while (count)
		put(text, digits[--count]);
}

unsigned shim_format(char *to, unsigned size, const char *format, __builtin_va_list arguments)
{
	struct text text = { to, size - 1, 0 };
	int64_t number;

	for (; *format; format++) {
		if (*format != '%') {
			put(&text, *format);
			continue;
		}
		switch (*++format) {
		case 's':
			put_string(&text, __builtin_va_arg(arguments, const char *));
			break;
		case '#': /* %#lx */
			format += 2;
			put_string(&text, "0x");
			put_number(&text, __builtin_va_arg(arguments, uint64_t), 16);
			break;
		default: /* %lu, %ld */
			number = __builtin_va_arg(arguments, int64_t);
			if (*++format == 'd' && number < 0) {
				put(&text, '-');
				number = -number;
			}
			put_number(&text, number, 10);
		}
	}
	return text.used;
}
