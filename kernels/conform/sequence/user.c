/* SPDX-License-Identifier: MIT */
/* Excursions to user mode. */
#include "sequence.h"

extern char programs_start[], programs_end[];
#define PROGRAM_SIZE 16
#define AGAIN 0x5c /* RAX of a system call that comes back */
enum { USER_IF = 1, BAD_RIP = 2, BAD_CS = 4, BAD_SS = 8, RETURN_ONCE = 16, CODE_SLOT = 32 }; /* CODE_SLOT * (1 + slot) */
enum { SPIN = 16, SPIN_COMPATIBLE = 23 };

int in_user;
static struct registers given;
static uint64_t user_program; /* its address */

static struct value {
	uint64_t number, before, now;
} values[4 * REGISTERS];
static unsigned value_count;

uint64_t changed(const struct registers *now, const struct registers *before)
{
	uint64_t result = 0;

	for (unsigned i = 0; i < REGISTERS; i++) {
		if ((&now->rax)[i] == (&before->rax)[i])
			continue;
		result |= 1ull << i;
		if (value_count < sizeof(values) / sizeof(values[0]))
			values[value_count++] = (struct value){ i, (&before->rax)[i], (&now->rax)[i] };
	}
	return result;
}

void tell_values(void)
{
	uint64_t interrupts = pv_irq_save_disable(); /* a handler tells in between, not within */

	for (unsigned i = 0; with_values && i < value_count; i++) {
		log_char('Q');
		log_number(values[i].number);
		log_number(values[i].before);
		log_number(values[i].now);
	}
	value_count = 0;
	pv_irq_restore(interrupts);
}

int user_spins(uint64_t rip)
{
	return rip == USER_CODE + SPIN * PROGRAM_SIZE || rip == USER_CODE + SPIN_COMPATIBLE * PROGRAM_SIZE;
}

void changed_from(const struct vmi_trap *trap)
{
	log_number(changed((const struct registers *)trap, &given));
	if (trap->vector == 3)
		log_number(trap->rax);
	else if (trap->vector == 7)
		log_number(trap->frame.rip - user_program);
}

static void on_system_call(struct vmi_trap *trap)
{
	log_char('S');
	log_number(trap->rax);
	log_number(changed((const struct registers *)trap, &given));
	log_number(trap_flags(trap));
	if (trap->rax != AGAIN)
		leave(0);
	trap->rax = 0;
}

/* A page of programs and one of stack in both spaces of user mode. */
void user_start(void)
{
	uint64_t code = page_alloc(), data = page_alloc();
	uint32_t *words = vmi_direct(data);

	memcpy(vmi_direct(code), programs_start, programs_end - programs_start);
	for (unsigned i = 0; i < PAGE / 4; i++)
		words[i] = USER_MARK + i * 4;
	for (unsigned i = 1; i < ROOTS; i++) {
		roots[i] = space_create();
		page_map(roots[i], USER_CODE, code, PRESENT | USER);
		page_map(roots[i], USER_DATA, data, PRESENT | USER | NO_EXECUTE);
		page_map(roots[i], USER_STACK, page_alloc(), PRESENT | WRITABLE | USER | NO_EXECUTE);
	}
	vmi_handle(VMI_SYSCALL, on_system_call);
}

void user_run(unsigned program, uint64_t flags, uint64_t rdi, uint64_t rsi)
{
	uint64_t slot = flags / CODE_SLOT % (1 + VMI_DESCRIPTOR_SLOTS);
	struct vmi_frame frame = {
		.rip = flags & BAD_RIP ? 1ull << 60 : USER_CODE + program * PROGRAM_SIZE,
		.cs = flags & BAD_CS ? 0xfff8 | 3 : vmi_boot->user_cs,
		.rflags = 2 | (flags & USER_IF ? VMI_FLAG_IF : 0),
		.rsp = USER_STACK + PAGE,
		.ss = flags & BAD_SS ? 0xfff8 | 3 : vmi_boot->user_ss,
	};
	uint64_t interrupts = pv_irq_save_disable();

	if (slot)
		frame.cs = vmi_boot->descriptor_base + 8 * (slot - 1);
	user_program = USER_CODE + program * PROGRAM_SIZE;
	for (unsigned i = 0; i < REGISTERS; i++)
		(&given.rax)[i] = (slot ? 0x10101010 : 0x1010101010101010) * (i & 7) + i; /* 32-bit code may lose the rest */
	given.rax = flags & RETURN_ONCE ? AGAIN : 0;
	given.rdi = rdi;
	given.rsi = rsi;
	in_user = 1;
	enter(&frame, &given);
	in_user = 0;
	pv_irq_restore(interrupts);
}
