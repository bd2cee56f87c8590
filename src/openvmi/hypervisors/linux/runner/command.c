/* SPDX-License-Identifier: MIT */
/*
 * Host calls that a stub makes for M in its own address space. M collects them; the stub makes them when it next goes on.
 *
 * They carry the secret, and a stub can see its area: so they are put there only when the host says that the stub sleeps
 * at its one waiting place (/proc/PID/syscall: number, arguments, stack, instruction), from where it goes on with nothing
 * but the stub's code. An area that says "stopped" proves nothing: guest code can write to it.
 */
#include "internal.h"
#include "sys.h"

#define PATIENCE_NS 1000000000ul
#define TEXT 256
#define SPARE 3 /* commands that follow command_room() */
#define WRITE_LDT 0x11
#define DESCRIPTOR_PLACE 0 /* filled in when the list is put into the area */

extern const char stub_start[], stub_waiting[];

/* Forgets those that are done. A U that claims otherwise does them once more, before whatever came after them. */
static void forget_done(struct stub *stub)
{
	if (!stub->given || (stub->asked && stub->area->proof == stub->secret))
		return;
	stub->command_count -= stub->given;
	memcpy(stub->commands, stub->commands + stub->given, stub->command_count * sizeof *stub->commands);
	stub->given = 0;
}

void command_room(struct stub *stub)
{
	uint32_t turn = stub->area->turn;
	bool stopped = stub->stopped;

	if (stub->command_count < COMMANDS - SPARE)
		return;
	/* Too many for one list: these now, and then it waits as before. */
	if (!command_submit(stub, true) || !stub_await(stub) || !command_done(stub, stub->area->reason)) {
		stub->command_count = stub->given = 0;
		stub->broken = true;
		return;
	}
	stub->area->turn = turn;
	stub->stopped = stopped;
	if (stub->area->result)
		command_failed(stub);
}

static uint64_t *next(struct stub *stub)
{
	if (stub->command_count == COMMANDS)
		command_room(stub);
	return stub->commands[stub->command_count++];
}

static void put(struct stub *stub, uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	const uint64_t values[7] = { number, a, b, c, d, e, f };

	memcpy(next(stub), values, sizeof values);
}

void command_map(struct stub *stub, uint64_t address, uint64_t size, uint64_t offset, uint32_t prot, bool populate)
{
	uint64_t flags = MAP_SHARED | MAP_FIXED | (populate ? MAP_POPULATE : 0);

	put(stub, SYS_mmap, address, size, prot, flags | (stub->secret & ~0xfffffffful), MEMORY_FD | stub->secret << 32,
	    offset);
}

void command_unmap(struct stub *stub, uint64_t address, uint64_t size)
{
	put(stub, SYS_munmap, address, size, 0, 0, stub->secret, 0);
}

/* The structure stands in the list itself, in the fourth and fifth argument, which modify_ldt has not; the secret is the sixth. */
void command_descriptor(struct stub *stub, const struct descriptor *descriptor)
{
	uint64_t words[2];

	memcpy(words, descriptor, sizeof words);
	put(stub, SYS_modify_ldt, WRITE_LDT, DESCRIPTOR_PLACE, sizeof *descriptor, words[0], words[1], stub->secret);
}

/* The number, in hexadecimal with 0x or decimal, after `skip` blanks. */
static bool field(const char *text, uint32_t skip, uint64_t *value)
{
	*value = 0;
	for (; skip; text++) {
		if (!*text)
			return false;
		if (*text == ' ')
			skip--;
	}
	if (text[0] != '0' || text[1] != 'x') {
		for (; *text >= '0' && *text <= '9'; text++)
			*value = *value * 10 + (uint64_t)(*text - '0');
		return true;
	}
	for (text += 2;; text++) {
		if (*text >= '0' && *text <= '9')
			*value = *value << 4 | (uint64_t)(*text - '0');
		else if (*text >= 'a' && *text <= 'f')
			*value = *value << 4 | (uint64_t)(*text - 'a' + 10);
		else
			return true;
	}
}

bool stub_waits(const struct stub *stub)
{
	char text[TEXT];
	uint64_t number, place, begin = 0;

	for (;;) {
		long length = sys(SYS_pread64, stub->state_fd, text, sizeof text - 1, 0);

		if (length <= 0)
			return false;
		text[length] = 0;
		if (field(text, 0, &number) && number == SYS_futex && field(text, 8, &place) &&
		    place == LNX_STUB + (uint64_t)(stub_waiting - stub_start))
			return true;
		if (!begin)
			begin = monotonic_ns();
		else if (monotonic_ns() - begin > PATIENCE_NS)
			return false;
		sys(SYS_sched_yield);
	}
}

bool command_submit(struct stub *stub, bool answer)
{
	volatile struct area *area = stub->area;

	if (stub->broken)
		return false;
	forget_done(stub); /* a list that it has not come to yet is in front of the new one */
	if (stub->command_count == stub->given && !answer)
		return true;
	if (!stub_waits(stub))
		return false;
	/* It cannot wake by itself (no time limit, see filter.c); whatever it made of the word, it does not go on either. */
	if (area->turn == TURN_OWNER)
		area->turn = TURN_MONITOR;
	for (uint32_t i = 0; i < stub->command_count; i++) {
		for (uint32_t j = 0; j < 7; j++)
			area->commands[i][j] = stub->commands[i][j];
		if (stub->commands[i][0] == SYS_modify_ldt)
			area->commands[i][2] = LNX_SELF + AREA_COMMANDS + i * sizeof *stub->commands + 4 * sizeof **stub->commands;
	}
	area->command_answer = answer;
	area->result = 0;
	area->proof = stub->secret;
	area->command_count = stub->given = stub->command_count;
	stub->asked = true;
	if (answer) {
		stub->stopped = false;
		area->turn = TURN_OWNER;
		futex_wake(&area->turn, WAKE_OWNER);
	}
	return true;
}

/*
 * Where a stub sleeps, its code may have gone with signals open, so that one of them takes it away from its list; then the
 * secret is still there. When it has gone on, no code but the stub's has ever seen it, so nobody else says that a list failed.
 */
bool command_done(struct stub *stub, uint32_t reason)
{
	bool asked = stub->asked, there = stub->area->proof == stub->secret;

	stub->asked = false;
	stub->area->proof = 0;
	forget_done(stub);
	return reason == REASON_COMMAND ? asked && there : !(asked && there);
}

void command_failed(struct stub *stub)
{
	int64_t result = (int64_t)stub->area->result;

	/* No room for more mappings: forget them all, they come back one by one. */
	if (result == -ENOMEM && map_drop_for_room(stub))
		return;
	finish(END_FAILED, 0, text("the host refused to map guest memory (error %d); give the guest less with --memory, or "
				    "raise the limit on address space (ulimit -v)", (uint64_t)-result));
}
