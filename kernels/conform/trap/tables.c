/* SPDX-License-Identifier: MIT */
/* TrapTableSet: which handler is entered. */
#include "trap.h"

enum { LIMIT = 256 };
static struct vmi_trap_gate gates[LIMIT + 1];

on_stack stack_trap_table_set;
leaf_call leaf_int_spare;

/* Whether the raw handler was entered once. */
static int enters(void (*code)(uint64_t))
{
	raw_count = 0;
	return !attempt(code, 0) && raw_count == 1;
}

TEST(TRAP_TABLE_SET, POSITIVE, new_handlers_are_entered_and_the_others_stay)
{
	gates[0] = raw_gate(SPARE_VECTOR, VMI_GATE_USER);
	gates[1] = raw_gate(3, VMI_GATE_USER);
	same("it succeeds", pv_trap_table_set((uint64_t)gates, 2), 0);
	expect("the first is entered for INT n of the kernel", enters(do_spare));
	expect("the second in the place of an old one", enters(do_breakpoint));
	kind("a vector that was not named keeps its own", attempt(do_ud2, 0), 6, 0);
}

TEST(TRAP_TABLE_SET, POSITIVE, the_table_is_copied)
{
	gates[0] = raw_gate(SPARE_VECTOR, VMI_GATE_USER);
	gates[1] = raw_gate(3, 0);
	pv_trap_table_set((uint64_t)gates, 2);
	memset(gates, 0, sizeof(gates));
	expect("the memory is the guest's again", enters(do_spare) && enters(do_breakpoint));
}

TEST(TRAP_TABLE_SET, POSITIVE, an_old_handler_can_come_back)
{
	extern const struct {
		uint64_t handler, native;
	} vmi_vectors[VMI_VECTORS]; /* libvmi's entries */

	gates[0] = raw_gate(3, VMI_GATE_USER);
	pv_trap_table_set((uint64_t)gates, 1);
	expect("the new one is entered", enters(do_breakpoint));
	gates[0].handler = vmi_vectors[3].handler;
	gates[0].native = vmi_vectors[3].native;
	pv_trap_table_set((uint64_t)gates, 1);
	kind("the old one is back", attempt(do_breakpoint, 0), 3, 0);
}

TEST_FRUGAL(TRAP_TABLE_SET, trap_table_set, (uint64_t)gates, 0, 0)

TEST(TRAP_TABLE_SET, POSITIVE, with_gates_too_it_keeps_to_its_convention)
{
	for (unsigned i = 0; i < LIMIT; i++)
		gates[i] = raw_gate(SPARE_VECTOR, VMI_GATE_USER);
	frugal(stack_trap_table_set, (uint64_t)gates, 3, 0);
	frugal(stack_trap_table_set, (uint64_t)gates, LIMIT, 0);
}

TEST(TRAP_TABLE_SET, BOUNDARY, a_table_of_nothing_changes_nothing)
{
	gates[0] = raw_gate(3, 0);
	same("it succeeds", pv_trap_table_set((uint64_t)gates, 0), 0);
	kind("the old handler is there", attempt(do_breakpoint, 0), 3, 0);
}

TEST(TRAP_TABLE_SET, BOUNDARY, as_many_gates_as_there_are_vectors_are_taken)
{
	for (unsigned i = 0; i < LIMIT; i++)
		gates[i] = raw_gate(i % 2 ? 3 : SPARE_VECTOR, VMI_GATE_USER);
	same("256 succeed", pv_trap_table_set((uint64_t)gates, LIMIT), 0);
	expect("each is entered", enters(do_spare) && enters(do_breakpoint));
}

TEST(TRAP_TABLE_SET, BOUNDARY, of_two_gates_for_a_vector_the_last_one_counts)
{
	gates[0] = raw_gate(3, 0);
	gates[0].handler = gates[0].native = (uint64_t)do_ud2;
	gates[1] = raw_gate(3, 0);
	same("they succeed", pv_trap_table_set((uint64_t)gates, 2), 0);
	expect("the last one is entered", enters(do_breakpoint));
}

/* Of user mode alone it says something. */
TEST(TRAP_TABLE_SET, BOUNDARY, the_kernel_reaches_a_handler_with_gate_user_and_without)
{
	static const unsigned flags[] = { 0, VMI_GATE_USER, 0 };

	for (unsigned i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		gates[0] = raw_gate(SPARE_VECTOR, flags[i]);
		gates[1] = raw_gate(3, flags[i]);
		each(!pv_trap_table_set((uint64_t)gates, 2), i);
		each(enters(do_spare), i | 0x10);
		each(enters(do_breakpoint), i | 0x20);
	}
	all("by INT n and by INT3");
	same("with every register but RAX", lost(leaf_int_spare, NOT_CANONICAL, UNMAPPED, LOSES_RAX), 0);
	same("of which the lower half is as it was", (uint32_t)left.rax, 0xe20f3c68); /* lost()'s pattern */
}

