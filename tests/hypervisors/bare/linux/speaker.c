// SPDX-License-Identifier: MIT
/*
 * A kernel that says and does what its command line tells it, word by word:
 *
 *	say=TEXT	a line, with ~ for each space
 *	about=WHAT	a line about line (the command line), cpus, pae (1 or 0), initrd (its size and first bytes)
 *	echo		a line of input
 *	exit=N		writes a byte to the exit port
 *	power, reset, fault, halt	ends by ACPI, the reset register, a triple fault, or not at all
 */
#include <stdint.h>

enum { PORT = 0x3f8, LSR = PORT + 5, READY = 1, EMPTY = 0x20, CMD_LINE_PTR = 0x228, RAMDISK = 0x218, LIMIT = 2048 };

static void out8(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static void out16(uint16_t port, uint16_t value)
{
	__asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}

static uint8_t in8(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static void put(char letter)
{
	while (!(in8(LSR) & EMPTY))
		;
	out8(PORT, (uint8_t)letter);
}

static void print(const char *text, char space)
{
	for (; *text && *text != ' '; text++)
		put(*text == space ? ' ' : *text);
}

static void print_all(const char *text)
{
	while (*text)
		put(*text++);
}

static void number(uint32_t value)
{
	if (value >= 10)
		number(value / 10);
	put((char)('0' + value % 10));
}

/* The rest of a word that starts with `key`, or nothing. */
static const char *after(const char *word, const char *key)
{
	while (*key && *word == *key) {
		word++;
		key++;
	}
	return *key ? 0 : word;
}

static void about(const char *what, const uint8_t *setup)
{
	const uint32_t *ramdisk = (const uint32_t *)(setup + RAMDISK);
	uint32_t eax = 1, ebx, ecx, edx;

	print(what, 0);
	print_all(": ");
	if (after(what, "line")) {
		print_all(*(const char *const *)(setup + CMD_LINE_PTR));
	} else if (after(what, "cpus")) {
		out8(0x70, 0x5f); /* CMOS, where QEMU tells firmware how many more there are */
		number(in8(0x71) + 1u);
	} else if (after(what, "pae")) {
		__asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx));
		number(edx >> 6 & 1);
	} else if (after(what, "initrd")) {
		number(ramdisk[1]);
		put(' ');
		for (uint32_t at = 0; at < ramdisk[1] && at < 8; at++)
			put(((const char *)ramdisk[0])[at]);
	}
	put('\n');
}

static void echo(void)
{
	uint8_t letter;

	do {
		while (!(in8(LSR) & READY))
			;
		letter = in8(PORT);
		put((char)letter);
	} while (letter != '\n');
}

static void triple_fault(void)
{
	static const struct __attribute__((packed)) {
		uint16_t limit;
		uint32_t base;
	} none;

	__asm__ volatile("lidt %0; ud2" : : "m"(none));
}

static void obey(const char *word, const uint8_t *setup)
{
	const char *rest;
	uint32_t value = 0;

	if ((rest = after(word, "say="))) {
		print(rest, '~');
		put('\n');
	} else if ((rest = after(word, "about="))) {
		about(rest, setup);
	} else if (after(word, "echo")) {
		echo();
	} else if ((rest = after(word, "exit="))) {
		for (; *rest >= '0' && *rest <= '9'; rest++)
			value = value * 10 + (uint32_t)(*rest - '0');
		out8(0xf4, (uint8_t)value);
	} else if (after(word, "power")) {
		out16(0x604, 0x2000); /* PM1a control of QEMU's PIIX4: SLP_EN, S5 */
	} else if (after(word, "reset")) {
		out8(0xcf9, 6);
	} else if (after(word, "fault")) {
		triple_fault();
	} else if (after(word, "halt")) {
		for (;;)
			__asm__ volatile("cli; hlt");
	}
}

void speak(const uint8_t *setup)
{
	const char *line = *(const char *const *)(setup + CMD_LINE_PTR);

	out8(PORT + 3, 0x83);
	out8(PORT, 1); /* 115,200 baud, 8 bits, no parity; QEMU does not care */
	out8(PORT + 1, 0);
	out8(PORT + 3, 3);
	out8(PORT + 2, 7);
	for (const char *word = line; *word && word < line + LIMIT; word++)
		if (word == line || word[-1] == ' ')
			obey(word, setup);
	for (;;)
		__asm__ volatile("cli; hlt");
}
