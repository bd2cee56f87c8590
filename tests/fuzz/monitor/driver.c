/* SPDX-License-Identifier: MIT */
/*
 * One input: steps of hostile processes and of a host that fails, each followed by M's own loop, and after each what must
 * hold whatever they did. Byte 0 says what guest it is.
 */
#include "fake.h"
#include "native.h"

#define PREPARED 2 /* handlers, stack, VCPU block as a guest has them that has begun; a native one's tables */
#define CHANGING 4 /* memory changes while M reads: by the second half of the input */
#define NATIVE 1
#define STEPS 48
#define ROUNDS 12 /* of M's loop after a step */
#define MADV_DONTNEED 4
#define USER_SHOWN 4 /* areas that steps write to */

static uint8_t *state KEPT; /* of the library, before the first input */
static uint64_t state_size KEPT;
static uint8_t room[1 << 19] KEPT;
static uint8_t tables[TASK + PAGE_SIZE] KEPT;
static uint8_t rom_text[ROM_TEXT_SIZE] KEPT;
uint64_t did[16] KEPT; /* by kind of step: how often, for who wants to know */
extern uint8_t state_start[], state_end[];

/* ---- numbers ---- */

static uint64_t number(uint32_t size)
{
	uint64_t value = 0;

	for (uint32_t i = 0; i < size; i++)
		value |= (uint64_t)byte_of(&input) << 8 * i;
	return value;
}

static uint64_t value(void)
{
	const uint8_t kind = byte_of(&input);
	const uint64_t given = number(4);

	switch (kind & 15) {
	case 0: return given & 0xff;
	case 1: return given;
	case 2: return DATA + (given & 0x1fff);
	case 3: return LARGE + (given & 0x1fffff);
	case 4: return WINDOW + (given & 0xffff);
	case 5: return ~(given & 0xffff);
	case 6: return given % RAM & ~(PAGE_SIZE - 1);
	case 7: return CODE + (given & 0x1fff);
	case 8: return LNX_USERS - 0x8000 + (given & 0xffff);
	case 9: return LNX_SELF + (given & 0x1ffff);
	case 10: return given << 32;
	case 11: return given | number(4) << 32;
	case 12: return (uint64_t)(int64_t)(int32_t)given;
	case 13: return given % (RAM + 0x8000);
	case 14: return (1ul << 47) - 0x8000 + (given & 0xffff);
	default: return given << 12;
	}
}

/* ---- what must hold ---- */

static void check_list(const struct stub *stub)
{
	const uint64_t most = stub->index || native() ? RAM : RAM + ROM_PAGES_SIZE;

	if (stub->command_count > COMMANDS || stub->given > stub->command_count)
		broken_rule("the length of a list");
	for (uint32_t i = 0; i < stub->command_count; i++) {
		const uint64_t *command = stub->commands[i], address = command[1], size = command[2], offset = command[6];

		if (command[0] == SYS_modify_ldt) {
			if (address != 0x11 || size || command[3] != 16)
				broken_rule("a descriptor in a list");
			continue;
		}
		if (address > LNX_USERS || size > LNX_USERS - address || !size || (address | size) % PAGE_SIZE)
			broken_rule("a mapping where no guest has any");
		if (command[0] == SYS_munmap)
			continue;
		if (command[0] != SYS_mmap || !address || (command[4] & 0xff) != (MAP_SHARED | MAP_FIXED) ||
		    (uint32_t)command[5] != MEMORY_FD)
			broken_rule("a host call in a list");
		if (command[3] & ~7ul || (command[3] & (PROT_WRITE | PROT_EXEC)) == (PROT_WRITE | PROT_EXEC))
			broken_rule("rights of a mapping");
		if (offset % PAGE_SIZE || offset > most || size > most - offset)
			broken_rule(stub->index && offset < RAM + ROM_PAGES_SIZE ? "user mode gets a page of the ROM"
									       : "a mapping of what is not the guest's");
		if (command[3] & PROT_WRITE && !native() && offset + size > RAM && offset < RAM + ROM_TEXT_SIZE)
			broken_rule("the ROM's text is mapped writable");
	}
}

