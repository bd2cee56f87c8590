/* SPDX-License-Identifier: MIT */
/* User mode: going there, and what comes back by a system call or an exception. */
#include "conform.h"

struct vmi_trap user_call;
volatile unsigned user_calls;

static void on_system_call(struct vmi_trap *trap)
{
	user_call = *trap;
	user_calls++;
	if (trap->rax == CALL_EXIT)
		leave(trap->rdi);
	trap->rax = ~trap->rax;
}

static struct space space;

const struct space *user_space(void)
{
	if (!space.root)
		space = space_new();
	memset(vmi_direct(space.data), 0, PAGE);
	memset(vmi_direct(space.stack), 0, PAGE);
	pv_address_space_set(space.root);
	return &space;
}

uint64_t *user_data(void)
{
	return vmi_direct(space.data);
}

struct vmi_frame user_frame(uint64_t rip)
{
	return (struct vmi_frame){
		.rip = rip, .cs = vmi_boot->user_cs, .rflags = 0x202, .rsp = USER_STACK + PAGE, .ss = vmi_boot->user_ss,
	};
}

int64_t user_run(uint64_t rip, uint64_t argument)
{
	const struct registers registers = { .rdi = argument };

	return user_enter(rip, 0x202, &registers);
}

int64_t user_enter(uint64_t rip, uint64_t rflags, const struct registers *registers)
{
	struct vmi_frame frame = user_frame(rip);

	frame.rflags = rflags;
	vmi_handle(VMI_SYSCALL, on_system_call);
	return enter(&frame, registers);
}

struct registers patterns(void)
{
	struct registers result;

	for (unsigned i = 0; i < REGISTERS; i++)
		(&result.rax)[i] = 0x0123456789abcdef * (2 * i + 1);
	return result;
}

struct registers inverted(void)
{
	struct registers result = patterns();

	for (unsigned i = 0; i < REGISTERS; i++)
		(&result.rax)[i] = ~(&result.rax)[i];
	return result;
}

uint64_t differ(const struct vmi_trap *trap, const struct registers *expected)
{
	uint64_t result = 0;

	for (unsigned i = 0; i < REGISTERS; i++)
		result |= (uint64_t)((&trap->rax)[i] != (&expected->rax)[i]) << i;
	return result;
}
