/* SPDX-License-Identifier: MIT */
/* KernelStackSet. */
#include "user.h"

static uint8_t other[8192] __attribute__((aligned(64)));
#define OTHER_TOP ((uint64_t)other + sizeof(other))

on_stack stack_kernel_stack_set;

/* Where an exception of user mode arrives: the frame's end. */
static uint64_t exception_stack(const char *program)
{
	user_run(PROGRAM(program), 0);
	return caught.stack + sizeof(caught.trap);
}

static void on_call_look(struct vmi_trap *trap)
{
	seen_stack = (uint64_t)(trap + 1);
	leave(0);
}

static uint64_t call_stack(void)
{
	const struct vmi_frame frame = user_frame(PROGRAM(program_exit));
	const struct registers registers = { 0 };

	vmi_handle(VMI_SYSCALL, on_call_look);
	enter(&frame, &registers);
	return seen_stack;
}

static void on_event(struct vmi_trap *trap)
{
	seen_stack = (uint64_t)(trap + 1);
	pv_event_ack(VMI_SOURCE_SOFT);
}

static uint64_t event_stack(void)
{
	vmi_handle(SOFT_VECTOR, on_event);
	pv_event_bind(VMI_SOURCE_SOFT, SOFT_VECTOR);
	pv_event_send(VMI_SOURCE_SOFT);
	user_run(PROGRAM(program_exit), 0);
	return seen_stack;
}

USER_TEST(KERNEL_STACK_SET, POSITIVE, traps_events_and_system_calls_of_user_mode_arrive_at_its_end)
{
	user_space();
	same("an exception", exception_stack(program_ud2), KERNEL_STACK_TOP);
	same("with interrupts disabled", caught.enabled, 0);
	same("one with error code", exception_stack(program_read), KERNEL_STACK_TOP);
	same("a system call", call_stack(), KERNEL_STACK_TOP);
	same("an event", event_stack(), KERNEL_STACK_TOP);
}

USER_TEST(KERNEL_STACK_SET, POSITIVE, another_one_counts_from_now_on)
{
	user_space();
	same("it succeeds", pv_kernel_stack_set(OTHER_TOP), 0);
	same("an exception", exception_stack(program_ud2), OTHER_TOP);
	same("one with error code", exception_stack(program_read), OTHER_TOP);
	same("a system call", call_stack(), OTHER_TOP);
	same("an event", event_stack(), OTHER_TOP);
}

TEST_FRUGAL(KERNEL_STACK_SET, kernel_stack_set, KERNEL_STACK_TOP, 0, 0)

USER_TEST(KERNEL_STACK_SET, BOUNDARY, every_multiple_of_16_is_an_end)
{
	user_space();
	for (unsigned i = 0; i < 4; i++) {
		each(!pv_kernel_stack_set(OTHER_TOP - 16 * i), i);
		each(exception_stack(program_ud2) == OTHER_TOP - 16 * i, i | 0x10);
		each(call_stack() == OTHER_TOP - 16 * i, i | 0x20);
	}
	all("of a stack");
}

USER_TEST(KERNEL_STACK_SET, BOUNDARY, it_holds_over_another_address_space)
{
	struct space second;

	user_space();
	second = space_new();
	pv_kernel_stack_set(OTHER_TOP);
	pv_address_space_set(second.root);
	same("an exception there", exception_stack(program_ud2), OTHER_TOP);
	same("a system call there", call_stack(), OTHER_TOP);
	pv_address_space_set(boot_root);
	space_delete(&second);
}

/* Nothing comes from user mode meanwhile. */
TEST(KERNEL_STACK_SET, BOUNDARY, every_canonical_address_is_taken)
{
	static const uint64_t ends[] = { 16, (1ull << 47) - 16, (uint64_t)-1 << 47, -16ull };

	for (unsigned i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		each(!pv_kernel_stack_set(ends[i]), ends[i]);
	all("whatever is there");
	same("and the one that was", pv_kernel_stack_set(KERNEL_STACK_TOP), 0);
}

USER_TEST(KERNEL_STACK_SET, HOSTILE, an_address_that_is_not_canonical_is_invalid)
{
	static const uint64_t addresses[] = { NOT_CANONICAL, 1ull << 60, 1ull << 47, ((uint64_t)-1 << 47) - 16 };

	user_space();
	for (unsigned i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
		each(pv_kernel_stack_set(addresses[i]) == VMI_INVALID, addresses[i]);
	all("wherever it would be");
	same("an exception arrives where it did", exception_stack(program_ud2), KERNEL_STACK_TOP);
	same("so does a system call", call_stack(), KERNEL_STACK_TOP);
	same("and an event", event_stack(), KERNEL_STACK_TOP);
}

USER_TEST(KERNEL_STACK_SET, HOSTILE, an_address_that_is_not_aligned_is_invalid)
{
	user_space();
	for (uint64_t wrong = 1; wrong < 16; wrong++)
		each(pv_kernel_stack_set(OTHER_TOP - wrong) == VMI_INVALID, wrong);
	each(pv_kernel_stack_set(UINT64_MAX) == VMI_INVALID, UINT64_MAX);
	each(pv_kernel_stack_set(NOT_CANONICAL + 8) == VMI_INVALID, NOT_CANONICAL + 8);
	all("by whatever number of bytes");
	same("an exception arrives where it did", exception_stack(program_ud2), KERNEL_STACK_TOP);
	same("so does a system call", call_stack(), KERNEL_STACK_TOP);
}
