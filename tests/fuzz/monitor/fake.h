/* SPDX-License-Identifier: MIT */
/* Between the test's own files. */
#ifndef FUZZ_FAKE_H
#define FUZZ_FAKE_H

#include "internal.h"
#include "vcpu.h"

/* Outlives an input; everything else of the library is as new for each. */
#define KEPT __attribute__((section(".kept")))

/* ---- an input: numbers and bytes, zeros at its end ---- */

struct source {
	const uint8_t *at, *end;
};
extern struct source input, changes;

static inline uint8_t byte_of(struct source *source) { return source->at < source->end ? *source->at++ : 0; }

/* ---- host.c ---- */

/* What the host does not do, until the next step of that kind. */
#define FAIL_COMMAND 1u	 /* the stub's own host calls */
#define FAIL_LDT 2u
#define FAIL_CLONE 4u
#define FAIL_SEND 8u	 /* nobody reads */
#define FAIL_MEMORY 0x10u
#define FAIL_START 0x20u /* a new process finds its area changed */
#define FAIL_RANDOM 0x40u
#define DEAF 0x80u	 /* stubs that do not do their lists */
extern uint32_t failing;
extern uint32_t restless; /* by area: whether /proc says that it does not sleep */
extern uint64_t host_time, host_calls;
extern int32_t dead;	  /* process number */
extern uint32_t dead_status;
extern uint32_t sent, ends, ending;
extern void *back[5];

/* Ends the input: a rule is broken. The first one counts. */
_Noreturn void broken_rule(const char *what);
extern const char *broken;

struct stub *stub_at(uint32_t index); /* by area */
void serve(struct stub *stub);	      /* the stub's own code: does its list, when it has the turn */
const char *map_guest(void);	      /* once; null, or why not */
uint64_t memory_size(void);

/* ---- guest.c ---- */

void write_guest(uint8_t *to); /* what an input finds in memory */

/* Virtual is physical below RAM; the same again by a large page at LARGE; the ROM at WINDOW. */
#define RAM 0x1ff000ul /* so that the large page at 0 reaches into the ROM's text */
#define ROOT 0x1000ul
#define IDT 0x6000ul
#define GDT 0x7000ul
#define TASK 0x8000ul
#define BLOCK 0x9000ul
#define STACK 0xb000ul
#define DATA 0xc000ul
#define CODE 0x10000ul
#define LARGE 0x200000ul
#define WINDOW 0x400000ul

/* ---- inside.c: the runner's, which are static there ---- */

bool m_looks(void);
void m_rang(void);
void i_orders(uint32_t order);
void i_receives(void);
extern uint32_t the_order;

#endif
