/* SPDX-License-Identifier: MIT */
/*
 * The filter of a stub (seccomp, Documentation/userspace-api/seccomp_filter.rst): by where a system call is made.
 *
 *   in the stub's page   sched_yield; prctl, to make SYSCALL elsewhere a signal; futex: wait on its own turn, wake who waits for
 *                        that or the bell; rt_sigreturn, rt_sigprocmask; with the secret: munmap, modify_ldt, and mmap of the
 *                        guest's part of the memory file, shared, at a fixed address of the guest's, never writable and
 *                        executable
 *   in the ROM's text    of K: sched_yield, futex wait and wake, on areas of U
 *   anywhere else        none: SIGSYS
 *
 * mmap has the secret in the upper halves of flags and of the descriptor, which Linux does not look at; munmap in its
 * fifth argument, modify_ldt in its sixth, which they have not. What a stub sleeps on nobody can wake but K and the monitor:
 * another stub has no mapping of it, and may not sleep on the bell in the monitor's place.
 */
#include "bpf.h"

#define PR_SET_SYSCALL_USER_DISPATCH 59

static void wait_or_wake(struct builder *b)
{
	static const uint32_t operations[] = { FUTEX_WAIT_BITSET, FUTEX_WAKE };

	put(b, LOAD, LOW(1), 0, 0);
	one_of(b, operations, LENGTH(operations));
	put(b, RETURN, ALLOW, 0, 0);
}

/* Without a time limit: what waits, waits until another process wakes it. command.c relies on that. */
static void futex_at(struct builder *b, uint64_t address)
{
	demand(b, LOW(3), 0);
	demand(b, HIGH(3), 0);
	demand(b, HIGH(0), (uint32_t)(address >> 32));
	put(b, LOAD, LOW(0), 0, 0);
}

static void futex_in_stub(struct builder *b)
{
	uint32_t jump;

	futex_at(b, LNX_SELF);
	jump = unless_is(b, (uint32_t)LNX_SELF);
	wait_or_wake(b);
	land(b, jump);
	put(b, EQUAL, (uint32_t)LNX_BELL, 1, 0);
	put(b, RETURN, TRAP, 0, 0);
	demand(b, LOW(1), FUTEX_WAKE);
	put(b, RETURN, ALLOW, 0, 0);
}

/* The sum of two arguments, each below 2^63, must be at most the limit. */
static void demand_end(struct builder *b, uint32_t start, uint32_t size, uint64_t limit)
{
	const uint32_t high = (uint32_t)(limit >> 32), low = (uint32_t)limit;

	for (uint32_t i = 0; i < 2; i++) {
		put(b, LOAD, HIGH(i ? size : start), 0, 0);
		put(b, ABOVE, high, 0, 1);
		put(b, RETURN, TRAP, 0, 0);
	}
	put(b, LOAD, LOW(start), 0, 0);
	put(b, COPY_TO_X, 0, 0, 0);
	put(b, LOAD, LOW(size), 0, 0);
	put(b, ADD_X, 0, 0, 0);
	put(b, STORE, 0, 0, 0);	     /* M[0]: lower half of the sum */
	put(b, AT_LEAST_X, 0, 2, 0); /* else it went over */
	put(b, LOAD_VALUE, 1, 0, 0);
	put(b, JUMP, 1, 0, 0);
	put(b, LOAD_VALUE, 0, 0, 0);
	put(b, COPY_TO_X, 0, 0, 0);
	put(b, LOAD, HIGH(start), 0, 0);
	put(b, ADD_X, 0, 0, 0);
	put(b, COPY_TO_X, 0, 0, 0);
	put(b, LOAD, HIGH(size), 0, 0);
	put(b, ADD_X, 0, 0, 0);
	put(b, AT_LEAST, high, 0, 4);
	put(b, EQUAL, high, 0, 2);
	put(b, LOAD_MEM, 0, 0, 0);
	put(b, ABOVE, low, 0, 1);
	put(b, RETURN, TRAP, 0, 0);
}

