/* SPDX-License-Identifier: MIT */
/*
 * The host below the runner: its calls, checked; processes that do what stubs do; and pages that change under M's feet:
 * the compiler has each read of M's tell where it is, and what is read there is first what the input says.
 */
#include "fake.h"
#include "area.h"

#define SYS_recvfrom 45
#define SYS_memfd_create 319
#define SYS_pwrite64 18
#define SYS_ftruncate 77
#define SYS_timerfd_settime 286
#define SYS_timerfd_create 283
#define PROT_NONE 0
#define MADV_DONTNEED 4
#define WNOHANG 1
#define STEP_NS 20000ul	/* that pass with each look at the clock */
#define WAIT_NS 100000000ul
#define CALL_LIMIT 100000ul
#define FIRST_PID 100
#define FIRST_FD 1000
#define LEVELS (RAM / PAGE_SIZE)

struct source input, changes;
uint32_t failing, restless, sent, ends, ending;
uint64_t host_time = 1000000000, host_calls;
int32_t dead;
uint32_t dead_status;
const char *broken;
void *back[5];
static struct stub *started; /* whose secret was asked for last */
static uint8_t levels[LEVELS];
static int32_t pids = FIRST_PID;
static uint8_t interruptions;

/* Only how far apart they are is looked at. */
const char stub_start[PAGE_SIZE], stub_begin[1], stub_handler[1], stub_call[1], stub_interrupt[1], stub_restorer[1];
const char stub_end[1], text_end[1];
extern const char stub_waiting[];
__asm__(".globl stub_waiting\n.set stub_waiting, stub_start + 0x123\n");
void signal_restorer(void);
void signal_restorer(void) {}
long filter_install(const struct stub *stub) { return (void)stub, 0; }
void guard_files(void) {}
long guard_install(void) { return 0; }

_Noreturn void broken_rule(const char *what)
{
	if (!broken)
		broken = what;
	__builtin_longjmp(back, 1);
}

struct stub *stub_at(uint32_t index) { return index ? &users[index - 1] : &kernel; }

uint64_t memory_size(void) { return area_offset(AREA_COUNT); }

uint64_t host_counter(void) { return (host_time += STEP_NS / 10) * 3; }

/* ---- memory that changes ---- */

static bool is_shared(const void *place)
{
	return (uint64_t)((const uint8_t *)place - memory) < memory_size();
}

static void change(const void *place, uint64_t size)
{
	uint8_t how, count;

	if (changes.at == changes.end || !is_shared(place) || !is_shared((const uint8_t *)place + size - 1))
		return;
	how = byte_of(&changes);
	if ((how & 3) != 3)
		return;
	place = (const uint8_t *)place + (size > 8 ? (byte_of(&changes) | byte_of(&changes) << 8) % size & ~7ul : 0);
	if ((uint64_t)((const uint8_t *)place - memory) - rom_start() < ROM_TEXT_SIZE && handover.rom)
		return; /* nobody can write to that */
	count = (how >> 4 & 7) + 1;
	for (uint8_t *to = (uint8_t *)(uintptr_t)place; count-- && is_shared(to); to++)
		*to = how & 4 ? (uint8_t)(*to ^ byte_of(&changes)) : byte_of(&changes);
}

#define LOADS(size) \
	void __sanitizer_cov_load##size(const void *place); \
	void __sanitizer_cov_load##size(const void *place) { change(place, size); }
LOADS(1)
LOADS(2)
LOADS(4)
LOADS(8)
LOADS(16)

void *__real_memcpy(void *to, const void *from, size_t n);
void *__wrap_memcpy(void *to, const void *from, size_t n);
void *__wrap_memcpy(void *to, const void *from, size_t n)
{
	if (n)
		change(from, n);
	return __real_memcpy(to, from, n);
}

/* ---- processes ---- */

void serve(struct stub *stub)
{
	volatile struct area *area = stub->area;
	int64_t result = failing & FAIL_COMMAND ? -ENOMEM : 0;

	if (!stub->pid || failing & DEAF || area->turn != TURN_OWNER || !area->command_count)
		return;
	for (uint32_t i = 0; i < COMMANDS * 7; i++)
		area->commands[i / 7][i % 7] = 0;
	area->command_count = 0;
	area->result = (uint64_t)result;
	if (!result && !area->command_answer) {
		area->proof = 0;
		return;
	}
	area->reason = REASON_COMMAND;
	area->turn = TURN_MONITOR;
}

