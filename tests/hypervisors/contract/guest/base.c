/* SPDX-License-Identifier: MIT */
/* What one runs on, and what every call leaves alone: stack and registers. */
#include "contract.h"

enum { STACK_WORDS = 1024 };

/* harness.S: the call on the stack given with interrupts disabled. Bit i set: register i of rbx rbp r12 r13 r14 r15, or 6: DF. */
typedef uint64_t on_stack(const uint64_t arguments[5], uint64_t *top);
on_stack stack_probe, stack_info, stack_trap_table_set, stack_kernel_stack_set, stack_descriptors_set, stack_tls_set, stack_cpuid,
	stack_msr_read, stack_fpu_trap_set, stack_pte_set_batch, stack_page_table_add, stack_page_table_remove,
	stack_tlb_flush_others, stack_clock_read, stack_clock_frequency, stack_wall_clock_read, stack_stolen_time_read,
	stack_timer_set, stack_timer_cancel, stack_event_bind, stack_event_mask, stack_event_unmask, stack_event_ack,
	stack_event_send, stack_console_write, stack_console_read, stack_memory_balloon, stack_pte_set, stack_pte_make,
	stack_pte_read, stack_address_space_set, stack_tlb_flush, stack_tlb_flush_page, stack_pte_update_deferred,
	stack_lazy_enter, stack_lazy_leave;

int64_t send_dirty(uint64_t source); /* harness.S: EventSend where one is */
extern uint64_t stack_result; /* RAX of the last one */

static uint64_t stack[STACK_WORDS] __attribute__((aligned(16)));

static void probing(void)
{
	static const uint32_t nothing[] = { VMI_GROUP_COUNT, 100, 255, 256, 4096, 0x10000, 0x80000000, UINT32_MAX };

	for (uint32_t group = 0; group < VMI_GROUP_COUNT; group++) {
		each(pv_probe(group) == vmi_revision(group), group);
		each(pv_probe(group) == pv_probe(group), group);
	}
	all("Probe gives each group's revision, the same each time");
	for (uint32_t group = 0; group < VMI_GROUP_COUNT; group++) {
		int of_profile = group != VMI_GROUP_SMP && group != VMI_GROUP_SUSPEND && group != VMI_GROUP_DEBUG &&
				 group != VMI_GROUP_RANDOM;

		each(!of_profile || pv_probe(group) >= 1, group);
	}
	all("every group of profile paged is there");
	for (unsigned i = 0; i < sizeof(nothing) / 4; i++)
		each(!pv_probe(nothing[i]), nothing[i]);
	all("Probe of what is no group gives 0");
}

static void informing(void)
{
	char text[256], cut[256];

	for (uint32_t item = 0; item <= VMI_INFO_ROM_VERSION; item++) {
		int64_t length;

		memset(text, 0x7e, sizeof(text));
		length = pv_info(item, (uint64_t)text, 200);
		each(length >= 0 && length < 200, item);
		for (int64_t i = 0; i < length; i++)
			each(text[i] >= ' ' && text[i] < 0x7f, item | 0x100);
		for (int64_t i = length; i < 256; i++)
			each(text[i] == 0x7e, item | 0x200);
		each(!pv_info(item, (uint64_t)cut, 0), item | 0x300);
		for (int64_t room = 0; room <= length; room++) {
			memset(cut, 0x7e, sizeof(cut));
			each(pv_info(item, (uint64_t)cut, room) == room, item | 0x400);
			each(!memcmp(cut, text, room) && cut[room] == 0x7e, item | 0x500);
		}
		memset(cut, 0x7e, sizeof(cut));
		each(pv_info(item, (uint64_t)cut, UINT64_MAX) == length && cut[length] == 0x7e, item | 0x600);
	}
	all("Info writes text up to the room given and no further");
	check("Info has a name for the hypervisor", pv_info(VMI_INFO_HYPERVISOR, (uint64_t)text, 200) > 0);
	each(pv_info(4, (uint64_t)text, 200) == VMI_INVALID, 4);
	each(pv_info(99, (uint64_t)text, 200) == VMI_INVALID, 99);
	each(pv_info(0x100, (uint64_t)text, 200) == VMI_INVALID, 0x100);
	each(pv_info(UINT32_MAX, (uint64_t)text, 0) == VMI_INVALID, UINT32_MAX);
	all("Info of what is no item is INVALID");
	each(pv_init(3 << 16, 0) == VMI_INVALID, 3);
	each(pv_init(5 << 16, 0) == VMI_INVALID, 5);
	all("Init for another major version is INVALID");
	each(pv_vcpu_init(0, (uint64_t)text | 8) == VMI_INVALID, 8);
	each(pv_vcpu_init(1, (uint64_t)stack & ~63ull) == VMI_INVALID, 1);
	each(pv_vcpu_init(0, 1ull << 60) == VMI_INVALID, 60);
	all("VcpuInit of a block that is misaligned or not canonical, or of another VCPU, is INVALID");
}

