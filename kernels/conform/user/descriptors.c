/* SPDX-License-Identifier: MIT */
/* DescriptorsSet. */
#include "user.h"

#define CODE32 0x00cffb000000ffffull /* flat, 32-bit, privilege 3, present */
#define DATA32 0x00cff3000000ffffull
#define CODE64 0x00affb000000ffffull
#define CONFORMING 0x00cfff000000ffffull
#define CODE16 0x000ffb000000ffffull
#define MARKED (USER_DATA + 0x200) /* where there is what a segment finds */
#define MARK 0x5e9

on_stack stack_descriptors_set;
static uint64_t list[VMI_DESCRIPTOR_SLOTS + 1];

static unsigned selector(unsigned slot)
{
	return vmi_boot->descriptor_base + 8 * slot;
}

static int64_t set(unsigned first, unsigned count)
{
	return pv_descriptors_set(first, (uint64_t)list, count);
}

static int64_t enter_code(const char *program, uint64_t code, uint64_t argument)
{
	const struct registers registers = { .rdi = argument };
	struct vmi_frame frame = user_frame(PROGRAM(program));

	frame.cs = code | 3;
	return enter(&frame, &registers);
}

/* 32-bit code, and what it finds by a data segment, if there is one. */
static int runs(unsigned code, unsigned data, uint64_t found)
{
	return enter_code(program_compatible, code, data) == TRAPPED + 3 && caught.trap.rax == found;
}

/* Code in slot 0, data in slot 1, nothing in slot 2. */
static void begin(void)
{
	user_space();
	user_data()[0x200 / 8] = MARK;
	list[0] = CODE32;
	list[1] = DATA32 | (MARKED & 0xffffff) << 16 | (MARKED >> 24) << 56;
	list[2] = 0;
	same("code, data and zero succeed", set(0, 3), 0);
}

static int as_begun(void)
{
	return runs(selector(0), selector(1), MARK);
}

USER_TEST(DESCRIPTORS_SET, POSITIVE, user_mode_runs_32_bit_code_and_reads_by_a_data_segment)
{
	begin();
	same("it runs it", enter_code(program_compatible, selector(0), selector(1)), TRAPPED + 3);
	same("it is told apart by its CS", caught.trap.frame.cs & 0xffff, selector(0) | 3);
	same("it reads by it", caught.trap.rax, MARK);
	same("64-bit user mode works as before", user_run(PROGRAM(program_exit), 6), 6);
}

TEST_FRUGAL(DESCRIPTORS_SET, descriptors_set, 0, (uint64_t)list, 0)

USER_TEST(DESCRIPTORS_SET, POSITIVE, with_descriptors_too_it_keeps_to_its_convention)
{
	begin();
	frugal(stack_descriptors_set, 0, (uint64_t)list, 3);
}

USER_TEST(DESCRIPTORS_SET, BOUNDARY, a_list_of_nothing_changes_nothing)
{
	begin();
	list[0] = list[1] = 0;
	same("it succeeds", set(0, 0), 0);
	expect("what was set is there", as_begun());
}

USER_TEST(DESCRIPTORS_SET, BOUNDARY, the_last_slot_is_as_good_as_the_first)
{
	begin();
	list[0] = DATA32, list[1] = CODE32;
	same("it succeeds", set(1, 2), 0);
	expect("the last one has code", runs(selector(2), 0, 0));
	expect("so has the first, which was not named", runs(selector(0), 0, 0));
}

USER_TEST(DESCRIPTORS_SET, BOUNDARY, segments_hold_over_another_address_space)
{
	struct space second;

	begin();
	second = space_new();
	*(uint64_t *)vmi_direct(second.data + 0x200) = 0x777;
	pv_address_space_set(second.root);
	expect("it runs there", runs(selector(0), selector(1), 0x777));
	list[0] = 0, list[1] = CODE32;
	set(1, 2);
	user_space();
	expect("what was set there is here", runs(selector(2), 0, 0));
	pv_address_space_set(boot_root);
	space_delete(&second);
}

