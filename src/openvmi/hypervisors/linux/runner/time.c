/* SPDX-License-Identifier: MIT */
/*
 * Virtual time: the host's monotonic clock since the start, until enough of it has passed to know the rate of the
 * time-stamp counter to 1 in 30,000; from then on that counter alone, for K's ROM and for M alike, so that a deadline means
 * the same to both. The rate gets better in the first seconds, and the clock goes on from where it is each time.
 *
 * The deadline is M's; a timer descriptor wakes I, which makes M look whether it has passed.
 */
#include "vcpu.h"
#include "sys.h"

#define SYS_timerfd_settime 286
#define TFD_TIMER_ABSTIME 1
#define CLOCK_REALTIME 0
#define SECOND 1000000000ul
#define FURTHEST (1ul << 62)
#define FIRST_NS 4000000ul /* of a measurement; then each takes eight times as long, and goes on from the same start */
#define LAST_NS (1ul << 32)
#define GROWTH 8
#define READINGS 8
#define INVARIANT_LEAF 0x80000007u
#define INVARIANT (1u << 8)

struct moment {
	uint64_t count, time;
};

int timer_fd = -1;

static bool armed;
static uint64_t deadline;
static uint32_t fired;	     /* by I: the descriptor's time has come */
static struct moment begun;  /* of the measurements; count 0: not yet */
static struct moment origin; /* of the clock */
static uint64_t rate;	     /* as LNX_CLOCK_RATE; 0: not known */
static uint64_t next;	     /* count at which it is measured again */
static bool fixed;	     /* as good as it gets */

static uint64_t count_now(void)
{
	__asm__ volatile("lfence" : : : "memory"); /* not before what comes before */
	return __builtin_ia32_rdtsc();
}

/* Counter and clock at one moment, by the reading that took the shortest. */
static struct moment moment_now(void)
{
	struct moment best = {0, 0};
	uint64_t shortest = ~0ul;

	for (uint32_t i = 0; i < READINGS; i++) {
		uint64_t before = count_now(), time = monotonic_ns() - start_ns, after = count_now();

		if (after - before < shortest) {
			shortest = after - before;
			best = (struct moment){before + (after - before) / 2, time};
		}
	}
	return best;
}

static uint64_t at(uint64_t count)
{
	return origin.time + (uint64_t)((unsigned __int128)(count - origin.count) * rate >> 32);
}

/* The counter may serve as a clock where the processor says that it always runs at one rate. */
static void begin(void)
{
	uint32_t registers[4];

	cpuid(INVARIANT_LEAF, 0, registers);
	fixed = !(registers[3] & INVARIANT);
	begun = moment_now();
}

static void publish(void)
{
	volatile uint64_t *words = (volatile uint64_t *)ram_at(rom_start() + ROM_TEXT_SIZE, LNX_CLOCK_SIZE);

	words[LNX_CLOCK_COUNT / 8] = origin.count;
	words[LNX_CLOCK_TIME / 8] = origin.time;
	words[LNX_CLOCK_RATE / 8] = rate;
}

void clock_improve(void)
{
	struct moment now;
	uint64_t counts, time;

	if (fixed)
		return;
	if (!begun.count) {
		begin();
		return;
	}
	if (rate ? count_now() < next : monotonic_ns() - start_ns - begun.time < FIRST_NS)
		return;
	now = moment_now();
	counts = now.count - begun.count;
	time = now.time - begun.time;
	if (time >= LAST_NS || counts < time / 16) { /* below 62 MHz: it was set */
		fixed = true;
		return;
	}
	origin = (struct moment){now.count, rate ? at(now.count) : now.time};
	rate = (time << 32) / counts;
	next = begun.count + GROWTH * counts;
	publish();
}

uint64_t clock_now(void) { return rate ? at(count_now()) : monotonic_ns() - start_ns; }

uint64_t clock_wall(void)
{
	struct timespec now = {0, 0};

	sys(SYS_clock_gettime, CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

/* So many nanoseconds from now; 0: not at all. */
static void arm(uint64_t wait)
{
	uint64_t when = wait ? monotonic_ns() + (wait < FURTHEST ? wait : FURTHEST) : 0;
	struct timespec setting[2] = {{0, 0}, {(int64_t)(when / SECOND), (int64_t)(when % SECOND)}};

	__atomic_store_n(&fired, 0, __ATOMIC_RELAXED);
	sys(SYS_timerfd_settime, timer_fd, TFD_TIMER_ABSTIME, setting, NULL);
}

void timer_set(uint64_t when)
{
	uint64_t now = clock_now();

	timer_tick(); /* an earlier deadline may have passed unseen */
	deadline = when;
	armed = true;
	if (now < when) /* else the tick after this call finds it passed */
		arm(when - now);
}

void timer_cancel(void)
{
	timer_tick();
	if (armed)
		arm(0);
	armed = false;
}

/* What a guest computes its time from must stay as it is: M goes by the same. */
uint64_t clock_khz(void)
{
	static uint64_t khz;
	struct moment now;
	uint64_t counts, time;

	if (khz)
		return khz;
	if (!begun.count)
		begin();
	while (monotonic_ns() - start_ns - begun.time < FIRST_NS)
		;
	now = moment_now();
	counts = now.count - begun.count;
	time = now.time - begun.time;
	for (; time >= LAST_NS; time /= 2)
		counts /= 2;
	khz = (counts * 1000000 + time / 2) / time;
	if (!khz)
		khz = 1;
	if (!fixed) {
		origin = (struct moment){now.count, rate ? at(now.count) : now.time};
		rate = (1000000ul << 32) / khz;
		fixed = true;
	}
	return khz;
}

void timer_fired(void) { __atomic_store_n(&fired, 1, __ATOMIC_RELEASE); }

void timer_tick(void)
{
	uint64_t now;

	if (!armed)
		return;
	now = clock_now();
	if (now >= deadline) {
		armed = false;
		event_raise(VMI_SOURCE_TIMER);
	} else if (__atomic_load_n(&fired, __ATOMIC_ACQUIRE)) {
		arm(deadline - now); /* the two clocks have drifted apart by that */
	}
}
