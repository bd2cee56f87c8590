/* SPDX-License-Identifier: MIT */
/*
 * Entering the guest's handlers. From the kernel M pushes the frame itself; from user mode K's ROM does, by what
 * user_continue_in_kernel() leaves for it.
 */
#include "native.h"

#define WITH_ERROR 0x60227d00u /* vectors 8, 10 to 14, 17, 21, 29, 30 */
#define IN_TABLE 2	       /* error code bit: the selector field is a vector */
#define FLAGS_CLEARED (VMI_FLAG_IF | FLAG_TRACE | 1ul << 14 | 1ul << 16) /* IF TF NT RF */

static const char *const names[] = {
	[0] = "division error", [1] = "debug", [3] = "breakpoint", [4] = "overflow", [6] = "invalid opcode",
	[7] = "no floating point", [8] = "double fault", [10] = "invalid task state", [11] = "segment not present",
	[12] = "stack segment fault", [13] = "general protection", [14] = "page fault", [16] = "floating-point error",
	[17] = "alignment check", [19] = "vector error",
};

static bool stepping; /* K goes on by single steps, to leave the ROM's text */

bool has_error(uint32_t vector) { return vector < 32 && WITH_ERROR >> vector & 1; }

bool in_rom(uint64_t rip) { return handover.rom && rip - handover.window < ROM_TEXT_SIZE; }

const char *trap_text(uint32_t vector, uint64_t error, uint64_t rip)
{
	const char *name = vector < LENGTH(names) && names[vector] ? names[vector] : "interrupt";

	if (vector == TRAP_PAGE_FAULT)
		return text("%s (vector %d, error code %x, address %x) at %x", name, (uint64_t)vector, error, fault_address, rip);
	if (has_error(vector))
		return text("%s (vector %d, error code %x) at %x", name, (uint64_t)vector, error, rip);
	return text("%s (vector %d) at %x", name, (uint64_t)vector, rip);
}

/* Ends the run. `because`: why it cannot be delivered. */
static _Noreturn void undeliverable(uint32_t vector, uint64_t error, uint64_t rip, const char *because, uint64_t top)
{
	const char *what = trap_text(vector, error, rip);

	if (because)
		crash("%s: %s", what, because);
	crash("%s: its frame cannot be pushed on the stack at %x, which is not mapped writable", what, top);
}

static uint64_t handler_of(uint32_t vector, uint64_t error, uint64_t rip)
{
	if (vector >= VECTORS || !gates[vector].there)
		undeliverable(vector, error, rip, "the guest has no handler for it", 0);
	return gates[vector].handler;
}

/* Pushes a frame below `top` and enters the handler in K. */
static void enter(uint32_t vector, uint64_t error, uint64_t top, const struct vmi_frame *frame)
{
	struct {
		uint64_t error;
		struct vmi_frame frame;
	} pushed = {error, *frame};
	struct context *context = kernel_context();
	uint64_t handler = handler_of(vector, error, frame->rip);
	uint64_t size = has_error(vector) ? sizeof pushed : sizeof pushed.frame;
	uint64_t place = (top & ~15ul) - size;

	if (place > top || !guest_write(place, (uint8_t *)(&pushed + 1) - size, size))
		undeliverable(vector, error, frame->rip, NULL, top);
	context->rsp = place;
	context->rip = handler;
	context->rflags &= ~FLAGS_CLEARED;
	set_interrupts(false);
}

static void linked_deliver(uint32_t vector, uint64_t error)
{
	struct context *context = kernel_context();
	struct vmi_frame frame = {
		.rip = context->rip,
		.cs = LNX_KERNEL_CS,
		.rflags = (context->rflags & ~(uint64_t)VMI_FLAG_IF) | (interrupts() ? VMI_FLAG_IF : 0),
		.rsp = context->rsp,
		.ss = LNX_KERNEL_SS,
	};

	if (stepping) {
		stepping = false;
		frame.rflags &= ~FLAG_TRACE;
	}
	enter(vector, error, context->rsp, &frame);
}

