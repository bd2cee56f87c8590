/* SPDX-License-Identifier: MIT */
/* The interrupt flag, and what leaf calls leave alone. */
#include "contract.h"

#define NS_PER_SECOND 1000000000ull

/* harness.S: each calls with the registers given and says which it left. */
typedef void leaf(const struct registers *before, struct registers *after);
leaf leaf_irq_disable, leaf_irq_enable, leaf_irq_save, leaf_irq_restore, leaf_irq_save_disable, leaf_halt, leaf_fault_address_read,
	leaf_address_space_set, leaf_address_space_read, leaf_pte_set, leaf_pte_update_deferred, leaf_pte_make, leaf_pte_read,
	leaf_tlb_flush, leaf_tlb_flush_page, leaf_lazy_enter, leaf_lazy_leave, leaf_vcpu_yield, leaf_vcpu_id;

static volatile unsigned events, ticks;

static void on_event(struct vmi_trap *trap)
{
	(void)trap;
	events++;
	pv_event_ack(VMI_SOURCE_SOFT);
}

static void on_tick(struct vmi_trap *trap)
{
	(void)trap;
	ticks++;
	pv_event_ack(VMI_SOURCE_TIMER);
}

static int is_enabled(void)
{
	return !!(pv_irq_save() & VMI_FLAG_IF);
}

/* ---- the flag ---- */

static void states(void)
{
	uint64_t flags, more;

	pv_irq_disable();
	equal("IrqDisable disables", is_enabled(), 0);
	pv_irq_disable();
	equal("IrqDisable does not count", is_enabled(), 0);
	pv_irq_enable();
	equal("IrqEnable enables", is_enabled(), 1);
	pv_irq_enable();
	equal("IrqEnable does not count", is_enabled(), 1);
	equal("IrqSave changes nothing", is_enabled(), 1);
	flags = pv_irq_save_disable();
	check("IrqSaveDisable says enabled and disables", flags & VMI_FLAG_IF && !is_enabled());
	more = pv_irq_save_disable();
	check("IrqSaveDisable says disabled and stays so", !(more & VMI_FLAG_IF) && !is_enabled());
	pv_irq_restore(more);
	equal("IrqRestore to disabled changes nothing", is_enabled(), 0);
	pv_irq_restore(flags);
	equal("IrqRestore to enabled enables", is_enabled(), 1);
	flags = pv_irq_save();
	pv_irq_disable();
	pv_irq_restore(flags);
	equal("IrqRestore takes what IrqSave gave", is_enabled(), 1);
	pv_irq_disable();
	pv_irq_restore(~(uint64_t)VMI_FLAG_IF);
	equal("IrqRestore looks at bit 9 only, when it is clear", is_enabled(), 0);
	pv_irq_restore(VMI_FLAG_IF);
	equal("IrqRestore looks at bit 9 only, when it is set", is_enabled(), 1);
	pv_irq_disable();
	for (unsigned path = 0; path < 64; path++) {
		uint64_t saved[6], state = 0;

		for (unsigned i = 0; i < 6; i++) {
			saved[i] = pv_irq_save_disable() & VMI_FLAG_IF;
			each(!!saved[i] == state && !is_enabled(), path);
			state = path >> i & 1;
			if (state)
				pv_irq_enable();
			each((uint64_t)is_enabled() == state, path | 0x100);
		}
		for (int i = 5; i >= 0; i--) {
			pv_irq_disable();
			pv_irq_restore(saved[i]);
			each(is_enabled() == !!saved[i], path | 0x200);
		}
	}
	all("save and restore nest in every order");
}

static void waiting(void)
{
	uint64_t flags;

	pv_irq_disable();
	events = 0;
	for (unsigned i = 1; i <= 100; i++) {
		pv_event_send(VMI_SOURCE_SOFT);
		each(events == i - 1, i);
		flags = pv_irq_save_disable();
		pv_irq_restore(flags);
		breathe();
		each(events == i - 1, i);
		if (i % 3 == 0) {
			pv_irq_enable();
		} else {
			pv_irq_restore(VMI_FLAG_IF);
		}
		breathe();
		each(events == i, i);
		pv_irq_disable();
	}
	all("events wait while disabled, and come when enabled by IrqEnable or IrqRestore");
	pv_irq_enable();
	flags = pv_irq_save_disable();
	pv_event_send(VMI_SOURCE_SOFT);
	breathe();
	equal("an event waits after IrqSaveDisable", events, 100);
	pv_irq_restore(flags);
	breathe();
	equal("and comes with IrqRestore", events, 101);
	pv_irq_disable();
}

