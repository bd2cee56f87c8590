/* SPDX-License-Identifier: MIT */
/* FpuTrapSet: vector 7. */
#include "user.h"

static volatile unsigned traps, events;

on_stack stack_fpu_trap_set;

/* Whether floating point of user mode raises vector 7, at its first instruction; or works. */
static int raises(void)
{
	return user_run(PROGRAM(program_fpu), 8) == TRAPPED + 7 && caught.trap.frame.rip == PROGRAM(program_fpu);
}

static int works(void)
{
	return user_run(PROGRAM(program_fpu), 8) == 8;
}

static int raised_or_not(unsigned exception)
{
	return !exception || exception == 1 + 7;
}

USER_TEST(FPU_TRAP_SET, POSITIVE, while_it_is_on_user_modes_floating_point_raises_vector_7)
{
	user_space();
	expect("off it works", works());
	pv_fpu_trap_set(1);
	same("on it raises vector 7", user_run(PROGRAM(program_fpu), 8), TRAPPED + 7);
	same("with the RIP of that instruction", caught.trap.frame.rip, PROGRAM(program_fpu));
	same("with the user's registers", caught.trap.rdi, 8);
	same("with user mode's CS", caught.trap.frame.cs & 3, 3);
}

/* The handler that every kernel has: it turns the trap off and goes on. */
static void on_fpu(struct vmi_trap *trap)
{
	(void)trap;
	traps++;
	pv_fpu_trap_set(0);
}

USER_TEST(FPU_TRAP_SET, POSITIVE, a_program_goes_on_when_the_handler_turns_it_off)
{
	user_space();
	vmi_handle(7, on_fpu);
	traps = 0;
	pv_fpu_trap_set(1);
	expect("it does", works());
	same("that was one exception", traps, 1);
	expect("the next time it works at once", works());
	same("without another", traps, 1);
}

TEST(FPU_TRAP_SET, POSITIVE, off_the_kernels_floating_point_works)
{
	pv_fpu_trap_set(0);
	same("x87 does", attempt(do_fpu, 0), 0);
	same("vectors do", attempt(do_vector, 0), 0);
}

TEST(FPU_TRAP_SET, POSITIVE, it_keeps_to_the_stack_and_registers_of_its_convention)
{
	frugal(stack_fpu_trap_set, 1, 0, 0);
	frugal(stack_fpu_trap_set, 0, 0, 0);
}

TEST(FPU_TRAP_SET, BOUNDARY, on_the_kernels_floating_point_raises_vector_7_or_works)
{
	pv_fpu_trap_set(1);
	expect("x87 does", raised_or_not(attempt(do_fpu, 0)));
	pv_fpu_trap_set(1);
	expect("so do vectors", raised_or_not(attempt(do_vector, 0)));
	pv_fpu_trap_set(0);
	same("off both work", attempt(do_fpu, 0) | attempt(do_vector, 0), 0);
}

USER_TEST(FPU_TRAP_SET, BOUNDARY, a_vector_instruction_raises_it_at_the_latest)
{
	user_space();
	pv_fpu_trap_set(1);
	same("it does", user_run(PROGRAM(program_fpu_late), 8), TRAPPED + 7);
	expect("which may be before it", caught.trap.frame.rip >= PROGRAM(program_fpu_late) &&
						 caught.trap.frame.rip <= PROGRAM(program_fpu_late_at));
}

static void on_call_trap(struct vmi_trap *trap)
{
	(void)trap;
	pv_fpu_trap_set(1);
}

USER_TEST(FPU_TRAP_SET, BOUNDARY, on_in_a_system_call_it_is_as_good)
{
	user_space();
	user_data()[0] = 0x37f; /* an image: the control word, and MXCSR, which may not be any */
	user_data()[3] = 0x1f80;
	same("vector 7 is raised", run_with_data(program_fpu_call, on_call_trap), TRAPPED + 7);
	same("behind that system call", caught.trap.frame.rip, PROGRAM(program_fpu_call_at));
}

static void on_event(struct vmi_trap *trap)
{
	(void)trap;
	events++;
	pv_event_ack(VMI_SOURCE_SOFT);
}

USER_TEST(FPU_TRAP_SET, BOUNDARY, an_event_that_waits_takes_nothing_from_it)
{
	user_space();
	vmi_handle(SOFT_VECTOR, on_event);
	pv_event_bind(VMI_SOURCE_SOFT, SOFT_VECTOR);
	events = 0;
	pv_fpu_trap_set(1);
	pv_event_send(VMI_SOURCE_SOFT);
	expect("vector 7 is raised", raises());
	let();
	same("the event comes too", events, 1);
}

USER_TEST(FPU_TRAP_SET, BOUNDARY, off_again_before_user_mode_runs_nothing_is_raised)
{
	user_space();
	pv_fpu_trap_set(1);
	pv_fpu_trap_set(1);
	pv_fpu_trap_set(0);
	expect("it does not count", works());
}

USER_TEST(FPU_TRAP_SET, BOUNDARY, the_upper_half_of_its_argument_is_ignored)
{
	user_space();
	raw_result(stack_fpu_trap_set, DIRTY(1), 0, 0);
	expect("1 is on", raises());
	raw_result(stack_fpu_trap_set, DIRTY(0), 0, 0);
	expect("0 is off", works());
}

USER_TEST(FPU_TRAP_SET, HOSTILE, what_is_neither_0_nor_1_does_no_harm)
{
	static const uint32_t values[] = { ~1u, 2, 0x80000000, UINT32_MAX };

	user_space();
	for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		pv_fpu_trap_set(values[i]);
		each(raises(), values[i]);
		pv_fpu_trap_set(0);
		each(works(), values[i] | 1ull << 32);
	}
	all("it is on, until it is off");
}