/* As it stops for the first time. */
static long start(void)
{
	volatile struct area *area = started->area;
	volatile struct context *context = (volatile struct context *)((uintptr_t)area + 0x3000);

	if (failing & FAIL_CLONE)
		return -EAGAIN;
	area->context = LNX_SELF + 0x3000 + (failing & FAIL_START ? byte_of(&input) << 9 : 0);
	area->siginfo = LNX_SELF + 0x4000;
	area->reason = REASON_SIGNAL;
	area->signal = SIGTRAP;
	context->fpstate = LNX_SELF + 0x5000;
	context->cs = HOST_CS;
	context->ss = HOST_SS;
	area->turn = TURN_MONITOR;
	return pids++;
}

static struct stub *by_pid(int32_t pid)
{
	for (uint32_t index = 0; pid && index < AREA_COUNT; index++)
		if (stub_at(index)->pid == pid)
			return stub_at(index);
	return NULL;
}

static long append(char *text, long at, uint64_t value)
{
	char digits[16];
	uint32_t count = 0;

	text[at++] = '0', text[at++] = 'x';
	do
		digits[count++] = "0123456789abcdef"[value & 15];
	while (value >>= 4);
	while (count)
		text[at++] = digits[--count];
	text[at++] = ' ';
	return at;
}

/* proc_pid_syscall(5): number, six arguments, stack, instruction. */
static long tell(uint32_t index, char *text, uint64_t size)
{
	long at = 4;

	if (size < 200)
		broken_rule("room for what /proc says");
	if (index >= AREA_COUNT)
		broken_rule("a process that is not there is looked at");
	if (restless >> (index & 31) & 1) {
		memcpy(text, "running\n", 8);
		return 8;
	}
	memcpy(text, "202 ", 4);
	for (uint32_t i = 0; i < 7; i++)
		at = append(text, at, LNX_SELF + i);
	return append(text, at, LNX_STUB + (uint64_t)(stub_waiting - stub_start));
}

/* ---- calls ---- */

static long send(uint64_t fd, const volatile uint8_t *data, uint64_t size)
{
	uint8_t sum = 0;

	if ((fd != CONSOLE_FD && fd != CONTROL_FD) || size > 8 + CONTROL_LIMIT)
		broken_rule("what is sent, and where to");
	for (uint64_t i = 0; i < size; i++)
		sum ^= data[i];
	sent += (uint32_t)size + (sum & 0);
	if (failing & FAIL_SEND && !(++interruptions & 1))
		return -EINTR;
	if (failing & FAIL_SEND && fd == CONSOLE_FD)
		return interruptions & 2 ? (long)size / 2 : -EAGAIN;
	return (long)size;
}

static long receive_bytes(uint64_t fd, uint8_t *to, uint64_t size)
{
	uint64_t count = 0;

	if (fd == CONTROL_FD && size >= 4) {
		memcpy(to, &the_order, 4);
		return 4;
	}
	while (count < size && count < 40 && input.at < input.end)
		to[count++] = byte_of(&input);
	return (long)count;
}

static long await(volatile uint32_t *word)
{
	host_time += WAIT_NS;
	if (word != bell && is_shared((const void *)(uintptr_t)word))
		broken_rule("M sleeps on a word that is not the bell");
	if (word != bell)
		*word = 0; /* the user lets it go on */
	for (uint32_t index = 0; index < AREA_COUNT; index++)
		if (stub_at(index)->area)
			serve(stub_at(index));
	return 0;
}

static long random_bytes(uint8_t *to, uint64_t size, uint64_t flags)
{
	if (!flags) {
		started = (struct stub *)(uintptr_t)(to - offsetof(struct stub, secret));
		if (size != 8 || (started != &kernel && (started < users || started >= users + USER_COUNT)))
			broken_rule("what a secret is for");
	}
	if (failing & FAIL_RANDOM)
		return -EAGAIN;
	for (uint64_t i = 0; i < size; i++)
		to[i] = (uint8_t)(0xa5 ^ (uint64_t)pids * 31 ^ i * 57);
	return (long)size;
}

