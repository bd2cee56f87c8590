/* SPDX-License-Identifier: MIT */
/* System calls: there and back. */
#include "user.h"

uint64_t seen_stack;
static int seen_enabled;

extern char vmi_syscall_entry[], vmi_native_syscall_entry[]; /* libvmi's entries */
on_stack stack_syscall_entry_set;

/* program_call: a system call, then a breakpoint. */
static int64_t call_with(uint64_t rflags, const struct registers *registers)
{
	user_calls = 0;
	return user_enter(PROGRAM(program_call), rflags, registers);
}

static void on_call_look(struct vmi_trap *trap)
{
	seen_stack = (uint64_t)(trap + 1);
	seen_enabled = !!(pv_irq_save() & VMI_FLAG_IF);
	leave(0);
}

/* ---- SyscallEntrySet ---- */

USER_TEST(SYSCALL_ENTRY_SET, POSITIVE, a_system_call_arrives_with_what_user_mode_had)
{
	const struct registers registers = patterns();

	user_space();
	same("it comes back by a breakpoint", call_with(0x202, &registers), TRAPPED + 3);
	same("one came", user_calls, 1);
	same("with the registers but RCX and R11", differ(&user_call, &registers) & ~RCX_R11, 0);
	same("with the RIP behind SYSCALL", user_call.frame.rip, PROGRAM(program_call_end));
	same("with RSP", user_call.frame.rsp, USER_STACK + PAGE);
	same("with a CS of user mode", user_call.frame.cs & 3, 3);
	same("with interrupts enabled", user_call.frame.rflags & VMI_FLAG_IF, VMI_FLAG_IF);
}

USER_TEST(SYSCALL_ENTRY_SET, POSITIVE, a_system_call_arrives_with_what_user_mode_has_made_of_its_registers)
{
	const struct registers registers = patterns(), expected = inverted();

	user_space();
	user_calls = 0;
	same("it comes back by a breakpoint", user_enter(PROGRAM(program_invert_call), 0x202, &registers), TRAPPED + 3);
	same("one came", user_calls, 1);
	same("with the registers but RCX and R11", differ(&user_call, &expected) & ~RCX_R11, 0);
	same("which it keeps, but RAX", differ(&caught.trap, &expected) & ~(RCX_R11 | 1), 0);
}

USER_TEST(SYSCALL_ENTRY_SET, POSITIVE, its_handler_runs_on_the_kernel_stack_with_interrupts_disabled)
{
	const struct vmi_frame frame = user_frame(PROGRAM(program_exit));
	const struct registers registers = { 0 };

	user_space();
	vmi_handle(VMI_SYSCALL, on_call_look);
	seen_stack = 0, seen_enabled = -1;
	enter(&frame, &registers);
	same("at the stack's end", seen_stack, KERNEL_STACK_TOP);
	same("disabled", seen_enabled, 0);
}

USER_TEST(SYSCALL_ENTRY_SET, POSITIVE, a_program_ends_with_its_result)
{
	user_space();
	user_calls = 0;
	same("it does", user_run(PROGRAM(program_exit), 4321), 4321);
	same("that was one system call", user_calls, 1);
}

TEST_FRUGAL(SYSCALL_ENTRY_SET, syscall_entry_set, (uint64_t)vmi_syscall_entry, (uint64_t)vmi_native_syscall_entry, 0)

USER_TEST(SYSCALL_ENTRY_SET, BOUNDARY, the_entry_that_is_there_can_be_set_again)
{
	user_space();
	same("it succeeds", pv_syscall_entry_set((uint64_t)vmi_syscall_entry, (uint64_t)vmi_native_syscall_entry), 0);
	same("system calls arrive", user_run(PROGRAM(program_exit), 5), 5);
}

USER_TEST(SYSCALL_ENTRY_SET, BOUNDARY, a_system_call_with_interrupts_disabled_says_so)
{
	const struct registers registers = patterns();

	user_space();
	same("it comes back", call_with(2, &registers), TRAPPED + 3);
	same("it does", user_call.frame.rflags & VMI_FLAG_IF, 0);
}

static void no_entry(void)
{
	pv_shutdown(VMI_SHUTDOWN_CRASH, 0);
}

