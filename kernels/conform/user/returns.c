/* SPDX-License-Identifier: MIT */
/* Iret to user mode. */
#include "user.h"

static struct vmi_trap trapped;
static volatile unsigned traps;
static struct registers change;
static uint64_t change_rip, change_rsp;

/* The first time it goes back, perhaps with other values. */
static void on_breakpoint(struct vmi_trap *trap)
{
	trapped = *trap;
	if (traps++)
		leave(TRAPPED + 3);
	if (change_rip) {
		memcpy(trap, &change, sizeof(change));
		trap->frame.rip = change_rip;
		trap->frame.rsp = change_rsp;
	}
}

static void begin(void)
{
	user_space();
	vmi_handle(3, on_breakpoint);
	change_rip = 0;
	traps = 0;
}

USER_TEST(IRET, POSITIVE, user_mode_goes_on_with_what_it_had)
{
	const struct registers registers = patterns();

	begin();
	same("to its second breakpoint", user_enter(PROGRAM(program_breakpoints), 0x202 | USER_STATUS, &registers),
	     TRAPPED + 3);
	same("two breakpoints are two traps", traps, 2);
	same("with every register", differ(&trapped, &registers), 0);
	same("with RSP", trapped.frame.rsp, USER_STACK + PAGE);
	same("with the status flags", trapped.frame.rflags & USER_STATUS, USER_STATUS);
	same("with the RIP behind INT3", trapped.frame.rip, PROGRAM(program_breakpoints) + 2);
}

USER_TEST(IRET, POSITIVE, user_mode_begins_with_what_the_frames_maker_says)
{
	const struct registers registers = patterns();

	begin();
	traps = 1;
	same("to its first breakpoint", user_enter(PROGRAM(program_breakpoints), 0x202, &registers), TRAPPED + 3);
	same("with every register", differ(&trapped, &registers), 0);
	same("with interrupts enabled", trapped.frame.rflags & VMI_FLAG_IF, VMI_FLAG_IF);
	same("with RSP", trapped.frame.rsp, USER_STACK + PAGE);
}

USER_TEST(IRET, POSITIVE, a_handler_may_change_every_register_of_user_mode)
{
	const struct registers registers = patterns();

	begin();
	for (unsigned i = 0; i < REGISTERS; i++)
		(&change.rax)[i] = ~(&registers.rax)[i];
	change_rip = PROGRAM(program_breakpoints) + 1;
	change_rsp = USER_STACK + 0x128;
	user_enter(PROGRAM(program_breakpoints), 0x202, &registers);
	same("it has those of the handler", differ(&trapped, &change), 0);
	same("and its RSP", trapped.frame.rsp, USER_STACK + 0x128);
	same("and its RIP", trapped.frame.rip, PROGRAM(program_breakpoints) + 2);
}

USER_TEST(IRET, BOUNDARY, to_interrupts_disabled_in_user_mode_it_keeps_them_so)
{
	const struct registers registers = patterns();

	begin();
	user_enter(PROGRAM(program_breakpoints), 2, &registers);
	same("twice", traps, 2);
	same("they are", trapped.frame.rflags & VMI_FLAG_IF, 0);
}

/* A saved CS has unspecified bits there, and who returns need not look. */
USER_TEST(IRET, BOUNDARY, what_is_above_the_low_16_bits_of_a_users_selector_does_not_count)
{
	const struct registers registers = patterns();
	struct vmi_frame frame;

	begin();
	frame = user_frame(PROGRAM(program_breakpoints));
	frame.cs |= 0x1234567800000000;
	same("it goes there", enter(&frame, &registers), TRAPPED + 3);
	same("with every register", differ(&trapped, &registers), 0);
}

/* ---- a page that a handler maps ---- */

static uint64_t wanted, wanted_entry, wanted_value;

static void on_page_fault(struct vmi_trap *trap)
{
	if (!vmi_from_user(trap) || pv_fault_address_read() != wanted || !wanted_value)
		leave(-1);
	pv_pte_set(wanted_entry, wanted_value);
	wanted_value = 0;
	traps++;
}

USER_TEST(IRET, POSITIVE, a_page_that_the_handler_mapped_is_there_when_user_mode_goes_on)
{
	uint64_t page = page_alloc();
	const struct space *space = user_space();

	vmi_handle(14, on_page_fault);
	traps = 0;
	*(uint64_t *)vmi_direct(page) = 0x5150;
	wanted = USER_DATA + PAGE;
	wanted_entry = entry_of(space->root, wanted, PRESENT | WRITABLE | USER);
	wanted_value = pv_pte_make(page | PRESENT | USER | NO_EXECUTE);
	same("it reads it", user_run(PROGRAM(program_read), wanted), 0x5150);
	same("that took one fault", traps, 1);
	pv_pte_set(wanted_entry, 0);
	pv_tlb_flush();
}

/* ---- frames that are refused ---- */

static void enter_badly(uint64_t frame)
{
	const struct registers registers = { 0 };

	enter((const struct vmi_frame *)frame, &registers);
}

static void refused(const char *sentence, struct vmi_frame frame)
{
	uint64_t before = pv_address_space_read(), block = 0;
	unsigned count = caught.count, exception = attempt(enter_badly, (uint64_t)&frame);

	/* In the kernel, or as if the target context had raised it: which one is the processor's choice. */
	each(caught.trap.vector == 13 && caught.count == count + 1, exception);
	each(caught.stack > (uint64_t)vmi_image_start && caught.stack < (uint64_t)vmi_image_end, caught.stack);
	__asm__ volatile("movq %%gs:0, %0" : "=r"(block));
	each(block && *(uint64_t *)block == block, 2);
	each(pv_address_space_read() == before, 3);
	all(sentence);
}

USER_TEST(IRET, HOSTILE, frames_of_user_mode_that_the_processor_refuses_raise_general_protection)
{
	struct vmi_frame frame;

	user_space();
	frame = user_frame(1ull << 60);
	refused("a RIP that is not canonical", frame);
	frame.rip = 1ull << 47;
	refused("the first RIP that is not canonical", frame);
	frame = user_frame(PROGRAM(program_exit));
	frame.ss = 0xfff8 | 3;
	refused("an SS that does not exist", frame);
	frame = user_frame(PROGRAM(program_exit));
	frame.cs = 0xfff8 | 3;
	refused("a CS that does not exist", frame);
	frame = user_frame(PROGRAM(program_exit));
	frame.cs = vmi_boot->user_ss;
	refused("a CS that is no code", frame);
	frame = user_frame(PROGRAM(program_exit));
	frame.cs = 3;
	refused("a CS that is null", frame);
	same("user mode works after them", user_run(PROGRAM(program_exit), 77), 77);
}

USER_TEST(IRET, HOSTILE, to_a_page_of_the_kernel_it_is_user_mode_that_faults)
{
	const struct registers registers = { 0 };

	user_space();
	same("with a page fault", user_enter(KERNEL_ADDRESS, 0x202, &registers), TRAPPED + 14);
	same("of user mode", caught.trap.frame.cs & 3, 3);
	same("at that address", caught.address, KERNEL_ADDRESS);
}
