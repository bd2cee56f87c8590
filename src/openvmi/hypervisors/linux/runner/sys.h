/* SPDX-License-Identifier: MIT */
/* Linux system calls, without a library. Numbers: arch/x86/entry/syscalls/syscall_64.tbl. Results: negative error numbers. */
#ifndef LNX_SYS_H
#define LNX_SYS_H

#include <stdint.h>

#define SYS_read 0
#define SYS_write 1
#define SYS_close 3
#define SYS_fstat 5
#define SYS_poll 7
#define SYS_mmap 9
#define SYS_mprotect 10
#define SYS_munmap 11
#define SYS_rt_sigaction 13
#define SYS_rt_sigprocmask 14
#define SYS_rt_sigreturn 15
#define SYS_pread64 17
#define SYS_sched_yield 24
#define SYS_madvise 28
#define SYS_getpid 39
#define SYS_sendto 44
#define SYS_sendmsg 46
#define SYS_recvmsg 47
#define SYS_clone 56
#define SYS_exit 60
#define SYS_wait4 61
#define SYS_kill 62
#define SYS_fcntl 72
#define SYS_prlimit64 302
#define SYS_getppid 110
#define SYS_sigaltstack 131
#define SYS_modify_ldt 154
#define SYS_prctl 157
#define SYS_arch_prctl 158
#define SYS_futex 202
#define SYS_sched_setaffinity 203
#define SYS_sched_getaffinity 204
#define SYS_clock_gettime 228
#define SYS_exit_group 231
#define SYS_openat 257
#define SYS_dup3 292
#define SYS_getcpu 309
#define SYS_seccomp 317
#define SYS_getrandom 318
#define SYS_close_range 436

#define ENFILE 23
#define EMFILE 24
#define EINTR 4
#define EAGAIN 11
#define ENOMEM 12
#define EINVAL 22

#define PROT_READ 1
#define PROT_WRITE 2
#define PROT_EXEC 4
#define MAP_SHARED 1
#define MAP_PRIVATE 2
#define MAP_FIXED 0x10
#define MAP_ANONYMOUS 0x20
#define MAP_POPULATE 0x8000
#define MADV_DONTFORK 10
#define MADV_POPULATE_WRITE 23 /* since Linux 5.14 */

#define FUTEX_WAIT 0
#define FUTEX_WAKE 1
#define FUTEX_WAIT_BITSET 9
#define FUTEX_WAKE_BITSET 10

#define SIGILL 4
#define SIGTRAP 5
#define SIGBUS 7
#define SIGFPE 8
#define SIGKILL 9
#define SIGUSR1 10
#define SIGSEGV 11
#define SIGCHLD 17
#define SIGXCPU 24
#define SIGSYS 31
#define SA_SIGINFO 4u
#define SA_RESTORER 0x04000000u
#define SA_ONSTACK 0x08000000u
#define SA_RESTART 0x10000000u
#define SA_NODEFER 0x40000000u

#define AUDIT_ARCH_X86_64 0xc000003e
#define CLOCK_MONOTONIC 1

struct timespec {
	int64_t tv_sec, tv_nsec;
};

struct kernel_sigaction {
	uint64_t handler, flags, restorer, mask;
};

static inline long sys6(long number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	register uint64_t r10 __asm__("r10") = d;
	register uint64_t r8 __asm__("r8") = e;
	register uint64_t r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

#define SYS_PICK(_0, _1, _2, _3, _4, _5, _6, name, ...) name
#define SYS_ARGUMENT(x) ((uint64_t)(x))
#define sys0(n) sys6(n, 0, 0, 0, 0, 0, 0)
#define sys1(n, a) sys6(n, SYS_ARGUMENT(a), 0, 0, 0, 0, 0)
#define sys2(n, a, b) sys6(n, SYS_ARGUMENT(a), SYS_ARGUMENT(b), 0, 0, 0, 0)
#define sys3(n, a, b, c) sys6(n, SYS_ARGUMENT(a), SYS_ARGUMENT(b), SYS_ARGUMENT(c), 0, 0, 0)
#define sys4(n, a, b, c, d) sys6(n, SYS_ARGUMENT(a), SYS_ARGUMENT(b), SYS_ARGUMENT(c), SYS_ARGUMENT(d), 0, 0)
#define sys_all(n, a, b, c, d, e, f) \
	sys6(n, SYS_ARGUMENT(a), SYS_ARGUMENT(b), SYS_ARGUMENT(c), SYS_ARGUMENT(d), SYS_ARGUMENT(e), SYS_ARGUMENT(f))
/* sys(number, up to six arguments) */
#define sys(...) SYS_PICK(__VA_ARGS__, sys_all, sys_five, sys4, sys3, sys2, sys1, sys0)(__VA_ARGS__)
#define sys_five(n, a, b, c, d, e) sys_all(n, a, b, c, d, e, 0)

#endif
