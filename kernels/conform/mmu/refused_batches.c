/* SPDX-License-Identifier: MIT */
/* PteSetBatch of what it does not take. */
#include "mmu.h"
#include "link.h" /* libvmi's own */

on_stack stack_pte_set_batch;

TEST(PTE_SET_BATCH, HOSTILE, more_than_its_limit_is_invalid_and_does_nothing)
{
	begin();
	fill(VMI_BATCH_LIMIT, 1);
	batch("512 are done", updates, VMI_BATCH_LIMIT);
	fill(VMI_BATCH_LIMIT, 0);
	updates[VMI_BATCH_LIMIT] = updates[0];
	same("513", pv_pte_set_batch((uint64_t)updates, VMI_BATCH_LIMIT + 1), VMI_INVALID);
	same("2^31", pv_pte_set_batch((uint64_t)updates, 1u << 31), VMI_INVALID);
	same("2^32 - 1", pv_pte_set_batch((uint64_t)updates, UINT32_MAX), VMI_INVALID);
	pv_tlb_flush();
	seen("nothing is done", 0, VMI_BATCH_LIMIT, 1);
}

TEST(PTE_SET_BATCH, HOSTILE, rubbish_above_its_count_is_ignored)
{
	begin();
	fill(5, 1);
	same("four are done", raw_result(stack_pte_set_batch, (uint64_t)updates, DIRTY(4), UINT64_MAX), 4);
	seen("they are seen", 0, 4, 1);
	same("the fifth is not", value_at(entries[4]), 0);
}

static int64_t batch_at(uint64_t address)
{
	return pv_pte_set_batch(address, 3);
}

TEST(PTE_SET_BATCH, HOSTILE, an_array_at_an_address_of_nothing_is_refused)
{
	refuses_address("unmapped", batch_at, UNMAPPED);
	refuses_address("not canonical", batch_at, NOT_CANONICAL);
	refuses_address("at the end of the addresses", batch_at, UINT64_MAX - 15);
}

TEST(PTE_SET_BATCH, HOSTILE, an_array_that_runs_into_nothing_is_refused)
{
	struct vmi_pte_update *edge = (struct vmi_pte_update *)(last_page() + PAGE) - 2;

	begin();
	for (unsigned i = 0; i < 2; i++)
		edge[i] = (struct vmi_pte_update){ entries[i], mapping(i) };
	refuses_address("its third update is in no page", batch_at, (uint64_t)edge);
	same("the entry behind is as it was", value_at(entries[2]), 0);
	pv_pte_set(entries[5], mapping(5));
	expect("entries can be set as before", shows(at(5), mark(5)));
}

/* A hypervisor that does not look at values takes it like the others. */
TEST(PTE_SET_BATCH, HOSTILE, a_value_that_is_refused_ends_it_there)
{
	static struct vmi_pte_update before[5];
	int64_t done;

	begin();
	fill(5, 1);
	updates[2].value = pv_pte_make(BEYOND_MEMORY | DATA_FLAGS);
	memcpy(before, updates, sizeof(before));
	done = pv_pte_set_batch((uint64_t)updates, 5);
	expect("it says how many were done", done == 2 || done == 5);
	expect("the array is as before", !memcmp(before, updates, sizeof(before)));
	pv_tlb_flush();
	seen("those before it are done", 0, 2, 1);
	seen("those behind it are not, where it was refused", 3, 2, done == 5);
	pv_pte_set(entries[2], 0);
	pv_tlb_flush();
	expect("its place can be used again", shows(at(2), 0));
}

static int64_t done_by_attempt;

static void batch_of_five(uint64_t unused)
{
	(void)unused;
	done_by_attempt = pv_pte_set_batch((uint64_t)updates, 5);
}

TEST(PTE_SET_BATCH, HOSTILE, an_entry_at_an_address_of_nothing_ends_it_there)
{
	int native = pv_ops[vmi_form_index(VMI_CALL_PTE_SET_BATCH)].kind == VMI_LINK_NATIVE;
	unsigned exception;

	begin();
	fill(5, 1);
	updates[2].entry = UNMAPPED;
	exception = attempt(batch_of_five, 0);
	if (exception) {
		same("a fault is a page fault", exception, FAULTED);
		expect("it is the call's own", native || in_rom_text(caught.trap.frame.rip));
	} else {
		expect("it says so", done_by_attempt == 2 || done_by_attempt == VMI_FAULT || done_by_attempt == VMI_INVALID);
	}
	same("those behind it are not done", value_at(entries[3]) | value_at(entries[4]), 0);
	pv_pte_set(entries[5], mapping(5));
	expect("entries can be set as before", shows(at(5), mark(5)));
}
