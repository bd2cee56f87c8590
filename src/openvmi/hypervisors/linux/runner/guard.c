/* SPDX-License-Identifier: MIT */
/*
 * The runner's own filter, for both of its threads, in force before the guest's first instruction: what M and I still need,
 * and what a process does between clone and its own filter. A stub made later has both, and the stricter one decides; K
 * has none of this one.
 *
 *   in the stub's page   the few numbers that a stub's filter looks at more closely, first, because they are in every
 *                        change between kernel and user mode; mmap not executable from elsewhere than the memory file
 *   in the runner's text the list below
 *   anywhere else        none: SIGSYS, of which the runner dies
 *
 * Files can be opened for reading (/proc/PID/syscall), and cannot be made; descriptors go nowhere, sockets are those that there
 * are; signals are SIGKILL and SIGUSR1, to one process; a new process is a plain copy; nothing becomes executable.
 */
#include "bpf.h"

#define SYS_arch_prctl 158
#define SYS_restart_syscall 219 /* by Linux itself, after a stop: futex and poll with a time limit */
#define SYS_timerfd_settime 286
#define SYS_recvfrom 45
#define SYS_ppoll 271
#define TSYNC 1u /* SECCOMP_FILTER_FLAG_TSYNC: the other thread, too */
#define PR_SET_PDEATHSIG 1
#define ARCH_SET_CPUID 0x1012
#define WRITE_LDT 0x11
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#define O_PATH 0x200000
#define OPEN_FLAGS 0x80000 /* O_RDONLY | O_CLOEXEC */

extern const char text_end[];

/* With any arguments: they can do nothing that the runner could not do without them. */
static const uint32_t harmless[] = {
	SYS_futex,	 SYS_clock_gettime, SYS_sched_yield, SYS_pread64,	SYS_sendto,  SYS_poll,	SYS_wait4,
	SYS_rt_sigreturn, SYS_ppoll,	    SYS_read,	     SYS_recvfrom,	SYS_close,   SYS_getpid, SYS_getrandom,
	SYS_timerfd_settime, SYS_exit_group, SYS_exit, SYS_restart_syscall,
	/* of a new process */
	SYS_getppid,	 SYS_close_range,   SYS_sigaltstack, SYS_rt_sigaction, SYS_seccomp,
};

/* One argument, of 32 bits, must have the value. */
static const struct {
	uint32_t number, argument, value;
} particular[] = {
	{ SYS_openat, 2, OPEN_FLAGS },
	{ SYS_madvise, 2, MADV_DONTFORK },
	{ SYS_madvise, 2, MADV_POPULATE_WRITE },
	{ SYS_modify_ldt, 0, WRITE_LDT },
	{ SYS_prctl, 0, PR_SET_PDEATHSIG },
	{ SYS_arch_prctl, 0, ARCH_SET_CPUID },
	{ SYS_clone, 0, SIGCHLD },
};

static void allow_if(struct builder *b, uint32_t number)
{
	put(b, EQUAL, number, 0, 1);
	put(b, RETURN, ALLOW, 0, 0);
}

/* Shared, of the memory file; where `own`, private and anonymous as well. Never both written and executed. */
static void allow_mmap(struct builder *b, bool own)
{
	static const uint32_t rights[] = { PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_EXEC };
	static const uint32_t kinds[] = { MAP_SHARED | MAP_FIXED, MAP_SHARED | MAP_FIXED | MAP_POPULATE,
					  MAP_PRIVATE | MAP_ANONYMOUS };
	uint32_t jump;

	put(b, LOAD, NUMBER, 0, 0);
	jump = unless_is(b, SYS_mmap);
	put(b, LOAD, LOW(2), 0, 0);
	one_of(b, rights, own ? 2 : 3);
	put(b, LOAD, LOW(3), 0, 0);
	if (own) {
		put(b, EQUAL, MAP_PRIVATE | MAP_ANONYMOUS, 0, 1);
		put(b, RETURN, ALLOW, 0, 0);
	}
	one_of(b, kinds, 2);
	demand(b, LOW(4), MEMORY_FD);
	put(b, RETURN, ALLOW, 0, 0);
	land(b, jump);
}

