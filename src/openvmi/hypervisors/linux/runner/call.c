/* SPDX-License-Identifier: MIT */
/*
 * The calls of the interface that the ROM passes on: a function each, found by number. Arguments are in K's registers;
 * pointers are guest-virtual and read through the guest's page tables; every size has the bound that abi/ gives it.
 */
#include "vcpu.h"

#define MARK_LIMIT (1u << 20) /* marks that are told of; later ones are counted as exits only */
#define STACK_ALIGNMENT 16
#define ROOT_MASK PTE_ADDRESS

/* Arguments and result. Without `set`, RAX stays what it was. */
struct call {
	uint64_t a, b, c;
	int64_t result;
	bool keep; /* RAX is not the result's: it is left alone, or M has set it */
	bool left; /* K waits for user mode: nothing more is done for it */
};

static void init(struct call *call)
{
	uint32_t version = (uint32_t)call->a;

	if (version >> 16 != VMI_MAJOR || (version & 0xffff) > VMI_MINOR)
		call->result = VMI_INVALID;
	else if (call->b & ~(1ul << VMI_GROUP_DEBUG | 1ul << VMI_GROUP_SMP | 1ul << VMI_GROUP_SUSPEND |
			    1ul << VMI_GROUP_RANDOM))
		call->result = VMI_NOT_SUPPORTED;
}

static void info(struct call *call)
{
	const char *const texts[] = {
		[VMI_INFO_HYPERVISOR] = "linux",
		[VMI_INFO_HYPERVISOR_VERSION] = handover.hypervisor_version,
		[VMI_INFO_ROM] = handover.rom_name,
		[VMI_INFO_ROM_VERSION] = handover.rom_version,
	};
	uint32_t item = (uint32_t)call->a;
	uint64_t size = 0;

	if (item >= LENGTH(texts)) {
		call->result = VMI_INVALID;
		return;
	}
	while (size < call->c && size < sizeof handover.rom_name && texts[item][size])
		size++;
	call->result = guest_write(call->b, texts[item], size) ? (int64_t)size : VMI_FAULT;
}

static void vcpu_init(struct call *call)
{
	call->result = (uint32_t)call->a == 0 && block_init(call->b) ? VMI_SUCCESS : VMI_INVALID;
}

static void halt(struct call *call)
{
	call->keep = true;
	set_interrupts(true);
	kernel_held = true;
}

static void iret(struct call *call)
{
	call->keep = true;
	call->left = refer_iret();
}

static void no_syscall(struct call *call)
{
	call->keep = call->left = true;
	refer_syscall();
}

static void broken(struct call *call)
{
	call->keep = call->left = true;
	refer_broken();
}

static void selectors(struct call *call)
{
	call->result = refer_selectors(call->a, call->b) ? VMI_SUCCESS : VMI_INVALID;
}

static void trap_table_set(struct call *call)
{
	static struct vmi_trap_gate table[VECTORS];
	uint32_t count = (uint32_t)call->b;

	call->result = VMI_INVALID;
	if (count > VECTORS)
		return;
	if (!guest_read(call->a, table, count * sizeof *table)) {
		call->result = VMI_FAULT;
		return;
	}
	for (uint32_t index = 0; index < count; index++)
		if (!canonical(table[index].handler) || !canonical(table[index].native))
			return;
	for (uint32_t index = 0; index < count; index++)
		gates[table[index].vector] = (struct gate){table[index].handler, true, table[index].flags & VMI_GATE_USER};
	call->result = VMI_SUCCESS;
}

static void syscall_entry_set(struct call *call)
{
	if (!canonical(call->a) || !canonical(call->b)) {
		call->result = VMI_INVALID;
		return;
	}
	syscall_entry = call->a;
	block_put(LNX_SYSCALL, syscall_entry);
}

static void kernel_stack_set(struct call *call)
{
	if (call->a % STACK_ALIGNMENT || !canonical(call->a)) {
		call->result = VMI_INVALID;
		return;
	}
	kernel_stack = call->a;
	block_put(LNX_STACK, kernel_stack);
}

static void descriptors_set(struct call *call)
{
	uint64_t descriptors[VMI_DESCRIPTOR_SLOTS];
	uint32_t first = (uint32_t)call->a, count = (uint32_t)call->c;

	call->result = VMI_INVALID;
	if (first > VMI_DESCRIPTOR_SLOTS || count > VMI_DESCRIPTOR_SLOTS - first)
		return;
	if (!guest_read(call->b, descriptors, count * sizeof *descriptors)) {
		call->result = VMI_FAULT;
		return;
	}
	call->result = descriptors_change(first, descriptors, count);
}

