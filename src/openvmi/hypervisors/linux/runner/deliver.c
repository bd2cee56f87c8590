/* SPDX-License-Identifier: MIT */
/*
 * A native guest's traps, interrupts, system calls and returns, as a processor does them (Intel SDM volume 3, sections 6.14
 * and 8.7; volume 2, SYSCALL): by the guest's interrupt descriptor table and task state, which may hold anything.
 *
 * K is the processor while the guest's kernel runs, U while its user mode does; the other one is stopped, and what they
 * share in hardware travels with each change: general and floating-point registers, segment bases.
 */
#include "internal.h"
#include "native.h"

#define DOUBLE_FAULT 8
#define IN_TABLE 2 /* error code bit: the selector field is a vector */
#define GATE_SIZE 16
#define GATE_PRESENT 0x80
#define GATE_INTERRUPT 0xe
#define GATE_TRAP 0xf
#define TASK_STACK 4	 /* offsets in the task state: for privilege 0, */
#define TASK_STACKS 36 /* and for gates that name one */
#define FPU_VECTOR 7
#define FLAG_ALWAYS 2ul
#define FLAG_NT (1ul << 14)
#define FLAG_RF (1ul << 16)
#define FLAG_AC (1ul << 18) /* checks alignment in ring 3 only, where the kernel is not */
#define FLAGS_LOADABLE 0x240dd5ul /* without IF, which is virtual */
#define SYSCALL_LENGTH 2
#define SELECTOR 0xffff
#define IN_LOCAL 4 /* selector bit: of the local table */

struct table_register native_gdt, native_idt;
uint64_t native_task, native_kernel_gs, native_lstar, native_flag_mask;
bool native_fpu_trap, native_user;

static bool flag; /* IF */
static bool shadow;
static uint64_t shadow_rip;

bool native_interrupts(void) { return flag; }
void native_set_interrupts(bool on) { flag = on; }

void native_shadow_begin(void)
{
	shadow = true;
	shadow_rip = kernel_context()->rip;
}

void native_shadow_end(void)
{
	shadow = false;
	kernel_stepped();
}

bool native_in_shadow(void)
{
	const struct context *context = kernel_context();

	shadow = shadow && context->rip == shadow_rip;
	/* A kernel that traces itself stops anyway. */
	if (shadow && event_next() && !(context->rflags & FLAG_TRACE))
		kernel_step();
	return shadow;
}

static uint64_t with_flag(uint64_t rflags) { return (rflags & ~(uint64_t)VMI_FLAG_IF) | (flag ? VMI_FLAG_IF : 0); }

/* ---- K and U ---- */

/* An address that a user process has, which may have written anything there when it was given as stopped. */
static uint64_t base_of(uint64_t base) { return canonical(base) ? base : 0; }

static void copy_state(struct stub *stub, struct context *to, struct stub *from_stub, const struct context *from)
{
	to->r8 = from->r8, to->r9 = from->r9, to->r10 = from->r10, to->r11 = from->r11;
	to->r12 = from->r12, to->r13 = from->r13, to->r14 = from->r14, to->r15 = from->r15;
	to->rax = from->rax, to->rbx = from->rbx, to->rcx = from->rcx, to->rdx = from->rdx;
	to->rsi = from->rsi, to->rdi = from->rdi, to->rbp = from->rbp;
	stub->area->fs_base = base_of(from_stub->area->fs_base);
	stub->area->gs_base = base_of(from_stub->area->gs_base);
	fpu_copy(stub, from_stub); /* one who has damaged its area keeps what it has */
}

/* The selector of 64-bit code of the guest's own, for which U has the host's; 0: it has the usual one. */
static uint16_t long_cs;

uint16_t native_user_cs(uint16_t cs)
{
	if (descriptor_is_code(cs))
		return cs;
	if (cs == LNX_USER_CS && long_cs)
		return long_cs;
	return cs == LNX_USER_CS_32 ? NATIVE_USER_CS_32 : NATIVE_USER_CS;
}

/*
 * User mode may have written to it, and may still: each is read once, and what no processor says is not said. A kernel
 * takes a selector without privilege for its own.
 */
static struct vmi_frame user_frame(const volatile struct context *user)
{
	const uint16_t ss = user->ss;