USER_TEST(SYSCALL_ENTRY_SET, HOSTILE, an_address_that_is_not_canonical_is_invalid)
{
	static const uint64_t addresses[] = { NOT_CANONICAL, 1ull << 60, 1ull << 47, 0x7fff800000000000 };

	user_space();
	for (unsigned i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
		each(pv_syscall_entry_set(addresses[i], addresses[i]) == VMI_INVALID, addresses[i]);
	all("whatever it is");
	for (unsigned i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		each(pv_syscall_entry_set(addresses[i], (uint64_t)vmi_native_syscall_entry) == VMI_INVALID, addresses[i]);
		each(pv_syscall_entry_set((uint64_t)no_entry, addresses[i]) == VMI_INVALID, addresses[i] | 1);
	}
	all("of the handler alone, and of its native entry");
	same("system calls arrive where they did", user_run(PROGRAM(program_exit), 6), 6);
}

/* ---- SysRet ---- */

USER_TEST(SYS_RET, POSITIVE, user_mode_goes_on_behind_its_system_call)
{
	struct registers registers = patterns();

	user_space();
	call_with(0x202, &registers);
	registers.rax = ~registers.rax;
	same("with every register but RCX and R11", differ(&caught.trap, &registers) & ~RCX_R11, 0);
	same("behind SYSCALL", caught.trap.frame.rip, PROGRAM(program_call_end) + 1);
	same("with RSP", caught.trap.frame.rsp, USER_STACK + PAGE);
	same("in user mode", caught.trap.frame.cs & 3, 3);
	same("with interrupts enabled", caught.trap.frame.rflags & VMI_FLAG_IF, VMI_FLAG_IF);
	same("without status flags", caught.trap.frame.rflags & USER_STATUS, 0);
}

USER_TEST(SYS_RET, POSITIVE, user_mode_has_its_status_flags)
{
	const struct registers registers = patterns();

	user_space();
	call_with(0x202 | CARRY | ZERO | OVERFLOW, &registers);
	same("it has", caught.trap.frame.rflags & USER_STATUS, CARRY | ZERO | OVERFLOW);
}

USER_TEST(SYS_RET, POSITIVE, a_thousand_system_calls_come_back)
{
	user_space();
	user_calls = 0;
	same("they do", user_run(PROGRAM(program_many), 1000), 0);
	same("they are as many, and one to end", user_calls, 1001);
}

static uint64_t change_rip, change_rsp;

static void on_call_change(struct vmi_trap *trap)
{
	trap->frame.rip = change_rip;
	if (change_rsp)
		trap->frame.rsp = change_rsp;
}

/* A system call whose handler has it go on elsewhere, which is no place to be: 1 + the vector. */
static unsigned return_to(uint64_t rip)
{
	const struct vmi_frame frame = user_frame(PROGRAM(program_call));
	const struct registers registers = { 0 };

	change_rip = rip;
	vmi_handle(VMI_SYSCALL, on_call_change);
	return 1 + (unsigned)(enter(&frame, &registers) - TRAPPED);
}

static void return_badly(uint64_t rip)
{
	return_to(rip);
}

USER_TEST(SYS_RET, BOUNDARY, it_goes_where_the_frame_says)
{
	user_space();
	change_rsp = USER_STACK + 0x128;
	same("to a breakpoint", return_to(PROGRAM(program_int3)), 1 + 3);
	same("with that RIP", caught.trap.frame.rip, PROGRAM(program_int3) + 1);
	same("with that RSP", caught.trap.frame.rsp, USER_STACK + 0x128);
	change_rsp = 0;
}

USER_TEST(SYS_RET, BOUNDARY, to_interrupts_disabled_it_keeps_them_so)
{
	const struct registers registers = patterns();

	user_space();
	call_with(2, &registers);
	same("they are", caught.trap.frame.rflags & VMI_FLAG_IF, 0);
}

USER_TEST(SYS_RET, BOUNDARY, to_a_page_of_the_kernel_it_is_user_mode_that_faults)
{
	user_space();
	same("with a page fault", return_to(KERNEL_ADDRESS), FAULTED);
	same("of user mode", caught.trap.frame.cs & 3, 3);
	same("at that address", caught.address, KERNEL_ADDRESS);
}

USER_TEST(SYS_RET, HOSTILE, to_an_address_that_is_not_canonical_it_raises_general_protection)
{
	static const uint64_t addresses[] = { 1ull << 60, NOT_CANONICAL, 1ull << 47 };
	uint64_t block;

	user_space();
	for (unsigned i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		unsigned count = caught.count;

		attempt(return_badly, addresses[i]); /* in the kernel or in user mode */
		each(caught.trap.vector == 13 && caught.count == count + 1, addresses[i]);
		__asm__ volatile("movq %%gs:0, %0" : "=r"(block));
		each(block && *(uint64_t *)block == block, addresses[i] | 1);
	}
	all("and the kernel goes on");
	same("user mode works after it", user_run(PROGRAM(program_exit), 77), 77);
}