static void check_runs(const struct stub *stub)
{
	if (stub->run_count > RUNS)
		broken_rule("too many runs");
	for (uint32_t i = 0; i < stub->run_count; i++) {
		const struct run *run = &stub->runs[i];
		uint64_t size = (uint64_t)run->count << run->shift;

		if (!run->count || run->count > 512 || run->start > LNX_USERS || size > LNX_USERS - run->start)
			broken_rule("a run where no guest has any");
		for (uint32_t j = 0; j < i; j++)
			if (run->start < stub->runs[j].start + ((uint64_t)stub->runs[j].count << stub->runs[j].shift) &&
			    stub->runs[j].start < run->start + size)
				broken_rule("two runs have the same page");
	}
}

static void check(void)
{
	uint32_t last = USER_SHOWN - 1;
	uint64_t fs, gs;

	for (uint32_t index = 0; index < AREA_COUNT; index++) {
		const struct stub *stub = stub_at(index);

		if (!stub->area)
			continue;
		last = index > last ? index : last;
		check_list(stub);
		check_runs(stub);
	}
	for (uint64_t at = last + 1 < AREA_COUNT ? area_offset(last + 1) : memory_size(); at < memory_size() && at % 1024 < 1016; at += 8)
		if (*(uint64_t *)(memory + at))
			broken_rule("written behind an area");
	for (uint64_t at = 0; at < ROM_TEXT_SIZE && !native(); at++)
		if (memory[RAM + at] != rom_text[at])
			broken_rule("the ROM's text was written to");
	if (!canonical(kernel_stack) || !canonical(syscall_entry))
		broken_rule("an address that is not canonical");
	for (uint32_t vector = 0; vector < VECTORS; vector++)
		if (!canonical(gates[vector].handler))
			broken_rule("a handler that is not canonical");
	user_bases(&fs, &gs);
	if (!canonical(fs) || !canonical(gs))
		broken_rule("a base that is not canonical");
	if (present && (present < users || present >= users + USER_COUNT || present->root != space_root()))
		broken_rule("the present process is another address space's");
}

/* ---- steps ---- */

static void loop(void)
{
	for (uint32_t round = 0; round < ROUNDS && m_looks(); round++)
		;
}

/* Of a step: K, or the present user process. */
static struct stub *who(uint8_t flags)
{
	return flags & 1 && present ? present : &kernel;
}

static struct context *context_of(struct stub *stub)
{
	uint64_t at = stub->area->context - LNX_SELF;

	at = at < PAGE_SIZE || at > AREA_SIZE - sizeof(struct context) || at % 8 ? 0x3000 : at;
	return (struct context *)((uintptr_t)stub->area + at);
}

/* Whether a native guest's tables are as it got them, so that what comes of a trap is known. */
static bool tables_are_whole(void)
{
	if (native_idt.base != IDT || native_idt.limit != 0xfff || native_task != TASK)
		return false;
	for (uint64_t at = ROOT; at < TASK + PAGE_SIZE; at += 8)
		if ((*(uint64_t *)(memory + at) ^ *(uint64_t *)(tables + at)) & ~(PTE_ACCESSED | PTE_DIRTY))
			return false;
	return true;
}

/* A native kernel is told of its user mode what a processor could say, on its own stack. */
static void check_entry(void)
{
	const uint64_t top = kernel_context()->rsp, *frame = (uint64_t *)(memory + STACK) - 5; /* RIP CS RFLAGS RSP SS */

	if (top != STACK - 40 && top != STACK - 48)
		broken_rule("a trap of user mode on another stack than the kernel's");
	if ((frame[1] & 3) != 3 || (frame[4] & 3) != 3 || frame[1] > 0xffff || frame[4] > 0xffff)
		broken_rule("user mode has a kernel's selector");
	if (!canonical(frame[0]) || frame[2] & ~(LNX_FLAGS_USER | VMI_FLAG_IF | 2ul))
		broken_rule("user mode has what no processor has");
}

