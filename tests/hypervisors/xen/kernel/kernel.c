/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Does what the command line in the package says by its first letter. Numbers are of Xen's public headers. */
#include "private.h"

#pragma GCC visibility push(hidden)

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long u64;

enum { CONSOLE_IO = 18, CONSOLE_WRITE = 0, CONSOLE_READ = 1 };
enum { SCHED_OP = 29, SHUTDOWN = 2, POWEROFF = 0, REBOOT = 1 };
enum { EXIT = 0, CRASH = 2 }; /* ShutdownReason */

extern u8 record[4096];

static long call3(u64 number, u64 a, u64 b, u64 c)
{
	__asm__ volatile("syscall" : "+a"(number), "+D"(a), "+S"(b), "+d"(c) : : "rcx", "r11", "r8", "r9", "r10", "memory");
	return (long)number;
}

static void write(const void *text, u64 size)
{
	call3(CONSOLE_IO, CONSOLE_WRITE, size, (u64)text);
}

static void say(const char *text)
{
	u64 size = 0;

	while (text[size])
		size++;
	write(text, size);
}

static void end(u32 reason)
{
	for (;;)
		call3(SCHED_OP, SHUTDOWN, (u64)&reason, 0);
}

static void leave(u32 reason, u32 code, const char *text)
{
	*(u32 *)(record + XEN_EXIT_REASON) = reason;
	*(u32 *)(record + XEN_EXIT_CODE) = code;
	for (u32 i = 0; text[i]; i++)
		record[XEN_EXIT_TEXT + i] = text[i];
	*(u32 *)(record + XEN_EXIT_MAGIC) = XEN_EXIT_VALID;
	end(REBOOT);
}

static char deed(const u8 *package)
{
	for (const u8 *at = package + XEN_PACK_ENTRIES;; at += XEN_PACK_ENTRY)
		if (*(const u32 *)at == XEN_PACK_COMMAND_LINE)
			return package[*(const u64 *)(at + 8)];
}

static void say_number(u64 number)
{
	if (number >= 10)
		say_number(number / 10);
	write(&"0123456789"[number % 10], 1);
}

__attribute__((noinline)) static void die(volatile u32 *at)
{
	*at = 1;
	__asm__ volatile("");
}

static void echo(void)
{
	char text[64];

	for (;;) {
		long got = call3(CONSOLE_IO, CONSOLE_READ, sizeof(text), (u64)text);

		if (got <= 0)
			continue;
		write(text, got);
		if (text[got - 1] == '.')
			leave(EXIT, 0, "");
	}
}

void kernel(const u8 *start_info)
{
	u8 bytes[256];

	switch (deed(*(const u8 *const *)(start_info + 112))) {
	case 'b': /* every byte, lines that are not ended, and words that are not Xen's */
		for (u32 i = 0; i < 256; i++)
			bytes[i] = i;
		write(bytes, 256);
		say("(XEN) a\r\n(XEN) [b] \n\r\r\n(XEN) [");
		leave(EXIT, 7, "");
	case 'c':
		say("unfinished");
		die((void *)0x5ead00000000);
	case 'e':
		echo();
	case 'f':
		for (u32 i = 0; i < 4000; i++)
			say("0123456789012345678901234567890123456789\n");
		leave(EXIT, 0, "");
	case 'h':
		end(POWEROFF);
	case 'm':
		say_number(*(const u64 *)(start_info + 32));
		leave(EXIT, 0, "");
	case 'r':
		say("no word");
		end(REBOOT);
	case 's':
		say("spinning\n");
		for (;;)
			;
	case 't':
		leave(CRASH, 0, "because");
	}
}
