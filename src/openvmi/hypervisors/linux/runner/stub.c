/* SPDX-License-Identifier: MIT */
/* The stubs: processes that hold nothing but the guest's memory, one page of text, their area and the bell. */
#include "vcpu.h"
#include "internal.h"
#include "native.h"
#include "sys.h"

#define PR_SET_PDEATHSIG 1
#define WAIT_NS 10000000ul /* between two looks while a stub is to stop */
#define PATIENCE_NS 10000000000ul /* of a host that is busy with something else */
#define WNOHANG 1
#define WALL 0x40000000
#define SECRET_BYTES 8

struct stub kernel, users[USER_COUNT];
struct stub *present, *current;
const char *start_problem;

extern const char stub_start[], stub_begin[], stub_handler[], stub_call[], stub_interrupt[], stub_restorer[];

static uint64_t in_stub(const char *place)
{
	return LNX_STUB + (uint64_t)(place - stub_start);
}

/* ---- in the new process ---- */

static long make_room(const struct stub *stub)
{
	long failed;

	failed = sys(SYS_mmap, LNX_SELF, AREA_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, MEMORY_FD,
		     area_offset(stub->index));
	if (failed < 0)
		return failed;
	failed = sys(SYS_mmap, LNX_BELL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, MEMORY_FD,
		     bell_offset());
	if (failed < 0 || stub->index)
		return failed;
	return sys(SYS_mmap, LNX_USERS, (uint64_t)USER_COUNT * AREA_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		   MEMORY_FD, area_offset(1));
}

/* System calls of a U's are K's, and return without rt_sigreturn, so no signal is blocked meanwhile. Natively all goes by M. */
static long take_signals(bool calls)
{
	static const uint8_t signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGUSR1 };
	const struct {
		uint64_t start;
		int32_t flags;
		uint64_t size;
	} stack = { LNX_SELF + PAGE_SIZE, 0, AREA_SIZE - PAGE_SIZE };
	long failed = sys(SYS_sigaltstack, &stack, 0);

	for (uint32_t i = 0; !failed && i < LENGTH(signals); i++) {
		struct kernel_sigaction action = {
			in_stub(stub_handler), SA_SIGINFO | SA_ONSTACK | SA_RESTORER, in_stub(stub_restorer), ~0ul,
		};

		if (calls && signals[i] == SIGUSR1)
			action.handler = in_stub(stub_interrupt);
		if (calls && signals[i] == SIGSYS) {
			action.handler = in_stub(stub_call);
			action.flags |= SA_NODEFER;
			action.mask = 0;
		}
		failed = sys(SYS_rt_sigaction, signals[i], &action, 0, 8);
	}
	return failed;
}

