/* SPDX-License-Identifier: MIT */
/* FpuTrapSet: floating-point and vector registers are one set, the VCPU's, for kernel and user mode. */
#include "user.h"

enum { SWITCHES = 200, TICKS = 30, FIRST_TICK_NS = 100000, THREADS = 2 };

static volatile unsigned calls;
static struct image seen;

static struct image pattern(unsigned seed)
{
	struct image image;
	uint8_t *byte = (uint8_t *)&image;

	for (unsigned i = 0; i < sizeof(image); i++)
		byte[i] = (uint8_t)(seed * 37 + i * 11 + 1);
	for (unsigned i = 0; i < 8; i++) {
		image.stack[i][7] |= 0x80; /* normal numbers */
		image.stack[i][9] = 0x3f;
		memset(image.stack[i] + 10, 0, 6);
	}
	image.control = 0x007f | (seed & 3) << 10 | 0x0200;
	image.status = (uint16_t)((seed & 7) << 11);
	image.tags = 0xff;
	image.reserved = 0;
	image.opcode = 0;
	image.instruction = image.operand = 0;
	image.mxcsr = 0x1f80 | (seed & 3) << 13;
	image.mxcsr_mask = 0;
	memset(image.rest, 0, sizeof(image.rest));
	return image;
}

/* A bit for each part that differs. Pointers and opcode of the last x87 instruction are not everywhere kept. */
static unsigned unlike(const struct image *found, const struct image *expected)
{
	unsigned result = 0;

	result |= found->control != expected->control;
	result |= (unsigned)(found->status != expected->status || found->tags != expected->tags) << 1;
	result |= (unsigned)(found->mxcsr != expected->mxcsr) << 2;
	for (unsigned i = 0; i < 8; i++)
		result |= (unsigned)!!memcmp(found->stack[i], expected->stack[i], 10) << (8 + i);
	for (unsigned i = 0; i < 16; i++)
		result |= (unsigned)!!memcmp(found->vectors[i], expected->vectors[i], 16) << (16 + i);
	return result;
}

/* Two in the data page: what the program loads, and what it stores. */
static struct image *images(unsigned thread)
{
	return (struct image *)user_data() + 2 * thread;
}

int64_t run_with_data(const char *program, vmi_handler on_call)
{
	const struct registers registers = { .rdi = USER_DATA };
	const struct vmi_frame frame = user_frame(PROGRAM(program));

	calls = 0;
	vmi_handle(VMI_SYSCALL, on_call);
	return enter(&frame, &registers);
}

static void on_call(struct vmi_trap *trap)
{
	if (trap->rax == CALL_EXIT)
		leave((int64_t)trap->rdi);
	calls++;
	fpu_save(&seen);
}

/* ---- one set of registers ---- */

USER_TEST(FPU_TRAP_SET, POSITIVE, no_call_changes_floating_point_registers)
{
	static const char line[] = "a line\n";
	struct image one = pattern(1), found;
	uint32_t words[4];

	fpu_load(&one);
	pv_cpuid(1, 0, (uint64_t)words);
	pv_clock_read();
	pv_timer_set(UINT64_MAX / 4);
	pv_timer_cancel();
	pv_tlb_flush();
	pv_address_space_set(pv_address_space_read());
	pv_console_write((uint64_t)line, sizeof(line) - 1);
	fpu_save(&found);
	same("they are as before", unlike(&found, &one), 0);
}

USER_TEST(FPU_TRAP_SET, POSITIVE, user_mode_has_the_floating_point_registers_that_the_kernel_loaded)
{
	struct image two = pattern(2);

	user_space();
	fpu_load(&two);
	same("it stores them", run_with_data(program_fpu_save, on_call), 0);
	same("they are the same", unlike(images(0), &two), 0);
}

USER_TEST(FPU_TRAP_SET, POSITIVE, the_kernel_has_the_floating_point_registers_that_user_mode_loaded)
{
	struct image one = pattern(1), found;

	user_space();
	images(0)[0] = one;
	same("it makes a system call", run_with_data(program_fpu_call, on_call), 0);
	same("one came", calls, 1);
	same("the kernel finds them there", unlike(&seen, &one), 0);
	same("user mode has them after it", unlike(images(0) + 1, &one), 0);
	fpu_save(&found);
	same("and the kernel after another one", unlike(&found, &one), 0);
}

USER_TEST(FPU_TRAP_SET, BOUNDARY, with_user_modes_direction_flag_set_they_are_kept_too)
{
	const struct registers registers = { .rdi = USER_DATA };
	struct vmi_frame frame = user_frame(PROGRAM(program_fpu_call));
	struct image one = pattern(1);

	user_space();
	images(0)[0] = one;
	frame.rflags |= DIRECTION;
	calls = 0;
	vmi_handle(VMI_SYSCALL, on_call);
	same("it makes a system call", enter(&frame, &registers), 0);
	same("one came", calls, 1);
	same("the kernel finds them there", unlike(&seen, &one), 0);
	same("user mode has them after it", unlike(images(0) + 1, &one), 0);
}