static void halting(void)
{
	uint64_t start;

	events = ticks = 0;
	pv_event_send(VMI_SOURCE_SOFT);
	pv_halt();
	check("Halt with an event pending delivers it and returns", events == 1 && is_enabled());
	pv_irq_disable();
	start = pv_clock_read();
	pv_timer_set(start + 3000000);
	pv_halt();
	check("Halt waits for the timer", ticks == 1 && pv_clock_read() - start >= 3000000);
	equal("Halt returns with interrupts enabled", is_enabled(), 1);
	pv_timer_set(pv_clock_read() + 2000000);
	pv_halt();
	equal("Halt waits when interrupts were enabled too", ticks, 2);
	pv_irq_disable();
	for (unsigned i = 0; i < 50; i++) {
		unsigned before = ticks;

		start = pv_clock_read();
		pv_timer_set(start + 20000 + 7919 * i);
		pv_halt();
		each(ticks == before + 1, i);
		each(pv_clock_read() - start >= 20000 + 7919 * i, i | 0x100);
		pv_irq_disable();
	}
	all("50 deadlines end Halt once each, and not early");
	for (unsigned i = 0; i < 50; i++) {
		unsigned before = ticks;

		pv_timer_set(pv_clock_read() + i * 50);
		pv_halt();
		each(ticks == before + 1, i);
		pv_irq_disable();
	}
	all("a deadline that passes on the way into Halt ends it");
	pv_event_mask(VMI_SOURCE_SOFT);
	pv_event_send(VMI_SOURCE_SOFT);
	start = pv_clock_read();
	pv_timer_set(start + 1000000);
	pv_halt();
	check("an event that is masked does not end Halt", pv_clock_read() - start >= 1000000 && events == 1);
	pv_event_unmask(VMI_SOURCE_SOFT);
	breathe();
	pv_irq_disable();
}

/* ---- registers ---- */

enum { RAX = 1, RDI = 1 << 5 };

/* Registers with patterns, arguments where they belong; which register is not what it was, but those allowed to. */
static struct registers leaf_result;

static uint64_t lost(leaf *code, uint64_t rdi, uint64_t rsi, uint64_t may)
{
	struct registers before;
	uint64_t result = 0;

	for (unsigned i = 0; i < REGISTERS; i++)
		(&before.rax)[i] = 0x0f1e2d3c4b5a6978 * (2 * i + 3);
	before.rdi = rdi;
	before.rsi = rsi;
	code(&before, &leaf_result);
	for (unsigned i = 0; i < REGISTERS; i++)
		result |= (uint64_t)((&leaf_result.rax)[i] != (&before.rax)[i]) << i;
	return result & ~may;
}