static _Noreturn void child(const struct stub *stub, int32_t parent)
{
	uint64_t unmap_from = stub->index ? LNX_USERS : LNX_USERS + (uint64_t)USER_COUNT * AREA_SIZE;
	long failed;

	sys(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (sys(SYS_getppid) != parent)
		sys(SYS_exit_group, 1);
	sys(SYS_close_range, 0, MEMORY_FD - 1, 0);
	sys(SYS_close_range, MEMORY_FD + 1, 0xffffffffu, 0);
	if (!stub->index)
		cpuid_fault(); /* the others have it from M */
	failed = make_room(stub);
	if (!failed || failed == LNX_BELL || failed == LNX_USERS)
		failed = take_signals(stub->index && !native());
	if (!failed)
		failed = filter_install(stub);
	if (failed)
		sys(SYS_exit_group, -failed);
	__asm__ volatile("movq %0, %%r8\n\t"
			 "movl %3, %%r13d\n\t"
			 "movq %1, %%r12\n\t"
			 "movq %2, %%rcx\n\t"
			 "xorl %%eax, %%eax\n\txorl %%ebx, %%ebx\n\txorl %%ebp, %%ebp\n\txorl %%r9d, %%r9d\n\t"
			 "xorl %%r10d, %%r10d\n\txorl %%r14d, %%r14d\n\txorl %%r15d, %%r15d\n\t"
			 "jmp *%%rcx"
			 :
			 : "r"(stub->secret), "r"(unmap_from), "r"(in_stub(stub_begin)), "r"(stub->index)
			 : "rcx", "r8", "r12", "r13");
	__builtin_unreachable();
}

/* ---- in M ---- */

static long open_state(int32_t pid)
{
	char name[32] = "/proc/", digits[12];
	uint32_t at = 6, n = 0;

	for (; pid; pid /= 10)
		digits[n++] = (char)('0' + pid % 10);
	while (n)
		name[at++] = digits[--n];
	memcpy(name + at, "/syscall", 9);
	return sys(SYS_openat, -100, name, 0x80000, 0);
}

struct context *stub_start_one(struct stub *stub, uint32_t index)
{
	int32_t parent = (int32_t)sys(SYS_getpid);
	struct context *context;
	long result;

	memset(stub, 0, offsetof(struct stub, commands));
	stub->run_count = 0;
	stub->index = index;
	stub->state_fd = -1;
	stub->area = (volatile struct area *)(memory + area_offset(index));
	memset((void *)(uintptr_t)stub->area, 0, PAGE_SIZE);
	stub->area->turn = TURN_OWNER;
	if (sys(SYS_getrandom, &stub->secret, SECRET_BYTES, 0) != SECRET_BYTES) {
		start_problem = "the host gives no random numbers";
		return NULL;
	}
	result = sys(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (result < 0) {
		start_problem = "the host makes no process (limit on processes, ulimit -u?)";
		return NULL;
	}
	if (result == 0)
		child(stub, parent);
	stub->pid = (int32_t)result;
	stub->state_fd = (int32_t)open_state(stub->pid);
	if (stub->state_fd == -EMFILE || stub->state_fd == -ENFILE) {
		start_problem = "no file descriptor is left for a guest process (limit on open files, ulimit -n)";
		return NULL;
	}
	if (stub->state_fd < 0) {
		start_problem = "/proc/PID/syscall cannot be opened; mount /proc, and let a process look at its children "
				"(kernel.yama.ptrace_scope below 2)";
		return NULL;
	}
	if (!stub_await(stub)) {
		start_problem = "a guest process ended before it began: the host lacks seccomp filters or wrfsbase";
		return NULL;
	}
	context = stub_context(stub);
	if (!context)
		start_problem = "a guest process began with a damaged area";
	else
		context->sigmask = 0; /* now it may be interrupted */
	return context;
}

static void close_state(struct stub *stub)
{
	if (stub->state_fd >= 0)
		sys(SYS_close, stub->state_fd);
	stub->state_fd = -1;
}

void stub_kill(struct stub *stub)
{
	int32_t pid = stub->pid;

	stub->pid = 0;
	stub->stopped = false;
	stub->run_count = stub->command_count = stub->given = 0;
	if (pid) { /* without one it has no descriptor either: 0 in a slot that was never used is none of its own */
		close_state(stub);
		sys(SYS_kill, pid, SIGKILL);
		sys(SYS_wait4, pid, 0, WALL, 0);
	}
}

static bool is_dead(struct stub *stub)
{
	int32_t status = 0;
	long result = sys(SYS_wait4, stub->pid, &status, WNOHANG | WALL, 0);

	if (result == 0 || result == -EINTR)
		return false;
	stub->killer = (uint32_t)status & 0x7f;
	stub->pid = 0;
	close_state(stub);
	return true;
}

bool stub_stopped(struct stub *stub)
{
	if (!stub->pid || stub->stopped || stub->area->turn != TURN_MONITOR)
		return false;
	stub->stopped = true;
	return true;
}

bool stub_await(struct stub *stub)
{
	uint64_t begin = monotonic_ns();

	do {
		uint32_t seen = *bell;

		if (stub_stopped(stub))
			return true;
		if (is_dead(stub))
			return false;
		bell_wait(seen, WAIT_NS);
	} while (monotonic_ns() - begin < PATIENCE_NS);
	return false;
}

struct context *stub_context(struct stub *stub)
{
	uint64_t at = stub->area->context - LNX_SELF;

	if (at < PAGE_SIZE || at > AREA_SIZE - sizeof(struct context) || at % 8)
		return NULL;
	return (struct context *)((uintptr_t)stub->area + at);
}

struct context *kernel_context(void)
{
	struct context *context = stub_context(&kernel);

	if (!context) {
		kernel.stopped = false; /* finish() must not look */
		crash("the kernel's code has damaged the area of its process");
	}
	return context;
}

struct context *user_context(void)
{
	struct context *context = stub_context(present);

	if (context)
		return context;
	user_replace();
	context = stub_context(present);
	if (!context)
		finish(END_FAILED, 0, "a guest process began with a damaged area");
	return context;
}

void stub_resume(struct stub *stub)
{
	if (stub == &kernel && present && !command_submit(present, false))
		user_lost();
	if (!command_submit(stub, false)) {
		if (stub != &kernel) {
			user_lost();
			return;
		}
		stub->stopped = false;
		crash("the kernel's process does not stop: its code has used the runner's own");
	}
	stub->stopped = false;
	__atomic_store_n(&stub->area->turn, TURN_OWNER, __ATOMIC_SEQ_CST);
	futex_wake(&stub->area->turn, WAKE_OWNER);
}

void stub_reap(void)
{
	finish_is_the_others(); /* it kills them */
	if (is_dead(&kernel)) {
		kernel.stopped = false;
		if (kernel.killer == SIGXCPU)
			finish(END_CRASH, 0, "the kernel's process has used up its processor time (ulimit -t)");
		if (kernel.killer == SIGKILL)
			finish(END_CRASH, 0, "the kernel's process was killed: by the system when memory ran out, or by somebody");
		crash("the kernel's process was killed by signal %d: its code has damaged its area", (uint64_t)kernel.killer);
	}
	for (uint32_t i = 0; i < USER_COUNT; i++) {
		if (!users[i].pid || !is_dead(&users[i]))
			continue;
		if (&users[i] == present)
			user_lost();
	}
}

/* By either thread. What M makes meanwhile ends with it, by PDEATHSIG. */
void stubs_end(void)
{
	int32_t pids[AREA_COUNT];

	for (uint32_t i = 0; i < AREA_COUNT; i++) {
		pids[i] = i ? users[i - 1].pid : kernel.pid;
		if (pids[i])
			sys(SYS_kill, pids[i], SIGKILL);
	}
	for (uint32_t i = 0; i < AREA_COUNT; i++)
		if (pids[i])
			sys(SYS_wait4, pids[i], 0, WALL, 0);
}