static long wait_for(int32_t pid, uint32_t *status, uint64_t flags)
{
	if (!by_pid(pid) && flags & WNOHANG)
		broken_rule("a process that is not there is waited for");
	if (pid != dead && flags & WNOHANG)
		return 0;
	if (status)
		*status = dead_status;
	dead = 0;
	return pid;
}

long host_call(long number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	const struct timespec *setting;

	(void)e, (void)f;
	if (++host_calls > CALL_LIMIT)
		broken_rule("one input makes too many calls of the host");
	switch (number) {
	case SYS_clock_gettime:
		host_time += STEP_NS;
		*(struct timespec *)b = (struct timespec){ (int64_t)(host_time / 1000000000), (int64_t)(host_time % 1000000000) };
		return 0;
	case SYS_futex:
		return b == FUTEX_WAIT ? await((volatile uint32_t *)a) : 0;
	case SYS_sched_yield:
	case SYS_poll:
		host_time += WAIT_NS;
		return 0;
	case SYS_sendto:
		return send(a, (const volatile uint8_t *)b, c);
	case SYS_recvfrom:
		return receive_bytes(a, (uint8_t *)b, c);
	case SYS_getrandom:
		return random_bytes((uint8_t *)a, b, c);
	case SYS_getpid:
		return 1;
	case SYS_clone:
		return start();
	case SYS_openat:
		return FIRST_FD + (long)started->index;
	case SYS_close:
		if (a < FIRST_FD || a >= FIRST_FD + AREA_COUNT)
			broken_rule("a descriptor is closed that is no stub's");
		return 0;
	case SYS_pread64:
		return tell((uint32_t)a - FIRST_FD, (char *)b, c);
	case SYS_kill:
		if ((int32_t)a < FIRST_PID || (int32_t)a >= pids)
			broken_rule("a process is killed that is no stub");
		return 0;
	case SYS_wait4:
		return wait_for((int32_t)a, (uint32_t *)b, c);
	case SYS_mmap:
		if (a || b > sizeof levels || c & PROT_EXEC || !(d & MAP_ANONYMOUS))
			broken_rule("what is mapped");
		return failing & FAIL_MEMORY ? -ENOMEM : (long)levels;
	case SYS_madvise:
		return c == MADV_POPULATE_WRITE && failing & FAIL_MEMORY ? -ENOMEM : 0;
	case SYS_modify_ldt:
		if (a != 0x11 || c != 16 || *(uint32_t *)b >= VMI_DESCRIPTOR_SLOTS)
			broken_rule("a slot of the local table");
		return failing & FAIL_LDT ? -EINVAL : 0;
	case SYS_timerfd_settime:
		setting = (const struct timespec *)c;
		if (setting[1].tv_sec < 0 || (uint64_t)setting[1].tv_nsec >= 1000000000)
			broken_rule("a time that is none");
		return 0;
	case SYS_exit_group:
		ends++;
		__builtin_longjmp(back, 1);
	default:
		broken_rule("a call of the host that the runner has no reason for");
	}
}

const char *map_guest(void)
{
	static const char name[] = "guest";
	const uint64_t size = memory_size();
	long file = real_call(SYS_memfd_create, (uint64_t)name, 0, 0, 0, 0, 0), at, first;

	if (file < 0 || real_call(SYS_ftruncate, (uint64_t)file, size, 0, 0, 0, 0))
		return "no memory file";
	first = real_call(SYS_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_SHARED, (uint64_t)file, 0);
	/* Nobody may touch what is before and behind. */
	at = real_call(SYS_mmap, 0, size + 2 * AREA_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, ~0ul, 0);
	if (first < 0 || at < 0)
		return "no memory";
	write_guest((uint8_t *)first);
	real_call(SYS_munmap, (uint64_t)first, size, 0, 0, 0, 0);
	at = real_call(SYS_mmap, (uint64_t)at + AREA_SIZE, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED,
		       (uint64_t)file, 0);
	real_call(SYS_close, (uint64_t)file, 0, 0, 0, 0, 0);
	if (at < 0)
		return "no memory";
	memory = (uint8_t *)at;
	bell = (volatile uint32_t *)(memory + bell_offset());
	return NULL;
}