static void preserving(void)
{
	uint64_t root = pv_address_space_read(), entry = entry_of(root, TEST_ADDRESS, PRESENT | WRITABLE);
	uint64_t value = pv_pte_make(page_alloc() | PRESENT | WRITABLE | NO_EXECUTE), pattern = 0xa5a5;

	events = ticks = 0;
	pv_irq_disable();
	equal("IrqSave keeps the registers", lost(leaf_irq_save, pattern, pattern, RAX), 0);
	equal("IrqDisable keeps the registers", lost(leaf_irq_disable, pattern, pattern, 0), 0);
	equal("IrqEnable keeps the registers", lost(leaf_irq_enable, pattern, pattern, 0), 0);
	equal("IrqSaveDisable keeps the registers", lost(leaf_irq_save_disable, pattern, pattern, RAX), 0);
	equal("IrqRestore to disabled keeps the registers", lost(leaf_irq_restore, 0, pattern, 0), 0);
	equal("IrqRestore to enabled keeps the registers", lost(leaf_irq_restore, VMI_FLAG_IF, pattern, 0), 0);
	pv_irq_disable();
	pv_event_send(VMI_SOURCE_SOFT);
	equal("IrqEnable with an event keeps the registers", lost(leaf_irq_enable, pattern, pattern, 0), 0);
	pv_irq_disable();
	pv_event_send(VMI_SOURCE_SOFT);
	equal("IrqRestore with an event keeps the registers", lost(leaf_irq_restore, ~0ull, pattern, 0), 0);
	pv_irq_disable();
	pv_event_send(VMI_SOURCE_SOFT);
	equal("Halt with an event keeps the registers", lost(leaf_halt, pattern, pattern, 0), 0);
	pv_irq_disable();
	pv_timer_set(pv_clock_read() + 2000000);
	equal("Halt that waits keeps the registers", lost(leaf_halt, pattern, pattern, 0), 0);
	check("those events came", events == 3 && ticks == 1);
	pv_irq_disable();
	equal("FaultAddressRead keeps the registers", lost(leaf_fault_address_read, pattern, pattern, RAX), 0);
	equal("AddressSpaceRead keeps the registers", lost(leaf_address_space_read, pattern, pattern, RAX), 0);
	equal("AddressSpaceRead in assembler gives the root", leaf_result.rax, root);
	equal("AddressSpaceSet keeps the registers", lost(leaf_address_space_set, root, pattern, 0), 0);
	equal("PteMake keeps the registers", lost(leaf_pte_make, 0x5000 | PRESENT, pattern, RAX), 0);
	equal("PteMake of an absent entry keeps the registers", lost(leaf_pte_make, 0x5000, pattern, RAX), 0);
	equal("PteMake of an entry beyond memory keeps the registers", lost(leaf_pte_make, 1ull << 46 | PRESENT, pattern, RAX), 0);
	equal("PteRead keeps the registers", lost(leaf_pte_read, value, pattern, RAX), 0);
	equal("PteRead of an absent entry keeps the registers", lost(leaf_pte_read, 0x5000, pattern, RAX), 0);
	equal("PteSet keeps the registers", lost(leaf_pte_set, entry, value, 0), 0);
	equal("PteSet in assembler sets", !!*(volatile uint64_t *)entry, 1);
	equal("PteSet of memory keeps the registers", lost(leaf_pte_set, vmi_boot->direct_map + page_alloc(), value, 0), 0);
	equal("PteSet of an entry of level 4 keeps the registers",
	      lost(leaf_pte_set, vmi_boot->direct_map + root + 8 * 100, 0, 0), 0);
	equal("TlbFlush keeps the registers", lost(leaf_tlb_flush, pattern, pattern, RAX), 0);
	equal("TlbFlushPage keeps the registers", lost(leaf_tlb_flush_page, TEST_ADDRESS, pattern, 0), 0);
	equal("PteUpdateDeferred outside lazy mode keeps the registers", lost(leaf_pte_update_deferred, entry, 0, 0), 0);
	equal("LazyEnter keeps the registers", lost(leaf_lazy_enter, pattern, pattern, 0), 0);
	equal("PteUpdateDeferred keeps the registers", lost(leaf_pte_update_deferred, entry, value, 0), 0);
	equal("LazyLeave with updates keeps the registers", lost(leaf_lazy_leave, pattern, pattern, 0), 0);
	equal("LazyLeave keeps the registers", lost(leaf_lazy_leave, pattern, pattern, 0), 0);
	pv_lazy_enter();
	pv_pte_update_deferred(entry, 0);
	equal("PteSet with updates waiting keeps the registers", lost(leaf_pte_set, entry, value, 0), 0);
	pv_pte_update_deferred(entry, 0);
	equal("TlbFlush with updates waiting keeps the registers", lost(leaf_tlb_flush, pattern, pattern, RAX), 0);
	pv_pte_update_deferred(entry, value);
	equal("TlbFlushPage with updates waiting keeps the registers", lost(leaf_tlb_flush_page, TEST_ADDRESS, pattern, 0), 0);
	for (unsigned i = 0; i < VMI_BATCH_LIMIT + 10; i++)
		each(!lost(leaf_pte_update_deferred, entry, i % 2 ? value : 0, 0), i);
	all("520 deferred updates keep the registers");
	pv_event_send(VMI_SOURCE_SOFT);
	equal("IrqEnable with an event and updates waiting keeps the registers", lost(leaf_irq_enable, pattern, pattern, 0), 0);
	equal("that event came", events, 4);
	pv_irq_disable();
	pv_lazy_leave();
	pv_pte_set(entry, 0);
	pv_tlb_flush();
	if (!vmi_revision(VMI_GROUP_SMP))
		return;
	equal("VcpuYield keeps the registers", lost(leaf_vcpu_yield, pattern, pattern, 0), 0);
	equal("VcpuId keeps the registers", lost(leaf_vcpu_id, pattern, pattern, RAX), 0);
}

/* ---- events at any moment ---- */

static volatile uint64_t interval;
static volatile unsigned beats;

static void on_beat(struct vmi_trap *trap)
{
	(void)trap;
	pv_event_ack(VMI_SOURCE_TIMER);
	beats++;
	if (interval)
		pv_timer_set(pv_clock_read() + interval + beats % 61 * (interval >> 6));
}

