/* SPDX-License-Identifier: MIT */
/* Exceptions of the kernel: vector, error code, frame, and the address of a page fault. */
#include "trap.h"

void kind(const char *sentence, unsigned exception, unsigned vector, uint64_t error)
{
	each(exception == 1 + vector, exception);
	each(caught.trap.error == error, caught.trap.error | 0x1000000);
	each((caught.trap.frame.cs & 3) != 3, caught.trap.frame.cs);
	each(!caught.enabled, 2);
	each(!(caught.stack & 15), caught.stack);
	all(sentence);
}

/* ---- TrapTableSet: what the handlers that it names find ---- */

TEST(TRAP_TABLE_SET, POSITIVE, exceptions_of_the_kernel_come_with_their_frame)
{
	uint64_t value;

	kind("UD2 raises vector 6", attempt(do_ud2, 0), 6, 0);
	same("with its own RIP", caught.trap.frame.rip, (uint64_t)at_ud2);
	kind("dividing by zero raises vector 0", attempt(do_divide, 0), 0, 0);
	same("with the RIP of the division", caught.trap.frame.rip, (uint64_t)at_divide);
	kind("INT3 raises vector 3", attempt(do_breakpoint, 0), 3, 0);
	same("with the RIP behind it", caught.trap.frame.rip, (uint64_t)after_breakpoint);
	kind("an address that is not canonical raises vector 13", load(1ull << 60, &value), 13, 0);
	kind("a selector that does not exist raises vector 13 with it", attempt(do_segment, 0xfff8), 13, 0xfff8);
}

TEST(TRAP_TABLE_SET, POSITIVE, page_faults_of_the_kernel_come_with_their_error_code)
{
	uint64_t value;

	kind("0 for reading an unmapped page", load(AREA + 0x128, &value), 14, 0);
	kind("2 for writing one", store(AREA + 0xff0, 0), 14, 2);
	kind("0x10 for executing one", execute(AREA), 14, 0x10);
	same("with the RIP that it jumped to", caught.trap.frame.rip, AREA);
	kind("0 for reading the null page", load(0, &value), 14, 0);
}

TEST_NEEDS(TRAP_TABLE_SET, POSITIVE, page_faults_of_a_page_that_is_there_say_so, GROUP_BIT(MMU))
{
	uint64_t entry = entry_of(boot_root, AREA, PRESENT | WRITABLE);

	pv_pte_set(entry, pv_pte_make(page_alloc() | PRESENT | NO_EXECUTE));
	kind("3 for writing a read-only page", store(AREA, 0), 14, 3);
	kind("0x11 for executing a page with NX", execute(AREA), 14, 0x11);
	pv_pte_set(entry, 0);
	pv_tlb_flush_page(AREA);
}

TEST(TRAP_TABLE_SET, POSITIVE, a_handler_runs_with_interrupts_disabled)
{
	uint64_t during;

	pv_irq_enable();
	attempt(do_ud2, 0);
	during = pv_irq_save() & VMI_FLAG_IF;
	same("from enabled the frame says enabled", caught.trap.frame.rflags & VMI_FLAG_IF, VMI_FLAG_IF);
	same("the handler runs disabled", caught.enabled, 0);
	same("they are enabled after it", during, VMI_FLAG_IF);
	pv_irq_disable();
	attempt(do_ud2, 0);
	same("from disabled the frame says disabled", caught.trap.frame.rflags & VMI_FLAG_IF, 0);
	same("they are disabled after it", pv_irq_save() & VMI_FLAG_IF, 0);
}

static void on_breakpoint(struct vmi_trap *trap)
{
	(void)trap;
}

TEST(TRAP_TABLE_SET, BOUNDARY, an_exception_changes_nothing_above_the_stack_pointer)
{
	vmi_handle(3, on_breakpoint);
	for (uint64_t misalign = 0; misalign < 16; misalign += 8)
		each(!above_stack(misalign), misalign);
	all("wherever that is");
}

static struct vmi_trap outer;
static unsigned inner;

static void on_nested(struct vmi_trap *trap)
{
	uint64_t value;

	outer = *trap;
	inner = load(AREA, &value);
	inner += attempt(do_divide, 0) << 8;
	trap->frame.rip += 2;
}

