/* SPDX-License-Identifier: MIT */
/* The state that every sequence begins with. */
#include "sequence.h"

#define TEST_INDICES 3

uint8_t stacks[2][STACK_SIZE] __attribute__((aligned(16)));
uint64_t scratch[SCRATCH_WORDS] __attribute__((aligned(4096)));
uint64_t present_stack;

static void spare_gates(void)
{
	extern const uint64_t vmi_vectors[VMI_VECTORS][2];
	struct vmi_trap_gate gates[SPARES];

	for (unsigned i = 0; i < SPARES; i++)
		gates[i] = (struct vmi_trap_gate){ .vector = FIRST_SPARE + i, .handler = vmi_vectors[FIRST_SPARE + i][0],
						   .native = vmi_vectors[FIRST_SPARE + i][1] };
	pv_trap_table_set((uint64_t)gates, SPARES);
}

/* Translations that were made with GLOBAL outlive a switch. */
static void flush_global(void)
{
	static const uint64_t indices[TEST_INDICES] = { 0, 1, 511 };

	for (unsigned i = 0; i < TEST_INDICES * TEST_INDICES * TEST_INDICES; i++)
		pv_tlb_flush_page(TEST_AREA | indices[i / 9] << 30 | indices[i / 3 % 3] << 21 | indices[i % 3] << 12);
	global_used = 0;
}

static void tables_reset(void)
{
	uint64_t *words = vmi_direct(pool), *first = vmi_direct(span), *last = vmi_direct(span + SPAN_SIZE - PAGE);

	for (unsigned i = 0; i < ROOTS; i++)
		pv_pte_set((uint64_t)vmi_direct(roots[i]) + TEST_INDEX * 8, 0);
	pv_tlb_flush();
	if (global_used)
		flush_global();
	for (unsigned level = 3; level; level--)
		for (unsigned page = 0; page < POOL; page++)
			if (levels[page] == level)
				pv_page_table_remove(pool + page * PAGE, level);
	for (unsigned i = 0; i < POOL * PAGE / 8; i++)
		if (words[i])
			words[i] = 0;
	memset(first, 0, 2 * PAGE);
	memset(last, 0, PAGE);
	memset(levels, 0, sizeof(levels));
}

void reset(void)
{
	static const uint64_t none[VMI_DESCRIPTOR_SLOTS];

	pv_irq_disable();
	pv_lazy_leave();
	events_reset();
	if (pv_address_space_read() != roots[0])
		pv_address_space_set(roots[0]);
	tables_reset();
	memset(scratch, 0, sizeof(scratch));
	pv_tls_set(0, 0);
	pv_fpu_trap_set(0);
	fpu_reset();
	pv_descriptors_set(0, (uint64_t)none, VMI_DESCRIPTOR_SLOTS);
	present_stack = (uint64_t)stacks[0] + STACK_SIZE;
	pv_kernel_stack_set(present_stack);
	spare_gates();
}