TEST(TRAP_TABLE_SET, BOUNDARY, the_upper_half_of_the_count_is_ignored)
{
	gates[0] = raw_gate(3, 0);
	gates[1] = raw_gate(6, 0);
	same("it succeeds", raw_result(stack_trap_table_set, (uint64_t)gates, DIRTY(1), 0), 0);
	expect("the first is taken", enters(do_breakpoint));
	kind("the second is not", attempt(do_ud2, 0), 6, 0);
}

TEST(TRAP_TABLE_SET, HOSTILE, more_gates_than_there_are_vectors_are_invalid)
{
	static const uint32_t counts[] = { LIMIT + 1, 0x1000, 0x7fffffff, 0x80000000, 0xaaaaaaab, UINT32_MAX };

	for (unsigned i = 0; i <= LIMIT; i++)
		gates[i] = raw_gate(3, 0);
	for (unsigned i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		each(pv_trap_table_set((uint64_t)gates, counts[i]) == VMI_INVALID, counts[i]);
	all("however many");
	same("wherever they are", pv_trap_table_set(NOT_CANONICAL, LIMIT + 1), VMI_INVALID);
	kind("the old handler is there", attempt(do_breakpoint, 0), 3, 0);
}

static int64_t set_two(uint64_t address)
{
	return pv_trap_table_set(address, 2);
}

TEST(TRAP_TABLE_SET, HOSTILE, a_table_at_an_address_of_nothing_is_refused)
{
	refuses_address("unmapped", set_two, UNMAPPED);
	refuses_address("not canonical", set_two, NOT_CANONICAL);
	refuses_address("at the end of the addresses", set_two, UINT64_MAX - 8);
	kind("exceptions come as before", attempt(do_breakpoint, 0), 3, 0);
}

TEST_NEEDS(TRAP_TABLE_SET, HOSTILE, a_table_that_runs_into_nothing_is_refused, GROUP_BIT(MMU))
{
	uint64_t first = last_page() + PAGE - sizeof(struct vmi_trap_gate);

	*(struct vmi_trap_gate *)first = raw_gate(3, VMI_GATE_USER);
	refuses_address("behind its first gate", set_two, first);
	kind("which was not taken", attempt(do_breakpoint, 0), 3, 0);
	for (uint64_t words = 1; words < 3; words++) {
		struct vmi_trap_gate *moved = (struct vmi_trap_gate *)(first - 8 * words);

		moved[0] = raw_gate(3, VMI_GATE_USER);
		memcpy(&moved[1], &(struct vmi_trap_gate){ .vector = SPARE_VECTOR, .handler = (uint64_t)raw_handler }, 8 * words);
		refuses_address("in the middle of its second", set_two, (uint64_t)moved);
		kind("the first was not taken", attempt(do_breakpoint, 0), 3, 0);
	}
	kind("exceptions come as before", attempt(do_ud2, 0), 6, 0);
}

/* Three gates of which one has an entry that is none: as many as are wrong come to nothing. */
TEST(TRAP_TABLE_SET, HOSTILE, an_entry_that_is_not_canonical_is_invalid_and_no_gate_is_taken)
{
	static const uint64_t bad[] = { NOT_CANONICAL, 1ull << 60, 1ull << 47, (uint64_t)-1 << 47 >> 1, ((uint64_t)-1 << 47) - 1 };

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		for (unsigned which = 0; which < 6; which++) {
			struct vmi_trap_gate *gate = &gates[which / 2];

			gates[0] = raw_gate(3, VMI_GATE_USER);
			gates[1] = raw_gate(0, 0);
			gates[2] = raw_gate(6, 0);
			*(which % 2 ? &gate->native : &gate->handler) = bad[i];
			each(pv_trap_table_set((uint64_t)gates, 3) == VMI_INVALID, bad[i] | which);
		}
	}
	all("handler or native, in whichever gate");
	kind("the handler of the first stays", attempt(do_breakpoint, 0), 3, 0);
	kind("that of the second", attempt(do_divide, 0), 0, 0);
	kind("that of the third", attempt(do_ud2, 0), 6, 0);
}
