/* SPDX-License-Identifier: MIT */
/* Iret to the kernel. */
#include "trap.h"

static uint8_t small_stack[2048] __attribute__((aligned(16)));
#define SMALL_TOP ((uint64_t)small_stack + sizeof(small_stack) - 24)

static struct vmi_trap trapped;
static volatile unsigned traps, events;
static int change;
static struct registers changed, registers;
static uint64_t event_rip;

static void on_breakpoint(struct vmi_trap *trap)
{
	trapped = *trap;
	if (traps++ && trap->frame.rip == (uint64_t)kernel_breakpoints + 2)
		leave(3);
	if (change)
		memcpy(trap, &changed, sizeof(changed));
}

static void on_event(struct vmi_trap *trap)
{
	event_rip = trap->frame.rip;
	events++;
	pv_event_ack(VMI_SOURCE_SOFT);
}

static struct vmi_frame kernel_frame(uint64_t rflags)
{
	return (struct vmi_frame){
		.rip = (uint64_t)kernel_breakpoints, .cs = vmi_boot->kernel_cs, .rflags = rflags, .rsp = SMALL_TOP,
		.ss = vmi_boot->kernel_ss,
	};
}

/* To two breakpoints; 3 when both came. */
static int64_t kernel_enter(uint64_t rflags)
{
	const struct vmi_frame frame = kernel_frame(rflags);

	traps = 0;
	return enter(&frame, &registers);
}

static void begin(void)
{
	vmi_handle(3, on_breakpoint);
	vmi_handle(SOFT_VECTOR, on_event);
	pv_event_bind(VMI_SOURCE_SOFT, SOFT_VECTOR);
	change = events = 0;
	for (unsigned i = 0; i < REGISTERS; i++) {
		(&registers.rax)[i] = 0xfedcba9876543211 * (2 * i + 1);
		(&changed.rax)[i] = ~(&registers.rax)[i];
	}
}

TEST(IRET, POSITIVE, the_kernel_goes_on_with_what_the_frame_and_registers_say)
{
	begin();
	same("it goes there", kernel_enter(2 | STATUS), 3);
	same("with every register", differ(&trapped, &registers), 0);
	same("with RSP", trapped.frame.rsp, SMALL_TOP);
	same("with the status flags", trapped.frame.rflags & STATUS, STATUS);
	same("with interrupts disabled", trapped.frame.rflags & VMI_FLAG_IF, 0);
	same("with interrupts enabled it goes there too", kernel_enter(0x202), 3);
	same("with the flag", trapped.frame.rflags & VMI_FLAG_IF, VMI_FLAG_IF);
	same("with every register then", differ(&trapped, &registers), 0);
	same("with no status flag", trapped.frame.rflags & STATUS, 0);
}

TEST(IRET, POSITIVE, a_handler_may_change_every_register_of_the_kernel)
{
	begin();
	change = 1;
	kernel_enter(0x202);
	same("it has those of the handler", differ(&trapped, &changed), 0);
}

TEST(IRET, POSITIVE, an_event_that_waits_is_delivered_in_the_kernel_that_is_returned_to)
{
	begin();
	pv_event_send(VMI_SOURCE_SOFT);
	kernel_enter(2);
	same("not to interrupts disabled", events, 0);
	kernel_enter(0x202);
	same("but to interrupts enabled", events, 1);
	expect("in that context", event_rip - (uint64_t)kernel_breakpoints <= 2);
	same("which has every register then", differ(&trapped, &registers), 0);
}

/* A saved CS has unspecified bits there, and who returns need not look. */
TEST(IRET, BOUNDARY, what_is_above_the_low_16_bits_of_a_selector_does_not_count)
{
	struct vmi_frame frame;

	begin();
	frame = kernel_frame(2);
	frame.cs |= 0x1234567800000000;
	traps = 0;
	same("it goes there", enter(&frame, &registers), 3);
	same("with every register", differ(&trapped, &registers), 0);
}

TEST(IRET, BOUNDARY, any_multiple_of_8_is_a_stack_of_the_kernel)
{
	struct vmi_frame frame;

	begin();
	frame = kernel_frame(2);
	for (unsigned i = 0; i < 4; i++) {
		frame.rsp = SMALL_TOP - 8 * i;
		traps = 0;
		each(enter(&frame, &registers) == 3, i);
		each(trapped.frame.rsp == frame.rsp, i | 0x100);
	}
	all("it has that one");
}

static void enter_badly(uint64_t frame)
{
	enter((const struct vmi_frame *)frame, &registers);
}

static void refused(const char *sentence, struct vmi_frame frame)
{
	unsigned count = caught.count, exception = attempt(enter_badly, (uint64_t)&frame);
	uint64_t block;

	/* In the kernel, or as if the target context had raised it: which one is the processor's choice. */
	each(exception == PROTECTED && caught.count == count + 1, exception);
	each((caught.trap.frame.cs & 3) != 3, caught.trap.frame.cs);
	__asm__ volatile("movq %%gs:0, %0" : "=r"(block));
	each(block && *(uint64_t *)block == block, 2);
	all(sentence);
}

TEST(IRET, HOSTILE, frames_of_the_kernel_that_the_processor_refuses_raise_general_protection)
{
	struct vmi_frame frame;

	begin();
	frame = kernel_frame(2);
	frame.rip = NOT_CANONICAL;
	refused("a RIP that is not canonical", frame);
	frame = kernel_frame(2);
	frame.cs = 0xfff8;
	refused("a CS that does not exist", frame);
	frame = kernel_frame(2);
	frame.ss = 0xfff8 | (vmi_boot->kernel_ss & 3);
	refused("an SS that does not exist", frame);
	same("a good one works", kernel_enter(2), 3);
	same("with every register", differ(&trapped, &registers), 0);
}
