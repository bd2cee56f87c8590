/* SPDX-License-Identifier: MIT */
/*
 * Why a stub stopped: Linux's signals back into the processor's vectors. The numbers stand in the signal frame (vector,
 * error code and CR2 as arch/x86/kernel/signal_64.c puts them there), which guest code may have written: it can only fool
 * itself.
 */
#include "internal.h"
#include "native.h"
#include "vcpu.h"
#include "sys.h"

#define INFO_CODE 8
#define INFO_SYSCALL 24
#define INFO_ARCH 28
#define INFO_SIZE 128
#define PROTECTION 13
#define PAGE_FAULT 14
#define IN_TABLE 2 /* error code: the selector is a vector */
#define USER_VECTORS 0xb78fbul /* 0 1 3 to 7, 11 to 14, 16 17 19 */
#define EXIT_FIRST 0x56
#define EXIT_LAST 0x57
#define SYSCALL_CODE 0x05 /* its second byte */

static void trap(struct stub *stub, uint32_t vector, uint64_t error, uint64_t address)
{
	count_exit(vector == PAGE_FAULT ? "page fault" : "trap");
	map_progress();
	if (stub == &kernel)
		kernel_trap(vector, error, address);
	else
		user_trap(vector, error, address);
}

static void on_page_fault(struct stub *stub, struct context *context)
{
	uint64_t error, address = *(volatile uint64_t *)&context->cr2; /* once: guest code may still write to it */
	uint32_t access = context->error & (ACCESS_WRITE | ACCESS_EXECUTE);

	if (stub == &kernel && native() && native_device_fault(context))
		return;
	if ((uint64_t)((int64_t)(address << 16) >> 16) != address)
		trap(stub, PROTECTION, 0, 0); /* no processor says so */
	else if (!map_fault(stub, address, access, context->rip, &error))
		trap(stub, error == MAP_STUCK ? PROTECTION : PAGE_FAULT, error == MAP_STUCK ? 0 : error, address);
}

/*
 * The host has no page, or so the stub says: M asks for itself. Where the host cannot tell (before Linux 5.14), the access
 * is made again: if there is none, M or the stub dies of that.
 */
static void on_bus_error(struct context *context)
{
	struct leaf leaf;
	uint8_t *page;
	long failed = 0;

	if (walk(space_root(), context->cr2, 0, &leaf) == 0 &&
	    (page = ram_at(leaf.physical & ~(PAGE_SIZE - 1), PAGE_SIZE)) != NULL)
		failed = sys(SYS_madvise, page, PAGE_SIZE, MADV_POPULATE_WRITE);
	if (failed && failed != -EINVAL)
		finish(END_FAILED, 0, "the host has no memory for a page of the guest (memory and swap, or the limit of its "
				       "control group, are used up); give the guest less with --memory");
}

static void on_protection(struct stub *stub, struct context *context)
{
	uint64_t error, vector;

	if (stub == &kernel && native() && native_emulate(context))
		return;
	error = *(volatile uint64_t *)&context->error & 0xffff;
	vector = error >> 3;
	if (stub == &kernel && (error & 7) == IN_TABLE && vector >= EXIT_FIRST && vector <= EXIT_LAST && handover.rom) {
		context->rip += 2;
		kernel_exit((uint32_t)vector);
		return;
	}
	if (!error && cpuid_emulate(context))
		return;
	trap(stub, PROTECTION, error, 0);
}

static void on_system_call(struct stub *stub, struct context *context)
{
	const volatile uint8_t *info;
	uint64_t at = stub->area->siginfo - LNX_SELF;
	uint8_t code[2];

	if (at < PAGE_SIZE || at > AREA_SIZE - INFO_SIZE || at % 8)
		at = PAGE_SIZE;
	info = (const volatile uint8_t *)stub->area + at;
	if (*(const volatile uint32_t *)(info + INFO_ARCH) != AUDIT_ARCH_X86_64 && context->cs == HOST_CS &&
	    guest_read(context->rip - 2, code, 2) && code[0] == 0xcd) {
		context->rip -= 2; /* INT 0x80, which Linux lets through */
		trap(stub, PROTECTION, code[1] * 8u + IN_TABLE, 0);
	} else if (stub == &kernel && native() && guest_read(context->rip - 2, code, 2) && code[1] == SYSCALL_CODE) {
		context->rip -= 2;
		trap(stub, TRAP_OPCODE, 0, 0);
	} else if (stub == &kernel) {
		crash("the guest's kernel made a system call of the host (number %d) at %x",
		      (uint64_t)*(const volatile uint32_t *)(info + INFO_SYSCALL), context->rip);
	} else if (native()) {
		map_progress();
		native_system_call();
	} else {
		trap(stub, TRAP_OPCODE, 0, 0);
	}
}

static void decode(struct stub *stub, struct context *context, uint32_t signal)
{
	uint64_t vector = *(volatile uint64_t *)&context->trap;

	/* What code of user mode can cause: its own word must not look like a fault of the machine to the guest's kernel. */
	if (stub != &kernel && (vector >= 32 || !(USER_VECTORS >> vector & 1)))
		vector = PROTECTION;

	if (signal != SIGSEGV || vector != PAGE_FAULT)
		map_progress();
	switch (signal) {
	case SIGUSR1:
		count_exit("interruption");
		events_pending();
		return;
	case SIGSYS:
		on_system_call(stub, context);
		return;
	case SIGSEGV:
		if (vector == PAGE_FAULT)
			on_page_fault(stub, context);
		else if (vector == PROTECTION)
			on_protection(stub, context);
		else if (vector < 32)
			trap(stub, (uint32_t)vector, context->error & 0xffff, 0);
		else
			trap(stub, PROTECTION, 0, 0);
		return;
	case SIGBUS:
		if (vector == PAGE_FAULT) {
			on_bus_error(context);
			return;
		}
		/* fall through */
	case SIGILL:
		if (stub == &kernel && native() && vector == TRAP_OPCODE && native_emulate(context))
			return;
		/* fall through */
	case SIGFPE:
	case SIGTRAP:
		trap(stub, vector < 32 ? (uint32_t)vector : 6, context->error & 0xffff, 0);
		return;
	default:
		trap(stub, PROTECTION, 0, 0); /* it wrote to its own area */
	}
}

void handle_stop(struct stub *stub)
{
	struct context *context = stub == &kernel ? kernel_context() : stub_context(stub);
	uint32_t reason;

	current = stub;
	if (!context) {
		user_lost();
		return;
	}
	reason = stub->area->reason; /* once: its code may not have stopped */
	if (!command_done(stub, reason)) {
		if (stub == &kernel)
			crash("the kernel's code has damaged the area of its process");
		user_lost();
		return;
	}
	if (reason == REASON_COMMAND) {
		if (stub->area->result)
			command_failed(stub);
		return;
	}
	/* Whatever its code wrote there since is not a list of M's. */
	stub->area->command_count = 0;
	decode(stub, context, stub->area->signal);
}
