/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What the ROM uses of Xen's interface to a 64-bit PV guest, by number (Xen public headers: xen.h, arch-x86/xen.h,
 * arch-x86/xen-x86_64.h, callback.h, event_channel.h, sched.h, vcpu.h, version.h, io/console.h). The interface is stable.
 *
 * Hypercall: SYSCALL with the number in RAX, arguments in RDI RSI RDX R10 R8, result in RAX; RCX and R11 are lost.
 */
#ifndef XEN_H
#define XEN_H

#define XEN_SET_TRAP_TABLE 0
#define XEN_MMU_UPDATE 1
#define XEN_STACK_SWITCH 3
#define XEN_FPU_TASKSWITCH 5
#define XEN_UPDATE_DESCRIPTOR 10
#define XEN_UPDATE_VA_MAPPING 14
#define XEN_XEN_VERSION 17
#define XEN_CONSOLE_IO 18
#define XEN_IRET 23
#define XEN_VCPU_OP 24
#define XEN_SET_SEGMENT_BASE 25
#define XEN_MMUEXT_OP 26
#define XEN_SCHED_OP 29
#define XEN_CALLBACK_OP 30
#define XEN_EVENT_CHANNEL_OP 32

#define XEN_DOMID_SELF 0x7ff0
#define XEN_VGCF_IN_SYSCALL 0x100

#define XEN_MMUEXT_PIN_L4 3
#define XEN_MMUEXT_UNPIN 4
#define XEN_MMUEXT_NEW_BASEPTR 5
#define XEN_MMUEXT_TLB_FLUSH_LOCAL 6
#define XEN_MMUEXT_INVLPG_LOCAL 7
#define XEN_MMUEXT_NEW_USER_BASEPTR 15
#define XEN_SIZE_MMUEXT 24
#define XEN_UVMF_INVLPG 2

#define XEN_SCHEDOP_YIELD 0
#define XEN_SCHEDOP_BLOCK 1
#define XEN_SCHEDOP_SHUTDOWN 2

#define XEN_M2P 0xffff800000000000 /* u64 for each machine frame: its guest-physical one */

/* vcpu_info, 64 bytes. Lives at the start of the ROM's part of the VCPU block. */
#define XEN_PENDING 0 /* u8: an event waits */
#define XEN_MASK 1 /* u8: 1 while interrupts are disabled */
#define XEN_SELECTOR 8 /* u64: bit per word of shared_info's pending */
#define XEN_CR2 16
#define XEN_TIME 32 /* struct xen_time */
#define XEN_TIME_VERSION (XEN_TIME + 0)
#define XEN_TIME_TSC (XEN_TIME + 8)
#define XEN_TIME_SYSTEM (XEN_TIME + 16)
#define XEN_TIME_SCALE (XEN_TIME + 24)
#define XEN_TIME_SHIFT (XEN_TIME + 28)

#define XEN_VCPUOP_SET_SINGLESHOT 8

/* shared_info */
#define XEN_SHARED_PENDING 2048 /* u64[64], bit per event channel */
#define XEN_SHARED_WALL_CLOCK 3072

#ifndef __ASSEMBLER__

#include <stdint.h>

struct xen_time { /* pvclock: ns = system_time + ((TSC - tsc) << shift) * scale >> 32 */
	uint32_t version; /* odd while Xen writes */
	uint32_t reserved;
	uint64_t tsc, system_time;
	uint32_t scale;
	int8_t shift;
	uint8_t flags, reserved2[2];
};

struct xen_wall_clock {
	uint32_t version, seconds, nanoseconds, seconds_high;
};

struct xen_trap_info {
	uint8_t vector, flags;
	uint16_t cs;
	uint32_t reserved;
	uint64_t address;
};
enum { XEN_TRAP_KERNEL = 1, XEN_TRAP_USER = 3, XEN_TRAP_MASK_EVENTS = 4 };

struct xen_callback {
	uint16_t type, flags;
	uint32_t reserved;
	uint64_t address;
};
enum { XEN_CALLBACK_REGISTER = 0 };
enum { XEN_CALLBACK_EVENT = 0, XEN_CALLBACK_FAILSAFE = 1, XEN_CALLBACK_SYSCALL = 2 };
enum { XEN_CALLBACK_MASK_EVENTS = 1 };

struct xen_mmu_update {
	uint64_t ptr, value; /* machine address of the entry */
};

struct xen_mmuext {
	uint64_t command, argument, argument2;
};

enum { XEN_VCPUOP_RUNSTATE = 4, XEN_VCPUOP_STOP_PERIODIC = 7, XEN_VCPUOP_STOP_SINGLESHOT = 9,
       XEN_VCPUOP_REGISTER_INFO = 10 };

struct xen_register_info {
	uint64_t frame;
	uint32_t offset, reserved;
};

/* struct xen_singleshot: u64 deadline, ns of system time; u64 flags, 0 */

struct xen_runstate {
	uint32_t state, reserved;
	uint64_t since, time[4]; /* running, runnable, blocked, offline: ns */
};

enum { XEN_EVENT_BIND_VIRQ = 1, XEN_EVENT_SEND = 4, XEN_EVENT_BIND_IPI = 7 };
enum { XEN_VIRQ_TIMER = 0, XEN_VIRQ_CONSOLE = 2 };

struct xen_bind_virq {
	uint32_t virq, vcpu, port;
};

struct xen_bind_ipi {
	uint32_t vcpu, port;
};

enum { XEN_CONSOLE_WRITE = 0, XEN_CONSOLE_READ = 1 };

struct xen_console {
	char in[1024], out[2048];
	uint32_t in_consumer, in_producer, out_consumer, out_producer;
};

enum { XEN_SHUTDOWN_POWEROFF = 0, XEN_SHUTDOWN_REBOOT = 1, XEN_SHUTDOWN_CRASH = 3 };
enum { XEN_VERSION_NUMBER = 0, XEN_VERSION_EXTRA = 1 };
enum { XEN_SEGMENT_FS = 0, XEN_SEGMENT_GS_USER = 1, XEN_SEGMENT_GS_KERNEL = 2 };
enum { XEN_EPERM = -1, XEN_ENOMEM = -12, XEN_EFAULT = -14, XEN_EBUSY = -16, XEN_EINVAL = -22 };

static inline int64_t xen_call4(int64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	register uint64_t r10 __asm__("r10") = d;

	__asm__ volatile("syscall" : "+a"(number), "+D"(a), "+S"(b), "+d"(c), "+r"(r10) : : "rcx", "r11", "memory");
	return number;
}

static inline int64_t xen_call3(int64_t number, uint64_t a, uint64_t b, uint64_t c)
{
	__asm__ volatile("syscall" : "+a"(number), "+D"(a), "+S"(b), "+d"(c) : : "rcx", "r11", "memory");
	return number;
}

static inline int64_t xen_call2(int64_t number, uint64_t a, uint64_t b)
{
	__asm__ volatile("syscall" : "+a"(number), "+D"(a), "+S"(b) : : "rcx", "r11", "memory");
	return number;
}

#endif
#endif
