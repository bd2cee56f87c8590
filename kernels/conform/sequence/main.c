/* SPDX-License-Identifier: MIT */
/* Reads the module, does what it says, one sequence after the other. */
#include "sequence.h"
#include <vmi/guest.h>

VMI_GUEST(VMI_GUEST_LICENCE, VMI_PROFILE_PAGED, VMI_WANTS(VMI_GROUP_DEBUG, 1));

uint64_t pool, span, roots[ROOTS];
uint8_t levels[POOL];
int global_used;

/* Consecutive, so that an address says which page it is in. */
static void pool_start(void)
{
	pool = page_alloc();
	for (unsigned i = 1; i < POOL; i++)
		if (page_alloc() != pool + i * PAGE)
			vmi_panic(0, "the pool's pages are not consecutive");
	do
		span = page_alloc();
	while (span % SPAN_SIZE);
	for (unsigned i = 1; i < SPAN_SIZE / PAGE; i++)
		if (page_alloc() != span + i * PAGE)
			vmi_panic(0, "the span's pages are not consecutive");
}

static int all(const uint8_t *at, const uint8_t *end, unsigned count, int each)
{
	for (unsigned number = 0; number < count; number++) {
		uint32_t operations;

		if ((size_t)(end - at) < sizeof(operations))
			return 2;
		memcpy(&operations, at, sizeof(operations));
		at += sizeof(operations);
		if (operations > OPERATIONS || (size_t)(end - at) < operations * sizeof(struct operation))
			return 2;
		log_start(number);
		for (uint32_t i = 0; i < operations; i++, at += sizeof(struct operation)) {
			struct operation operation;

			memcpy(&operation, at, sizeof(operation));
			operate(&operation);
			if (each) {
				uint64_t interrupts = pv_irq_save_disable();

				log_flush();
				pv_irq_restore(interrupts);
			}
		}
		pv_irq_disable();
		pv_lazy_leave();
		log_end();
		reset();
	}
	return 0;
}

int vmi_main(void)
{
	const struct vmi_module *module = vmi_direct(vmi_boot->modules);
	struct module_head head;
	const uint8_t *data;
	char option[2];
	int status, each;

	if (vmi_boot->module_count != 1 || module->size < sizeof(head)) {
		vmi_print("sequence: no module; give one with --module\n");
		return 1;
	}
	data = vmi_direct(module->start);
	memcpy(&head, data, sizeof(head));
	if (head.magic != SEQUENCE_MAGIC || head.version != SEQUENCE_VERSION) {
		vmi_print("sequence: the module has magic %x, version %u; expected %x, version %u\n", head.magic,
			  (unsigned)head.version, SEQUENCE_MAGIC, SEQUENCE_VERSION);
		return 1;
	}
	space_init();
	pool_start();
	roots[0] = pv_address_space_read();
	user_start();
	for (unsigned vector = 0; vector < 32; vector++)
		vmi_handle(vector, on_exception);
	for (unsigned vector = FIRST_SPARE; vector < FIRST_SPARE + SPARES; vector++)
		vmi_handle(vector, on_exception);
	events_start();
	reset();
	vmi_print("sequences: %u\n", (unsigned)head.count);
	with_values = vmi_option("sequence.values", option, sizeof(option));
	each = with_values || vmi_option("sequence.each", option, sizeof(option));
	status = all(data + sizeof(head), data + module->size, head.count, each);
	vmi_print(status ? "sequences: the module ends too early\n" : "sequences: done\n");
	return status;
}
