/* SPDX-License-Identifier: MIT */
/* Registers of the processor. */
#include "trap.h"

enum { EFER = 0xc0000080, TSC_AUX = 0xc0000103, NOBODYS = 0x12345678 };
#define FILL 0x5a5a5a5a

on_stack stack_cpuid, stack_msr_read, stack_msr_write;

/* ---- Cpuid ---- */

static uint32_t words[8]; /* two before, two behind */
static uint32_t *const r = words + 2;

static void ask(uint32_t leaf)
{
	for (unsigned i = 0; i < 8; i++)
		words[i] = FILL;
	pv_cpuid(leaf, 0, (uint64_t)r);
}

static int rest_is_kept(void)
{
	return words[0] == FILL && words[1] == FILL && words[6] == FILL && words[7] == FILL;
}

TEST(CPUID, POSITIVE, it_says_what_the_processor_is)
{
	ask(0);
	expect("leaf 0 has a highest leaf", r[0] >= 1 && r[0] < 0x1000);
	for (unsigned i = 0; i < 12; i++)
		each(((uint8_t *)&r[1])[i] >= ' ' && ((uint8_t *)&r[1])[i] < 127, ((uint8_t *)&r[1])[i]);
	all("and a vendor");
	expect("it writes four words", rest_is_kept());
	ask(1);
	expect("leaf 1 has a floating-point unit and SSE2", (r[3] & 1) && r[3] >> 26 & 1);
	ask(0x80000001);
	expect("leaf 0x80000001 has long mode and NX", (r[3] >> 29 & 1) && r[3] >> 20 & 1);
}

TEST_FRUGAL(CPUID, cpuid, 0, 0, (uint64_t)r)

TEST(CPUID, BOUNDARY, leaves_that_do_not_exist_give_zeros)
{
	static const uint32_t leaves[] = { 0x3fffffff, 0x7fffffff, 0x00ffffff, 0xbfffffff };
	uint32_t highest;

	ask(0);
	highest = r[0];
	ask(highest + 1);
	each(!(r[0] | r[1] | r[2] | r[3]), highest + 1);
	for (unsigned i = 0; i < sizeof(leaves) / 4; i++) {
		ask(leaves[i]);
		each(!(r[0] | r[1] | r[2] | r[3]) && rest_is_kept(), leaves[i]);
	}
	all("the one behind the last, too");
}

TEST(CPUID, BOUNDARY, the_upper_halves_of_leaf_and_subleaf_are_ignored)
{
	uint32_t first[4];

	ask(0);
	memcpy(first, r, sizeof(first));
	memset(words, 0, sizeof(words));
	raw_result(stack_cpuid, DIRTY(0), DIRTY(0), (uint64_t)r);
	expect("leaf 0 says the same", !memcmp(first, r, sizeof(first)));
}

TEST(CPUID, BOUNDARY, an_address_that_is_not_aligned_will_do)
{
	uint32_t first[4];

	ask(0);
	memcpy(first, r, sizeof(first));
	pv_cpuid(0, 0, (uint64_t)words + 3);
	expect("leaf 0 says the same there", !memcmp(first, (uint8_t *)words + 3, sizeof(first)));
}

static int64_t ask_to(uint64_t address)
{
	pv_cpuid(0, 0, address);
	return VMI_FAULT; /* it has no result: to return is good */
}

TEST(CPUID, HOSTILE, an_address_of_nothing_does_no_harm)
{
	refuses_address("unmapped", ask_to, UNMAPPED);
	refuses_address("not canonical", ask_to, NOT_CANONICAL);
	refuses_address("read-only", ask_to, (uint64_t)vmi_image_start);
	ask(0);
	expect("it says what it did", r[0] >= 1 && r[0] < 0x1000);
}

TEST(CPUID, HOSTILE, the_last_leaf_and_subleaf_of_all_give_zeros)
{
	pv_cpuid(UINT32_MAX, UINT32_MAX, (uint64_t)r);
	same("they do", r[0] | r[1] | r[2] | r[3], 0);
	pv_cpuid(1, UINT32_MAX, (uint64_t)r);
	expect("leaf 1 has no subleaves to look at", (r[3] & 1) && r[3] >> 26 & 1);
}

/* ---- MsrRead ---- */

/* QEMU's TCG has every register, most of them zero. */
static int nobodys(int64_t result, uint64_t value, uint64_t before)
{
	return result == VMI_NOT_SUPPORTED ? value == before : !result && !value;
}

TEST(MSR_READ, POSITIVE, efer_says_long_mode)
{
	uint64_t value = 0x1111;
	int64_t result = pv_msr_read(EFER, (uint64_t)&value);

	expect("it does, or is NOT_SUPPORTED", result ? result == VMI_NOT_SUPPORTED && value == 0x1111 : value >> 10 & 1);
}

static uint64_t msr_value;

