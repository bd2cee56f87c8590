/* SPDX-License-Identifier: MIT */
/* What the leaf calls of page tables leave alone, with events in the middle of them and without. */
#include "conform.h"

#define RUBBISH 0xa5a5
#define BEYOND_MEMORY (1ull << 46)

leaf_call leaf_irq_disable, leaf_irq_enable, leaf_irq_save, leaf_irq_restore, leaf_irq_save_disable, leaf_address_space_set,
	leaf_address_space_read, leaf_pte_set, leaf_pte_update_deferred, leaf_pte_make, leaf_pte_read, leaf_tlb_flush,
	leaf_tlb_flush_page, leaf_lazy_enter, leaf_lazy_leave;

static uint64_t root, entry, value;
static volatile unsigned events;

/* The entry of a page of its own, which is absent, and what would make it present. */
static void begin(void)
{
	static uint64_t page;

	if (!page)
		page = page_alloc();
	root = pv_address_space_read();
	entry = entry_of(root, TEST_ADDRESS, PRESENT | WRITABLE);
	value = pv_pte_make(page | PRESENT | WRITABLE | NO_EXECUTE);
}

static int is_set(void)
{
	return !!*(volatile uint64_t *)entry;
}

static void end(void)
{
	pv_lazy_leave();
	pv_pte_set(entry, 0);
	pv_tlb_flush();
}

TEST(ADDRESS_SPACE_READ, POSITIVE, it_keeps_every_register_but_its_result)
{
	begin();
	same("it does", lost(leaf_address_space_read, RUBBISH, RUBBISH, LOSES_RAX), 0);
	same("it gives the root", left.rax, root);
}

TEST(ADDRESS_SPACE_SET, POSITIVE, it_keeps_every_register)
{
	begin();
	same("it does", lost(leaf_address_space_set, root, RUBBISH, LOSES_NONE), 0);
	same("the root is set", pv_address_space_read(), root);
}

TEST(PTE_MAKE, POSITIVE, it_keeps_every_register_but_its_result)
{
	same("of an entry that is present", lost(leaf_pte_make, 0x5000 | PRESENT, RUBBISH, LOSES_RAX), 0);
	same("of one that is absent", lost(leaf_pte_make, 0x5000, RUBBISH, LOSES_RAX), 0);
	same("of one beyond memory", lost(leaf_pte_make, BEYOND_MEMORY | PRESENT, RUBBISH, LOSES_RAX), 0);
}

TEST(PTE_READ, POSITIVE, it_keeps_every_register_but_its_result)
{
	begin();
	same("of an entry that is present", lost(leaf_pte_read, value, RUBBISH, LOSES_RAX), 0);
	same("of one that is absent", lost(leaf_pte_read, 0x5000, RUBBISH, LOSES_RAX), 0);
}

TEST(PTE_SET, POSITIVE, it_keeps_every_register)
{
	begin();
	same("of an entry", lost(leaf_pte_set, entry, value, LOSES_NONE), 0);
	same("it sets", is_set(), 1);
	same("of memory", lost(leaf_pte_set, vmi_boot->direct_map + page_alloc(), value, LOSES_NONE), 0);
	same("of an entry of level 4", lost(leaf_pte_set, vmi_boot->direct_map + root + 8 * 100, 0, LOSES_NONE), 0);
	pv_lazy_enter();
	pv_pte_update_deferred(entry, 0);
	same("with updates waiting", lost(leaf_pte_set, entry, value, LOSES_NONE), 0);
	end();
}

TEST(TLB_FLUSH, POSITIVE, it_keeps_every_register_but_rax)
{
	begin();
	same("it does", lost(leaf_tlb_flush, RUBBISH, RUBBISH, LOSES_RAX), 0);
	pv_lazy_enter();
	pv_pte_update_deferred(entry, value);
	same("with updates waiting", lost(leaf_tlb_flush, RUBBISH, RUBBISH, LOSES_RAX), 0);
	end();
}

TEST(TLB_FLUSH_PAGE, POSITIVE, it_keeps_every_register)
{
	begin();
	same("it does", lost(leaf_tlb_flush_page, TEST_ADDRESS, RUBBISH, LOSES_NONE), 0);
	pv_lazy_enter();
	pv_pte_update_deferred(entry, value);
	same("with updates waiting", lost(leaf_tlb_flush_page, TEST_ADDRESS, RUBBISH, LOSES_NONE), 0);
	end();
}

TEST(PTE_UPDATE_DEFERRED, POSITIVE, it_keeps_every_register)
{
	begin();
	same("outside lazy mode", lost(leaf_pte_update_deferred, entry, 0, LOSES_NONE), 0);
	pv_lazy_enter();
	same("in lazy mode", lost(leaf_pte_update_deferred, entry, value, LOSES_NONE), 0);
	for (unsigned i = 0; i < VMI_BATCH_LIMIT + 10; i++)
		each(!lost(leaf_pte_update_deferred, entry, i % 2 ? value : 0, LOSES_NONE), i);
	all("more often than a batch has room");
	pv_lazy_leave();
	same("the last one counts", is_set(), 1);
	end();
}

