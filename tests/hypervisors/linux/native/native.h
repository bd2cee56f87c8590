/* SPDX-License-Identifier: MIT */
/* Between the files of this guest. */
#ifndef NATIVE_H
#define NATIVE_H

#include "common.h"

enum { BREAKPOINT = 3, OPCODE = 6, NO_FPU = 7, DOUBLE = 8, PROTECTION = 13, PAGE_FAULT = 14, EVENT = 41, UNUSED = 0x50 };
enum { FS_BASE = 0xc0000100, GS_BASE, KERNEL_GS_BASE, TSC_AUX, STAR = 0xc0000081, LSTAR, CSTAR, FLAG_MASK, EFER = 0xc0000080 };
#define APIC 0xfee00000ul
#define USER_CODE 0x400000ul
#define USER_STACK 0x600000ul
#define NOWHERE 0x50000000ul
#define USER_FLAGS 0x254fd7 /* all that user mode may have, and the interrupt flag */
#define ODD (1ul << 63) /* not canonical */

typedef uint64_t word;
struct table_register {
	uint16_t limit;
	word base;
} __attribute__((packed));

extern int failures;
void equal(const char *what, word found, word expected); /* says it and counts it when they are not */

/* tables.c: each ends the run */
void check_double(void), check_triple(void), check_not_a_gate(void), check_odd_gate(void);
void check_no_task(void), check_device_stack(void), check_tables_of_device(void), check_device(void), check_device_code(void);

#endif