static void tls_set(struct call *call)
{
	if (canonical(call->a) && canonical(call->b))
		set_user_bases(call->a, call->b);
	else
		call->result = VMI_INVALID;
}

static void cpuid_call(struct call *call)
{
	uint32_t registers[4];

	call->keep = true;
	cpuid((uint32_t)call->a, (uint32_t)call->b, registers);
	guest_write(call->c, registers, sizeof registers);
}

static void msr_read_call(struct call *call)
{
	uint64_t value;

	call->result = msr_read((uint32_t)call->a, &value);
	if (call->result == VMI_SUCCESS && !guest_write(call->b, &value, sizeof value))
		call->result = VMI_FAULT;
}

static void msr_write_call(struct call *call) { call->result = msr_write((uint32_t)call->a, call->b); }

static void nothing(struct call *call) { call->keep = true; }

static void address_space_set(struct call *call)
{
	uint64_t fs, gs;

	call->keep = true;
	if (!ram_at(call->a & ROOT_MASK, PAGE_SIZE) || (call->a & ROOT_MASK) >= handover.ram)
		crash("AddressSpaceSet(%x): the guest has no memory there; it has %x bytes", call->a, handover.ram);
	user_bases(&fs, &gs);
	space_set(call->a & ROOT_MASK);
	descriptors_refresh();
	set_user_bases(fs, gs);
	block_put(LNX_PAGE_ROOT, space_root());
}

static void tlb_flush(struct call *call)
{
	call->keep = true;
	space_flush();
}

static void tlb_flush_page(struct call *call)
{
	call->keep = true;
	space_flush_page(call->a);
}

static void tlb_flush_others(struct call *call) { call->result = call->a & ~1ul ? VMI_INVALID : VMI_SUCCESS; }
static void page_table_add(struct call *call) { call->result = table_add(call->a, (uint32_t)call->b); }
static void page_table_remove(struct call *call) { call->result = table_remove(call->a, (uint32_t)call->b); }
static void clock_read(struct call *call) { call->result = (int64_t)clock_now(); }
static void clock_frequency(struct call *call) { call->result = 1000000000; }
static void wall_clock_read(struct call *call) { call->result = (int64_t)clock_wall(); }
static void success(struct call *call) { call->result = VMI_SUCCESS; }
static void timer_set_call(struct call *call) { timer_set(call->a); }
static void timer_cancel_call(struct call *call) { (void)call, timer_cancel(); }
static void bind(struct call *call) { call->result = event_bind((uint32_t)call->a, (uint32_t)call->b); }
static void mask(struct call *call) { call->result = event_mask((uint32_t)call->a, true); }
static void unmask(struct call *call) { call->result = event_mask((uint32_t)call->a, false); }
static void acknowledge(struct call *call) { call->result = event_acknowledge((uint32_t)call->a); }
static void send(struct call *call) { call->result = event_send((uint32_t)call->a); }
static void write_call(struct call *call) { call->result = console_write(call->a, call->b); }
static void read_call(struct call *call) { call->result = console_read(call->a, call->b); }
static void random_call(struct call *call) { call->result = random_read(call->a, call->b); }
static void not_supported(struct call *call) { call->result = VMI_NOT_SUPPORTED; }

void guest_ends(uint32_t reason, uint32_t code)
{
	switch (reason) {
	case VMI_SHUTDOWN_EXIT:
		finish(END_EXIT, code > 63 ? 63 : code, "");
	case VMI_SHUTDOWN_REBOOT:
		finish(END_REBOOT, 0, "the guest asked to be started again");
	case VMI_SHUTDOWN_REFUSED:
		finish(END_REFUSED, 0, "the guest refused to run here; its console says why");
	default:
		finish(END_CRASH, 0, "the guest said that it crashed");
	}
}

static void shutdown(struct call *call) { guest_ends((uint32_t)call->a, call->b & 0xff); }

static void trace_mark(struct call *call)
{
	static uint32_t marks;
	struct {
		uint32_t mark, reserved;
		uint64_t value, time;
	} packet = {(uint32_t)call->a, 0, call->b, clock_now()};

	call->keep = true;
	if (marks < MARK_LIMIT) {
		marks++;
		control_send(KIND_MARK, &packet, sizeof packet);
	}
}

/* Python reads the report from guest memory; it stays as it is until the end, or another one replaces it. */
static void crash_report(struct call *call)
{
	const uint64_t packet[2] = {call->a, space_root()};

	call->keep = true;
	control_send(KIND_REPORT, packet, sizeof packet);
}

