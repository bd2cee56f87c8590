/* SPDX-License-Identifier: MIT */
/* Floating-point and vector registers: who has which, and FpuTrapSet. */
#include "contract.h"

enum { SWITCHES = 200, TICKS = 30, FIRST_TICK_NS = 100000, SAVED = 512, THREADS = 2 };

/* What FXSAVE64 stores (Intel SDM volume 1, section 10.5.1). */
struct image {
	uint16_t control, status;
	uint8_t tags, reserved;
	uint16_t opcode;
	uint64_t instruction, operand;
	uint32_t mxcsr, mxcsr_mask;
	uint8_t stack[8][16], vectors[16][16], rest[96];
} __attribute__((aligned(16)));
_Static_assert(sizeof(struct image) == SAVED, "image");

/* harness.S */
void do_fpu(uint64_t), do_vector(uint64_t);
void fpu_load(const struct image *image), fpu_save(struct image *image);

static struct space space;
static volatile unsigned traps, calls, events;
static struct image seen, before;

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
static unsigned differ(const struct image *found, const struct image *expected)
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
static struct image *user_images(unsigned thread)
{
	return (struct image *)vmi_direct(space.data) + 2 * thread;
}

static int64_t run(char *program, vmi_handler on_call)
{
	const struct registers registers = { .rdi = USER_DATA };
	const struct vmi_frame frame = {
		.rip = PROGRAM(program), .cs = vmi_boot->user_cs, .rflags = 0x202, .rsp = USER_STACK + PAGE,
		.ss = vmi_boot->user_ss,
	};

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

static void call_everything(void)
{
	uint32_t words[4];

	pv_cpuid(1, 0, (uint64_t)words);
	pv_clock_read();
	pv_timer_set(UINT64_MAX / 4);
	pv_timer_cancel();
	pv_tlb_flush();
	pv_address_space_set(pv_address_space_read());
	pv_console_write((uint64_t)"trap: a line\n", 13);
}

static void on_fault(struct vmi_trap *trap)
{
	fpu_save(&seen);
	calls++;
	if (trap->vector == 6)
		trap->frame.rip += 2;
}

static void one_set(void)
{
	struct image one = pattern(1), two = pattern(2), three = pattern(3), found;
	struct space second = space_new();
	vmi_handler ud2 = vmi_handle(6, on_fault);

	fpu_save(&before);
	fpu_load(&one);
	call_everything();
	fpu_save(&found);
	equal("no call changes floating-point registers", differ(&found, &one), 0);
	fpu_load(&two);
	equal("user mode stores its floating-point registers", run(program_fpu_save, on_call), 0);
	equal("they are those that the kernel loaded", differ(user_images(0), &two), 0);
	user_images(0)[0] = one;
	equal("user mode loads floating-point registers", run(program_fpu_call, on_call), 0);
	equal("the kernel finds them after a system call", differ(&seen, &one) | (calls != 1), 0);
	equal("user mode has them after a system call", differ(user_images(0) + 1, &one), 0);
	fpu_save(&found);
	equal("and the kernel after another one", differ(&found, &one), 0);
	user_images(0)[0] = three;
	equal("user mode takes an exception with others", run(program_fpu_trap, on_call), 0);
	equal("the kernel finds them after an exception", differ(&seen, &three) | (calls != 1), 0);
	equal("user mode has them after an exception", differ(user_images(0) + 1, &three), 0);
	fpu_load(&two);
	pv_address_space_set(second.root);
	equal("another address space stores them", run(program_fpu_save, on_call), 0);
	equal("they are the same there", differ(vmi_direct(second.data), &two), 0);
	pv_address_space_set(space.root);
	fpu_load(&before);
	vmi_handle(6, ud2);
	space_delete(&second);
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
	const struct image expected = pattern(10 + now), *stored = user_images(now) + 1;

	fpu_save(&threads[now].image);
	if (stored->tags) { /* it did so at least once */
		each(!differ(stored, &expected), now);
		each(!differ(&threads[now].image, &expected), now | 0x10);
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
	if (switches && !user_images(now)[1].tags)
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

static void start_second(struct vmi_trap *trap, char *program)
{
	threads[1].trap = *trap;
	threads[1].trap.frame.rip = PROGRAM(program);
	threads[1].trap.rdi = USER_DATA + 2 * SAVED;
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
	now = switches = 0;
	until = number;
	for (unsigned i = 0; i < THREADS; i++) {
		user_images(i)[0] = pattern(10 + i);
		memset(user_images(i) + 1, 0, SAVED);
	}
}

static void two_threads(void)
{
	prepare_threads(SWITCHES);
	run(program_fpu_thread, on_first_call);
	each(switches == SWITCHES && user_images(0)[1].tags && user_images(1)[1].tags, switches);
	all("two threads keep their floating-point registers over system calls");
	prepare_threads(TICKS);
	vmi_handle(TIMER_VECTOR, on_first_tick);
	pv_event_bind(VMI_SOURCE_TIMER, TIMER_VECTOR);
	tick = FIRST_TICK_NS;
	next_tick();
	run(program_fpu_spin, on_call);
	pv_timer_cancel();
	pv_event_bind(VMI_SOURCE_TIMER, 0);
	each(switches == TICKS && user_images(0)[1].tags && user_images(1)[1].tags, switches);
	all("two threads keep their floating-point registers over ticks");
	fpu_load(&before);
}

/* ---- FpuTrapSet ---- */

/* The handler that every kernel has: it turns the trap off and goes on. */
static void on_fpu(struct vmi_trap *trap)
{
	(void)trap;
	traps++;
	pv_fpu_trap_set(0);
}

static void on_event(struct vmi_trap *trap)
{
	(void)trap;
	events++;
	pv_event_ack(VMI_SOURCE_SOFT);
}

static void on_call_trap(struct vmi_trap *trap)
{
	(void)trap;
	calls++;
	pv_fpu_trap_set(1);
}

static int raised_or_not(unsigned exception)
{
	return !exception || exception == 1 + 7;
}

static void trapping(void)
{
	vmi_handler old;

	pv_fpu_trap_set(0);
	equal("floating point can be used", attempt(do_fpu, 0), 0);
	equal("vectors can be used", attempt(do_vector, 0), 0);
	pv_fpu_trap_set(1);
	check("after FpuTrapSet(1) floating point of the kernel raises vector 7, or works", raised_or_not(attempt(do_fpu, 0)));
	pv_fpu_trap_set(1);
	check("so do its vectors", raised_or_not(attempt(do_vector, 0)));
	pv_fpu_trap_set(0);
	equal("after FpuTrapSet(0) they work", attempt(do_fpu, 0) | attempt(do_vector, 0), 0);
	equal("and in user mode", user_run(PROGRAM(program_fpu), 8), 8);
	pv_fpu_trap_set(1);
	equal("after FpuTrapSet(1) floating point of user mode raises vector 7", user_run(PROGRAM(program_fpu), 8), TRAPPED + 7);
	equal("with the RIP of that instruction", caught.trap.frame.rip, PROGRAM(program_fpu));
	equal("it has the user's registers", caught.trap.rdi, 8);
	equal("and user mode's CS", caught.trap.frame.cs & 3, 3);
	pv_fpu_trap_set(~1u);
	equal("a vector instruction raises it at the latest", user_run(PROGRAM(program_fpu_late), 8), TRAPPED + 7);
	check("which may be before it", caught.trap.frame.rip >= PROGRAM(program_fpu_late) &&
					caught.trap.frame.rip <= PROGRAM(program_fpu_late_at));
	pv_fpu_trap_set(0);
	equal("FpuTrapSet(1) in a system call is as good", run(program_fpu_call, on_call_trap), TRAPPED + 7);
	equal("after that system call", caught.trap.frame.rip, PROGRAM(program_fpu_call_at));
	vmi_handle(SOFT_VECTOR, on_event);
	pv_event_bind(VMI_SOURCE_SOFT, SOFT_VECTOR);
	events = 0;
	pv_fpu_trap_set(1);
	pv_event_send(VMI_SOURCE_SOFT);
	equal("an event that waits takes nothing from it", user_run(PROGRAM(program_fpu), 8), TRAPPED + 7);
	pv_irq_enable();
	breathe();
	pv_irq_disable();
	equal("and comes", events, 1);
	pv_event_bind(VMI_SOURCE_SOFT, 0);
	old = vmi_handle(7, on_fpu);
	traps = 0;
	pv_fpu_trap_set(1);
	equal("a program goes on when the handler turns it off", user_run(PROGRAM(program_fpu), 8), 8);
	equal("that was one exception", traps, 1);
	vmi_handle(7, old);
}

void check_floating(void)
{
	uint64_t root = pv_address_space_read();

	space = space_new();
	pv_fpu_trap_set(0);
	pv_address_space_set(space.root);
	one_set();
	two_threads();
	trapping();
	pv_address_space_set(root);
	space_delete(&space);
}