TEST(LAZY_ENTER, POSITIVE, it_keeps_every_register)
{
	begin();
	same("it does", lost(leaf_lazy_enter, RUBBISH, RUBBISH, LOSES_NONE), 0);
	end();
}

TEST(LAZY_LEAVE, POSITIVE, it_keeps_every_register)
{
	begin();
	pv_lazy_enter();
	pv_pte_update_deferred(entry, value);
	same("with updates", lost(leaf_lazy_leave, RUBBISH, RUBBISH, LOSES_NONE), 0);
	same("which are done", is_set(), 1);
	same("without", lost(leaf_lazy_leave, RUBBISH, RUBBISH, LOSES_NONE), 0);
	end();
}

static void on_event(struct vmi_trap *trap)
{
	(void)trap;
	events++;
	pv_event_ack(VMI_SOURCE_SOFT);
}

TEST_NEEDS(IRQ_ENABLE, BOUNDARY, it_keeps_every_register_with_an_event_and_updates_waiting, GROUP_BIT(MMU))
{
	begin();
	events = 0;
	vmi_handle(SOFT_VECTOR, on_event);
	pv_event_bind(VMI_SOURCE_SOFT, SOFT_VECTOR);
	pv_lazy_enter();
	pv_pte_update_deferred(entry, value);
	pv_event_send(VMI_SOURCE_SOFT);
	same("it does", lost(leaf_irq_enable, RUBBISH, RUBBISH, LOSES_NONE), 0);
	same("the event came", events, 1);
	pv_irq_disable();
	end();
}

TEST(LAZY_LEAVE, BOUNDARY, events_in_the_middle_of_calls_change_no_register_and_lose_no_update)
{
	uint64_t start;

	begin();
	beats_begin(2);
	start = pv_clock_read();
	for (unsigned turns = 0; beats < 400 && pv_clock_read() - start < 20000000000; turns++) {
		each(!lost(leaf_irq_enable, turns, 2, LOSES_NONE), VMI_CALL_IRQ_ENABLE);
		each(!lost(leaf_irq_save, turns, 2, LOSES_RAX) && left.rax & VMI_FLAG_IF, VMI_CALL_IRQ_SAVE);
		each(!lost(leaf_irq_save_disable, turns, 2, LOSES_RAX) && left.rax & VMI_FLAG_IF, VMI_CALL_IRQ_SAVE_DISABLE);
		each(!lost(leaf_irq_restore, VMI_FLAG_IF, 2, LOSES_NONE), VMI_CALL_IRQ_RESTORE);
		each(!lost(leaf_pte_make, 0x5000 | PRESENT, 2, LOSES_RAX), VMI_CALL_PTE_MAKE);
		each(!lost(leaf_pte_read, value, 2, LOSES_RAX), VMI_CALL_PTE_READ);
		each(!lost(leaf_pte_set, entry, turns % 2 ? value : 0, LOSES_NONE), VMI_CALL_PTE_SET);
		each(!lost(leaf_lazy_enter, turns, 2, LOSES_NONE), VMI_CALL_LAZY_ENTER);
		each(!lost(leaf_pte_update_deferred, entry, turns % 2 ? 0 : value, LOSES_NONE),
		     VMI_CALL_PTE_UPDATE_DEFERRED);
		each(!lost(leaf_pte_update_deferred, entry, turns % 2 ? value : 0, LOSES_NONE),
		     VMI_CALL_PTE_UPDATE_DEFERRED);
		each(!lost(leaf_lazy_leave, turns, 2, LOSES_NONE), VMI_CALL_LAZY_LEAVE);
		each(is_set() == turns % 2, VMI_CALL_LAZY_LEAVE | 0x10000);
		each(!lost(leaf_tlb_flush_page, TEST_ADDRESS, 2, LOSES_NONE), VMI_CALL_TLB_FLUSH_PAGE);
		each(!lost(leaf_tlb_flush, turns, 2, LOSES_RAX), VMI_CALL_TLB_FLUSH);
		each(!lost(leaf_address_space_set, root, 2, LOSES_NONE), VMI_CALL_ADDRESS_SPACE_SET);
		each(!lost(leaf_address_space_read, turns, 2, LOSES_RAX) && left.rax == root, VMI_CALL_ADDRESS_SPACE_READ);
		each(!lost(leaf_irq_disable, turns, 2, LOSES_NONE), VMI_CALL_IRQ_DISABLE);
		each(!lost(leaf_irq_restore, ~0ull, 2, LOSES_NONE), VMI_CALL_IRQ_RESTORE);
		each(!!(pv_irq_save() & VMI_FLAG_IF), 0x20000);
	}
	beats_end();
	expect("400 come", beats >= 400);
	all("they change none, and lose none");
	end();
}