TEST(MSR_READ, POSITIVE, it_keeps_to_the_stack_and_registers_of_its_convention)
{
	frugal(stack_msr_read, EFER, (uint64_t)&msr_value, 0);
	frugal(stack_msr_read, NOBODYS, (uint64_t)&msr_value, 0);
}

TEST(MSR_READ, BOUNDARY, one_that_nobody_knows_is_not_supported_without_an_exception)
{
	unsigned count = caught.count;
	uint64_t value = 0x1111;
	int64_t result = pv_msr_read(NOBODYS, (uint64_t)&value);

	expect("it is, or gives zero", nobodys(result, value, 0x1111));
	pv_irq_enable();
	value = 0x1111;
	same("with interrupts enabled it does the same", pv_msr_read(NOBODYS, (uint64_t)&value), result);
	same("and leaves them enabled", pv_irq_save() & VMI_FLAG_IF, VMI_FLAG_IF);
	same("none of that raises an exception", caught.count, count);
}

TEST(MSR_READ, BOUNDARY, the_upper_half_of_the_number_is_ignored)
{
	int64_t result = pv_msr_read(EFER, (uint64_t)&msr_value);
	uint64_t value = msr_value;

	msr_value = 0x1111;
	same("the result is the same", raw_result(stack_msr_read, DIRTY(EFER), (uint64_t)&msr_value, 0), result);
	expect("so is the value", result ? msr_value == 0x1111 : msr_value == value);
}

static int64_t read_to(uint64_t address)
{
	int64_t result = pv_msr_read(EFER, address);

	return result == VMI_NOT_SUPPORTED ? VMI_INVALID : result;
}

TEST(MSR_READ, HOSTILE, an_address_of_nothing_is_refused)
{
	refuses_address("unmapped", read_to, UNMAPPED);
	refuses_address("not canonical", read_to, NOT_CANONICAL);
	refuses_address("read-only", read_to, (uint64_t)vmi_image_start);
}

TEST_NEEDS(MSR_READ, HOSTILE, a_place_that_runs_into_nothing_is_refused, GROUP_BIT(MMU))
{
	refuses_address("over the end of the last page", read_to, last_page() + PAGE - 4);
}

static const uint32_t numbers[] = { 0x23456789, 0x4fffffff, 0x7fffffff, 0xbfffffff, 0xdeadbeef, UINT32_MAX };

TEST(MSR_READ, HOSTILE, numbers_that_are_none_raise_no_exception)
{
	unsigned count = caught.count;

	for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		uint64_t value = 0x1111;
		int64_t result = pv_msr_read(numbers[i], (uint64_t)&value);

		each(nobodys(result, value, 0x1111), numbers[i]);
	}
	all("each is NOT_SUPPORTED, or gives zero");
	same("none raises one", caught.count, count);
}

/* ---- MsrWrite ---- */

TEST(MSR_WRITE, POSITIVE, what_is_written_can_be_read)
{
	int64_t result = pv_msr_write(TSC_AUX, 0x5e7);
	uint64_t value = 0;

	expect("it succeeds, or is NOT_SUPPORTED", !result || result == VMI_NOT_SUPPORTED);
	if (!result && !pv_msr_read(TSC_AUX, (uint64_t)&value))
		same("it is what was written", value, 0x5e7);
	same("zero is as good", pv_msr_write(TSC_AUX, 0), result);
}

TEST(MSR_WRITE, POSITIVE, it_keeps_to_the_stack_and_registers_of_its_convention)
{
	frugal(stack_msr_write, TSC_AUX, 0, 0);
	frugal(stack_msr_write, NOBODYS, 0, 0);
}

TEST(MSR_WRITE, BOUNDARY, one_that_nobody_knows_is_as_for_msr_read)
{
	unsigned count = caught.count;
	uint64_t value;
	int64_t result = pv_msr_read(NOBODYS, (uint64_t)&value);

	same("the result is the same", pv_msr_write(NOBODYS, 0), result);
	pv_irq_enable();
	same("with interrupts enabled too", pv_msr_write(NOBODYS, 0), result);
	same("which stay so", pv_irq_save() & VMI_FLAG_IF, VMI_FLAG_IF);
	same("none of that raises an exception", caught.count, count);
}

TEST(MSR_WRITE, BOUNDARY, the_upper_half_of_the_number_is_ignored)
{
	int64_t result = pv_msr_write(TSC_AUX, 0);

	same("the result is the same", raw_result(stack_msr_write, DIRTY(TSC_AUX), 0, 0), result);
}

TEST(MSR_WRITE, HOSTILE, numbers_that_are_none_raise_no_exception)
{
	unsigned count = caught.count;

	for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		int64_t result = pv_msr_write(numbers[i], UINT64_MAX);

		each(!result || result == VMI_NOT_SUPPORTED || result == VMI_INVALID, numbers[i]);
	}
	all("each is NOT_SUPPORTED, or nothing");
	same("none raises one", caught.count, count);
	kind("exceptions come as before", attempt(do_ud2, 0), 6, 0);
}
