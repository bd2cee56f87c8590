/* SPDX-License-Identifier: MIT */
/* Returns that the ROM does not do by itself, because an event waits for them or something about them is unusual. */
#include "internal.h"
#include "vcpu.h"

#define SELECTOR 0xffff

static bool user_code(uint64_t cs) { return cs == LNX_USER_CS || cs == LNX_USER_CS_32 || descriptor_is_code(cs); }

static bool user_stack(uint64_t ss) { return ss == LNX_USER_SS || descriptor_is_stack(ss); }

bool refer_selectors(uint64_t cs, uint64_t ss) { return user_code(cs) && user_stack(ss); }

/* The frame was refused: general protection in K, RAX and RSP as they were at the Iret. */
static bool refused(void)
{
	kernel_deliver(TRAP_PROTECTION, 0);
	return false;
}

static bool to_user(const struct vmi_frame *frame)
{
	struct context *from = kernel_context(), *to;
	uint64_t cs = frame->cs & SELECTOR, ss = frame->ss & SELECTOR;

	if (!user_code(cs) || !user_stack(ss))
		return refused();
	set_interrupts(frame->rflags & VMI_FLAG_IF);
	if (interrupts() && event_next()) {
		frame_deliver(event_take(), frame);
		return false;
	}
	if (fpu_trap()) {
		count_exit("fpu trap");
		frame_deliver(TRAP_NO_FPU, frame);
		return false;
	}
	set_waiting(event_next()); /* user mode may have interrupts disabled: the return that enables them must see it */
	block_put(LNX_USER, user_prepare());
	to = user_context();
	if (!fpu_copy(present, &kernel)) {
		refer_broken();
		return true;
	}
	to->r8 = from->r8, to->r9 = from->r9, to->r10 = from->r10, to->r11 = from->r11;
	to->r12 = from->r12, to->r13 = from->r13, to->r14 = from->r14, to->r15 = from->r15;
	to->rax = from->rax, to->rbx = from->rbx, to->rcx = from->rcx, to->rdx = from->rdx;
	to->rsi = from->rsi, to->rdi = from->rdi, to->rbp = from->rbp;
	to->rip = frame->rip;
	to->rsp = frame->rsp;
	to->rflags = frame->rflags;
	to->cs = (uint16_t)cs;
	to->ss = (uint16_t)ss;
	block_set_user();
	user_enter();
	return true;
}

bool refer_iret(void)
{
	struct context *context = kernel_context();
	struct vmi_frame frame;
	uint64_t rax, ss;

	if (!guest_read(context->rsp, &rax, sizeof rax))
		return refused();
	context->rax = rax;
	context->rsp += sizeof rax;
	if (!guest_read(context->rsp, &frame, sizeof frame) || !canonical(frame.rip))
		return refused();
	if ((frame.cs & 3) == 3)
		return to_user(&frame);
	ss = frame.ss & SELECTOR & ~3ul;
	if ((frame.cs & SELECTOR) != LNX_KERNEL_CS || (ss && ss != LNX_KERNEL_SS))
		return refused();
	context->rip = frame.rip;
	context->rsp = frame.rsp;
	context->rflags = frame.rflags & ~FLAG_TRACE; /* whoever traces the kernel gets here by accident only */
	set_interrupts(frame.rflags & VMI_FLAG_IF);
	return false;
}

/* SYSCALL of user mode without a handler: invalid opcode at the instruction, which is two bytes. The ROM looks again. */
void refer_syscall(void)
{
	struct context *user;

	if (!present)
		crash("the kernel's code has called what only its ROM may");
	user = user_context();
	if (!gates[TRAP_OPCODE].there)
		crash("system call at %x: the guest has set no handler with SyscallEntrySet, and none for vector 6", user->rip);
	user->rip -= 2;
	kernel.area->vector = TRAP_OPCODE;
	kernel.area->error = 0;
	kernel.area->handler = gates[TRAP_OPCODE].handler;
}

/* User mode has written to its own area. It runs no more; its kernel gets a general protection fault for it. */
void refer_broken(void)
{
	if (!present)
		crash("the kernel's code has damaged its VCPU block");
	set_interrupts(true);
	block_set_user();
	user_lost();
}