static void in_stub(struct builder *b)
{
	static const uint32_t numbers[] = { SYS_sched_yield, SYS_futex, SYS_rt_sigreturn, SYS_rt_sigprocmask, SYS_munmap,
					    SYS_modify_ldt,  SYS_prctl };

	put(b, LOAD, IP_LOW, 0, 0);
	put(b, AT_LEAST, (uint32_t)LNX_STUB + PAGE_SIZE, 0, 1);
	put(b, RETURN, TRAP, 0, 0);
	put(b, LOAD, NUMBER, 0, 0);
	for (uint32_t i = 0; i < LENGTH(numbers); i++)
		allow_if(b, numbers[i]);
	allow_mmap(b, false);
	put(b, RETURN, TRAP, 0, 0);
}

/* SIGKILL and SIGUSR1, to a process by its number, not to a group. */
static void allow_kill(struct builder *b)
{
	static const uint32_t signals[] = { SIGKILL, SIGUSR1 };
	uint32_t jump;

	put(b, LOAD, NUMBER, 0, 0);
	jump = unless_is(b, SYS_kill);
	put(b, LOAD, LOW(1), 0, 0);
	one_of(b, signals, LENGTH(signals));
	put(b, LOAD, LOW(0), 0, 0);
	put(b, EQUAL, 0, 1, 0);
	put(b, AT_LEAST, 0x80000000u, 0, 1);
	put(b, RETURN, TRAP, 0, 0);
	put(b, RETURN, ALLOW, 0, 0);
	land(b, jump);
}

/*
 * Landlock (Documentation/userspace-api/landlock.rst), from Linux 5.13 on: of files only reading below /proc, no TCP, no signal
 * to or look into a process that is not the runner's own. By version, because each handles more.
 */
void guard_files(void)
{
	static const uint8_t file_rights[] = { 13, 14, 15, 15, 16 };
	const long version = sys(SYS_landlock_create_ruleset, 0, 0, 1);
	struct {
		uint64_t files, network, scopes;
	} handled;
	struct {
		uint64_t rights;
		int32_t folder;
	} __attribute__((packed)) rule = { 1ul << 2 /* READ_FILE */, -1 };
	long rules;

	if (version < 1)
		return;
	handled.files = (1ul << file_rights[version < 5 ? version - 1 : 4]) - 1;
	handled.network = handled.scopes = 3;
	rules = sys(SYS_landlock_create_ruleset, &handled, version >= 6 ? 24 : version >= 4 ? 16 : 8, 0);
	rule.folder = (int32_t)sys(SYS_openat, -100, "/proc", O_PATH | OPEN_FLAGS, 0);
	if (rules >= 0 && rule.folder >= 0 && !sys(SYS_landlock_add_rule, rules, 1, &rule, 0))
		sys(SYS_landlock_restrict_self, rules, 0);
	if (rule.folder >= 0)
		sys(SYS_close, rule.folder);
	if (rules >= 0)
		sys(SYS_close, rules);
}

long guard_install(void)
{
	struct builder b = { .length = 0 };
	uint32_t jump;

	demand(&b, ARCH, AUDIT_ARCH_X86_64);
	put(&b, LOAD, IP_HIGH, 0, 0);
	jump = unless_is(&b, LNX_STUB >> 32);
	in_stub(&b);
	land(&b, jump);
	demand(&b, IP_HIGH, 0);
	put(&b, LOAD, IP_LOW, 0, 0);
	put(&b, AT_LEAST, (uint32_t)(uintptr_t)text_end, 0, 1);
	put(&b, RETURN, TRAP, 0, 0);
	put(&b, LOAD, NUMBER, 0, 0);
	for (uint32_t i = 0; i < LENGTH(harmless); i++)
		allow_if(&b, harmless[i]);
	for (uint32_t i = 0; i < LENGTH(particular); i++) {
		put(&b, LOAD, NUMBER, 0, 0);
		jump = unless_is(&b, particular[i].number);
		put(&b, LOAD, LOW(particular[i].argument), 0, 0);
		allow_if(&b, particular[i].value);
		land(&b, jump);
	}
	allow_kill(&b);
	allow_mmap(&b, true);
	put(&b, RETURN, TRAP, 0, 0);
	return install(&b, TSYNC);
}