	return (struct vmi_frame){
		.rip = base_of(user->rip),
		.cs = native_user_cs(user->cs),
		.rflags = with_flag((user->rflags & LNX_FLAGS_USER) | FLAG_ALWAYS),
		.rsp = user->rsp,
		.ss = descriptor_is_stack(ss) ? ss : NATIVE_USER_SS,
	};
}

/* From U's registers to K's: the kernel goes on. */
static void leave_user(void)
{
	copy_state(&kernel, kernel_context(), present, user_context());
	native_user = false;
	present->stopped = false;
	present->area->turn = TURN_KERNEL;
}

/* ---- in ---- */

static bool gate_at(uint32_t vector, uint64_t gate[2])
{
	return vector * GATE_SIZE + GATE_SIZE - 1 <= native_idt.limit &&
	       guest_read(native_idt.base + vector * GATE_SIZE, gate, GATE_SIZE);
}

static bool task_stack(uint32_t offset, uint64_t *top)
{
	return native_task && guest_read(native_task + offset, top, sizeof *top);
}

/* Enters the handler in K from what the frame says. Null, or why not, with nothing changed. */
static const char *enter(uint32_t vector, uint64_t error, const struct vmi_frame *frame)
{
	struct {
		uint64_t error;
		struct vmi_frame frame;
	} pushed = {error, *frame};
	struct context *context = kernel_context();
	uint64_t size = has_error(vector) ? sizeof pushed : sizeof pushed.frame;
	uint64_t gate[2], top = frame->rsp, handler, place;
	uint32_t kind, stack;

	if (!gate_at(vector, gate))
		return "the guest's interrupt descriptor table has no entry for it";
	kind = gate[0] >> 40 & 0xff;
	stack = gate[0] >> 32 & 7;
	if (!(kind & GATE_PRESENT) || ((kind & 0xf) != GATE_INTERRUPT && (kind & 0xf) != GATE_TRAP))
		return "its entry in the guest's interrupt descriptor table is not a present gate";
	handler = (gate[0] & 0xffff) | (gate[0] >> 32 & 0xffff0000) | gate[1] << 32;
	if (!canonical(handler))
		return "its entry in the guest's interrupt descriptor table leads to an address that is not canonical";
	if ((stack || (frame->cs & 3) == 3) && !task_stack(stack ? TASK_STACKS + 8 * stack - 8 : TASK_STACK, &top))
		return "the guest has no task state that names a stack for it";
	place = (top & ~15ul) - size;
	if (place > top || !guest_write(place, (uint8_t *)(&pushed + 1) - size, size))
		return text("its frame cannot be pushed on the stack at %x, which is not mapped writable", top);
	context->rip = handler;
	context->rsp = place;
	context->rflags = frame->rflags & FLAGS_LOADABLE & ~(FLAG_TRACE | FLAG_NT | FLAG_RF | FLAG_AC);
	flag = flag && (kind & 0xf) == GATE_TRAP;
	return NULL;
}

/* `frame` is in the kernel or in user mode; the other registers are K's already, or are copied when it can be entered. */
static void deliver(uint32_t vector, uint64_t error, const struct vmi_frame *frame)
{
	static char first[MESSAGE_SIZE], reason[MESSAGE_SIZE];
	const char *problem = enter(vector, error, frame);

	if (!problem)
		return;
	memcpy(reason, problem, strlen(problem) + 1);
	memcpy(first, trap_text(vector, error, frame->rip), MESSAGE_SIZE);
	if (vector == DOUBLE_FAULT)
		crash("%s: %s", first, reason);
	if (enter(DOUBLE_FAULT, 0, frame))
		crash("triple fault: %s, and %s", first, reason);
}

void native_kernel_deliver(uint32_t vector, uint64_t error)
{
	const struct context *context = kernel_context();
	struct vmi_frame frame;

	native_shadow_end();
	frame = (struct vmi_frame){
		.rip = context->rip,
		.cs = NATIVE_KERNEL_CS,
		.rflags = with_flag(context->rflags),
		.rsp = context->rsp,
		.ss = NATIVE_KERNEL_SS,
	};
	deliver(vector, error, &frame);
}