void kernel_deliver(uint32_t vector, uint64_t error)
{
	(native() ? native_kernel_deliver : linked_deliver)(vector, error);
}

void frame_deliver(uint32_t vector, const struct vmi_frame *frame) { enter(vector, 0, kernel_stack, frame); }

void user_deliver(uint32_t vector, uint64_t error)
{
	uint64_t handler;

	if (native()) {
		native_user_deliver(vector, error);
		return;
	}
	handler = handler_of(vector, error, user_context()->rip);
	user_continue_in_kernel(has_error(vector) ? vector | LNX_VECTOR_ERROR : vector, error, handler);
}

/*
 * Whether a trap is an INT: 8n + 2 of general protection, or the two that the processor lets through. Its length, and in
 * `vector` which one; RIP is at the instruction then. 0: none.
 */
static uint32_t software(struct context *context, uint32_t *vector, uint64_t error)
{
	uint8_t code[2];

	if (*vector == TRAP_BREAKPOINT || *vector == TRAP_OVERFLOW) {
		uint32_t length = 2;

		if (*vector == TRAP_BREAKPOINT && guest_read(context->rip - 1, code, 1) && code[0] == 0xcc)
			length = 1;
		context->rip -= length;
		return length;
	}
	if (*vector != TRAP_PROTECTION || (error & 7) != IN_TABLE || error >> 3 >= VECTORS)
		return 0;
	if (!guest_read(context->rip, code, 2) || code[0] != 0xcd || code[1] != error >> 3)
		return 0;
	*vector = code[1];
	return 2;
}

static const char *counter(uint32_t vector)
{
	static char text[VECTORS][12]; /* "trap 255" */
	char *end = text[vector % VECTORS];

	if (vector == TRAP_PAGE_FAULT)
		return "page fault";
	if (!*end) {
		for (const char *from = "trap "; *from;)
			*end++ = *from++;
		for (uint32_t unit = vector >= 100 ? 100 : vector >= 10 ? 10 : 1; unit; unit /= 10)
			*end++ = (char)('0' + vector / unit % 10);
	}
	return text[vector % VECTORS];
}

/* An event came while K was in the ROM's text: on to the next instruction, or deliver it. */
static void stepped(void)
{
	native_shadow_end(); /* the step too */
	events_pending();
}

void kernel_step(void)
{
	stepping = true;
	kernel_context()->rflags |= FLAG_TRACE;
}

/* K leaves by itself: no step is needed any more. */
void kernel_stepped(void)
{
	if (stepping)
		kernel_context()->rflags &= ~FLAG_TRACE;
	stepping = false;
}

void kernel_trap(uint32_t vector, uint64_t error, uint64_t address)
{
	struct context *context = kernel_context();
	uint32_t length;

	if (vector == TRAP_DEBUG && stepping) {
		stepped();
		return;
	}
	if (vector == TRAP_PAGE_FAULT)
		set_fault_address(address);
	length = software(context, &vector, error);
	context->rip += length;
	count_exit(counter(vector));
	kernel_deliver(vector, length ? 0 : error);
	set_waiting(event_next());
}

/* Whether user mode may raise a vector by INT. */
static bool allowed(uint32_t vector)
{
	return native() ? native_int_allowed(vector) : gates[vector].there && gates[vector].user;
}

void user_trap(uint32_t vector, uint64_t error, uint64_t address)
{
	struct context *context = user_context();
	uint32_t length;

	if (vector == TRAP_PAGE_FAULT)
		set_fault_address(address);
	length = software(context, &vector, error);
	if (length && !allowed(vector)) {
		error = vector * 8 + IN_TABLE;
		vector = TRAP_PROTECTION;
	} else if (length) {
		error = 0;
		context->rip += length;
	}
	count_exit(counter(vector));
	user_deliver(vector, error);
}
