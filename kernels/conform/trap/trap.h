/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_TRAP_H
#define CONFORM_TRAP_H

#include "conform.h"

/* Of the kernel, unmapped; the tests' own. */
#define AREA (TEST_ADDRESS + 0x10000000)
#define STATUS 0xcd5ul /* flags of the processor that every context has of its own */

/* Its gate is reached with INT n under QEMU too, whose TCG names the wrong vector for others (see Xen's INT 0x80). */
enum { SPARE_VECTOR = 0x80 };

/* ---- code.S ---- */

void do_ud2(uint64_t), do_ud2_after(uint64_t), do_divide(uint64_t), do_breakpoint(uint64_t), do_segment(uint64_t),
	do_spare(uint64_t), do_fpu(uint64_t), do_vector(uint64_t);
extern char at_ud2[], at_divide[], after_breakpoint[], kernel_breakpoints[], raw_handler[], raw_handler_native[];
extern volatile uint64_t raw_count; /* how often raw_handler was entered */
int64_t above_stack(uint64_t misalign); /* 0, or which word above RSP an exception changed */

static inline struct vmi_trap_gate raw_gate(unsigned vector, unsigned flags)
{
	return (struct vmi_trap_gate){ .vector = vector, .flags = flags, .handler = (uint64_t)raw_handler,
				       .native = (uint64_t)raw_handler_native };
}

/* Of the last attempt: that vector of the kernel, with that error code, interrupts disabled, the stack aligned. */
void kind(const char *sentence, unsigned exception, unsigned vector, uint64_t error);

#endif
