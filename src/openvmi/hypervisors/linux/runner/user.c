/* SPDX-License-Identifier: MIT */
/*
 * Address spaces, and the process that each has for user mode. A U is made on the first return to user mode in its space
 * and keeps its mappings while others run; when its space is set again, they are compared with the tables.
 */
#include "internal.h"
#include "guest.h"
#include "native.h"
#include "sys.h"

static uint64_t uses; /* a clock for `used` */

uint64_t user_area(void)
{
	return present ? LNX_USERS + (uint64_t)(present->index - 1) * AREA_SIZE : 0;
}

static struct stub *user_of(uint64_t root)
{
	for (uint32_t i = 0; i < USER_COUNT; i++)
		if (users[i].pid && users[i].root == root)
			return &users[i];
	return NULL;
}

void space_set(uint64_t root)
{
	struct stub *user = user_of(root);

	handover.root = root;
	map_validate(&kernel, root);
	if (user) {
		user->used = ++uses;
		map_validate(user, root);
	}
	if (user == present)
		return;
	/* User code that only claims to have stopped shall not run beside others', nor when something wakes it. */
	if (present && !stub_waits(present)) {
		count_exit("user process lost");
		stub_kill(present);
	} else if (present && present->area->turn == TURN_OWNER) {
		present->area->turn = TURN_KERNEL;
	}
	__atomic_store_n(&present, user, __ATOMIC_SEQ_CST);
	user_changed(user_area());
}

uint64_t space_root(void)
{
	return handover.root;
}

void space_flush(void)
{
	space_set(handover.root);
}

void space_flush_page(uint64_t address)
{
	map_drop_page(&kernel, handover.root, address);
	if (present)
		map_drop_page(present, handover.root, address);
}

void space_forget(uint64_t root)
{
	struct stub *user = user_of(root);

	if (!user)
		return;
	if (user == present) {
		__atomic_store_n(&present, NULL, __ATOMIC_SEQ_CST);
		user_changed(0);
	}
	stub_kill(user);
}

void user_continue_in_kernel(uint32_t vector, uint64_t error, uint64_t handler)
{
	volatile struct area *area = present->area;

	kernel.area->vector = vector;
	kernel.area->error = error;
	kernel.area->handler = handler;
	present->stopped = false;
	__atomic_store_n(&area->turn, TURN_KERNEL, __ATOMIC_SEQ_CST);
	futex_wake(&area->turn, WAKE_KERNEL);
}

bool user_took_turn(void)
{
	return present && !native() && kernel.area->handler;
}

void user_give_turn(void)
{
	user_replace();
	futex_wake(&present->area->turn, WAKE_KERNEL);
}

void user_enter(void)
{
	stub_resume(present);
}

/* A process for the slot, with an empty context. It sleeps. */
static void make_user(struct stub *slot)
{
	struct context *context = stub_start_one(slot, (uint32_t)(slot - users) + 1);

	if (!context)
		finish(END_FAILED, 0, start_problem);
	memset(&context->r8, 0, offsetof(struct context, cs) - offsetof(struct context, r8));
	slot->stopped = false;
	slot->root = handover.root;
	slot->used = ++uses;
	slot->area->turn = TURN_KERNEL;
}

uint64_t user_ready(void)
{
	struct stub *slot = &users[0];

	if (present)
		return user_area();
	for (uint32_t i = 0; i < USER_COUNT && slot->pid; i++)
		if (!users[i].pid || users[i].used < slot->used)
			slot = &users[i];
	stub_kill(slot);
	make_user(slot);
	__atomic_store_n(&present, slot, __ATOMIC_SEQ_CST);
	count_exit("address space");
	user_changed(user_area());
	return user_area();
}

/* The present U's process is no good: another one, with registers that are zero. */
void user_replace(void)
{
	uint64_t fs, gs;

	user_bases(&fs, &gs);
	count_exit("user process lost");
	stub_kill(present);
	make_user(present);
	set_user_bases(fs, gs);
}

/*
 * U is dead, hangs, or has damaged its area: all by its own code. It gets a new process, and if K waits for it (which only
 * K can tell) a general protection fault. Else K has its registers, and need not know.
 */
void user_lost(void)
{
	struct stub *before = current;

	user_replace();
	if (!user_awaited())
		return;
	present->area->turn = TURN_MONITOR;
	present->stopped = true;
	current = present;
	user_trap(13, 0, 0);
	current = before;
}