static void use(on_stack *call, unsigned number, uint64_t a, uint64_t b, uint64_t c)
{
	const uint64_t arguments[5] = { a, b, c, 0, 0 };
	unsigned unused = 0;
	uint64_t lost;

	for (unsigned i = 0; i < STACK_WORDS; i++)
		stack[i] = 0x57ac57ac57ac57ac;
	lost = call(arguments, stack + STACK_WORDS);
	while (unused < STACK_WORDS && stack[unused] == 0x57ac57ac57ac57ac)
		unused++;
	/* What a call's own return address takes is its caller's. */
	each((STACK_WORDS - unused) * 8 <= VMI_STACK_LIMIT + 8, number << 16 | (STACK_WORDS - unused) * 8);
	each(!lost, number << 16 | lost | 0x8000);
}

static void frugal(void)
{
	static struct vmi_pte_update updates[4];
	static uint32_t words[4];
	static uint64_t value;
	uint64_t root = pv_address_space_read(), table = page_alloc(), page = page_alloc();
	uint64_t near = entry_of(root, TEST_ADDRESS, PRESENT | WRITABLE);
	uint64_t other = entry_of(root, TEST_ADDRESS + 0x200000, PRESENT | WRITABLE);
	struct vmi_trap_gate none[1] = { { 0 } };

	use(stack_probe, VMI_CALL_PROBE, 1, 0, 0);
	for (unsigned item = 0; item < 5; item++)
		use(stack_info, VMI_CALL_INFO, item, vmi_boot->direct_map + page, 200);
	use(stack_trap_table_set, VMI_CALL_TRAP_TABLE_SET, (uint64_t)none, 0, 0);
	use(stack_kernel_stack_set, VMI_CALL_KERNEL_STACK_SET, KERNEL_STACK_TOP, 0, 0);
	use(stack_descriptors_set, VMI_CALL_DESCRIPTORS_SET, 0, (uint64_t)&value, 1);
	use(stack_tls_set, VMI_CALL_TLS_SET, 0, 0, 0);
	use(stack_cpuid, VMI_CALL_CPUID, 1, 0, (uint64_t)words);
	use(stack_fpu_trap_set, VMI_CALL_FPU_TRAP_SET, 0, 0, 0);
	use(stack_clock_read, VMI_CALL_CLOCK_READ, 0, 0, 0);
	use(stack_clock_frequency, VMI_CALL_CLOCK_FREQUENCY, 0, 0, 0);
	use(stack_wall_clock_read, VMI_CALL_WALL_CLOCK_READ, 0, 0, 0);
	use(stack_stolen_time_read, VMI_CALL_STOLEN_TIME_READ, 0, 0, 0);
	use(stack_timer_set, VMI_CALL_TIMER_SET, UINT64_MAX / 4, 0, 0);
	use(stack_timer_cancel, VMI_CALL_TIMER_CANCEL, 0, 0, 0);
	use(stack_event_bind, VMI_CALL_EVENT_BIND, 8, SOFT_VECTOR, 0);
	use(stack_event_mask, VMI_CALL_EVENT_MASK, 8, 0, 0);
	use(stack_event_unmask, VMI_CALL_EVENT_UNMASK, 8, 0, 0);
	use(stack_event_ack, VMI_CALL_EVENT_ACK, 8, 0, 0);
	use(stack_event_send, VMI_CALL_EVENT_SEND, 9, 0, 0);
	use(stack_console_write, VMI_CALL_CONSOLE_WRITE, (uint64_t)"base: a line\n", 13, 0);
	use(stack_console_read, VMI_CALL_CONSOLE_READ, vmi_boot->direct_map + page, 100, 0);
	use(stack_memory_balloon, VMI_CALL_MEMORY_BALLOON, 0, 0, 0);
	pv_event_bind(8, 0);
	all("no call of base, trap, time, event or sys uses more stack or other registers than it may");

	use(stack_pte_make, VMI_CALL_PTE_MAKE, page | PRESENT, 0, 0);
	use(stack_pte_read, VMI_CALL_PTE_READ, 0, 0, 0);
	use(stack_pte_set, VMI_CALL_PTE_SET, near, 0, 0);
	use(stack_address_space_set, VMI_CALL_ADDRESS_SPACE_SET, root, 0, 0);
	use(stack_tlb_flush, VMI_CALL_TLB_FLUSH, 0, 0, 0);
	use(stack_tlb_flush_page, VMI_CALL_TLB_FLUSH_PAGE, TEST_ADDRESS, 0, 0);
	use(stack_tlb_flush_others, VMI_CALL_TLB_FLUSH_OTHERS, 0, TEST_ADDRESS, 0);
	updates[0].entry = updates[1].entry = near;
	use(stack_pte_set_batch, VMI_CALL_PTE_SET_BATCH, (uint64_t)updates, 2, 0);
	updates[1].entry = other;
	use(stack_pte_set_batch, VMI_CALL_PTE_SET_BATCH, (uint64_t)updates, 2, 0);
	updates[1].entry = vmi_boot->direct_map + root + 8 * 100;
	use(stack_pte_set_batch, VMI_CALL_PTE_SET_BATCH, (uint64_t)updates, 2, 0);
	use(stack_pte_set, VMI_CALL_PTE_SET, updates[1].entry, 0, 0);
	use(stack_pte_set, VMI_CALL_PTE_SET, vmi_boot->direct_map + page, 0, 0);
	for (unsigned level = 1; level <= 4; level++) {
		use(stack_page_table_add, VMI_CALL_PAGE_TABLE_ADD, table, level, 0);
		use(stack_page_table_remove, VMI_CALL_PAGE_TABLE_REMOVE, table, level, 0);
	}
	use(stack_page_table_add, VMI_CALL_PAGE_TABLE_ADD, table, 5, 0);
	pv_lazy_enter();
	use(stack_pte_update_deferred, VMI_CALL_PTE_UPDATE_DEFERRED, near, 0, 0);
	use(stack_lazy_leave, VMI_CALL_LAZY_LEAVE, 0, 0, 0);
	use(stack_lazy_enter, VMI_CALL_LAZY_ENTER, 0, 0, 0);
	pv_pte_update_deferred(near, 0);
	use(stack_pte_set, VMI_CALL_PTE_SET, updates[1].entry, 0, 0);
	pv_pte_update_deferred(near, 0);
	use(stack_tlb_flush, VMI_CALL_TLB_FLUSH, 0, 0, 0);
	pv_pte_update_deferred(near, 0);
	use(stack_pte_set_batch, VMI_CALL_PTE_SET_BATCH, (uint64_t)updates, 2, 0);
	pv_lazy_leave();
	all("no call of mmu uses more stack or other registers than it may");
	use(stack_msr_read, VMI_CALL_MSR_READ, 0xc0000080, (uint64_t)&value, 0);
	all("nor does MsrRead");
}

