/* SPDX-License-Identifier: MIT */
/* AddressSpaceSet and AddressSpaceRead. */
#include "mmu.h"

on_stack stack_address_space_set, stack_address_space_read;
leaf_call leaf_address_space_read;

/* ---- AddressSpaceSet ---- */

TEST(ADDRESS_SPACE_SET, POSITIVE, a_private_page_of_each_space_is_its_own)
{
	struct space a = space_new(), b = space_new();
	uint64_t found_a = 0, found_b = 0;

	words(a.data)[0] = 0xaaaa;
	words(b.data)[0] = 0xbbbb;
	pv_address_space_set(a.root);
	load(USER_DATA, &found_a);
	pv_address_space_set(b.root);
	load(USER_DATA, &found_b);
	same("the one", found_a, 0xaaaa);
	same("the other", found_b, 0xbbbb);
	for (unsigned i = 0; i < 20; i++) {
		pv_address_space_set(i % 2 ? a.root : b.root);
		each(pv_address_space_read() == (i % 2 ? a.root : b.root), i);
		each(shows(USER_DATA, i % 2 ? 0xaaaa : 0xbbbb), i | 0x100);
	}
	all("spaces can be switched back and forth");
	pv_address_space_set(boot_root);
	expect("neither is in the first space", shows(USER_DATA, 0));
	space_delete(&a);
	space_delete(&b);
}

TEST(ADDRESS_SPACE_SET, POSITIVE, it_flushes_the_translations)
{
	struct space space = space_new();
	uint64_t entry;

	begin();
	entry = entry_at(space.root, 1, USER_DATA);
	words(space.data)[0] = 0x1111;
	pv_address_space_set(space.root);
	expect("a page is there", shows(USER_DATA, 0x1111));
	pv_pte_set(entry, mapping(3));
	pv_address_space_set(space.root);
	expect("another in its place, when the same space is set again", shows(USER_DATA, mark(3)));
	pv_address_space_set(boot_root);
	pv_pte_set(entry, mapping(4));
	pv_address_space_set(space.root);
	expect("another, when the space is left and set again", shows(USER_DATA, mark(4)));
	pv_pte_set(entry, 0);
	pv_address_space_set(space.root);
	expect("none, when the space is set again", shows(USER_DATA, 0));
	pv_address_space_set(boot_root);
	space_delete(&space);
}

TEST(ADDRESS_SPACE_SET, POSITIVE, two_hundred_spaces_come_and_go)
{
	for (unsigned i = 0; i < 200; i++) {
		struct space one = space_new();

		words(one.data)[0] = 0x5000 + i;
		pv_address_space_set(one.root);
		each(shows(USER_DATA, 0x5000 + i), i);
		each(user_run(PROGRAM(program_exit), i) == i, i | 0x1000);
		pv_address_space_set(boot_root);
		space_delete(&one);
	}
	all("each with a user program");
}

TEST_FRUGAL(ADDRESS_SPACE_SET, address_space_set, boot_root, 0, 0)

TEST(ADDRESS_SPACE_SET, BOUNDARY, the_same_space_again_changes_nothing)
{
	begin();
	pv_pte_set(entries[0], mapping(0));
	pv_address_space_set(boot_root);
	same("the root", pv_address_space_read(), boot_root);
	expect("nor what is mapped", shows(AREA, mark(0)));
}

TEST(ADDRESS_SPACE_SET, BOUNDARY, forty_spaces_exist_at_once)
{
	static struct space list[40];

	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 40; i++) {
			list[i] = space_new();
			words(list[i].data)[0] = 0x4000 + i;
		}
		for (unsigned i = 0; i < 40; i++) {
			pv_address_space_set(list[i].root);
			each(shows(USER_DATA, 0x4000 + i), i | round << 8);
		}
		pv_address_space_set(boot_root);
		for (unsigned i = 0; i < 40; i++)
			space_delete(list + i);
	}
	all("twice");
}

TEST(ADDRESS_SPACE_SET, BOUNDARY, interrupts_stay_as_they_are)
{
	struct space space = space_new();

	pv_address_space_set(space.root);
	same("disabled", pv_irq_save() & VMI_FLAG_IF, 0);
	pv_irq_enable();
	pv_address_space_set(boot_root);
	same("enabled", pv_irq_save() & VMI_FLAG_IF, VMI_FLAG_IF);
	pv_irq_disable();
	space_delete(&space);
}

/*
 * Guest errors: the hypervisor may end the guest, or does as the processor would. Roots beyond memory are left out: with those
 * a bare machine may do anything, forever too.
 */

static void set_and_return(uint64_t root)
{
	pv_address_space_set(root);
	pv_address_space_set(boot_root);
	same("the kernel comes back to its space", pv_address_space_read(), boot_root);
}

TEST_MAY_END(ADDRESS_SPACE_SET, HOSTILE, a_copy_of_a_root_that_was_not_announced)
{
	uint64_t copy = new_page(0);

	memcpy(words(copy), words(boot_root), PAGE);
	set_and_return(copy);
	page_give(copy);
}

TEST_MAY_END(ADDRESS_SPACE_SET, HOSTILE, a_page_of_zeros)
{
	set_and_return(new_page(0));
}

TEST_MAY_END(ADDRESS_SPACE_SET, HOSTILE, a_table_of_another_level)
{
	begin();
	set_and_return(entries[0] - vmi_boot->direct_map & ADDRESS);
}

/* ---- AddressSpaceRead ---- */

TEST(ADDRESS_SPACE_READ, POSITIVE, it_gives_what_was_set)
{
	struct space space = space_new();

	same("at first what boot_info has", pv_address_space_read(), vmi_boot->page_root);
	pv_address_space_set(space.root);
	same("then what was set", pv_address_space_read(), space.root);
	pv_address_space_set(boot_root);
	same("and what was set back", pv_address_space_read(), boot_root);
	space_delete(&space);
}

TEST_FRUGAL(ADDRESS_SPACE_READ, address_space_read, 0, 0, 0)

static volatile uint64_t in_handler;

static void on_event(struct vmi_trap *trap)
{
	(void)trap;
	in_handler = pv_address_space_read();
	pv_event_ack(VMI_SOURCE_SOFT);
}

TEST(ADDRESS_SPACE_READ, BOUNDARY, it_is_the_same_in_handlers_and_after_user_mode)
{
	const struct space *space = user_space();

	in_handler = 0;
	vmi_handle(SOFT_VECTOR, on_event);
	pv_event_bind(VMI_SOURCE_SOFT, SOFT_VECTOR);
	pv_event_send(VMI_SOURCE_SOFT);
	let();
	same("in an event's", in_handler, space->root);
	same("a user program runs", user_run(PROGRAM(program_exit), 5), 5);
	same("after it", pv_address_space_read(), space->root);
	same("a user program faults", user_run(PROGRAM(program_read), TEST_ADDRESS), TRAPPED + 14);
	same("after that", pv_address_space_read(), space->root);
}

TEST(ADDRESS_SPACE_READ, HOSTILE, registers_full_of_bad_addresses_do_no_harm)
{
	same("they are kept", lost(leaf_address_space_read, NOT_CANONICAL, UNMAPPED, LOSES_RAX), 0);
	same("it gives the root", left.rax, boot_root);
	same("on another stack too", raw_result(stack_address_space_read, NOT_CANONICAL, UNMAPPED, UINT64_MAX), boot_root);
}