static void interrupted(void)
{
	uint64_t root = pv_address_space_read(), entry = entry_of(root, TEST_ADDRESS, PRESENT | WRITABLE);
	uint64_t value = pv_pte_make(page_alloc() | PRESENT | WRITABLE | NO_EXECUTE), start, limit;
	vmi_handler before = vmi_handle(TIMER_VECTOR, on_beat);
	unsigned turns = 0;

	beats = 0;
	interval = 0;
	pv_irq_enable();
	start = pv_clock_read();
	for (unsigned i = 1; i <= 8; i++) {
		pv_timer_set(0);
		comes(&beats, i);
	}
	interval = (pv_clock_read() - start) / 4; /* twice what one takes: below that nothing else runs */
	beats = 0;
	start = pv_clock_read();
	limit = 20 * NS_PER_SECOND;
	pv_timer_set(start + interval);
	for (; beats < 400 && pv_clock_read() - start < limit; turns++) {
		each(!lost(leaf_irq_enable, turns, 2, 0), VMI_CALL_IRQ_ENABLE);
		each(!lost(leaf_irq_save, turns, 2, RAX) && leaf_result.rax & VMI_FLAG_IF, VMI_CALL_IRQ_SAVE);
		each(!lost(leaf_irq_save_disable, turns, 2, RAX) && leaf_result.rax & VMI_FLAG_IF, VMI_CALL_IRQ_SAVE_DISABLE);
		each(!lost(leaf_irq_restore, VMI_FLAG_IF, 2, 0), VMI_CALL_IRQ_RESTORE);
		each(!lost(leaf_pte_make, 0x5000 | PRESENT, 2, RAX), VMI_CALL_PTE_MAKE);
		each(!lost(leaf_pte_read, value, 2, RAX), VMI_CALL_PTE_READ);
		each(!lost(leaf_pte_set, entry, turns % 2 ? value : 0, 0), VMI_CALL_PTE_SET);
		each(!lost(leaf_lazy_enter, turns, 2, 0), VMI_CALL_LAZY_ENTER);
		each(!lost(leaf_pte_update_deferred, entry, turns % 2 ? 0 : value, 0), VMI_CALL_PTE_UPDATE_DEFERRED);
		each(!lost(leaf_pte_update_deferred, entry, turns % 2 ? value : 0, 0), VMI_CALL_PTE_UPDATE_DEFERRED);
		each(!lost(leaf_lazy_leave, turns, 2, 0), VMI_CALL_LAZY_LEAVE);
		each(!!*(volatile uint64_t *)entry == turns % 2, VMI_CALL_LAZY_LEAVE | 0x10000);
		each(!lost(leaf_tlb_flush_page, TEST_ADDRESS, 2, 0), VMI_CALL_TLB_FLUSH_PAGE);
		each(!lost(leaf_tlb_flush, turns, 2, RAX), VMI_CALL_TLB_FLUSH);
		each(!lost(leaf_address_space_set, root, 2, 0), VMI_CALL_ADDRESS_SPACE_SET);
		each(!lost(leaf_address_space_read, turns, 2, RAX) && leaf_result.rax == root, VMI_CALL_ADDRESS_SPACE_READ);
		each(!lost(leaf_irq_disable, turns, 2, 0), VMI_CALL_IRQ_DISABLE);
		each(!lost(leaf_irq_restore, ~0ull, 2, 0), VMI_CALL_IRQ_RESTORE);
		each(is_enabled(), 0x20000);
	}
	interval = 0;
	pv_irq_disable();
	pv_timer_cancel();
	pv_irq_enable();
	breathe();
	pv_irq_disable();
	check("400 events come in the middle of calls", beats >= 400);
	/* How often the loop went round is not the same everywhere: one check, whatever its number of parts. */
	all("events in the middle of calls change no register and lose no update");
	pv_pte_set(entry, 0);
	pv_tlb_flush();
	vmi_handle(TIMER_VECTOR, before);
}

void check_irq(void)
{
	vmi_handle(SOFT_VECTOR, on_event);
	vmi_handle(TIMER_VECTOR, on_tick);
	pv_event_bind(VMI_SOURCE_SOFT, SOFT_VECTOR);
	pv_event_bind(VMI_SOURCE_TIMER, TIMER_VECTOR);
	states();
	waiting();
	halting();
	preserving();
	interrupted();
	pv_irq_disable();
	pv_event_bind(VMI_SOURCE_SOFT, 0);
	pv_event_bind(VMI_SOURCE_TIMER, 0);
}