static void stop(struct stub *stub, uint32_t signal, uint64_t trap, uint64_t error)
{
	struct context *context = context_of(stub);
	const bool by_user = stub != &kernel && native_user && signal != SIGSYS && tables_are_whole();

	serve(stub);
	context->trap = trap;
	context->error = error;
	stub->area->signal = signal;
	stub->area->reason = REASON_SIGNAL;
	stub->area->turn = TURN_MONITOR;
	loop();
	if (by_user && !native_user && tables_are_whole())
		check_entry();
}

static void call(void)
{
	struct context *context = context_of(&kernel);
	const uint8_t flags = byte_of(&input);

	context->rax = number(2);
	context->rdi = value();
	context->rsi = value();
	context->rdx = value();
	if (flags & 1)
		context->rsp = context->rdi;
	stop(&kernel, SIGSEGV, TRAP_PROTECTION, (flags & 2 ? LNX_DELIVER_VECTOR : LNX_CALL_VECTOR) * 8 + 2);
}

static void store(void)
{
	uint64_t at = value() % RAM;

	for (uint32_t size = byte_of(&input) & 0x3f; size && at < RAM; size--)
		memory[at++] = byte_of(&input);
}

static void fault(void)
{
	static const uint8_t signals[] = { SIGSEGV, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGUSR1, SIGXCPU };
	const uint8_t flags = byte_of(&input), vector = byte_of(&input);
	struct stub *stub = who(flags);

	if (flags & 2)
		block_set_user();
	context_of(stub)->cr2 = value();
	stop(stub, signals[flags >> 2 & 7], vector, number(2));
}

static void area(void)
{
	const uint32_t index = byte_of(&input) % USER_SHOWN;
	uint64_t at = number(2) % AREA_SIZE;

	for (uint32_t size = byte_of(&input) & 0x3f; size && at < AREA_SIZE; size--)
		memory[area_offset(index) + at++] = byte_of(&input);
	loop();
}

static void registers(void)
{
	struct context *context = context_of(who(byte_of(&input)));
	const uint32_t field = byte_of(&input) % (sizeof *context / 8);

	((uint64_t *)(void *)context)[field] = value();
}

static void time_passes(void)
{
	const uint8_t what = byte_of(&input);

	host_time += number(2) << 16;
	if (what & 1)
		i_receives();
	if (what & 2)
		timer_fired();
	if (what & 4)
		i_orders(what >> 6);
	if (what & 8)
		m_rang();
	loop();
}

static void code(void)
{
	struct context *context = context_of(&kernel);
	uint64_t at = CODE + 0x1000 - (byte_of(&input) & 15), left = byte_of(&input) & 15;
	const uint8_t flags = byte_of(&input);

	context->rip = at;
	while (left--)
		memory[at++] = byte_of(&input);
	context->rax = value();
	context->rcx = value();
	context->rdx = value();
	if (flags & 1)
		context->rsp = value();
	if (flags & 2)
		context->cr2 = value();
	stop(&kernel, flags & 8 ? SIGILL : SIGSEGV, flags & 8 ? TRAP_OPCODE : flags & 2 ? TRAP_PAGE_FAULT : TRAP_PROTECTION,
	     flags >> 4 & 2);
}

static void system_call(void)
{
	const uint8_t flags = byte_of(&input);
	struct stub *stub = who(flags);
	uint8_t *info = memory + area_offset(stub->index) + 0x4000;

	*(uint32_t *)(void *)(info + 28) = flags & 2 ? 0x40000003 : AUDIT_ARCH_X86_64;
	if (flags & 4)
		block_set_user();
	if (flags & 8)
		context_of(stub)->rip = CODE + 2;
	stop(stub, SIGSYS, 0, 0);
}

