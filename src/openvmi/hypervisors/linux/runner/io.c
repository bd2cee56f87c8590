/* SPDX-License-Identifier: MIT */
/*
 * The thread I: waits for the timer, console input, orders and the limit of time, and makes M look. What M and it share is
 * atomic: two words here, and the ends of the input ring. It ends the run by itself where the guest need not be asked.
 */
#include "vcpu.h"
#include "sys.h"

#define SYS_ppoll 271
#define SYS_recvfrom 45
#define SYS_timerfd_create 283
#define SYS_timerfd_settime 286
#define MSG_DONTWAIT 0x40
#define TFD_FLAGS 02004000 /* TFD_CLOEXEC | TFD_NONBLOCK */
#define POLLIN 1
#define CLONE_THREAD_FLAGS 0x50f00 /* VM FS FILES SIGHAND THREAD SYSVSEM */
#define SIG_SETMASK 2
#define KIND_PAUSED 4
#define STACK_SIZE 0x4000
#define SECOND 1000000000ul
#define LONGEST (3600 * SECOND) /* of a wait */
#define FULL_WAIT 20000000ul	/* of a look whether the guest has taken input */
#define OUTPUT_DELAY 1000000ul	/* of what is written to the serial port, at most */

enum { TIMER, OUTPUT, CONTROL, CONSOLE, WAITS };

static uint32_t arrived; /* input came */
static uint32_t paused;	 /* 1: M shall wait; a futex */
static uint32_t alarmed; /* output_fd will be readable */
static int output_fd = -1;
static char late[64];	 /* what is said at the limit */
static uint64_t since;	 /* I: when the pause began */
static uint64_t excused; /* I: time paused, which does not count */
static uint8_t stack[STACK_SIZE] __attribute__((aligned(16)));

bool input_arrived(void)
{
	return __atomic_load_n(&arrived, __ATOMIC_RELAXED) && __atomic_exchange_n(&arrived, 0, __ATOMIC_ACQUIRE);
}

void pause_here(void)
{
	uint64_t root = space_root();

	if (!__atomic_load_n(&paused, __ATOMIC_ACQUIRE))
		return;
	control_send(KIND_PAUSED, &root, sizeof root);
	while (__atomic_load_n(&paused, __ATOMIC_ACQUIRE))
		sys(SYS_futex, &paused, FUTEX_WAIT, 1, NULL, 0, 0);
}

void output_alarm(void)
{
	const struct timespec setting[2] = {{0, 0}, {0, OUTPUT_DELAY}};

	if (!__atomic_exchange_n(&alarmed, 1, __ATOMIC_SEQ_CST))
		sys(SYS_timerfd_settime, output_fd, 0, setting, NULL);
}

static uint64_t host_now(void) { return monotonic_ns() - start_ns; }

static void obey(void)
{
	uint32_t order = 0;
	long got = sys(SYS_recvfrom, CONTROL_FD, &order, sizeof order, MSG_DONTWAIT, NULL, NULL);

	if (got == -EAGAIN || got == -EINTR)
		return;
	if (got <= 0 || order == CONTROL_STOP)
		finish(END_INTERRUPTED, 0, "stopped by the user");
	if (order == CONTROL_PAUSE && !paused) {
		since = host_now();
		__atomic_store_n(&paused, 1, __ATOMIC_RELEASE);
		ring();
	} else if (order == CONTROL_RESUME && paused) {
		excused += host_now() - since;
		__atomic_store_n(&paused, 0, __ATOMIC_RELEASE);
		sys(SYS_futex, &paused, FUTEX_WAKE, 1, NULL, 0, 0);
	}
}

/* Until the limit, but not for ever. */
static uint64_t patience(bool input)
{
	uint64_t most = input ? LONGEST : FULL_WAIT, left;

	if (!handover.limit_ns || paused)
		return most;
	left = handover.limit_ns - (host_now() - excused);
	if ((int64_t)left <= 0)
		finish(END_TIMEOUT, 0, late);
	return left < most ? left : most;
}

static _Noreturn void watch(void)
{
	struct {
		int32_t fd;
		int16_t events, revents;
	} waits[WAITS] = {[TIMER] = {timer_fd, POLLIN, 0}, [OUTPUT] = {output_fd, POLLIN, 0},
		       [CONTROL] = {CONTROL_FD, POLLIN, 0}};
	bool open = true;
	uint64_t expirations;

	for (;;) {
		bool input = open && console_has_room();
		uint64_t wait = patience(input || !open);
		struct timespec timeout = {(int64_t)(wait / SECOND), (int64_t)(wait % SECOND)};

		waits[CONSOLE].fd = input ? CONSOLE_FD : -1;
		waits[CONSOLE].events = POLLIN;
		if (sys(SYS_ppoll, waits, WAITS, &timeout, NULL, 8) <= 0)
			continue;
		if (waits[CONTROL].revents)
			obey();
		if (waits[TIMER].revents && sys(SYS_read, timer_fd, &expirations, sizeof expirations) > 0) {
			timer_fired();
			ring();
		}
		if (waits[OUTPUT].revents && sys(SYS_read, output_fd, &expirations, sizeof expirations) > 0) {
			__atomic_store_n(&alarmed, 0, __ATOMIC_SEQ_CST);
			if (console_gathered())
				ring();
		}
		if (waits[CONSOLE].revents) {
			open = console_receive();
			if (open) {
				__atomic_store_n(&arrived, 1, __ATOMIC_RELEASE);
				ring();
			}
		}
	}
}

static void prepare_sentence(void)
{
	const char *from = text("the guest did not end within %d", handover.limit_ns / SECOND);
	uint64_t milliseconds = handover.limit_ns % SECOND / 1000000;
	char *to = late;

	while (*from && to < late + sizeof late - 8)
		*to++ = *from++;
	if (milliseconds) {
		*to++ = '.';
		for (uint64_t unit = 100; milliseconds && unit; milliseconds %= unit, unit /= 10)
			*to++ = (char)('0' + milliseconds / unit);
	}
	*to++ = ' ';
	*to = 's';
}

/* A thread of M's. It gets no signals. */
static long start_thread(void)
{
	register uint64_t tid __asm__("r10") = 0;
	register uint64_t tls __asm__("r8") = 0;
	long result;

	__asm__ volatile("syscall\n\t"
			 "testq %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xorl %%ebp, %%ebp\n\t"
			 "callq *%[entry]\n\t"
			 "ud2\n"
			 "1:"
			 : "=a"(result)
			 : "0"(SYS_clone), "D"(CLONE_THREAD_FLAGS), "S"(stack + sizeof stack), "d"(0), "r"(tid), "r"(tls),
			   [entry] "r"(watch)
			 : "rcx", "r11", "memory");
	return result;
}

int io_start(void)
{
	uint64_t all = ~0ul, before = 0;
	long result;

	timer_fd = (int)sys(SYS_timerfd_create, CLOCK_MONOTONIC, TFD_FLAGS);
	output_fd = (int)sys(SYS_timerfd_create, CLOCK_MONOTONIC, TFD_FLAGS);
	if (timer_fd < 0 || output_fd < 0)
		return timer_fd < 0 ? timer_fd : output_fd;
	prepare_sentence();
	sys(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, 8);
	result = start_thread();
	sys(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, 8);
	return result < 0 ? (int)result : 0;
}
