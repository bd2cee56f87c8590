/* SPDX-License-Identifier: MIT */
/* Exceptions of user mode, and that it cannot do what is the kernel's. */
#include "user.h"

enum { P = 1, W = 2, U = 4, I = 16 };

static void fault(const char *sentence, const char *program, uint64_t address, uint64_t error, uint64_t unknown)
{
	uint64_t result = user_run(PROGRAM(program), address);

	each(result == TRAPPED + 14, result);
	each((caught.trap.error & ~unknown) == (error & ~unknown), caught.trap.error | 0x10000);
	each(caught.address == address, caught.address);
	each((caught.trap.frame.cs & 3) == 3, caught.trap.frame.cs);
	all(sentence);
}

USER_TEST(TRAP_TABLE_SET, POSITIVE, page_faults_of_user_mode_come_with_their_error_code)
{
	user_space();
	fault("reading an unmapped page", program_read, USER_DATA + PAGE, U, 0);
	fault("writing an unmapped page", program_write, USER_DATA + PAGE, W | U, 0);
	fault("executing an unmapped page", program_jump, USER_DATA + PAGE, U | I, 0);
	fault("writing a read-only page", program_write, USER_CODE + 0x800, P | W | U, 0);
	fault("executing a page with NX", program_jump, USER_DATA, P | U | I, 0);
	same("writing a writable page does not fault", user_run(PROGRAM(program_write), USER_DATA), USER_DATA);
	same("what user mode wrote is there", user_data()[0], 0x1234);
}

USER_TEST(FAULT_ADDRESS_READ, POSITIVE, it_gives_the_address_of_user_modes_page_faults)
{
	user_space();
	for (unsigned i = 0; i < 100; i++) {
		uint64_t address = USER_DATA + PAGE + 8 * i;

		each(user_run(PROGRAM(i % 2 ? program_read : program_write), address) == TRAPPED + 14, i);
		each(pv_fault_address_read() == address, i | 0x100);
	}
	all("of each");
}

USER_TEST(TRAP_TABLE_SET, HOSTILE, user_mode_does_not_reach_what_is_the_kernels)
{
	const struct space *space = user_space();
	uint64_t block;

	__asm__("movq %%gs:0, %0" : "=r"(block));
	fault("reading the kernel", program_read, KERNEL_ADDRESS, U, P);
	fault("writing the kernel", program_write, (uint64_t)&seen_stack, W | U, P);
	fault("executing the kernel", program_jump, KERNEL_ADDRESS, U, P | I);
	fault("reading the direct map", program_read, (uint64_t)vmi_direct(space->data), U, P);
	fault("writing the direct map", program_write, (uint64_t)vmi_direct(space->data), W | U, P);
	fault("reading a page table", program_read, (uint64_t)vmi_direct(space->root), U, P);
	fault("reading the VCPU block", program_read, block, U, P);
	fault("reading the window", program_read, (uint64_t)vmi_window, U, P);
	fault("writing the window", program_write, (uint64_t)vmi_window + VMI_WINDOW_DATA, W | U, P);
	same("an address that is not canonical", user_run(PROGRAM(program_read), 1ull << 60), TRAPPED + 13);
}

static const struct instruction {
	const char *sentence, *program;
	unsigned vector, size; /* size: of the instruction, for a trap */
} own[] = {
	{ "UD2", program_ud2, 6, 0 }, { "dividing by zero", program_divide, 0, 0 }, { "INT3", program_int3, 3, 1 },
}, privileged[] = {
	{ "CLI", program_cli, 13, 0 }, { "STI", program_sti, 13, 0 }, { "HLT", program_hlt, 13, 0 },
	{ "IN", program_in, 13, 0 }, { "OUT", program_out, 13, 0 }, { "reading CR3", program_cr3, 13, 0 },
	{ "RDMSR", program_rdmsr, 13, 0 }, { "CLTS", program_clts, 13, 0 },
	{ "IRETQ to a null CS", program_iretq, 13, 10 },
};

static void raise(const struct instruction *instruction)
{
	uint64_t result = user_run(PROGRAM(instruction->program), 0);

	each(result == TRAPPED + instruction->vector, result);
	each(caught.trap.frame.rip == PROGRAM(instruction->program) + instruction->size, caught.trap.frame.rip);
	each((caught.trap.frame.cs & 3) == 3, 0);
	all(instruction->sentence);
}

USER_TEST(TRAP_TABLE_SET, POSITIVE, exceptions_of_user_mode_come_with_their_frame)
{
	user_space();
	for (unsigned i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		raise(own + i);
}

USER_TEST(TRAP_TABLE_SET, POSITIVE, an_exception_comes_with_what_user_mode_has_made_of_its_registers)
{
	const struct registers registers = patterns(), expected = inverted();

	user_space();
	same("it does", user_enter(PROGRAM(program_invert_trap), 0x202, &registers), TRAPPED + 6);
	same("with every register", differ(&caught.trap, &expected), 0);
}

/* Those that the processor has always zero. */
#define NO_FLAGS (~0x3f7fd7ull)

USER_TEST(TRAP_TABLE_SET, BOUNDARY, the_flags_in_a_frame_are_the_processors_whatever_waits)
{
	const struct registers registers = { 0 };

	user_space();
	pv_event_bind(VMI_SOURCE_SOFT, SOFT_VECTOR);
	pv_event_send(VMI_SOURCE_SOFT);
	same("an exception comes", user_enter(PROGRAM(program_ud2), 2, &registers), TRAPPED + 6);
	same("with those of user mode", caught.trap.frame.rflags & (NO_FLAGS | VMI_FLAG_IF), 0);
	same("bit 1 is 1", caught.trap.frame.rflags & 2, 2);
	same("a system call comes", user_enter(PROGRAM(program_call), 2, &registers), TRAPPED + 3);
	same("with those of user mode too", user_call.frame.rflags & (NO_FLAGS | VMI_FLAG_IF), 0);
}

USER_TEST(TRAP_TABLE_SET, POSITIVE, an_exception_says_whether_interrupts_were_enabled_in_user_mode)
{
	const struct registers registers = { 0 };

	user_space();
	user_enter(PROGRAM(program_ud2), 0x202, &registers);
	same("enabled", caught.trap.frame.rflags & VMI_FLAG_IF, VMI_FLAG_IF);
	same("the handler runs disabled", caught.enabled, 0);
	user_enter(PROGRAM(program_ud2), 2, &registers);
	same("disabled", caught.trap.frame.rflags & VMI_FLAG_IF, 0);
}

USER_TEST(TRAP_TABLE_SET, BOUNDARY, a_single_step_of_user_mode_is_one_instruction)
{
	const struct registers registers = { 0 };

	user_space();
	user_enter(PROGRAM(program_popf), 0x202 | TRAP_FLAG, &registers);
	same("it raises vector 1", caught.trap.vector, 1);
	same("behind it", caught.trap.frame.rip, PROGRAM(program_popf) + 2);
}

USER_TEST(TRAP_TABLE_SET, HOSTILE, what_is_privileged_raises_general_protection_in_user_mode)
{
	user_space();
	for (unsigned i = 0; i < sizeof(privileged) / sizeof(privileged[0]); i++)
		raise(privileged + i);
	user_run(PROGRAM(program_popf), 0);
	same("POPF does not change the interrupt flag", caught.trap.frame.rflags & VMI_FLAG_IF, VMI_FLAG_IF);
}