static void death(void)
{
	const struct stub *stub = stub_at(byte_of(&input) % USER_SHOWN);

	dead_status = byte_of(&input);
	dead = stub->pid;
	child_died = 1;
	loop();
}

static void host_fails(void)
{
	failing = byte_of(&input);
	restless = byte_of(&input) & 0xf;
}

static void turn(void)
{
	struct stub *stub = stub_at(byte_of(&input) % USER_SHOWN);

	memory[area_offset(stub->index)] = byte_of(&input) & 3;
	loop();
}

/* The stubs' own code goes on. */
static void stubs_go_on(void)
{
	for (uint32_t index = 0; index < AREA_COUNT; index++)
		if (stub_at(index)->area)
			serve(stub_at(index));
	loop();
}

static void (*const steps[])(void) = { call, store, fault, area, registers, time_passes, code, system_call, death, host_fails,
					 turn, stubs_go_on };

/* ---- an input ---- */

static void prepare(void)
{
	for (uint32_t vector = 0; vector < VECTORS; vector++)
		gates[vector] = (struct gate){ CODE, true, vector & 1 };
	kernel_stack = STACK;
	syscall_entry = CODE + 0x100;
	if (native()) {
		native_idt = (struct table_register){ IDT, 0xfff };
		native_gdt = (struct table_register){ GDT, 0xfff };
		native_task = TASK;
		native_lstar = CODE;
	} else if (!block_init(BLOCK)) {
		broken_rule("the VCPU block");
	}
}

static void begin(uint8_t flags)
{
	struct context *context;

	handover.ram = RAM;
	handover.window = WINDOW;
	handover.root = ROOT;
	handover.rom = !(flags & NATIVE);
	handover.image_start = CODE;
	handover.image_end = CODE + 0x10000;
	handover.direct_map = LARGE;
	handover.limit_ns = 1000000000000;
	memcpy(handover.rom_name, "rom", 3);
	start_ns = monotonic_ns();
	context = stub_start_one(&kernel, 0);
	if (!context)
		broken_rule(start_problem);
	context->rip = CODE;
	context->rsp = STACK;
	current = &kernel;
	map_boot();
	if (flags & PREPARED)
		prepare();
	stub_resume(&kernel);
	serve(&kernel);
}

/* Once. Null, or why not. */
const char *set_up(void)
{
	const char *problem;

	handover.ram = RAM;
	problem = map_guest();
	if (problem)
		return problem;
	cpuid_ask();
	memcpy(tables, memory, sizeof tables);
	memcpy(rom_text, memory + RAM, sizeof rom_text);
	state_size = (uint64_t)(state_end - state_start);
	if (state_size > sizeof room)
		return "no room for the library's state";
	state = room;
	memcpy(state, state_start, state_size);
	return NULL;
}

/* Null, or the rule that is broken. */
const char *run(const uint8_t *data, uint64_t size)
{
	uint8_t flags;

	for (uint32_t i = 0; i < AREA_COUNT; i++)
		if (stub_at(i)->area)
			memset(stub_at(i), 0, sizeof(struct stub));
	memcpy(state_start, state, state_size);
	real_call(SYS_madvise, (uint64_t)memory, memory_size(), MADV_DONTNEED, 0, 0, 0);
	input = (struct source){ data, data + size };
	flags = byte_of(&input);
	if (!__builtin_setjmp(back)) {
		begin(flags);
		if (flags & CHANGING) {
			changes = (struct source){ data + size / 2, data + size };
			input.end = data + size / 2;
			if (input.at > input.end)
				input.at = input.end;
		}
		check();
		for (uint32_t step = 0; step < STEPS && input.at < input.end; step++) {
			const uint8_t kind = byte_of(&input) % LENGTH(steps);

			host_calls = 0;
			did[kind]++;
			steps[kind]();
			check();
		}
	}
	changes = (struct source){ 0, 0 };
	return broken;
}
