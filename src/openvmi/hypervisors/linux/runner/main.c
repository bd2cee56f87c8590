/* SPDX-License-Identifier: MIT */
/*
 * The runner's first thread, M: takes over what Python gives, makes K, and then waits for stubs to stop.
 *
 *	runner FD	FD: the handover socket
 *
 * M maps the memory file once, wherever there is room, and nothing of a guest where the guest has it.
 */
#include "internal.h"
#include "guest.h"
#include "vcpu.h"
#include "sys.h"
#include "native.h"

#define SPARE_FD 64
#define F_DUPFD 0
#define SOL_SOCKET 1
#define SCM_RIGHTS 1
#define MSG_CMSG_CLOEXEC 0x40000000
#define PR_SET_NO_NEW_PRIVS 38
#define RLIMIT_CPU 0
#define RLIMIT_FSIZE 1
#define RLIMIT_CORE 4
#define RLIMIT_NOFILE 7
#define RLIMIT_AS 9
#define FILES 128
#define LEAST_MEMORY 0x100000
#define MOST_MEMORY (1ul << 40)
#define LOWEST_DEVICE 0xfec00000ul
#define SECOND 1000000000ul
#define HANG_NS SECOND
#define STAT_SIZE_OFFSET 48
#define STAT_BYTES 144

struct handover handover;
uint64_t start_ns;
uint64_t host_cpus[16];
uint8_t *memory;
volatile uint32_t *bell;
volatile uint32_t child_died;
bool kernel_held;
static volatile uint32_t rang;
static uint64_t hangs_since; /* K was told to stop and waits for U, which goes on */
static bool hangs_asked;     /* U was told again */

extern const char stub_start[], stub_end[];
extern void signal_restorer(void);