/* Rubbish where an argument of 32 bits has nothing; the results are looked at where that can be done. */
#define DIRTY(value) (0xdeadbeef00000000 | (value))

static volatile unsigned arrived;

static void on_event(struct vmi_trap *trap)
{
	(void)trap;
	arrived++;
	pv_event_ack(VMI_SOURCE_SOFT + 2);
}

static uint64_t result(on_stack *call, uint64_t a, uint64_t b, uint64_t c)
{
	const uint64_t arguments[5] = { a, b, c, 0, 0 };

	call(arguments, stack + STACK_WORDS);
	return stack_result;
}

static void dirty(void)
{
	static struct vmi_pte_update update;
	static uint32_t words[4];
	static uint64_t value, text[8];
	uint64_t page = page_alloc();
	uint32_t source = VMI_SOURCE_SOFT + 2;

	update.entry = entry_of(pv_address_space_read(), TEST_ADDRESS, PRESENT | WRITABLE);
	vmi_handle(SOFT_VECTOR, on_event);
	arrived = 0;
	each((uint32_t)result(stack_probe, DIRTY(VMI_GROUP_IRQ), 0, 0) == vmi_revision(VMI_GROUP_IRQ), VMI_CALL_PROBE);
	each((int64_t)result(stack_info, DIRTY(VMI_INFO_HYPERVISOR), (uint64_t)text, 60) > 0, VMI_CALL_INFO);
	each(!result(stack_trap_table_set, (uint64_t)text, DIRTY(0), 0), VMI_CALL_TRAP_TABLE_SET);
	each(!result(stack_descriptors_set, DIRTY(0), (uint64_t)&value, DIRTY(1)), VMI_CALL_DESCRIPTORS_SET);
	result(stack_cpuid, DIRTY(0), DIRTY(0), (uint64_t)words);
	each(words[0] >= 1 && words[0] < 0x1000, VMI_CALL_CPUID);
	each(result(stack_pte_set_batch, (uint64_t)&update, DIRTY(1), 0) == 1, VMI_CALL_PTE_SET_BATCH);
	each(!result(stack_page_table_add, page, DIRTY(1), 0), VMI_CALL_PAGE_TABLE_ADD);
	each(!result(stack_page_table_remove, page, DIRTY(1), 0), VMI_CALL_PAGE_TABLE_REMOVE);
	each(!result(stack_event_bind, DIRTY(source), DIRTY(SOFT_VECTOR), 0), VMI_CALL_EVENT_BIND);
	each(!result(stack_event_mask, DIRTY(source), 0, 0), VMI_CALL_EVENT_MASK);
	each(!result(stack_event_send, DIRTY(source), 0, 0), VMI_CALL_EVENT_SEND);
	each(!result(stack_event_unmask, DIRTY(source), 0, 0), VMI_CALL_EVENT_UNMASK);
	each(!result(stack_event_ack, DIRTY(source), 0, 0), VMI_CALL_EVENT_ACK);
	pv_irq_enable();
	breathe();
	each(!send_dirty(DIRTY(source)) && arrived == 2, arrived); /* with interrupts enabled */
	pv_irq_disable();
	result(stack_fpu_trap_set, DIRTY(0), 0, 0);
	each(!result(stack_event_bind, DIRTY(source), DIRTY(0), 0), VMI_CALL_EVENT_BIND);
	all("the upper half of an argument of 32 bits is ignored");
}

void check_base(void)
{
	probing();
	informing();
	frugal();
	dirty();
}