USER_TEST(DESCRIPTORS_SET, BOUNDARY, rare_code_works_or_is_not_supported)
{
	static const uint64_t rare[] = { CODE64, CONFORMING, CODE16 };

	begin();
	list[0] = DATA32, list[1] = CODE32;
	set(1, 2);
	for (unsigned i = 0; i < sizeof(rare) / sizeof(rare[0]); i++) {
		int64_t result;

		list[0] = 0, list[1] = rare[i];
		result = set(0, 2);
		each(!result || result == VMI_NOT_SUPPORTED, rare[i]);
		if (rare[i] != CODE16) /* that has its own instructions */
			each(enter_code(result || rare[i] != CODE64 ? program_compatible : program_int3,
					selector(result ? 2 : 1), 0) == TRAPPED + 3, rare[i] | 1);
	}
	all("64-bit, conforming and 16-bit; and changes nothing then");
}

static void enter_badly(uint64_t code)
{
	enter_code(program_compatible, code, 0);
}

USER_TEST(DESCRIPTORS_SET, BOUNDARY, a_descriptor_that_was_made_zero_cannot_be_used)
{
	unsigned count;

	begin();
	list[0] = list[1] = list[2] = 0;
	same("it succeeds", set(0, 3), 0);
	for (unsigned i = 0; i < 3; i++) {
		count = caught.count;
		attempt(enter_badly, selector(i));
		each(caught.trap.vector == 13 && caught.count == count + 1, i);
	}
	all("it raises general protection");
	same("64-bit user mode works as before", user_run(PROGRAM(program_exit), 6), 6);
}

USER_TEST(DESCRIPTORS_SET, BOUNDARY, the_upper_halves_of_slot_and_count_are_ignored)
{
	begin();
	list[0] = CODE32;
	same("it succeeds", raw_result(stack_descriptors_set, DIRTY(2), (uint64_t)list, DIRTY(1)), 0);
	expect("the slot has it", runs(selector(2), 0, 0));
	expect("the others are as they were", as_begun());
}

USER_TEST(DESCRIPTORS_SET, HOSTILE, what_is_not_allowed_is_invalid_and_changes_nothing)
{
	static const uint64_t bad[] = {
		0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00cfbb000000ffff, 0x00cfdb000000ffff, /* privilege 0, 0, 1, 2 */
		0x00cf7b000000ffff, 0x0000890000000067, 0x0000ec0000000000, 0x0000e90000000067, /* absent, TSS, gate, TSS */
		1, 1ull << 63,
	};

	begin();
	list[0] = list[2] = 0;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		list[1] = bad[i];
		each(set(0, 2) == VMI_INVALID, bad[i]);
		each(set(0, 3) == VMI_INVALID, bad[i] | 1);
	}
	all("in the middle of others, too");
	expect("what was set is there", as_begun());
}

USER_TEST(DESCRIPTORS_SET, HOSTILE, slots_that_do_not_exist_are_invalid)
{
	static const uint32_t bad[][2] = {
		{ 3, 1 }, { 2, 2 }, { 0, 4 }, { UINT32_MAX, 2 }, { 1, UINT32_MAX }, { UINT32_MAX, UINT32_MAX },
		{ 4, UINT32_MAX }, { 0x20000000, 1 }, { 1u << 31, 1u << 31 },
	};

	begin();
	memset(list, 0, sizeof(list));
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		each(set(bad[i][0], bad[i][1]) == VMI_INVALID, i);
	all("also where their sum overflows");
	expect("what was set is there", as_begun());
}

static int64_t set_at(uint64_t address)
{
	return pv_descriptors_set(0, address, 3);
}

USER_TEST(DESCRIPTORS_SET, HOSTILE, a_list_at_an_address_of_nothing_is_refused)
{
	begin();
	refuses_address("unmapped", set_at, UNMAPPED);
	refuses_address("not canonical", set_at, NOT_CANONICAL);
	refuses_address("at the end of the addresses", set_at, UINT64_MAX - 8);
	expect("what was set is there", as_begun());
	pv_address_space_set(boot_root);
	refuses_address("over the end of the last page", set_at, last_page() + PAGE - 16);
	user_space();
	user_data()[0x200 / 8] = MARK;
	expect("what was set is there then", as_begun());
}