uint64_t monotonic_ns(void)
{
	struct timespec now;

	sys(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

/* ---- the bell ---- */

void futex_wake(volatile uint32_t *word, uint32_t who)
{
	sys(SYS_futex, word, FUTEX_WAKE_BITSET, 1, 0, 0, who);
}

void bell_wait(uint32_t seen, uint64_t nanoseconds)
{
	struct timespec limit = { (int64_t)(nanoseconds / SECOND), (int64_t)(nanoseconds % SECOND) };

	sys(SYS_futex, bell, FUTEX_WAIT, seen, &limit, 0, 0);
}

void ring(void)
{
	const struct stub *user = __atomic_load_n(&present, __ATOMIC_SEQ_CST);
	int32_t pids[2] = { user ? user->pid : 0, kernel.pid };

	__atomic_store_n(&rang, 1, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(bell, 1, __ATOMIC_SEQ_CST);
	sys(SYS_futex, bell, FUTEX_WAKE, 1, 0, 0, 0);
	for (uint32_t i = 0; i < LENGTH(pids); i++)
		if (pids[i] > 0)
			sys(SYS_kill, pids[i], SIGUSR1);
}

static void on_child(int signal)
{
	(void)signal;
	child_died = 1;
	__atomic_add_fetch(bell, 1, __ATOMIC_SEQ_CST);
}

/* ---- start ---- */

/* Before there is a control socket: to standard error, for Python to show. */
static _Noreturn void refuse(const char *message)
{
	sys(SYS_write, 2, message, strlen(message));
	sys(SYS_write, 2, "\n", 1);
	sys(SYS_exit_group, 1);
	__builtin_unreachable();
}

static void receive(int32_t socket)
{
	struct {
		void *base;
		uint64_t size;
	} part = { &handover, sizeof handover };
	struct {
		uint64_t size;
		int32_t level, type;
		int32_t files[4];
	} control;
	struct {
		void *name;
		uint64_t name_size;
		void *parts;
		uint64_t part_count;
		void *control;
		uint64_t control_size;
		uint64_t flags;
	} message = { 0, 0, &part, 1, &control, sizeof control, 0 };
	int32_t spare[3];
	long size;

	memset(&control, 0, sizeof control);
	size = sys(SYS_recvmsg, socket, &message, 0);
	if (size != sizeof handover || handover.magic != HANDOVER_MAGIC || handover.version != HANDOVER_VERSION)
		refuse("runner: the handover is not of this version; runner and openvmi do not belong together");
	if (control.size != 16 + sizeof spare || control.level != SOL_SOCKET || control.type != SCM_RIGHTS)
		refuse("runner: the handover does not bring memory, console and control, or there is no room for them (ulimit -n)");
	for (uint32_t i = 0; i < LENGTH(spare); i++)
		spare[i] = (int32_t)sys(SYS_fcntl, control.files[i], F_DUPFD, SPARE_FD);
	for (uint32_t i = 0; i < LENGTH(spare); i++)
		if (spare[i] < 0 || sys(SYS_dup3, spare[i], MEMORY_FD + i, 0) < 0)
			refuse("runner: no room for three descriptors (ulimit -n)");
	for (uint32_t i = 0; i < LENGTH(spare); i++) {
		sys(SYS_close, spare[i]);
		if (control.files[i] > CONTROL_FD)
			sys(SYS_close, control.files[i]);
	}
	if (socket > CONTROL_FD)
		sys(SYS_close, socket);
	/* What else is open stays so: something may happen to this process when it is closed. Stubs have none of it. */
}

static void check(void)
{
	uint64_t stat[STAT_BYTES / 8], window = handover.window;

	if (handover.ram % PAGE_SIZE || handover.ram < LEAST_MEMORY || handover.ram > MOST_MEMORY || handover.rom > 1 ||
	    (native() && handover.ram > LOWEST_DEVICE))
		refuse("runner: the handover names a memory size that cannot be");
	if (sys(SYS_fstat, MEMORY_FD, stat) || stat[STAT_SIZE_OFFSET / 8] < area_offset(AREA_COUNT))
		refuse("runner: the memory file is smaller than memory, ROM and areas");
	if (window % PAGE_SIZE || window >= LNX_USERS || window >> 32 != (window + ROM_TEXT_SIZE) >> 32)
		finish(END_REFUSED, 0, text("the guest's ROM window at %x is not in the lower half of the address space, or "
					    "crosses a multiple of 4 GiB; link it elsewhere", window));
	if (handover.direct_map >= LNX_USERS || handover.ram > LNX_USERS - handover.direct_map ||
	    handover.image_end > LNX_USERS || handover.image_start > handover.image_end)
		finish(END_REFUSED, 0, text("the guest is linked or has its direct map at or above %x, where a process of this "
					    "host has no room; link it lower", LNX_USERS));
}

static void map_memory(void)
{
	uint64_t size = area_offset(AREA_COUNT);
	long at = sys(SYS_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_SHARED, MEMORY_FD, 0);
	long page = sys(SYS_mmap, LNX_STUB, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, -1, 0);

	if (at < 0 || page < 0)
		refuse("runner: the host does not map the guest's memory (ulimit -v)");
	memory = (uint8_t *)at;
	bell = (volatile uint32_t *)(memory + bell_offset());
	sys(SYS_madvise, memory, size, MADV_DONTFORK);
	memcpy((void *)page, stub_start, (size_t)(stub_end - stub_start));
	sys(SYS_mprotect, page, PAGE_SIZE, PROT_READ | PROT_EXEC);
}

static void limit(uint32_t what, uint64_t value)
{
	uint64_t now[2], wanted[2];

	if (sys(SYS_prlimit64, 0, what, 0, now))
		return;
	wanted[0] = wanted[1] = value < now[1] ? value : now[1];
	sys(SYS_prlimit64, 0, what, wanted, 0);
}

/* The host's kernel counts each process by itself. Guests share one memory file, so what they can fill is bounded by it. */
static void bound(void)
{
	const struct kernel_sigaction child = { (uintptr_t)on_child, SA_RESTORER, (uintptr_t)signal_restorer, 0 };
	const uint64_t interruption = 1ul << (SIGUSR1 - 1);
	uint64_t one[16] = { 0 }, cpu_time[2];
	uint32_t cpu = 0;

	sys(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	guard_files();
	limit(RLIMIT_CORE, 1); /* where a program takes core dumps, 0 would not keep it from that (man 5 core) */
	limit(RLIMIT_FSIZE, 0);
	limit(RLIMIT_NOFILE, FILES);
	limit(RLIMIT_AS, 8 * handover.ram + (256ul << 20));
	if (handover.limit_ns)
		limit(RLIMIT_CPU, handover.limit_ns / SECOND + 60);
	/* A second before the end that says nothing, SIGXCPU says which limit it was. */
	if (!sys(SYS_prlimit64, 0, RLIMIT_CPU, 0, cpu_time) && cpu_time[1] > 1 && cpu_time[0] >= cpu_time[1]) {
		cpu_time[0] = cpu_time[1] - 1;
		sys(SYS_prlimit64, 0, RLIMIT_CPU, cpu_time, 0);
	}
	sys(SYS_rt_sigaction, SIGCHLD, &child, 0, 8);
	sys(SYS_rt_sigprocmask, 0, &interruption, 0, 8); /* stubs inherit that: a new one takes no ring() for its own stop */
	/* Handing over on one CPU takes a microsecond, to another one twenty. */
	sys(SYS_sched_getaffinity, 0, sizeof host_cpus, host_cpus);
	sys(SYS_getcpu, &cpu, 0, 0);
	one[cpu / 64 % LENGTH(one)] = 1ul << cpu % 64;
	sys(SYS_sched_setaffinity, 0, sizeof one, one);
}

static void make_kernel(void)
{
	struct context *context = stub_start_one(&kernel, 0);

	if (!context)
		finish(END_FAILED, 0, start_problem);
	memset(&context->r8, 0, offsetof(struct context, cs) - offsetof(struct context, r8));
	context->rip = handover.rip;
	context->rsp = handover.rsp;
	context->rdi = handover.rdi;
	map_boot();
}

/* ---- the loop ---- */

/*
 * After a ring() K stopped and U did not, or not since: it may not have been the present one when that looked, so it is asked
 * again, and once more after a second. User code can block the signal with the stub's rt_sigreturn, and can write to its area
 * that it is nobody's turn, or take from K the turn that M has given it: then its process is thrown away.
 */
static void watch_user(void)
{
	const uint64_t now = monotonic_ns();
	const uint32_t turn = present ? present->area->turn : TURN_KERNEL;
	const bool taken = user_took_turn();

	if (native() ? !native_user : !taken && (turn == TURN_KERNEL || turn == TURN_MONITOR)) {
		hangs_since = 0;
	} else if (!hangs_since) {
		hangs_since = now;
		hangs_asked = false;
		sys(SYS_kill, present->pid, SIGUSR1);
	} else if (now - hangs_since > HANG_NS && !hangs_asked) {
		hangs_since = now;
		hangs_asked = true;
		sys(SYS_kill, present->pid, SIGUSR1);
	} else if (now - hangs_since > HANG_NS) {
		hangs_since = 0;
		if (taken)
			user_give_turn();
		else
			user_lost();
	}
}

static bool look(void)
{
	bool found = false;

	if (__atomic_exchange_n(&child_died, 0, __ATOMIC_SEQ_CST))
		stub_reap();
	if (present && stub_stopped(present)) {
		found = true;
		hangs_since = 0;
		if (!user_awaited())
			user_lost(); /* it ran on when it had the kernel told that it did not */
		else if (user_took_turn())
			user_give_turn();
		else
			handle_stop(present);
		if (present && present->stopped)
			stub_resume(present);
	}
	if (stub_stopped(&kernel)) {
		found = true;
		handle_stop(&kernel);
		if (kernel.area->reason == REASON_SIGNAL && kernel.area->signal == SIGUSR1)
			watch_user();
	}
	if (native_user && !present->stopped && present->area->turn == TURN_KERNEL) {
		found = true;
		user_lost(); /* it gave the turn away by itself, which natively nobody waits for */
	}
	/* K does not tell that U hangs. */
	if (native_user && __atomic_exchange_n(&rang, 0, __ATOMIC_SEQ_CST))
		watch_user();
	if (kernel_held && __atomic_exchange_n(&rang, 0, __ATOMIC_SEQ_CST)) {
		current = &kernel;
		events_pending();
	}
	if (kernel.stopped && !kernel_held && !native_user) {
		found = true;
		stub_resume(&kernel);
	}
	return found;
}

_Noreturn void runner_main(uint64_t *stack)
{
	const char *argument = stack[0] == 2 ? (const char *)stack[2] : "";
	int32_t socket = 0;
	long failed;

	for (; *argument >= '0' && *argument <= '9' && socket < 1000000; argument++)
		socket = socket * 10 + *argument - '0';
	if (stack[0] != 2 || *argument || socket < 3)
		refuse("runner: started by openvmi, with a socket");
	cpuid_ask(); /* while Python fills the guest's memory */
	receive(socket);
	start_ns = monotonic_ns();
	check();
	map_memory();
	bound();
	if (!handover.rom)
		clock_improve(); /* the guest will ask for the counter's rate, which takes a while to measure */
	make_kernel();
	failed = io_start();
	if (failed)
		finish(END_FAILED, 0, text("the host makes no thread (error %d; limit on processes, ulimit -u?)", (uint64_t)-failed));
	cpuid_fault();
	failed = guard_install();
	if (failed)
		finish(END_FAILED, 0, text("the host takes no filter of the runner's own (error %d)", (uint64_t)-failed));
	stub_resume(&kernel);
	for (;;) {
		uint32_t seen = *bell;

		if (!look()) {
			bell_wait(seen, SECOND);
			if (hangs_since || user_took_turn())
				watch_user();
		}
	}
}