static const struct {
	uint32_t number;
	const char *name;
	void (*perform)(struct call *call);
} calls[] = {
	{LNX_IRET, "iret", iret},
	{LNX_NO_SYSCALL, "syscall without entry", no_syscall},
	{LNX_BROKEN, "broken", broken},
	{LNX_SELECTORS, "selectors", selectors},
	{VMI_CALL_INIT, "init", init},
	{VMI_CALL_INFO, "info", info},
	{VMI_CALL_VCPU_INIT, "vcpu_init", vcpu_init},
	{VMI_CALL_HALT, "halt", halt},
	{VMI_CALL_TRAP_TABLE_SET, "trap_table_set", trap_table_set},
	{VMI_CALL_SYSCALL_ENTRY_SET, "syscall_entry_set", syscall_entry_set},
	{VMI_CALL_KERNEL_STACK_SET, "kernel_stack_set", kernel_stack_set},
	{VMI_CALL_DESCRIPTORS_SET, "descriptors_set", descriptors_set},
	{VMI_CALL_TLS_SET, "tls_set", tls_set},
	{VMI_CALL_CPUID, "cpuid", cpuid_call},
	{VMI_CALL_MSR_READ, "msr_read", msr_read_call},
	{VMI_CALL_MSR_WRITE, "msr_write", msr_write_call},
	{VMI_CALL_ADDRESS_SPACE_SET, "address_space_set", address_space_set},
	{VMI_CALL_TLB_FLUSH, "tlb_flush", tlb_flush},
	{VMI_CALL_TLB_FLUSH_PAGE, "tlb_flush_page", tlb_flush_page},
	{VMI_CALL_TLB_FLUSH_OTHERS, "tlb_flush_others", tlb_flush_others},
	{VMI_CALL_PAGE_TABLE_ADD, "page_table_add", page_table_add},
	{VMI_CALL_PAGE_TABLE_REMOVE, "page_table_remove", page_table_remove},
	{VMI_CALL_CLOCK_READ, "clock_read", clock_read},
	{VMI_CALL_CLOCK_FREQUENCY, "clock_frequency", clock_frequency},
	{VMI_CALL_WALL_CLOCK_READ, "wall_clock_read", wall_clock_read},
	{VMI_CALL_STOLEN_TIME_READ, "stolen_time_read", success},
	{VMI_CALL_TIMER_SET, "timer_set", timer_set_call},
	{VMI_CALL_TIMER_CANCEL, "timer_cancel", timer_cancel_call},
	{VMI_CALL_EVENT_BIND, "event_bind", bind},
	{VMI_CALL_EVENT_MASK, "event_mask", mask},
	{VMI_CALL_EVENT_UNMASK, "event_unmask", unmask},
	{VMI_CALL_EVENT_ACK, "event_ack", acknowledge},
	{VMI_CALL_EVENT_SEND, "event_send", send},
	{VMI_CALL_CONSOLE_WRITE, "console_write", write_call},
	{VMI_CALL_CONSOLE_READ, "console_read", read_call},
	{VMI_CALL_SHUTDOWN, "shutdown", shutdown},
	{VMI_CALL_MEMORY_BALLOON, "memory_balloon", not_supported},
	{VMI_CALL_TRACE_MARK, "trace_mark", trace_mark},
	{VMI_CALL_DEBUG_BREAK, "debug_break", nothing},
	{VMI_CALL_CRASH_REPORT, "crash_report", crash_report},
	{VMI_CALL_RANDOM_READ, "random_read", random_call},
};

static bool perform(struct context *context)
{
	struct call call = {context->rdi, context->rsi, context->rdx, VMI_SUCCESS, false, false};
	uint32_t number = (uint32_t)context->rax, index = 0;

	while (index < LENGTH(calls) && calls[index].number != number)
		index++;
	if (index == LENGTH(calls)) {
		count_exit("unknown call");
		context->rax = (uint64_t)VMI_NOT_SUPPORTED;
		return false;
	}
	count_exit(calls[index].name);
	calls[index].perform(&call);
	if (!call.keep)
		context->rax = (uint64_t)call.result;
	return call.left;
}

void kernel_exit(uint32_t vector)
{
	kernel_stepped();
	clock_improve();
	if (vector == LNX_DELIVER_VECTOR)
		count_exit("deliver");
	else if (perform(kernel_context()))
		return;
	events_after_exit();
}
