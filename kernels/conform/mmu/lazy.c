/* SPDX-License-Identifier: MIT */
/* Lazy mode: updates that wait. */
#include "mmu.h"

on_stack stack_pte_update_deferred, stack_lazy_enter, stack_lazy_leave;
leaf_call leaf_lazy_enter, leaf_lazy_leave;

static void defer(unsigned first, unsigned count, int there)
{
	for (unsigned i = first; i < first + count; i++)
		pv_pte_update_deferred(entries[i], there ? mapping(i) : 0);
}

/* ---- PteUpdateDeferred ---- */

TEST(PTE_UPDATE_DEFERRED, POSITIVE, outside_lazy_mode_it_is_pte_set)
{
	begin();
	defer(0, 4, 1);
	seen("it is seen at once", 0, 4, 1);
	defer(0, 4, 0);
	for (unsigned i = 0; i < 4; i++)
		each(!value_at(entries[i]), i);
	all("the entries are 0 at once");
}

TEST(PTE_UPDATE_DEFERRED, POSITIVE, every_tlb_call_completes_what_waits)
{
	begin();
	defer(0, 104, 1);
	pv_lazy_enter();
	defer(0, 104, 0);
	pv_tlb_flush();
	seen("TlbFlush", 0, 104, 0);
	defer(0, 8, 1);
	pv_tlb_flush_page(at(400));
	seen("TlbFlushPage of another page", 0, 8, 1);
	defer(8, 8, 1);
	same("TlbFlushOthers of nobody succeeds", pv_tlb_flush_others(0, VMI_TLB_ALL), 0);
	seen("it does too", 8, 8, 1);
	pv_lazy_leave();
}

TEST(PTE_UPDATE_DEFERRED, POSITIVE, the_last_update_of_an_entry_wins)
{
	begin();
	pv_lazy_enter();
	pv_pte_update_deferred(entries[30], mapping(30));
	pv_pte_set(entries[30], mapping(31));
	pv_lazy_leave();
	expect("PteSet after a deferred one", shows(at(30), mark(31)));
	pv_lazy_enter();
	pv_pte_set(entries[32], mapping(33));
	pv_pte_update_deferred(entries[32], mapping(32));
	pv_lazy_leave();
	expect("a deferred one after PteSet", shows(at(32), mark(32)));
	pv_lazy_enter();
	pv_pte_update_deferred(entries[34], mapping(35));
	pv_pte_update_deferred(entries[34], mapping(34));
	pv_lazy_leave();
	expect("the second of two deferred ones", shows(at(34), mark(34)));
	pv_lazy_enter();
	pv_pte_update_deferred(entries[36], mapping(37));
	updates[0] = (struct vmi_pte_update){ entries[36], mapping(36) };
	same("PteSetBatch of one is done", pv_pte_set_batch((uint64_t)updates, 1), 1);
	pv_lazy_leave();
	expect("PteSetBatch after a deferred one", shows(at(36), mark(36)));
}

TEST(PTE_UPDATE_DEFERRED, POSITIVE, what_waits_never_comes_after_a_later_update)
{
	begin();
	for (unsigned i = 0; i < 4; i++)
		updates[i] = (struct vmi_pte_update){ entries[254 + i], mapping(254 + i) }; /* of two tables */
	pv_lazy_enter();
	for (unsigned i = 240; i < 280; i++)
		pv_pte_update_deferred(entries[i], mapping(i + 40));
	pv_pte_set(entries[250], mapping(250));
	same("PteSet is done when it returns", value_at(entries[250]), mapping(250));
	same("so is a batch", pv_pte_set_batch((uint64_t)updates, 4), 4);
	for (unsigned i = 254; i < 258; i++)
		each(value_at(entries[i]) == mapping(i), i);
	all("in each of its entries");
	pv_pte_update_deferred(entries[251], mapping(251));
	pv_tlb_flush();
	for (unsigned i = 240; i < 280; i++) {
		int later = i == 250 || i == 251 || (i >= 254 && i < 258);

		each(shows(at(i), mark(later ? i : i + 40)), i);
	}
	all("the last one of each entry counts");
	pv_lazy_leave();
	expect("after LazyLeave too", shows(at(250), mark(250)) && shows(at(256), mark(256)) && shows(at(251), mark(251)));
}

TEST(PTE_UPDATE_DEFERRED, POSITIVE, an_entry_of_memory_is_written)
{
	uint64_t page = new_page(0);

	pv_lazy_enter();
	pv_pte_update_deferred((uint64_t)&words(page)[9], 0x990);
	pv_lazy_leave();
	same("when lazy mode ends", words(page)[9], 0x990);
	page_give(page);
}

TEST_FRUGAL(PTE_UPDATE_DEFERRED, pte_update_deferred, (begin(), pv_lazy_enter(), entries[0]), mapping(0), 0)

TEST(PTE_UPDATE_DEFERRED, BOUNDARY, more_than_a_batch_are_done_in_order)
{
	begin();
	pv_lazy_enter();
	defer(0, VMI_BATCH_LIMIT, 0);
	defer(0, VMI_BATCH_LIMIT, 1);
	defer(0, 300, 0);
	defer(0, 300, 1);
	pv_lazy_leave();
	pv_tlb_flush();
	seen("1,624", 0, VMI_BATCH_LIMIT, 1);
	pv_lazy_enter();
	defer(0, VMI_BATCH_LIMIT, 0);
	pv_lazy_leave();
	pv_tlb_flush();
	seen("512 pages that were unmapped fault", 0, VMI_BATCH_LIMIT, 0);
}

