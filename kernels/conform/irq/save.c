/* SPDX-License-Identifier: MIT */
/* IrqSave, IrqRestore, IrqSaveDisable: the flag as a value. */
#include "irq.h"

/* ---- IrqSave ---- */

TEST(IRQ_SAVE, POSITIVE, it_says_whether_they_are_enabled)
{
	for (unsigned i = 0; i < 100; i++) {
		if (i % 3)
			pv_irq_enable();
		else
			pv_irq_disable();
		each((pv_irq_save() & VMI_FLAG_IF) == (i % 3 ? VMI_FLAG_IF : 0), i);
	}
	all("each time");
}

TEST(IRQ_SAVE, POSITIVE, it_keeps_every_register_but_its_result)
{
	same("disabled", lost(leaf_irq_save, RUBBISH, RUBBISH, LOSES_RAX), 0);
	same("it says so", left.rax & VMI_FLAG_IF, 0);
	pv_irq_enable();
	same("enabled", lost(leaf_irq_save, RUBBISH, RUBBISH, LOSES_RAX), 0);
	same("it says so too", left.rax & VMI_FLAG_IF, VMI_FLAG_IF);
}

TEST_FRUGAL(IRQ_SAVE, irq_save, 0, 0, 0)

TEST(IRQ_SAVE, BOUNDARY, it_changes_nothing)
{
	irq_begin();
	pv_event_send(VMI_SOURCE_SOFT);
	pv_irq_save();
	breathe();
	same("an event goes on waiting", events, 0);
	same("disabled stays so", is_enabled(), 0);
	pv_irq_enable();
	pv_irq_save();
	same("enabled stays so", is_enabled(), 1);
}

TEST(IRQ_SAVE, HOSTILE, registers_full_of_bad_addresses_do_no_harm)
{
	same("it keeps them", lost_hostile(leaf_irq_save, LOSES_RAX), 0);
	same("it says disabled", left.rax & VMI_FLAG_IF, 0);
}

/* ---- IrqRestore ---- */

TEST(IRQ_RESTORE, POSITIVE, it_goes_back_to_what_was_saved)
{
	uint64_t enabled, disabled;

	disabled = pv_irq_save();
	pv_irq_enable();
	enabled = pv_irq_save();
	pv_irq_disable();
	pv_irq_restore(disabled);
	same("to disabled", is_enabled(), 0);
	pv_irq_restore(enabled);
	same("to enabled", is_enabled(), 1);
	enabled = pv_irq_save_disable();
	disabled = pv_irq_save_disable();
	pv_irq_restore(disabled);
	same("to disabled, of IrqSaveDisable", is_enabled(), 0);
	pv_irq_restore(enabled);
	same("to enabled, of IrqSaveDisable", is_enabled(), 1);
}

TEST(IRQ_RESTORE, POSITIVE, save_and_restore_nest_in_every_order)
{
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
	all("of six");
}

TEST(IRQ_RESTORE, POSITIVE, it_keeps_every_register)
{
	irq_begin();
	same("to disabled", lost(leaf_irq_restore, 0, RUBBISH, LOSES_NONE), 0);
	same("to enabled", lost(leaf_irq_restore, VMI_FLAG_IF, RUBBISH, LOSES_NONE), 0);
	pv_irq_disable();
	pv_event_send(VMI_SOURCE_SOFT);
	same("with an event", lost(leaf_irq_restore, ~0ull, RUBBISH, LOSES_NONE), 0);
	same("which came", events, 1);
}

TEST_FRUGAL(IRQ_RESTORE, irq_restore, VMI_FLAG_IF, 0, 0)

TEST(IRQ_RESTORE, BOUNDARY, an_event_waits_when_it_is_to_disabled)
{
	irq_begin();
	pv_event_send(VMI_SOURCE_SOFT);
	pv_irq_restore(0);
	breathe();
	same("it waits", events, 0);
	pv_irq_restore(VMI_FLAG_IF);
	breathe();
	same("it comes when it is to enabled", events, 1);
}

TEST(IRQ_RESTORE, BOUNDARY, bit_9_alone_counts)
{
	for (unsigned bit = 0; bit < 64; bit++) {
		pv_irq_disable();
		pv_irq_restore(1ull << bit);
		each(is_enabled() == (bit == 9), bit);
	}
	all("of 64 bits");
	pv_irq_disable();
	pv_irq_restore(~(uint64_t)VMI_FLAG_IF);
	same("when it is the only one that is clear", is_enabled(), 0);
	pv_irq_restore(VMI_FLAG_IF);
	same("when it is the only one that is set", is_enabled(), 1);
}

TEST(IRQ_RESTORE, HOSTILE, flags_that_no_call_gave_do_no_harm)
{
	static const uint64_t flags[] = { UINT64_MAX, NOT_CANONICAL, UNMAPPED, 0x200000200, 0x7ffffffffffffdff, 0x3f7fd7,
					  0x244302 };

	for (unsigned i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		pv_irq_disable();
		each(!lost(leaf_irq_restore, flags[i], NOT_CANONICAL, LOSES_NONE), flags[i]);
		each(is_enabled() == !!(flags[i] & VMI_FLAG_IF), flags[i]);
	}
	all("bit 9 alone counts");
}

/* ---- IrqSaveDisable ---- */

TEST(IRQ_SAVE_DISABLE, POSITIVE, it_says_what_was_and_disables)
{
	uint64_t flags;

	pv_irq_enable();
	flags = pv_irq_save_disable();
	same("it says enabled", flags & VMI_FLAG_IF, VMI_FLAG_IF);
	same("it disables", is_enabled(), 0);
}

TEST(IRQ_SAVE_DISABLE, POSITIVE, an_event_waits_after_it)
{
	uint64_t flags;

	irq_begin();
	pv_irq_enable();
	flags = pv_irq_save_disable();
	pv_event_send(VMI_SOURCE_SOFT);
	breathe();
	same("it waits", events, 0);
	pv_irq_restore(flags);
	breathe();
	same("it comes with IrqRestore", events, 1);
}

TEST(IRQ_SAVE_DISABLE, POSITIVE, it_keeps_every_register_but_its_result)
{
	same("from disabled", lost(leaf_irq_save_disable, RUBBISH, RUBBISH, LOSES_RAX), 0);
	pv_irq_enable();
	same("from enabled", lost(leaf_irq_save_disable, RUBBISH, RUBBISH, LOSES_RAX), 0);
	same("it says so", left.rax & VMI_FLAG_IF, VMI_FLAG_IF);
}

TEST_FRUGAL(IRQ_SAVE_DISABLE, irq_save_disable, 0, 0, 0)

TEST(IRQ_SAVE_DISABLE, BOUNDARY, disabled_stays_so)
{
	for (unsigned i = 0; i < 3; i++) {
		each(!(pv_irq_save_disable() & VMI_FLAG_IF), i);
		each(!is_enabled(), i);
	}
	all("and it says disabled, each time");
	pv_irq_enable();
	same("once is enough to enable", is_enabled(), 1);
}

TEST(IRQ_SAVE_DISABLE, HOSTILE, registers_full_of_bad_addresses_do_no_harm)
{
	pv_irq_enable();
	same("it keeps them", lost_hostile(leaf_irq_save_disable, LOSES_RAX), 0);
	same("it says enabled", left.rax & VMI_FLAG_IF, VMI_FLAG_IF);
	same("it disables", is_enabled(), 0);
}