static void in_rom(struct builder *b)
{
	uint64_t window = handover.window;

	demand(b, IP_HIGH, (uint32_t)(window >> 32));
	put(b, LOAD, IP_LOW, 0, 0);
	put(b, AT_LEAST, (uint32_t)window, 1, 0);
	put(b, RETURN, TRAP, 0, 0);
	put(b, AT_LEAST, (uint32_t)(window + ROM_TEXT_SIZE), 0, 1);
	put(b, RETURN, TRAP, 0, 0);
	put(b, LOAD, NUMBER, 0, 0);
	put(b, EQUAL, SYS_sched_yield, 0, 1);
	put(b, RETURN, ALLOW, 0, 0);
	demand(b, NUMBER, SYS_futex);
	futex_at(b, LNX_USERS);
	put(b, AT_LEAST, USER_COUNT * AREA_SIZE, 0, 1);
	put(b, RETURN, TRAP, 0, 0);
	wait_or_wake(b);
}

long filter_install(const struct stub *stub)
{
	static const uint32_t mappings[] = { MAP_SHARED | MAP_FIXED, MAP_SHARED | MAP_FIXED | MAP_POPULATE };
	static const uint32_t rights[] = { PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_EXEC };
	static const uint32_t plain[] = { SYS_sched_yield, SYS_rt_sigreturn, SYS_rt_sigprocmask };
	const uint32_t secret_low = (uint32_t)stub->secret, secret_high = (uint32_t)(stub->secret >> 32);
	struct builder b = { .length = 0 };
	uint32_t jump, outside;

	demand(&b, ARCH, AUDIT_ARCH_X86_64);
	put(&b, LOAD, IP_HIGH, 0, 0);
	outside = unless_is(&b, LNX_STUB >> 32);
	put(&b, LOAD, IP_LOW, 0, 0);
	put(&b, AT_LEAST, (uint32_t)LNX_STUB + PAGE_SIZE, 0, 1);
	put(&b, RETURN, TRAP, 0, 0);
	put(&b, LOAD, NUMBER, 0, 0);
	for (uint32_t i = 0; i < LENGTH(plain); i++) {
		put(&b, EQUAL, plain[i], 0, 1);
		put(&b, RETURN, ALLOW, 0, 0);
	}
	jump = unless_is(&b, SYS_futex);
	futex_in_stub(&b);
	land(&b, jump);
	jump = unless_is(&b, SYS_modify_ldt);
	demand(&b, LOW(5), secret_low);
	demand(&b, HIGH(5), secret_high);
	put(&b, RETURN, ALLOW, 0, 0);
	land(&b, jump);
	jump = unless_is(&b, SYS_prctl);
	demand(&b, LOW(0), PR_SET_SYSCALL_USER_DISPATCH);
	demand(&b, LOW(1), 1);
	demand(&b, LOW(2), (uint32_t)LNX_STUB);
	demand(&b, HIGH(2), LNX_STUB >> 32);
	demand(&b, LOW(3), PAGE_SIZE);
	demand(&b, HIGH(3), 0);
	demand(&b, LOW(4), 0);
	demand(&b, HIGH(4), 0);
	put(&b, RETURN, ALLOW, 0, 0);
	land(&b, jump);
	jump = unless_is(&b, SYS_munmap);
	demand(&b, LOW(4), secret_low);
	demand(&b, HIGH(4), secret_high);
	put(&b, RETURN, ALLOW, 0, 0);
	land(&b, jump);
	demand(&b, NUMBER, SYS_mmap);
	demand(&b, HIGH(3), secret_high);
	demand(&b, HIGH(4), secret_low);
	demand(&b, LOW(4), MEMORY_FD);
	put(&b, LOAD, LOW(3), 0, 0);
	one_of(&b, mappings, LENGTH(mappings));
	put(&b, LOAD, LOW(2), 0, 0);
	one_of(&b, rights, LENGTH(rights));
	demand(&b, HIGH(2), 0);
	demand_end(&b, 0, 1, LNX_USERS);
	demand_end(&b, 5, 1, bell_offset());
	put(&b, RETURN, ALLOW, 0, 0);
	land(&b, outside);
	if (stub->index == 0 && handover.rom)
		in_rom(&b);
	else
		put(&b, RETURN, TRAP, 0, 0);
	return install(&b, 0);
}
