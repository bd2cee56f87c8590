/* SPDX-License-Identifier: MIT */
/* Exceptions of the kernel, returns to it, and the processor state around them. */
#include "contract.h"

#define AREA (TEST_ADDRESS + 0x10000000)
#define STATUS 0xcd5ul
#define CODE32 0x00cffb000000ffffull /* flat, 32-bit, privilege 3, present */
#define DATA32 0x00cff3000000ffffull
#define CODE64 0x00affb000000ffffull
#define CONFORMING 0x00cfff000000ffffull
#define CODE16 0x000ffb000000ffffull

/* Its gate is reached with INT n under QEMU too, whose TCG names the wrong vector for others (see Xen's INT 0x80). */
enum { SPARE_VECTOR = 0x80 };

extern const struct {
	uint64_t handler, native;
} vmi_vectors[VMI_VECTORS]; /* libvmi's entries */
extern char vmi_syscall_entry[], vmi_native_syscall_entry[];

/* harness.S */
extern char kernel_breakpoints[], raw_handler[], raw_handler_native[];
extern volatile uint64_t raw_count;
void do_ud2(uint64_t), do_divide(uint64_t), do_breakpoint(uint64_t), do_segment(uint64_t), do_spare(uint64_t), do_ud2_after(uint64_t);
extern char at_ud2[], after_breakpoint[], at_divide[];
int64_t above_stack(uint64_t misalign); /* 0, or which word above RSP an exception changed */

static struct vmi_trap trapped;
static volatile unsigned traps;
static int change;
static struct registers changed;
static uint8_t small_stack[2048] __attribute__((aligned(16)));

static void on_breakpoint(struct vmi_trap *trap)
{
	trapped = *trap;
	if (traps++ && trap->frame.rip == (uint64_t)kernel_breakpoints + 2)
		leave(3);
	if (change)
		memcpy(trap, &changed, sizeof(changed));
}

/* ---- exceptions ---- */

static void kind(const char *sentence, unsigned exception, unsigned vector, uint64_t error)
{
	each(exception == 1 + vector, exception);
	each(caught.trap.error == error, caught.trap.error | 0x1000000);
	each((caught.trap.frame.cs & 3) != 3, caught.trap.frame.cs);
	each(!caught.enabled, 2);
	each(!(caught.stack & 15), caught.stack);
	all(sentence);
}

static void exceptions(void)
{
	uint64_t root = pv_address_space_read(), entry = entry_of(root, AREA, PRESENT | WRITABLE), page = page_alloc(), value;

	kind("UD2 raises vector 6", attempt(do_ud2, 0), 6, 0);
	equal("its RIP is the instruction's", caught.trap.frame.rip, (uint64_t)at_ud2);
	kind("dividing by zero raises vector 0", attempt(do_divide, 0), 0, 0);
	equal("its RIP is the division's", caught.trap.frame.rip, (uint64_t)at_divide);
	kind("INT3 raises vector 3", attempt(do_breakpoint, 0), 3, 0);
	equal("its RIP is the one after INT3", caught.trap.frame.rip, (uint64_t)after_breakpoint);
	kind("an address that is not canonical raises vector 13", load(1ull << 60, &value), 13, 0);
	kind("a selector that does not exist raises vector 13 with it", attempt(do_segment, 0xfff8), 13, 0xfff8);
	kind("reading an unmapped page has error code 0", load(AREA + 0x128, &value), 14, 0);
	equal("FaultAddressRead gives the address", caught.address, AREA + 0x128);
	equal("FaultAddressRead gives it until the next page fault", pv_fault_address_read(), AREA + 0x128);
	attempt(do_ud2, 0);
	equal("FaultAddressRead is not changed by other exceptions", pv_fault_address_read(), AREA + 0x128);
	kind("writing an unmapped page has error code 2", store(AREA + 0xff0, 0), 14, 2);
	equal("FaultAddressRead gives the new address", caught.address, AREA + 0xff0);
	kind("executing an unmapped page has error code 0x10", execute(AREA), 14, 0x10);
	equal("its RIP is the address", caught.trap.frame.rip, AREA);
	pv_pte_set(entry, pv_pte_make(page | PRESENT | NO_EXECUTE));
	kind("writing a read-only page has error code 3", store(AREA, 0), 14, 3);
	kind("executing a page with NX has error code 0x11", execute(AREA), 14, 0x11);
	pv_pte_set(entry, 0);
	pv_tlb_flush_page(AREA);
	kind("reading the null page has error code 0", load(0, &value), 14, 0);
	for (unsigned i = 0; i < 1000; i++)
		each(load(AREA + i % 100 * 8, &value) == FAULTED && caught.address == AREA + i % 100 * 8, i);
	all("1,000 page faults come with their addresses");
}