TEST(TRAP_TABLE_SET, BOUNDARY, a_handler_may_take_exceptions_itself)
{
	vmi_handle(6, on_nested);
	inner = 0;
	same("it returns", attempt(do_ud2_after, 0), 0);
	same("they come inside it", inner, FAULTED | 1 << 8);
	same("its own frame stays as it was", outer.frame.rip, (uint64_t)do_ud2_after);
}

/* ---- FaultAddressRead ---- */

leaf_call leaf_fault_address_read;
on_stack stack_fault_address_read;

TEST(FAULT_ADDRESS_READ, POSITIVE, it_gives_the_address_of_each_page_fault)
{
	uint64_t value;

	load(AREA + 0x128, &value);
	same("read", pv_fault_address_read(), AREA + 0x128);
	same("as in the handler", caught.address, AREA + 0x128);
	store(AREA + 0xff0, 0);
	same("written", pv_fault_address_read(), AREA + 0xff0);
	same("as in the handler of that", caught.address, AREA + 0xff0);
	execute(AREA + 0x340);
	same("executed", pv_fault_address_read(), AREA + 0x340);
	load(8, &value);
	same("near zero", pv_fault_address_read(), 8);
}

TEST(FAULT_ADDRESS_READ, POSITIVE, it_keeps_every_register_but_its_result)
{
	uint64_t value;

	load(AREA + 0x128, &value);
	same("it does", lost(leaf_fault_address_read, 0xa5a5, 0xa5a5, LOSES_RAX), 0);
	same("it gives the address", left.rax, AREA + 0x128);
}

TEST_FRUGAL(FAULT_ADDRESS_READ, fault_address_read, 0, 0, 0)

TEST(FAULT_ADDRESS_READ, BOUNDARY, it_stays_until_the_next_page_fault)
{
	uint64_t value;

	load(AREA + 0x128, &value);
	attempt(do_ud2, 0);
	same("over UD2", pv_fault_address_read(), AREA + 0x128);
	attempt(do_divide, 0);
	load(1ull << 60, &value);
	same("over general protection", pv_fault_address_read(), AREA + 0x128);
	let();
	same("over interrupts that are enabled", pv_fault_address_read(), AREA + 0x128);
	load(AREA + 0x130, &value);
	same("not over that", pv_fault_address_read(), AREA + 0x130);
}

TEST(FAULT_ADDRESS_READ, BOUNDARY, a_thousand_page_faults_have_each_its_own)
{
	uint64_t value;

	for (unsigned i = 0; i < 1000; i++)
		each(load(AREA + i % 100 * 8, &value) == FAULTED && caught.address == AREA + i % 100 * 8, i);
	all("one after the other");
}

TEST_NEEDS(FAULT_ADDRESS_READ, BOUNDARY, an_access_that_runs_into_nothing_faults_where_that_begins, GROUP_BIT(MMU))
{
	uint64_t end = last_page() + PAGE, value;

	same("reading faults", load(end - 4, &value), FAULTED);
	same("in the page that is not there", caught.address & -PAGE, end);
	same("writing faults", store(end - 1, 0), FAULTED);
	same("in that page too", caught.address & -PAGE, end);
	same("nothing faults before it", load(end - 8, &value), 0);
}

TEST(FAULT_ADDRESS_READ, BOUNDARY, every_bit_of_an_address_is_told)
{
	static const uint64_t nothing[] = { 0x123456789ab8, 0x2dcba9876540, 0xffffc123456789a8 };
	uint64_t value;

	for (unsigned i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++)
		each(load(nothing[i], &value) == FAULTED && pv_fault_address_read() == nothing[i], nothing[i]);
	all("also of one far above 4 GiB, and in the upper half");
}

TEST(FAULT_ADDRESS_READ, HOSTILE, rubbish_where_it_has_no_arguments_is_ignored)
{
	uint64_t value;

	load(AREA + 0x128, &value);
	same("it gives the address", raw_result(stack_fault_address_read, NOT_CANONICAL, UNMAPPED, UINT64_MAX),
	     AREA + 0x128);
}
