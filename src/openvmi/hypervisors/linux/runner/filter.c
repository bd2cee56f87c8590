/* SPDX-License-Identifier: MIT */
/*
 * The filter of a stub (seccomp, Documentation/userspace-api/seccomp_filter.rst): by where a system call is made.
 *
 *   in the stub's page   futex wait and wake, rt_sigreturn, rt_sigprocmask; with the secret: munmap, modify_ldt, mmap of the
 *                        memory file, shared, at a fixed address, never writable and executable
 *   in the ROM's text    of K: futex wait and wake
 *   anywhere else        none: SIGSYS
 *
 * mmap has the secret in the upper halves of flags and of the descriptor, which Linux does not look at; munmap in its
 * fifth argument, modify_ldt in its sixth, which they have not.
 */
#include "internal.h"
#include "sys.h"

#define LOAD 0x20	/* BPF_LD | BPF_W | BPF_ABS */
#define EQUAL 0x15	/* BPF_JMP | BPF_JEQ | BPF_K */
#define AT_LEAST 0x35	/* BPF_JMP | BPF_JGE | BPF_K */
#define RETURN 0x06	/* BPF_RET | BPF_K */
#define TRAP 0x00030000u
#define ALLOW 0x7fff0000u
#define SECCOMP_SET_MODE_FILTER 1

/* struct seccomp_data */
#define NUMBER 0
#define ARCH 4
#define IP_LOW 8
#define IP_HIGH 12
#define LOW(argument) (16 + 8 * (argument))
#define HIGH(argument) (20 + 8 * (argument))

struct instruction {
	uint16_t code;
	uint8_t yes, no;
	uint32_t value;
};

struct program {
	uint16_t length;
	struct instruction *code;
};

#define PROGRAM_LIMIT 96

struct builder {
	struct instruction code[PROGRAM_LIMIT];
	uint32_t length;
};

static void put(struct builder *b, uint16_t code, uint32_t value, uint8_t yes, uint8_t no)
{
	if (b->length < PROGRAM_LIMIT)
		b->code[b->length++] = (struct instruction){ code, yes, no, value };
}

/* Goes on with the next test when the word is the value, else traps. */
static void demand(struct builder *b, uint32_t word, uint32_t value)
{
	put(b, LOAD, word, 0, 0);
	put(b, EQUAL, value, 1, 0);
	put(b, RETURN, TRAP, 0, 0);
}

/* The accumulator must be one of the values. */
static void one_of(struct builder *b, const uint32_t *values, uint8_t count)
{
	for (uint8_t i = 0; i < count; i++)
		put(b, EQUAL, values[i], (uint8_t)(count - i), 0);
	put(b, RETURN, TRAP, 0, 0);
}

/* Without a time limit: what waits, waits until another process wakes it. command.c relies on that. */
static void allow_futex(struct builder *b)
{
	static const uint32_t operations[] = { FUTEX_WAIT, FUTEX_WAKE, FUTEX_WAIT_BITSET, FUTEX_WAKE_BITSET };

	demand(b, LOW(3), 0);
	demand(b, HIGH(3), 0);
	put(b, LOAD, LOW(1), 0, 0);
	one_of(b, operations, LENGTH(operations));
	put(b, RETURN, ALLOW, 0, 0);
}

/* Patches the distance of a jump, taken when not equal, to here. */
static void land(struct builder *b, uint32_t jump)
{
	b->code[jump].no = (uint8_t)(b->length - jump - 1);
}

static uint32_t unless(struct builder *b, uint32_t word, uint16_t code, uint32_t value)
{
	put(b, LOAD, word, 0, 0);
	put(b, code, value, 0, 0);
	return b->length - 1;
}

static void in_rom(struct builder *b)
{
	uint64_t window = handover.window;

	demand(b, IP_HIGH, (uint32_t)(window >> 32));
	put(b, LOAD, IP_LOW, 0, 0);
	put(b, AT_LEAST, (uint32_t)window, 1, 0);
	put(b, RETURN, TRAP, 0, 0);
	put(b, AT_LEAST, (uint32_t)(window + ROM_TEXT_SIZE), 0, 1);
	put(b, RETURN, TRAP, 0, 0);
	demand(b, NUMBER, SYS_futex);
	allow_futex(b);
}

long filter_install(const struct stub *stub)
{
	static const uint32_t mappings[] = { MAP_SHARED | MAP_FIXED, MAP_SHARED | MAP_FIXED | MAP_POPULATE };
	static const uint32_t rights[] = { PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_EXEC };
	static const uint32_t plain[] = { SYS_rt_sigreturn, SYS_rt_sigprocmask };
	const uint32_t secret_low = (uint32_t)stub->secret, secret_high = (uint32_t)(stub->secret >> 32);
	struct builder b = { .length = 0 };
	struct program program;
	uint32_t jump, outside;

	demand(&b, ARCH, AUDIT_ARCH_X86_64);
	outside = unless(&b, IP_HIGH, EQUAL, LNX_STUB >> 32);
	put(&b, LOAD, IP_LOW, 0, 0);
	put(&b, AT_LEAST, (uint32_t)LNX_STUB + PAGE_SIZE, 0, 1);
	put(&b, RETURN, TRAP, 0, 0);
	put(&b, LOAD, NUMBER, 0, 0);
	for (uint32_t i = 0; i < LENGTH(plain); i++) {
		put(&b, EQUAL, plain[i], 0, 1);
		put(&b, RETURN, ALLOW, 0, 0);
	}
	jump = unless(&b, NUMBER, EQUAL, SYS_futex);
	allow_futex(&b);
	land(&b, jump);
	jump = unless(&b, NUMBER, EQUAL, SYS_modify_ldt);
	demand(&b, LOW(5), secret_low);
	demand(&b, HIGH(5), secret_high);
	put(&b, RETURN, ALLOW, 0, 0);
	land(&b, jump);
	jump = unless(&b, NUMBER, EQUAL, SYS_munmap);
	demand(&b, LOW(4), secret_low);
	demand(&b, HIGH(4), secret_high);
	put(&b, RETURN, ALLOW, 0, 0);
	land(&b, jump);
	demand(&b, NUMBER, SYS_mmap);
	demand(&b, HIGH(3), secret_high);
	demand(&b, HIGH(4), secret_low);
	demand(&b, LOW(4), MEMORY_FD);
	put(&b, LOAD, LOW(3), 0, 0);
	one_of(&b, mappings, LENGTH(mappings));
	put(&b, LOAD, LOW(2), 0, 0);
	one_of(&b, rights, LENGTH(rights));
	demand(&b, HIGH(2), 0);
	put(&b, RETURN, ALLOW, 0, 0);
	land(&b, outside);
	if (stub->index == 0 && handover.rom)
		in_rom(&b);
	else
		put(&b, RETURN, TRAP, 0, 0);
	if (b.length >= PROGRAM_LIMIT)
		return -ENOMEM;
	program = (struct program){ (uint16_t)b.length, b.code };
	return sys(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}
