/* SPDX-License-Identifier: MIT */
/* What the runner tells: messages, counts, the end. */
#include <stdarg.h>
#include "internal.h"
#include "vcpu.h"
#include "sys.h"
#include "native.h"

#define MSG_NOSIGNAL 0x4000

static uint64_t counts[COUNTERS];
static const char *counter_names[COUNTERS];
static uint32_t counter_count;

void *memcpy(void *to, const void *from, size_t n)
{
	void *start = to;

	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
	return start;
}

void *memset(void *to, int value, size_t n)
{
	void *start = to;

	__asm__ volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(value) : "memory");
	return start;
}

size_t strlen(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

static void put(char *to, uint32_t *at, const char *from)
{
	while (*from && *at < MESSAGE_SIZE - 1)
		to[(*at)++] = *from++;
	to[*at] = 0;
}

static void put_number(char *to, uint32_t *at, uint64_t value, uint32_t base)
{
	char digits[24];
	uint32_t n = sizeof digits;

	digits[--n] = 0;
	do {
		digits[--n] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	put(to, at, base == 16 ? "0x" : "");
	put(to, at, digits + n);
}

static void format_text(char *to, const char *format, va_list arguments)
{
	uint32_t at = 0;

	to[0] = 0;
	for (; *format; format++) {
		const char one[2] = { *format, 0 };

		if (*format != '%') {
			put(to, &at, one);
			continue;
		}
		format++;
		if (*format == 's')
			put(to, &at, va_arg(arguments, const char *));
		else
			put_number(to, &at, va_arg(arguments, uint64_t), *format == 'x' ? 16 : 10);
	}
}

const char *text(const char *format, ...)
{
	static char buffer[MESSAGE_SIZE];
	va_list arguments;

	va_start(arguments, format);
	format_text(buffer, format, arguments);
	va_end(arguments);
	return buffer;
}

void crash(const char *format, ...)
{
	char buffer[MESSAGE_SIZE];
	va_list arguments;

	va_start(arguments, format);
	format_text(buffer, format, arguments);
	va_end(arguments);
	finish(END_CRASH, 0, buffer);
}

void count_exit(const char *name)
{
	for (uint32_t i = 0; i < counter_count; i++) {
		if (counter_names[i] == name) {
			counts[i]++;
			return;
		}
	}
	if (counter_count < COUNTERS) {
		counter_names[counter_count] = name;
		counts[counter_count] = 1;
		__atomic_store_n(&counter_count, counter_count + 1, __ATOMIC_RELEASE);
	}
}

void control_send(uint32_t kind, const void *data, uint32_t length)
{
	uint8_t packet[8 + CONTROL_LIMIT];

	if (length > CONTROL_LIMIT)
		length = CONTROL_LIMIT;
	memcpy(packet, &kind, 4);
	memcpy(packet + 4, &length, 4);
	memcpy(packet + 8, data, length);
	while (sys(SYS_sendto, CONTROL_FD, packet, 8 + length, MSG_NOSIGNAL, 0, 0) == -EINTR)
		;
}

static void registers(struct end *end)
{
	const struct context *from = current && current->stopped ? stub_context(current) : NULL;

	if (!from)
		return;
	const uint64_t general[16] = {
		from->rax, from->rbx, from->rcx, from->rdx, from->rsi, from->rdi, from->rbp, from->rsp,
		from->r8,  from->r9,  from->r10, from->r11, from->r12, from->r13, from->r14, from->r15,
	};

	memcpy(end->general, general, sizeof general);
	end->rip = from->rip;
	end->rflags = from->rflags;
	end->user = current != &kernel;
	if (native()) {
		end->rflags = (end->rflags & ~(uint64_t)VMI_FLAG_IF) | (interrupts() ? VMI_FLAG_IF : 0);
		end->cs = end->user ? native_user_cs(from->cs) : NATIVE_KERNEL_CS;
		end->ss = end->user ? NATIVE_USER_SS : NATIVE_KERNEL_SS;
	} else {
		end->cs = end->user ? from->cs : KERNEL_CS;
		end->ss = end->user ? from->ss : KERNEL_SS;
	}
	end->cr2 = from->cr2;
	end->cr3 = space_root();
}

static uint32_t begun;

void finish_is_the_others(void)
{
	while (__atomic_load_n(&begun, __ATOMIC_SEQ_CST))
		sys(SYS_poll, 0, 0, 1000);
}

void finish(enum ending ending, uint32_t code, const char *message)
{
	uint32_t count = __atomic_load_n(&counter_count, __ATOMIC_ACQUIRE); /* M may go on counting */
	struct {
		struct end end;
		struct counter counters[COUNTERS];
	} packet;

	if (__atomic_exchange_n(&begun, 1, __ATOMIC_SEQ_CST))
		finish_is_the_others();
	console_flush(ending != END_TIMEOUT && ending != END_INTERRUPTED);
	memset(&packet, 0, sizeof packet);
	packet.end.ending = ending;
	packet.end.code = code;
	for (uint32_t i = 0; message[i] && i < MESSAGE_SIZE - 1; i++)
		packet.end.message[i] = message[i];
	registers(&packet.end);
	packet.end.counter_count = count;
	for (uint32_t i = 0; i < count; i++) {
		packet.counters[i].count = counts[i];
		for (uint32_t j = 0; j < COUNTER_NAME - 1 && counter_names[i][j]; j++)
			packet.counters[i].name[j] = counter_names[i][j];
	}
	stubs_end();
	control_send(KIND_END, &packet, (uint32_t)(sizeof packet.end + count * sizeof(struct counter)));
	sys(SYS_exit_group, 0);
	__builtin_unreachable();
}