TEST(PTE_UPDATE_DEFERRED, BOUNDARY, until_it_is_done_the_entry_has_the_old_value_or_the_new_one)
{
	begin();
	pv_lazy_enter();
	for (unsigned i = 0; i < 64; i++) {
		pv_pte_update_deferred(entries[i], 0x1230 + i * 0x1000);
		each(!value_at(entries[i]) || value_at(entries[i]) == 0x1230 + i * 0x1000, i);
	}
	all("no other");
	pv_lazy_leave();
	for (unsigned i = 0; i < 64; i++)
		each(value_at(entries[i]) == 0x1230 + i * 0x1000, i);
	all("then it has the new one");
}

TEST(PTE_UPDATE_DEFERRED, BOUNDARY, interrupts_stay_as_they_are)
{
	begin();
	pv_lazy_enter();
	defer(0, 4, 1);
	same("disabled", pv_irq_save() & VMI_FLAG_IF, 0);
	pv_irq_enable();
	defer(0, 4, 0);
	same("enabled", pv_irq_save() & VMI_FLAG_IF, VMI_FLAG_IF);
	pv_lazy_leave();
	same("enabled after LazyLeave", pv_irq_save() & VMI_FLAG_IF, VMI_FLAG_IF);
}

/* ---- LazyEnter ---- */

TEST(LAZY_ENTER, POSITIVE, what_is_deferred_is_seen_after_lazy_leave)
{
	begin();
	pv_lazy_enter();
	defer(4, 100, 1);
	pv_lazy_leave();
	seen("100 pages", 4, 100, 1);
}

static volatile unsigned events;
static volatile uint64_t seen_before, seen_own;

static void on_event(struct vmi_trap *trap)
{
	(void)trap;
	seen_before = value_at(entries[0]);
	pv_pte_update_deferred(entries[1], 0x4560);
	seen_own = value_at(entries[1]);
	events++;
	pv_event_ack(VMI_SOURCE_SOFT);
}

TEST(LAZY_ENTER, POSITIVE, no_event_handler_runs_lazy)
{
	begin();
	events = 0;
	vmi_handle(SOFT_VECTOR, on_event);
	pv_event_bind(VMI_SOURCE_SOFT, SOFT_VECTOR);
	pv_lazy_enter();
	pv_pte_update_deferred(entries[0], 0x1230);
	pv_event_send(VMI_SOURCE_SOFT);
	let();
	same("an event comes", events, 1);
	same("its handler finds done what was deferred before", seen_before, 0x1230);
	same("what it defers is done at once", seen_own, 0x4560);
	pv_pte_update_deferred(entries[2], 0x7890);
	pv_lazy_leave();
	same("what is deferred behind it is done by LazyLeave", value_at(entries[2]), 0x7890);
}

TEST_FRUGAL(LAZY_ENTER, lazy_enter, 0, 0, 0)

TEST(LAZY_ENTER, BOUNDARY, it_does_not_nest)
{
	begin();
	pv_lazy_enter();
	pv_lazy_enter();
	defer(16, 8, 1);
	pv_lazy_leave();
	seen("one LazyLeave completes what waits", 16, 8, 1);
	defer(24, 8, 1);
	seen("and ends lazy mode", 24, 8, 1);
}

TEST(LAZY_ENTER, BOUNDARY, a_second_time_loses_nothing)
{
	begin();
	pv_lazy_enter();
	defer(0, 8, 1);
	pv_lazy_enter();
	defer(8, 8, 1);
	pv_lazy_leave();
	seen("neither what was deferred before it nor behind it", 0, 16, 1);
}

TEST(LAZY_ENTER, HOSTILE, registers_full_of_bad_addresses_do_no_harm)
{
	begin();
	same("they are kept", lost(leaf_lazy_enter, NOT_CANONICAL, UNMAPPED, LOSES_NONE), 0);
	defer(0, 8, 1);
	pv_lazy_leave();
	seen("what is deferred is done", 0, 8, 1);
}

/* ---- LazyLeave ---- */

TEST(LAZY_LEAVE, POSITIVE, it_ends_lazy_mode)
{
	begin();
	pv_lazy_enter();
	defer(0, 4, 1);
	pv_lazy_leave();
	seen("what waited is done", 0, 4, 1);
	defer(4, 4, 1);
	seen("what comes then is done at once", 4, 4, 1);
}

TEST_FRUGAL(LAZY_LEAVE, lazy_leave, (begin(), pv_lazy_enter(), defer(0, 8, 1), 0), 0, 0)

TEST(LAZY_LEAVE, BOUNDARY, outside_lazy_mode_it_is_harmless)
{
	begin();
	pv_lazy_leave();
	pv_lazy_leave();
	defer(0, 4, 1);
	seen("updates are done at once", 0, 4, 1);
	pv_lazy_enter();
	defer(4, 4, 1);
	pv_lazy_leave();
	pv_lazy_leave();
	seen("a second one loses nothing", 0, 8, 1);
}

TEST(LAZY_LEAVE, BOUNDARY, with_nothing_that_waits_it_changes_nothing)
{
	begin();
	pv_pte_set(entries[0], mapping(0));
	pv_lazy_enter();
	pv_lazy_leave();
	expect("a page is there", shows(AREA, mark(0)));
	expect("another is not", shows(at(1), 0));
}

TEST(LAZY_LEAVE, HOSTILE, registers_full_of_bad_addresses_do_no_harm)
{
	begin();
	pv_lazy_enter();
	defer(0, 8, 1);
	same("they are kept", lost(leaf_lazy_leave, NOT_CANONICAL, UNMAPPED, LOSES_NONE), 0);
	seen("what waited is done", 0, 8, 1);
}
