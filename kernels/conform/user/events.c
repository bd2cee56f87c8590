/* SPDX-License-Identifier: MIT */
/* Events that come in user mode, and on the way there and back. */
#include "user.h"

static struct vmi_trap event_trap;
static volatile unsigned events;

static void on_event(struct vmi_trap *trap)
{
	event_trap = *trap;
	seen_stack = (uint64_t)(trap + 1);
	events++;
	pv_event_ack(VMI_SOURCE_SOFT);
}

static void begin(void)
{
	user_space();
	vmi_handle(SOFT_VECTOR, on_event);
	pv_event_bind(VMI_SOURCE_SOFT, SOFT_VECTOR);
	events = 0;
	memset(&event_trap, 0, sizeof(event_trap));
}

USER_TEST(IRET, POSITIVE, an_event_that_waits_is_delivered_in_the_user_mode_that_is_returned_to)
{
	const struct registers registers = patterns();

	begin();
	pv_event_send(VMI_SOURCE_SOFT);
	same("user mode runs", user_enter(PROGRAM(program_breakpoints), 0x202, &registers), TRAPPED + 3);
	same("it comes", events, 1);
	same("with user mode's CS", event_trap.frame.cs & 3, 3);
	expect("with its RIP", event_trap.frame.rip == PROGRAM(program_breakpoints) ||
				       event_trap.frame.rip == PROGRAM(program_breakpoints) + 1);
	same("with its RSP", event_trap.frame.rsp, USER_STACK + PAGE);
	same("with its interrupt flag", event_trap.frame.rflags & VMI_FLAG_IF, VMI_FLAG_IF);
	same("with its registers", differ(&event_trap, &registers), 0);
	same("at the end of the kernel stack", seen_stack, KERNEL_STACK_TOP);
	same("user mode has its registers after it", differ(&caught.trap, &registers), 0);
}

USER_TEST(IRET, BOUNDARY, an_event_waits_while_interrupts_are_disabled_in_user_mode)
{
	const struct registers registers = patterns();

	begin();
	same("it is raised", pv_event_send(VMI_SOURCE_SOFT), 0);
	same("user mode makes a system call", user_enter(PROGRAM(program_call), 2, &registers), TRAPPED + 3);
	same("it waits", events, 0);
	same("user mode runs", user_enter(PROGRAM(program_breakpoints), 0x202, &registers), TRAPPED + 3);
	same("it comes when interrupts are enabled there", events, 1);
}

USER_TEST(IRET, BOUNDARY, after_user_mode_events_come_in_the_kernel)
{
	begin();
	same("user mode runs", user_run(PROGRAM(program_exit), 5), 5);
	pv_event_send(VMI_SOURCE_SOFT);
	let();
	same("it comes", events, 1);
	expect("with the kernel's CS", (event_trap.frame.cs & 3) != 3);
}

static void on_tick(struct vmi_trap *trap)
{
	event_trap = *trap;
	events++;
	pv_event_ack(VMI_SOURCE_TIMER);
	if (events < 10)
		pv_timer_set(pv_clock_read() + 100000);
	else
		user_data()[1] = 1;
}

USER_TEST(IRET, POSITIVE, ticks_interrupt_a_program_that_spins)
{
	begin();
	vmi_handle(TIMER_VECTOR, on_tick);
	same("TIMER is bound", pv_event_bind(VMI_SOURCE_TIMER, TIMER_VECTOR), 0);
	pv_timer_set(pv_clock_read() + 100000);
	same("it ends by what the tenth writes", user_run(PROGRAM(program_spin), USER_DATA), 0);
	same("there were ten", events, 10);
	same("they came in user mode", event_trap.frame.cs & 3, 3);
	expect("it went on in between", user_data()[0] > 0);
}

USER_TEST(SYS_RET, BOUNDARY, events_on_the_way_to_user_mode_and_back_change_no_register)
{
	struct registers registers = patterns(), after = registers;

	after.rax = ~registers.rax;
	user_space();
	beats_begin(4);
	for (unsigned i = 0; i < 1500; i++) {
		/* The whole way there and back: Iret, a system call, SysRet, an exception. */
		each(user_enter(PROGRAM(program_call), 0x202, &registers) == TRAPPED + 3, i);
		each(!(differ(&user_call, &registers) & ~RCX_R11), i | 0x10000);
		each(!(differ(&caught.trap, &after) & ~RCX_R11), i | 0x20000);
		each(user_call.frame.rflags & VMI_FLAG_IF && caught.trap.frame.rflags & VMI_FLAG_IF, i | 0x30000);
		pv_irq_enable();
	}
	beats_end();
	expect("some come", beats > 10);
	all("they change none, 1,500 times");
}
