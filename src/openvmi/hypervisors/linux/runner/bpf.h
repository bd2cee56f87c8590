/* SPDX-License-Identifier: MIT */
/* Making a seccomp filter: classic BPF over struct seccomp_data (linux/seccomp.h, linux/bpf_common.h). */
#ifndef LNX_BPF_H
#define LNX_BPF_H

#include "internal.h"
#include "sys.h"

#define LOAD 0x20	/* BPF_LD | BPF_W | BPF_ABS */
#define LOAD_VALUE 0x00 /* BPF_LD | BPF_IMM */
#define LOAD_MEM 0x60	/* BPF_LD | BPF_MEM */
#define LOAD_X_MEM 0x61 /* BPF_LDX | BPF_MEM */
#define STORE 0x02	/* BPF_ST */
#define COPY_TO_X 0x07	/* BPF_MISC | BPF_TAX */
#define ADD_X 0x0c	/* BPF_ALU | BPF_ADD | BPF_X */
#define JUMP 0x05	/* BPF_JMP | BPF_JA */
#define EQUAL 0x15	/* BPF_JMP | BPF_JEQ | BPF_K */
#define ABOVE 0x25	/* BPF_JMP | BPF_JGT | BPF_K */
#define AT_LEAST 0x35	/* BPF_JMP | BPF_JGE | BPF_K */
#define AT_LEAST_X 0x3d /* BPF_JMP | BPF_JGE | BPF_X */
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

#define PROGRAM_LIMIT 200

struct builder {
	struct instruction code[PROGRAM_LIMIT];
	uint32_t length;
};

static inline void put(struct builder *b, uint16_t code, uint32_t value, uint8_t yes, uint8_t no)
{
	if (b->length < PROGRAM_LIMIT)
		b->code[b->length++] = (struct instruction){ code, yes, no, value };
}

/* Goes on with the next test when the word is the value, else traps. */
static inline void demand(struct builder *b, uint32_t word, uint32_t value)
{
	put(b, LOAD, word, 0, 0);
	put(b, EQUAL, value, 1, 0);
	put(b, RETURN, TRAP, 0, 0);
}

/* The accumulator must be one of the values. */
static inline void one_of(struct builder *b, const uint32_t *values, uint8_t count)
{
	for (uint8_t i = 0; i < count; i++)
		put(b, EQUAL, values[i], (uint8_t)(count - i), 0);
	put(b, RETURN, TRAP, 0, 0);
}

/* Patches the distance of a jump, taken when not equal, to here. */
static inline void land(struct builder *b, uint32_t jump)
{
	b->code[jump].no = (uint8_t)(b->length - jump - 1);
}

/* A jump for land(), taken when the accumulator is not the value. */
static inline uint32_t unless_is(struct builder *b, uint32_t value)
{
	put(b, EQUAL, value, 0, 0);
	return b->length - 1;
}

/* 0 or a negative error number. */
static inline long install(struct builder *b, uint32_t flags)
{
	struct program program = { (uint16_t)b->length, b->code };

	if (b->length >= PROGRAM_LIMIT)
		return -ENOMEM;
	return sys(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

#endif
