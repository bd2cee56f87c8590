/* SPDX-License-Identifier: MIT */
/* The serial port, the command line, and what a C compiler expects of a library. */
#include "client.h"

#include <stdarg.h>

#define COM1 0x3f8
#define EXIT_PORT 0xf4
#define COMMAND_LINE 0x228 /* in the real-mode part */

extern uint32_t boot_parameters;
static char command_line[512];
static volatile uint32_t lock;

static void put(char byte)
{
	if (byte == '\n')
		put('\r');
	/* Bounded, so that a broken port cannot hang it; long enough for who reads it on a busy host. */
	for (unsigned i = 0; i < 2000000 && !(inb(COM1 + 5) & 0x20); i++)
		;
	outb(COM1, (uint8_t)byte);
}

static void number(uint64_t value, unsigned base, unsigned width)
{
	char text[24];
	unsigned count = 0;

	do {
		uint64_t rest = divide(value, base);

		text[count++] = "0123456789abcdef"[value - rest * base];
		value = rest;
	} while (value);
	while (count < width)
		text[count++] = '0';
	while (count)
		put(text[--count]);
}

/* The numbers of a conversion: %u %d %x %08x %llu %llx. */
static const char *convert(const char *format, va_list *arguments)
{
	unsigned width = 0, size = 0;
	uint64_t value;

	for (; *format >= '0' && *format <= '9'; format++)
		width = width * 10 + (unsigned)(*format - '0');
	for (; *format == 'l'; format++)
		size++;
	value = size == 2 ? va_arg(*arguments, uint64_t) : va_arg(*arguments, uint32_t);
	if (*format == 'd' && (int32_t)value < 0) {
		put('-');
		value = (uint32_t)-(int32_t)value;
	}
	number(value, *format == 'x' ? 16 : 10, width);
	return format;
}

static void vprint(const char *format, va_list *arguments)
{
	for (; *format; format++) {
		if (*format != '%') {
			put(*format);
		} else if (*++format == 's') {
			for (const char *text = va_arg(*arguments, const char *); *text; text++)
				put(*text >= ' ' || *text == '\n' ? *text : '?');
		} else if (*format == 'c') {
			put((char)va_arg(*arguments, int));
		} else {
			format = convert(format, arguments);
		}
	}
}

/* Both processors print: whole calls, and a processor that dies while it prints does not wait for itself for ever. */
static void take(void)
{
	for (unsigned i = 0; i < 10000000 && __atomic_exchange_n(&lock, 1, __ATOMIC_ACQUIRE); i++)
		;
}

void print(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	take();
	vprint(format, &arguments);
	__atomic_store_n(&lock, 0, __ATOMIC_RELEASE);
	va_end(arguments);
}

_Noreturn void finish(unsigned status)
{
	outb(EXIT_PORT, (uint8_t)status);
	for (;;)
		__asm__ volatile("cli; hlt");
}

_Noreturn void die(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	lock = 0;
	print("client dies: ");
	vprint(format, &arguments);
	print("\n");
	va_end(arguments);
	finish(1);
}

void print_init(void)
{
	const char *from = linear(*(const uint32_t *)linear(boot_parameters + COMMAND_LINE));

	outb(COM1 + 1, 0);
	outb(COM1 + 3, 0x83);
	outb(COM1, 1);
	outb(COM1 + 1, 0);
	outb(COM1 + 3, 3);
	outb(COM1 + 2, 7);
	outb(COM1 + 4, 3);
	if (physical(from) < LOWMEM - sizeof(command_line) && physical(from))
		memcpy(command_line, from, sizeof(command_line) - 1);
}

int word_is(const char *value, const char *word)
{
	while (*word && *value == *word)
		value++, word++;
	return !*word && (!*value || *value == ' ');
}

int option(const char *name)
{
	for (const char *at = command_line; *at; at++)
		if ((at == command_line || at[-1] == ' ') && word_is(at, name))
			return 1;
	return 0;
}

const char *option_value(const char *name)
{
	for (const char *at = command_line; *at; at++) {
		const char *word = name, *value = at;

		if (at != command_line && at[-1] != ' ')
			continue;
		while (*word && *value == *word)
			value++, word++;
		if (!*word && *value == '=')
			return value + 1;
	}
	return 0;
}

/* ---- what a compiler calls ---- */

void *memcpy(void *to, const void *from, unsigned size)
{
	void *result = to;

	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
	return result;
}

void *memset(void *to, int byte, unsigned size)
{
	void *result = to;

	__asm__ volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(byte) : "memory");
	return result;
}

int memcmp(const void *a, const void *b, unsigned size)
{
	const uint8_t *first = a, *second = b;

	for (; size; size--, first++, second++)
		if (*first != *second)
			return *first - *second;
	return 0;
}

int strcmp(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return (uint8_t)*a - (uint8_t)*b;
}

/* There is no library for 64-bit division. */
uint64_t divide(uint64_t number, uint32_t by)
{
	uint32_t high = (uint32_t)(number >> 32), low = (uint32_t)number, rest = high % by;

	high /= by;
	__asm__("divl %2" : "+a"(low), "+d"(rest) : "rm"(by) : "cc");
	return (uint64_t)high << 32 | low;
}