/* A handler that takes exceptions of its own. */
static unsigned inner;

static void on_nested(struct vmi_trap *trap)
{
	uint64_t value;

	trapped = *trap;
	inner = load(AREA, &value);
	inner += attempt(do_divide, 0) << 8;
	trap->frame.rip += 2;
}

static void nested(void)
{
	vmi_handler before = vmi_handle(6, on_nested);

	inner = 0;
	equal("a handler that takes exceptions returns", attempt(do_ud2_after, 0), 0);
	equal("they come inside it", inner, FAULTED | 1 << 8);
	equal("its own frame stays as it was", trapped.frame.rip, (uint64_t)do_ud2_after);
	vmi_handle(6, before);
}

/* ---- contexts of the kernel ---- */

static int64_t kernel_enter(uint64_t rflags, const struct registers *registers)
{
	const struct vmi_frame frame = {
		.rip = (uint64_t)kernel_breakpoints, .cs = vmi_boot->kernel_cs, .rflags = rflags,
		.rsp = (uint64_t)small_stack + sizeof(small_stack) - 24, .ss = vmi_boot->kernel_ss,
	};

	traps = 0;
	return enter(&frame, registers);
}

static volatile unsigned events;
static uint64_t event_rip;

static void on_event(struct vmi_trap *trap)
{
	event_rip = trap->frame.rip;
	events++;
	pv_event_ack(VMI_SOURCE_SOFT);
}

static void contexts(void)
{
	vmi_handler before = vmi_handle(3, on_breakpoint);
	struct registers registers;

	for (unsigned i = 0; i < REGISTERS; i++) {
		(&registers.rax)[i] = 0xfedcba9876543211 * (2 * i + 1);
		(&changed.rax)[i] = ~(&registers.rax)[i];
	}
	equal("Iret to the kernel goes there", kernel_enter(2 | STATUS, &registers), 3);
	equal("and gives it every register", memcmp(&trapped, &registers, sizeof(registers)), 0);
	equal("and RSP", trapped.frame.rsp, (uint64_t)small_stack + sizeof(small_stack) - 24);
	equal("and the status flags", trapped.frame.rflags & STATUS, STATUS);
	equal("and interrupts disabled", trapped.frame.rflags & VMI_FLAG_IF, 0);
	kernel_enter(0x202, &registers);
	equal("Iret to the kernel with interrupts enabled enables them", trapped.frame.rflags & VMI_FLAG_IF, VMI_FLAG_IF);
	equal("Iret to the kernel with interrupts enabled gives it every register",
	      memcmp(&trapped, &registers, sizeof(registers)), 0);
	equal("Iret to the kernel clears status flags too", trapped.frame.rflags & STATUS, 0);
	change = 1;
	kernel_enter(0x202, &registers);
	equal("a handler may change every register of the kernel", memcmp(&trapped, &changed, sizeof(changed)), 0);
	change = 0;
	for (uint64_t misalign = 0; misalign < 16; misalign += 8)
		each(!above_stack(misalign), misalign);
	all("an exception of the kernel changes nothing above RSP");
	kernel_enter(2, &registers);
	vmi_handle(SOFT_VECTOR, on_event);
	pv_event_bind(VMI_SOURCE_SOFT, SOFT_VECTOR);
	events = 0;
	pv_event_send(VMI_SOURCE_SOFT);
	kernel_enter(2, &registers);
	equal("Iret to interrupts disabled delivers nothing", events, 0);
	kernel_enter(0x202, &registers);
	equal("Iret to interrupts enabled delivers what waits", events, 1);
	check("in the context returned to", event_rip >= (uint64_t)kernel_breakpoints && event_rip <= (uint64_t)kernel_breakpoints + 2);
	equal("which has every register then", memcmp(&trapped, &registers, sizeof(registers)), 0);
	pv_event_bind(VMI_SOURCE_SOFT, 0);
	vmi_handle(3, before);
}