static void on_fault(struct vmi_trap *trap)
{
	fpu_save(&seen);
	calls++;
	trap->frame.rip += 2; /* UD2 */
}

USER_TEST(FPU_TRAP_SET, POSITIVE, an_exception_of_user_mode_changes_no_floating_point_register)
{
	struct image three = pattern(3);

	user_space();
	vmi_handle(6, on_fault);
	images(0)[0] = three;
	same("it goes on after one", run_with_data(program_fpu_trap, on_call), 0);
	same("one came", calls, 1);
	same("the kernel finds them there", unlike(&seen, &three), 0);
	same("user mode has them after it", unlike(images(0) + 1, &three), 0);
}

USER_TEST(FPU_TRAP_SET, POSITIVE, another_address_space_changes_no_floating_point_register)
{
	struct image two = pattern(2);
	struct space second;

	user_space();
	second = space_new();
	fpu_load(&two);
	pv_address_space_set(second.root);
	same("user mode stores them there", run_with_data(program_fpu_save, on_call), 0);
	same("they are the same", unlike(vmi_direct(second.data), &two), 0);
	pv_address_space_set(boot_root);
	space_delete(&second);
}

USER_TEST(FPU_TRAP_SET, HOSTILE, exceptions_that_user_mode_unmasked_are_no_harm_to_the_kernel)
{
	struct image image = pattern(4);

	user_space();
	image.control &= (uint16_t)~0x3f;
	image.mxcsr &= ~0x1f80u;
	images(0)[0] = image;
	same("it makes a system call", run_with_data(program_fpu_call, on_call), 0);
	same("user mode has them after it", unlike(images(0) + 1, &image), 0);
	image = pattern(5);
	fpu_load(&image);
	same("the kernel loads others", run_with_data(program_fpu_save, on_call), 0);
	same("and user mode has them", unlike(images(0), &image), 0);
}

/* ---- two threads of user mode in one address space ---- */

static struct thread {
	struct vmi_trap trap;
	struct image image;
} threads[THREADS];
static unsigned now, switches, until;
static uint64_t tick;

/* As a kernel does it that has nothing but FXSAVE64: in a trap from user mode, goes on as the other one. */
static void switch_thread(struct vmi_trap *trap)
{
	const struct image expected = pattern(10 + now), *stored = images(now) + 1;

	fpu_save(&threads[now].image);
	if (stored->tags) { /* it did so at least once */
		each(!unlike(stored, &expected), now);
		each(!unlike(&threads[now].image, &expected), now | 0x10);
	}
	if (++switches == until)
		leave(0);
	threads[now].trap = *trap;
	now = !now;
	*trap = threads[now].trap;
	fpu_load(&threads[now].image);
}

/* Where events are slow, the first ones leave user mode no time. */
static void next_tick(void)
{
	if (switches && !images(now)[1].tags)
		tick *= 2;
	pv_timer_set(pv_clock_read() + tick);
}

static void on_tick(struct vmi_trap *trap)
{
	pv_event_ack(VMI_SOURCE_TIMER);
	next_tick();
	if (vmi_from_user(trap))
		switch_thread(trap);
}

static void start_second(struct vmi_trap *trap, const char *program)
{
	threads[1].trap = *trap;
	threads[1].trap.frame.rip = PROGRAM(program);
	threads[1].trap.rdi = USER_DATA + 2 * sizeof(struct image);
	fpu_save(&threads[1].image);
}

static void on_first_call(struct vmi_trap *trap)
{
	start_second(trap, program_fpu_thread);
	vmi_handle(VMI_SYSCALL, switch_thread);
	switch_thread(trap);
}

static void on_first_tick(struct vmi_trap *trap)
{
	pv_event_ack(VMI_SOURCE_TIMER);
	next_tick();
	if (!vmi_from_user(trap))
		return;
	start_second(trap, program_fpu_spin);
	vmi_handle(TIMER_VECTOR, on_tick);
	switch_thread(trap);
}

static void prepare_threads(unsigned number)
{
	user_space();
	now = switches = 0;
	until = number;
	for (unsigned i = 0; i < THREADS; i++) {
		images(i)[0] = pattern(10 + i);
		memset(images(i) + 1, 0, sizeof(struct image));
	}
}

static int both_ran(unsigned number)
{
	return switches == number && images(0)[1].tags && images(1)[1].tags;
}

USER_TEST(FPU_TRAP_SET, BOUNDARY, two_threads_keep_their_floating_point_registers_over_system_calls)
{
	prepare_threads(SWITCHES);
	run_with_data(program_fpu_thread, on_first_call);
	each(both_ran(SWITCHES), switches);
	all("both do, at every switch");
}

USER_TEST(FPU_TRAP_SET, BOUNDARY, two_threads_keep_their_floating_point_registers_over_ticks)
{
	prepare_threads(TICKS);
	vmi_handle(TIMER_VECTOR, on_first_tick);
	pv_event_bind(VMI_SOURCE_TIMER, TIMER_VECTOR);
	tick = FIRST_TICK_NS;
	next_tick();
	run_with_data(program_fpu_spin, on_call);
	pv_timer_cancel();
	each(both_ran(TICKS), switches);
	all("both do, at every switch");
}
