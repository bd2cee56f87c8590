/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* How the shim ends when something is wrong: one line on the console, a record for the host, and no more domain. */
#include "shim.h"

#define PREFIX 14 /* "vmi: refused: " or "vmi: crashed: " */
#define WAIT_LIMIT (1u << 20) /* yields until the line is out of the ring: some seconds at most */

/* What the host finds. The text is the line without its prefix. */
static void leave_record(uint32_t reason, const char *text, uint64_t size)
{
	if (size > XEN_EXIT_TEXT_SIZE - 1)
		size = XEN_EXIT_TEXT_SIZE - 1;
	memcpy(shim_record + XEN_EXIT_TEXT, text, size);
	shim_record[XEN_EXIT_TEXT + size] = 0;
	*(uint32_t *)(shim_record + XEN_EXIT_REASON) = reason;
	*(uint32_t *)(shim_record + XEN_EXIT_CODE) = 0;
	*(uint32_t *)(shim_record + XEN_EXIT_MAGIC) = XEN_EXIT_VALID;
}

/*
 * A release of Xen prints nothing for a domain that is not dom0. Such a one has a ring, in the initial mapping and still
 * empty: it has room for any line.
 */
static void put_into_ring(const char *line, uint64_t size)
{
	uint32_t port = shim_start_info->console_port;
	uint64_t page = page_of_frame(console_frame());
	volatile struct xen_console *ring = (void *)(XEN_SHIM_BASE + page * PAGE);
	uint32_t producer = ring->out_producer;

	for (uint64_t i = 0; i < size; i++)
		ring->out[producer++ % sizeof(ring->out)] = line[i];
	ring->out_producer = producer;
	xen_call2(XEN_EVENT_CHANNEL_OP, XEN_EVENT_SEND, (uint64_t)&port);
	for (unsigned i = 0; i < WAIT_LIMIT && ring->out_consumer != producer; i++)
		xen_call2(XEN_SCHED_OP, XEN_SCHEDOP_YIELD, 0);
}

static _Noreturn void end(uint32_t reason, const char *prefix, const char *format, __builtin_va_list arguments)
{
	static char line[512];
	static int ending;
	uint32_t why = shim_start_info->flags & SIF_INITDOMAIN ? XEN_SHUTDOWN_REBOOT : XEN_SHUTDOWN_CRASH;
	unsigned size;

	while (ending) /* this very function failed: what it was to say is in the record */
		xen_call2(XEN_SCHED_OP, XEN_SCHEDOP_SHUTDOWN, (uint64_t)&why);
	memcpy(line, prefix, PREFIX);
	size = shim_format(line + PREFIX, sizeof(line) - PREFIX, format, arguments);
	leave_record(reason, line + PREFIX, size);
	line[PREFIX + size] = '\n';
	ending = 1;
	if (console_frame())
		put_into_ring(line, PREFIX + size + 1);
	else
		xen_call3(XEN_CONSOLE_IO, XEN_CONSOLE_WRITE, PREFIX + size + 1, (uint64_t)line);
	for (;;)
		xen_call2(XEN_SCHED_OP, XEN_SCHEDOP_SHUTDOWN, (uint64_t)&why);
}

void refuse(const char *format, ...)
{
	__builtin_va_list arguments;

	__builtin_va_start(arguments, format);
	end(VMI_SHUTDOWN_REFUSED, "vmi: refused: ", format, arguments);
}

void check(int64_t result, const char *call, const char *purpose, uint64_t which)
{
	if (result)
		refuse("Xen answers %ld to %s, to %s %#lx, expected 0; Xen says more when started with guest_loglvl=all",
		       result, call, purpose, which);
}

/* ---- faults ---- */

#define FAULTS 32
#define STUB 8
#define WITH_ERROR 0x60227d00u /* bit per vector: 8, 10 to 14, 17, 21, 29, 30 (Intel SDM, AMD APM) */

extern char shim_faults[FAULTS][STUB]; /* entry.S */

static __attribute__((format(printf, 1, 2))) _Noreturn void crash(const char *format, ...)
{
	__builtin_va_list arguments;

	__builtin_va_start(arguments, format);
	end(VMI_SHUTDOWN_CRASH, "vmi: crashed: ", format, arguments);
}

/* Of the shim only: a guest starts without handlers. */
__attribute__((used)) _Noreturn void shim_fault(const uint64_t *frame, uint64_t vector)
{
	uint64_t error = 0;

	frame += 2; /* RCX, R11 */
	if (WITH_ERROR >> vector & 1)
		error = *frame++;
	crash("exception %lu at %#lx in the boot shim, error code %#lx, address %#lx; please report this", vector, *frame, error,
	      *(const uint64_t *)(shim_shared_info + XEN_CR2));
}

void faults_init(void)
{
	static struct xen_trap_info traps[FAULTS + 1];

	for (unsigned i = 0; i < FAULTS; i++)
		traps[i] = (struct xen_trap_info){
			.vector = i,
			.flags = XEN_TRAP_MASK_EVENTS,
			.cs = XEN_USER_CS,
			.address = (uint64_t)shim_faults[i],
		};
	check(xen_call2(XEN_SET_TRAP_TABLE, (uint64_t)traps, 0), "set_trap_table", "handle faults at",
	      (uint64_t)shim_faults);
}