static void interrupt_flag(void)
{
	unsigned long during;

	pv_irq_enable();
	attempt(do_ud2, 0);
	during = pv_irq_save() & VMI_FLAG_IF;
	equal("an exception with interrupts enabled says so", caught.trap.frame.rflags & VMI_FLAG_IF, VMI_FLAG_IF);
	equal("its handler runs with interrupts disabled", caught.enabled, 0);
	equal("they are enabled after it", during, VMI_FLAG_IF);
	pv_irq_disable();
	attempt(do_ud2, 0);
	equal("an exception with interrupts disabled says so", caught.trap.frame.rflags & VMI_FLAG_IF, 0);
	equal("they are disabled after it", pv_irq_save() & VMI_FLAG_IF, 0);
}

/* ---- trap tables ---- */

static struct vmi_trap_gate gate(unsigned vector, unsigned flags)
{
	return (struct vmi_trap_gate){ .vector = vector, .flags = flags, .handler = (uint64_t)raw_handler,
				       .native = (uint64_t)raw_handler_native };
}

/* Whether the raw handler was entered once. */
static int enters(void (*code)(uint64_t))
{
	raw_count = 0;
	return !attempt(code, 0) && raw_count == 1;
}

/* INT n in user mode comes back as UD2 behind it, or raises general protection. */
static uint64_t user_spare(void)
{
	raw_count = 0;
	return user_run(PROGRAM(program_spare), 0);
}

static void tables(void)
{
	struct vmi_trap_gate gates[2] = { gate(SPARE_VECTOR, VMI_GATE_USER), gate(3, VMI_GATE_USER) }, one = gates[0];
	struct space space = space_new();
	uint64_t root = pv_address_space_read();

	equal("TrapTableSet of nothing succeeds", pv_trap_table_set((uint64_t)gates, 0), 0);
	equal("TrapTableSet of 257 gates is INVALID", pv_trap_table_set((uint64_t)gates, 257), VMI_INVALID);
	equal("TrapTableSet of 2^32 - 1 gates is INVALID", pv_trap_table_set((uint64_t)gates, UINT32_MAX), VMI_INVALID);
	kind("TrapTableSet that sets nothing changes nothing", attempt(do_breakpoint, 0), 3, 0);
	equal("TrapTableSet of two gates succeeds", pv_trap_table_set((uint64_t)gates, 2), 0);
	check("a new handler is entered for INT n of the kernel", enters(do_spare));
	check("another in the place of an old one", enters(do_breakpoint));
	kind("a vector that was not named keeps its handler", attempt(do_ud2, 0), 6, 0);
	memset(gates, 0, sizeof(gates));
	check("the table is copied", enters(do_spare));
	pv_address_space_set(space.root);
	raw_count = 0;
	each(user_run(PROGRAM(program_int3), 0) == TRAPPED + 6 && raw_count == 1, raw_count); /* goes on to UD2 */
	all("user mode reaches a handler with GATE_USER");
	check("INT n too", user_spare() == TRAPPED + 6 && raw_count == 1);
	equal("it goes on after INT n", caught.trap.frame.rip, PROGRAM(program_spare) + 2);
	one.flags = 0;
	pv_trap_table_set((uint64_t)&one, 1);
	check("user mode does not reach one without GATE_USER", user_spare() == TRAPPED + 13 && !raw_count);
	equal("its RIP is INT n then", caught.trap.frame.rip, PROGRAM(program_spare));
	one.flags = VMI_GATE_USER;
	pv_trap_table_set((uint64_t)&one, 1);
	check("and does when it is given again", user_spare() == TRAPPED + 6 && raw_count == 1);
	one = gate(3, VMI_GATE_USER);
	one.handler = vmi_vectors[3].handler;
	one.native = vmi_vectors[3].native;
	pv_trap_table_set((uint64_t)&one, 1);
	kind("the old handler is back", attempt(do_breakpoint, 0), 3, 0);
	equal("SyscallEntrySet of an address that is not canonical is INVALID", pv_syscall_entry_set(1ull << 60, 1ull << 60),
	      VMI_INVALID);
	pv_syscall_entry_set((uint64_t)vmi_syscall_entry, (uint64_t)vmi_native_syscall_entry);
	equal("SyscallEntrySet of the old ones succeeds", user_run(PROGRAM(program_exit), 5), 5);
	pv_address_space_set(root);
	space_delete(&space);
}

