/* SPDX-License-Identifier: MIT */
/*
 * What the rows of kernels/times are compared with, in the same lines. One freestanding program:
 *
 *	times arithmetic	the kernel's arithmetic, as a process of the host
 *	(as process 1 of user-mode Linux)	getpid, and switches between two processes; then it halts that Linux
 *
 * The second ends with reboot(2). So it is refused to anybody but process 1 of a Linux whose processor says that it is
 * user-mode Linux's.
 */
#include <stddef.h>
#include "work.h"

enum { READ, WRITE, OPEN, CLOSE, PIPE = 22, GETPID = 39, FORK = 57, MOUNT = 165, REBOOT = 169, EXIT_GROUP = 231 };

enum { TURNS = 500, REFUSED = 64 };
#define MAGIC_1 0xfee1dead
#define MAGIC_2 672274793
#define HALT 0xcdef0123

static uint64_t rounds[ROUNDS];

static long sys(long number, long a, long b, long c, long d, long e)
{
	register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = 0;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

/* ---- printing ---- */

static char line[4096];
static size_t used;

static void put(const char *text)
{
	while (*text && used < sizeof(line))
		line[used++] = *text++;
}

static void put_number(uint64_t value)
{
	char digits[21];
	size_t at = sizeof(digits) - 1;

	digits[at] = 0;
	do
		digits[--at] = (char)('0' + value % 10);
	while (value /= 10);
	put(digits + at);
}

static void flush(void)
{
	for (size_t done = 0; done < used;) {
		long count = sys(WRITE, 1, (long)(line + done), (long)(used - done), 0, 0);

		if (count <= 0)
			break;
		done += (size_t)count;
	}
	used = 0;
}

static void report(const char *name, unsigned turns)
{
	put("times ");
	put(name);
	put(" ");
	put_number(turns);
	for (unsigned i = 0; i < ROUNDS; i++) {
		put(" ");
		put_number(rounds[i]);
	}
	put("\n");
	flush();
}

/* ---- what is measured ---- */

static void arithmetic(void)
{
	__asm__ volatile("" : : "r"(work(WORK_TURNS)));
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t start = ticks();

		__asm__ volatile("" : : "r"(work(WORK_TURNS)));
		rounds[i] = ticks() - start;
	}
	report("arithmetic", 1);
}

static void getpid(void)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t start = ticks();

		for (unsigned j = 0; j < TURNS; j++)
			sys(GETPID, 0, 0, 0, 0, 0);
		rounds[i] = ticks() - start;
	}
	report("getpid", TURNS);
}

static char byte;

static void transfer(long call, const int32_t *ends)
{
	if (sys(call, ends[call == WRITE], (long)&byte, 1, 0, 0) != 1)
		sys(EXIT_GROUP, 1, 0, 0, 0, 0);
}

/* A byte to oneself: the system calls of a switch without the switch. */
static void pipe_to_oneself(const int32_t *there)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t start = ticks();

		for (unsigned j = 0; j < TURNS; j++) {
			transfer(WRITE, there);
			transfer(READ, there);
		}
		rounds[i] = ticks() - start;
	}
	report("pipe-to-oneself", TURNS);
}

/* A byte to another process that waits for it and sends it back: each of the two is a turn. */
static void pipe_to_another(const int32_t *there, const int32_t *back)
{
	if (!sys(FORK, 0, 0, 0, 0, 0)) {
		for (;;) {
			transfer(READ, there);
			transfer(WRITE, back);
		}
	}
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t start = ticks();

		for (unsigned j = 0; j < TURNS / 2; j++) {
			transfer(WRITE, there);
			transfer(READ, back);
		}
		rounds[i] = ticks() - start;
	}
	report("pipe-to-another", TURNS);
}

/* ---- who is asked ---- */

static int same(const char *one, const char *other)
{
	while (*one && *one == *other)
		one++, other++;
	return *one == *other;
}

static int contains(const char *text, const char *end, const char *wanted)
{
	for (; text < end; text++) {
		const char *at = text, *next = wanted;

		while (at < end && *next && *at == *next)
			at++, next++;
		if (!*next)
			return 1;
	}
	return 0;
}

static int is_first_of_user_mode_linux(void)
{
	char about[1024];
	long file, size;

	if (sys(GETPID, 0, 0, 0, 0, 0) != 1)
		return 0;
	file = sys(OPEN, (long)"/proc/cpuinfo", 0, 0, 0, 0);
	if (file < 0 && !sys(MOUNT, (long)"proc", (long)"/proc", (long)"proc", 0, 0))
		file = sys(OPEN, (long)"/proc/cpuinfo", 0, 0, 0, 0);
	if (file < 0)
		return 0;
	size = sys(READ, file, (long)about, sizeof(about), 0, 0);
	sys(CLOSE, file, 0, 0, 0, 0);
	return size > 0 && contains(about, about + size, "User Mode Linux");
}

_Noreturn void program(const uint64_t *stack)
{
	uint64_t count = *stack;
	char *const *arguments = (char *const *)(stack + 1);
	int32_t pipes[2][2];
	long status = 0;

	if (count == 2 && same(arguments[1], "arithmetic")) {
		arithmetic();
	} else if (is_first_of_user_mode_linux()) {
		getpid();
		if (!sys(PIPE, (long)pipes[0], 0, 0, 0, 0) && !sys(PIPE, (long)pipes[1], 0, 0, 0, 0)) {
			pipe_to_oneself(pipes[0]);
			pipe_to_another(pipes[0], pipes[1]);
		}
		sys(REBOOT, MAGIC_1, MAGIC_2, HALT, 0, 0);
	} else {
		put("times: run as times arithmetic, or by user-mode Linux as its process 1\n");
		flush();
		status = REFUSED;
	}
	for (;;)
		sys(EXIT_GROUP, status, 0, 0, 0, 0);
}

__asm__(".globl _start\n_start: xorl %ebp, %ebp\nmovq %rsp, %rdi\nandq $-16, %rsp\ncall program\nud2\n");
