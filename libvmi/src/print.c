/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* A small printf, and the console on top of it. */
#include "link.h"

struct sink {
	char *to;
	size_t size, used;
};

static void put(struct sink *sink, char c)
{
	if (sink->used + 1 < sink->size)
		sink->to[sink->used++] = c;
}

static void put_text(struct sink *sink, const char *text, int width)
{
	int length = strlen(text);

	for (int i = 0; i < length; i++)
		put(sink, text[i]);
	for (; length < width; length++)
		put(sink, ' ');
}

static void put_number(struct sink *sink, uint64_t value, unsigned base, int width, char fill)
{
	char digits[20];
	int count = 0;

	do
		digits[count++] = "0123456789abcdef"[value % base];
	while (value /= base);
	for (; width > count; width--)
		put(sink, fill);
	while (count)
		put(sink, digits[--count]);
}

size_t vmi_format(char *to, size_t size, const char *format, __builtin_va_list arguments)
{
	struct sink sink = { to, size, 0 };

	for (; *format; format++) {
		char fill = ' ';
		int width = 0, wide = 0;
		int64_t value;

		if (*format != '%') {
			put(&sink, *format);
			continue;
		}
		format++;
		if (*format == '-')
			format++; /* text is always left-aligned */
		if (*format == '0')
			fill = *format++;
		while (*format >= '0' && *format <= '9')
			width = width * 10 + *format++ - '0';
		while (*format == 'l') {
			wide = 1;
			format++;
		}
		switch (*format) {
		case 's':
			put_text(&sink, __builtin_va_arg(arguments, const char *), width);
			break;
		case 'c':
			put(&sink, __builtin_va_arg(arguments, int));
			break;
		case 'd':
			value = wide ? __builtin_va_arg(arguments, long) : __builtin_va_arg(arguments, int);
			if (value < 0)
				put(&sink, '-');
			put_number(&sink, value < 0 ? -(uint64_t)value : (uint64_t)value, 10, width, fill);
			break;
		case 'u':
		case 'x':
			value = wide ? __builtin_va_arg(arguments, unsigned long)
				     : __builtin_va_arg(arguments, unsigned);
			put_number(&sink, value, *format == 'x' ? 16 : 10, width, fill);
			break;
		case 'p':
			put_number(&sink, (uint64_t)__builtin_va_arg(arguments, void *), 16, 16, '0');
			break;
		case '%':
			put(&sink, '%');
			break;
		default: /* not one of ours: shown, so that it is noticed */
			put(&sink, '?');
			if (!*format)
				format--;
		}
	}
	to[sink.used] = 0;
	return sink.used;
}

size_t vmi_text(char *to, size_t size, const char *format, ...)
{
	__builtin_va_list arguments;

	__builtin_va_start(arguments, format);
	size_t length = vmi_format(to, size, format, arguments);
	__builtin_va_end(arguments);
	return length;
}

void vmi_print(const char *format, ...)
{
	char line[512];
	__builtin_va_list arguments;

	__builtin_va_start(arguments, format);
	size_t length = vmi_format(line, sizeof(line), format, arguments);
	__builtin_va_end(arguments);

	for (size_t done = 0; done < length;) {
		int64_t taken = pv_console_write((uint64_t)line + done, length - done);

		if (taken <= 0)
			return;
		done += taken;
	}
}

void vmi_shutdown(unsigned reason, unsigned code)
{
	pv_shutdown(reason, code);
	for (;;)
		pv_halt();
}

void vmi_panic(const struct vmi_trap *trap, const char *format, ...)
{
	static char message[256];
	static struct vmi_crash_report report;
	__builtin_va_list arguments;

	__builtin_va_start(arguments, format);
	size_t length = vmi_format(message, sizeof(message), format, arguments);
	__builtin_va_end(arguments);

	report.size = sizeof(report);
	report.vector = 0xffffffff;
	report.page_root = pv_address_space_read();
	report.message = (uint64_t)message;
	report.message_size = length;
	report.taint = vmi_link_state.taint;
	if (trap) {
		report.vector = trap->vector;
		report.error = trap->error;
		report.fault_address = trap->vector == 14 ? pv_fault_address_read() : 0;
		memcpy(report.frame, &trap->frame, sizeof(report.frame));
		memcpy(report.registers, trap, sizeof(report.registers));
	}
	vmi_print("panic: %s\n", message);
	pv_crash_report((uint64_t)&report); /* where nobody implements it, its native form leaves it to be found */
	vmi_shutdown(VMI_SHUTDOWN_CRASH, 0);
}