/* ---- segments ---- */

static int64_t enter_code(uint64_t rip, uint64_t selector, uint64_t argument)
{
	const struct registers registers = { .rdi = argument };
	const struct vmi_frame frame = {
		.rip = rip, .cs = selector | 3, .rflags = 0x202, .rsp = USER_STACK + PAGE,
		.ss = vmi_boot->user_ss,
	};

	return enter(&frame, &registers);
}

static int64_t enter_compatible(uint64_t selector, uint64_t argument)
{
	return enter_code(PROGRAM(program_compatible), selector, argument);
}

static void enter_compatible_badly(uint64_t selector)
{
	enter_compatible(selector, 0);
}

static void descriptors(void)
{
	static const uint64_t refused[] = {
		0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00cfbb000000ffff, 0x00cfdb000000ffff, /* privilege 0, 0, 1, 2 */
		0x00cf7b000000ffff, 0x0000890000000067, 0x0000ec0000000000, 0x0000e90000000067, /* absent, TSS, gate, TSS */
		1, 1ull << 63,
	};
	static const uint64_t rare[] = { CODE64, CONFORMING, CODE16 };
	const uint64_t base = USER_DATA + 0x200;
	uint64_t list[3] = { CODE32, DATA32 | (base & 0xffffff) << 16 | (base >> 24) << 56, 0 }, bad[2] = { 0, 0 };
	unsigned selector = vmi_boot->descriptor_base;
	int64_t result;
	struct space space = space_new();
	uint64_t root = pv_address_space_read();

	*(uint64_t *)vmi_direct(space.data + 0x200) = 0x5e9;
	pv_address_space_set(space.root);
	equal("DescriptorsSet of 32-bit code and data and of zero succeeds", pv_descriptors_set(0, (uint64_t)list, 3), 0);
	each(enter_compatible(selector, selector + 8) == TRAPPED + 3, caught.trap.vector);
	all("user mode runs 32-bit code of such a segment");
	equal("and is told apart by its CS", caught.trap.frame.cs & 0xffff, selector | 3);
	equal("and reads by such a data segment", caught.trap.rax, 0x5e9);
	for (unsigned i = 0; i < sizeof(refused) / 8; i++) {
		bad[1] = refused[i];
		each(pv_descriptors_set(0, (uint64_t)bad, 2) == VMI_INVALID, refused[i]);
	}
	all("DescriptorsSet of what is not allowed is INVALID");
	each(enter_compatible(selector, selector + 8) == TRAPPED + 3 && caught.trap.rax == 0x5e9, 0);
	all("and changes nothing");
	bad[0] = bad[1] = 0;
	each(pv_descriptors_set(3, (uint64_t)bad, 1) == VMI_INVALID, 3);
	each(pv_descriptors_set(2, (uint64_t)bad, 2) == VMI_INVALID, 2);
	each(pv_descriptors_set(0, (uint64_t)bad, 4) == VMI_INVALID, 4);
	each(pv_descriptors_set(UINT32_MAX, (uint64_t)bad, 2) == VMI_INVALID, UINT32_MAX);
	each(pv_descriptors_set(1, (uint64_t)bad, UINT32_MAX) == VMI_INVALID, 1);
	all("DescriptorsSet of slots that do not exist is INVALID");
	equal("DescriptorsSet of no descriptors succeeds", pv_descriptors_set(0, (uint64_t)bad, 0), 0);
	list[0] = DATA32, list[1] = CODE32;
	equal("DescriptorsSet of other slots succeeds", pv_descriptors_set(1, (uint64_t)list, 2), 0);
	each(enter_compatible(selector + 16, 0) == TRAPPED + 3, caught.trap.vector);
	all("the last slot is as good as the first");
	for (unsigned i = 0; i < sizeof(rare) / 8; i++) {
		list[0] = 0, list[1] = rare[i];
		result = pv_descriptors_set(0, (uint64_t)list, 2);
		each(!result || result == VMI_NOT_SUPPORTED, rare[i]);
		if (rare[i] != CODE16) /* that has its own instructions */
			each(enter_code(result || rare[i] != CODE64 ? PROGRAM(program_compatible) : PROGRAM(program_int3),
					selector + (result ? 16 : 8), 0) == TRAPPED + 3, rare[i] | 1);
	}
	all("64-bit, conforming and 16-bit code works, or is NOT_SUPPORTED and changes nothing");
	each(pv_descriptors_set(0, (uint64_t)bad, 2) == 0 && pv_descriptors_set(2, (uint64_t)bad, 1) == 0, 0);
	attempt(enter_compatible_badly, selector);
	equal("a descriptor that was made zero cannot be used", caught.trap.vector, 13);
	equal("64-bit user mode works as before", user_run(PROGRAM(program_exit), 6), 6);
	pv_address_space_set(root);
	space_delete(&space);
}

