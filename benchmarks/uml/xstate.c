/* SPDX-License-Identifier: MIT */
/*
 * Lets user-mode Linux 6.1 run on processors whose extended state is larger than the buffer it was compiled with (with AMX
 * it is 11 KiB; UML has 2,696 bytes). The host refuses to set a part of the state, so UML ends with its first process:
 * "ptrace set fp regs failed". This stands between the two (LD_PRELOAD) and hands over the whole state, all that UML does
 * not know as it is at the start. It adds a copy to each return to user mode, which any UML that has the room makes, too.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

enum {
	PTRACE = 101,
	PEEK_FIRST = 1,
	PEEK_LAST = 3,
	SETREGSET = 0x4205,
	NT_X86_XSTATE = 0x202,
	HEADER = 512, /* of the state: first the bits that say which parts are there */
	HEADER_SIZE = 64,
	MOST = 1 << 16,
	XSAVE_LEAF = 13,
};

/* By <sys/uio.h>. */
struct iovec {
	void *base;
	size_t size;
};

extern int *__errno_location(void);

static uint8_t whole[MOST] __attribute__((aligned(64)));
static uint32_t whole_size;
static uint64_t known; /* parts that end within what UML has */

static void cpuid(uint32_t leaf, uint32_t subleaf, uint32_t registers[4])
{
	__asm__("cpuid"
		: "=a"(registers[0]), "=b"(registers[1]), "=c"(registers[2]), "=d"(registers[3])
		: "a"(leaf), "c"(subleaf));
}

static void look(size_t size)
{
	uint32_t about[4];

	cpuid(XSAVE_LEAF, 0, about);
	whole_size = about[1];
	known = 3;
	for (uint32_t part = 2; part < 63; part++) {
		cpuid(XSAVE_LEAF, part, about);
		if (about[0] && about[1] && about[0] + about[1] <= size)
			known |= 1ul << part;
	}
}

static const struct iovec *complete(const struct iovec *given)
{
	static struct iovec all = { whole, 0 };

	if (!whole_size)
		look(given->size);
	if (given->size >= whole_size || whole_size > MOST || given->size < HEADER + HEADER_SIZE)
		return given;
	for (size_t i = 0; i < given->size; i++)
		whole[i] = ((const uint8_t *)given->base)[i];
	*(uint64_t *)(whole + HEADER) &= known;
	all.size = whole_size;
	return &all;
}

/* As the C library has it: a peek returns what it found, and an error is told apart by errno. */
long ptrace(int request, ...)
{
	long pid, result, found = 0;
	void *address, *data;
	va_list list;

	va_start(list, request);
	pid = va_arg(list, int);
	address = va_arg(list, void *);
	data = va_arg(list, void *);
	va_end(list);
	if (request >= PEEK_FIRST && request <= PEEK_LAST)
		data = &found;
	else if (request == SETREGSET && (long)address == NT_X86_XSTATE)
		data = (void *)complete(data);
	{
		register void *r10 __asm__("r10") = data;

		__asm__ volatile("syscall"
				 : "=a"(result)
				 : "a"(PTRACE), "D"((long)request), "S"(pid), "d"(address), "r"(r10)
				 : "rcx", "r11", "memory");
	}
	if (result < 0) {
		*__errno_location() = (int)-result;
		return -1;
	}
	if (data != &found)
		return result;
	*__errno_location() = 0;
	return found;
}
