/* SPDX-License-Identifier: MIT */
/* INT n of user mode: what gates with and without GATE_USER are to it. */
#include "user.h"

static void set_raw(unsigned vector, unsigned flags)
{
	const struct vmi_trap_gate one = raw_gate(vector, flags);

	each(!pv_trap_table_set((uint64_t)&one, 1), vector);
	raw_count = 0;
}

USER_TEST(TRAP_TABLE_SET, POSITIVE, user_mode_reaches_a_handler_with_gate_user)
{
	user_space();
	set_raw(3, VMI_GATE_USER);
	each(user_run(PROGRAM(program_int3), 0) == TRAPPED + 6 && raw_count == 1, raw_count); /* goes on to UD2 */
	all("by INT3");
	set_raw(SPARE_VECTOR, VMI_GATE_USER);
	each(user_run(PROGRAM(program_spare), 0) == TRAPPED + 6 && raw_count == 1, raw_count);
	all("by INT n");
	same("it goes on behind it", caught.trap.frame.rip, PROGRAM(program_spare) + 2);
}

USER_TEST(TRAP_TABLE_SET, BOUNDARY, gate_user_can_be_taken_away_and_given_again)
{
	user_space();
	set_raw(SPARE_VECTOR, VMI_GATE_USER);
	each(user_run(PROGRAM(program_spare), 0) == TRAPPED + 6 && raw_count == 1, raw_count);
	set_raw(SPARE_VECTOR, 0);
	each(user_run(PROGRAM(program_spare), 0) == TRAPPED + 13 && !raw_count, raw_count | 0x10);
	set_raw(SPARE_VECTOR, VMI_GATE_USER);
	each(user_run(PROGRAM(program_spare), 0) == TRAPPED + 6 && raw_count == 1, raw_count | 0x20);
	all("it counts each time");
}

USER_TEST(TRAP_TABLE_SET, HOSTILE, user_mode_does_not_reach_a_handler_without_gate_user)
{
	user_space();
	set_raw(SPARE_VECTOR, 0);
	each(user_run(PROGRAM(program_spare), 0) == TRAPPED + 13 && !raw_count, raw_count);
	all("it is general protection");
	same("with the RIP of INT n", caught.trap.frame.rip, PROGRAM(program_spare));
	same("and the error code of a gate", caught.trap.error & 7, 2);
	same("so is that of an event's vector", user_run(PROGRAM(program_int), 0), TRAPPED + 13);
	/* The vector above: QEMU's TCG has it at another place than processors. */
	same("with such an error code too", caught.trap.error & 7, 2);
}