void native_user_deliver(uint32_t vector, uint64_t error)
{
	const struct vmi_frame frame = user_frame(user_context());

	deliver(vector, error, &frame);
	leave_user();
}

bool native_int_allowed(uint32_t vector)
{
	uint64_t gate[2];

	return gate_at(vector, gate) && (gate[0] >> 45 & 3) == 3;
}

void native_system_call(void)
{
	struct context *user = user_context(), *context = kernel_context();
	const struct vmi_frame frame = user_frame(user);
	uint64_t flags = frame.rflags;

	if (!native_lstar || user->cs != HOST_CS) {
		user->rip -= SYSCALL_LENGTH;
		user_trap(TRAP_OPCODE, 0, 0);
		return;
	}
	count_exit("syscall");
	leave_user();
	context->rcx = frame.rip;
	context->r11 = flags;
	context->rip = native_lstar;
	context->rsp = frame.rsp;
	flags &= ~native_flag_mask;
	context->rflags = flags & FLAGS_LOADABLE & ~FLAG_AC;
	flag = flags & VMI_FLAG_IF;
	events_after_exit();
}

/* ---- out ---- */

static bool user_code(uint64_t cs) { return cs == NATIVE_USER_CS || cs == NATIVE_USER_CS_32 || descriptor_is_code(cs); }
static bool user_stack(uint64_t ss) { return ss == NATIVE_USER_SS || descriptor_is_stack(ss); }

static uint16_t host_cs(uint64_t cs)
{
	if (descriptor_is_long(cs))
		return LNX_USER_CS;
	return cs & IN_LOCAL ? (uint16_t)cs : cs == NATIVE_USER_CS_32 ? LNX_USER_CS_32 : LNX_USER_CS;
}

/* To user mode, unless something comes first: it then comes from there. */
static void to_user(const struct vmi_frame *frame)
{
	bool fresh = !present;
	struct context *user;

	flag = frame->rflags & VMI_FLAG_IF;
	if (flag && event_next()) {
		deliver(event_take(), 0, frame);
		return;
	}
	if (native_fpu_trap) {
		deliver(FPU_VECTOR, 0, frame);
		return;
	}
	user_ready();
	if (fresh)
		descriptors_inherited();
	else
		descriptors_refresh();
	user = user_context();
	copy_state(present, user, &kernel, kernel_context());
	user->rip = frame->rip;
	user->rsp = frame->rsp;
	user->rflags = frame->rflags & FLAGS_LOADABLE;
	user->cs = host_cs(frame->cs);
	long_cs = descriptor_is_long(frame->cs) ? (uint16_t)frame->cs : 0;
	user->ss = frame->ss & IN_LOCAL ? (uint16_t)frame->ss : LNX_USER_SS;
	native_user = true;
	user_enter();
}

bool native_interrupt_return(struct context *context)
{
	struct vmi_frame frame;

	if (!guest_read(context->rsp, &frame, sizeof frame) || !canonical(frame.rip))
		return false;
	frame.cs &= SELECTOR;
	frame.ss &= SELECTOR;
	frame.rflags &= FLAGS_LOADABLE | VMI_FLAG_IF;
	if ((frame.cs & 3) == 3) {
		native_slots();
		if (!user_code(frame.cs) || !user_stack(frame.ss))
			return false;
		to_user(&frame);
		return true;
	}
	/* The null selector is a stack in 64-bit kernel mode. */
	if (frame.cs != NATIVE_KERNEL_CS || (frame.ss && frame.ss != NATIVE_KERNEL_SS))
		return false;
	context->rip = frame.rip;
	context->rsp = frame.rsp;
	context->rflags = frame.rflags & FLAGS_LOADABLE & ~FLAG_AC;
	flag = frame.rflags & VMI_FLAG_IF;
	return true;
}

bool native_system_return(struct context *context)
{
	const struct vmi_frame frame = {
		.rip = context->rcx,
		.cs = NATIVE_USER_CS,
		.rflags = context->r11 & (FLAGS_LOADABLE | VMI_FLAG_IF),
		.rsp = context->rsp,
		.ss = NATIVE_USER_SS,
	};

	if (!canonical(frame.rip))
		return false;
	native_slots();
	to_user(&frame);
	return true;
}
