/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_USER_H
#define CONFORM_USER_H

#include "trap.h"

enum { CARRY = 1, PARITY = 4, ADJUST = 0x10, ZERO = 0x40, SIGN = 0x80, TRAP_FLAG = 0x100, DIRECTION = 0x400,
       OVERFLOW = 0x800 };
#define USER_STATUS (CARRY | PARITY | ADJUST | ZERO | SIGN | DIRECTION | OVERFLOW)
#define KERNEL_ADDRESS ((uint64_t)vmi_image_start)

/* User mode needs an address space for it. */
#define USER_TEST(CALL, KIND, VARIATION) TEST_NEEDS(CALL, KIND, VARIATION, GROUP_BIT(MMU))

/* Where the last trap, event or system call that tells it arrived: its frame's end. */
extern uint64_t seen_stack;

/* ---- registers.c: what FXSAVE64 stores (Intel SDM volume 1, section 10.5.1) ---- */

struct image {
	uint16_t control, status;
	uint8_t tags, reserved;
	uint16_t opcode;
	uint64_t instruction, operand;
	uint32_t mxcsr, mxcsr_mask;
	uint8_t stack[8][16], vectors[16][16], rest[96];
} __attribute__((aligned(16)));
_Static_assert(sizeof(struct image) == 512, "image");

/* code.S */
void fpu_load(const struct image *image), fpu_save(struct image *image);

/* Runs a program with the address of the data page until it ends. */
int64_t run_with_data(const char *program, vmi_handler on_call);

#endif