/* ---- registers of the processor ---- */

static void registers(void)
{
	static const uint32_t leaves[] = { 0x3fffffff, 0x7fffffff, 0x00ffffff, 0xbfffffff, 0xffffffff };
	uint64_t value = 0x1111;
	uint32_t r[6] = { 0, 0, 0, 0, 0x5555, 0x6666 };
	unsigned count = caught.count;
	int64_t result;

	/* QEMU's TCG has every register, most of them zero. */
	result = pv_msr_read(0x12345678, (uint64_t)&value);
	check("MsrRead of a register that nobody knows is NOT_SUPPORTED, or gives zero",
	      result == VMI_NOT_SUPPORTED ? value == 0x1111 : !result && !value);
	equal("MsrWrite of it is no better", pv_msr_write(0x12345678, 0), result);
	pv_irq_enable();
	equal("MsrRead with interrupts enabled does the same", pv_msr_read(0x12345678, (uint64_t)&value), result);
	equal("and leaves them enabled", pv_irq_save() & VMI_FLAG_IF, VMI_FLAG_IF);
	pv_irq_disable();
	equal("none of that raises an exception", caught.count, count);
	result = pv_msr_read(0xc0000080, (uint64_t)&value);
	check("MsrRead of EFER says long mode, or is NOT_SUPPORTED", result ? result == VMI_NOT_SUPPORTED : (value >> 10 & 1) == 1);
	result = pv_msr_write(0xc0000103, 0);
	check("MsrWrite of TSC_AUX succeeds, or is NOT_SUPPORTED", !result || result == VMI_NOT_SUPPORTED);

	pv_cpuid(0, 0, (uint64_t)r);
	check("Cpuid of leaf 0 has a highest leaf", r[0] >= 1 && r[0] < 0x1000);
	for (unsigned i = 0; i < 12; i++)
		each(((uint8_t *)&r[1])[i] >= ' ' && ((uint8_t *)&r[1])[i] < 127, ((uint8_t *)&r[1])[i]);
	all("Cpuid of leaf 0 has a vendor");
	check("Cpuid writes four words", r[4] == 0x5555 && r[5] == 0x6666);
	pv_cpuid(1, 0, (uint64_t)r);
	check("Cpuid of leaf 1 has a floating-point unit and SSE2", (r[3] & 1) && r[3] >> 26 & 1);
	pv_cpuid(0x80000001, 0, (uint64_t)r);
	check("Cpuid of leaf 0x80000001 has long mode and NX", (r[3] >> 29 & 1) && r[3] >> 20 & 1);
	for (unsigned i = 0; i < sizeof(leaves) / 4; i++) {
		memset(r, 0xff, sizeof(r));
		pv_cpuid(leaves[i], 0, (uint64_t)r);
		each(!(r[0] | r[1] | r[2] | r[3]), leaves[i]);
	}
	all("Cpuid of unknown leaves gives zeros");
}

void check_trap(void)
{
	exceptions();
	nested();
	contexts();
	interrupt_flag();
	tables();
	registers();
	check_floating();
	descriptors();
}
