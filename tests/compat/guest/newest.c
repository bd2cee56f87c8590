/* SPDX-License-Identifier: MIT */
/* A kernel that uses what is newer than 4.0 where it is there. Exit status: how many checks failed. */
#include <vmi/vmi.h>
#include <vmi/guest.h>

VMI_GUEST("MIT", VMI_PROFILE_BASE, VMI_WANTS(VMI_GROUP_RANDOM, 1));

enum { VECTOR = 40, TIMER_VECTOR, SECOND = 1000000000 };

uint32_t irq_pending_keeps(void); /* kept.S */

static int failures;
static unsigned delivered, ticks;

static void check(const char *what, int good)
{
	vmi_print("  %s: %s\n", what, good ? "ok" : "FAILED");
	failures += !good;
}

static void on_event(struct vmi_trap *trap)
{
	(void)trap;
	if (!delivered++) {
		check("none while the only one is being handled", !pv_irq_pending());
		pv_event_send(VMI_SOURCE_SOFT);
		check("nor when it was raised again", !pv_irq_pending());
		pv_event_ack(VMI_SOURCE_SOFT);
		check("but after EventAck", pv_irq_pending());
		return;
	}
	pv_event_ack(VMI_SOURCE_SOFT);
}

static void on_tick(struct vmi_trap *trap)
{
	(void)trap;
	ticks++;
	pv_event_ack(VMI_SOURCE_TIMER);
}

/* What came before this kernel did, or without its doing, has had its chance. */
static void open_once(void)
{
	pv_irq_enable();
	__asm__ volatile("nop; pause"); /* natively the instruction behind comes first; QEMU looks after a pause only */
	pv_irq_disable();
}

static int comes(void)
{
	uint64_t start = pv_clock_read();

	while (!pv_irq_pending() && pv_clock_read() - start < SECOND)
		;
	return pv_irq_pending();
}

static void irq_pending(void)
{
	pv_event_bind(VMI_SOURCE_SOFT, VECTOR);
	pv_event_bind(VMI_SOURCE_TIMER, TIMER_VECTOR);
	open_once();
	check("nothing waits", !pv_irq_pending());
	check("every register is kept", irq_pending_keeps() == 0);
	pv_event_send(VMI_SOURCE_SOFT);
	check("an event waits", pv_irq_pending() == 1 && !delivered);
	check("and went on waiting", pv_irq_pending() == 1 && irq_pending_keeps() == 1);
	pv_event_mask(VMI_SOURCE_SOFT);
	open_once();
	check("not when it is masked", !pv_irq_pending() && !delivered);
	pv_event_unmask(VMI_SOURCE_SOFT);
	check("again when it is not", pv_irq_pending() == 1);
	open_once();
	while (delivered < 2 && comes())
		open_once();
	check("enabling delivers it", delivered == 2);
	check("then nothing waits", !pv_irq_pending());
	pv_timer_set(pv_clock_read() + 3600ull * SECOND);
	check("a deadline ahead", !pv_irq_pending());
	pv_timer_set(pv_clock_read() + 1000000);
	check("a deadline that passes", comes() && !ticks);
	for (uint64_t start = pv_clock_read(); !ticks && pv_clock_read() - start < SECOND;)
		open_once();
	check("enabling delivers that too", ticks == 1);
	open_once();
	check("and then nothing waits", !pv_irq_pending());
}

static void random_read(void)
{
	static uint8_t bytes[VMI_RANDOM_LIMIT + 1], others[32];
	unsigned set = 0;

	memset(bytes, 0x5a, sizeof(bytes));
	check("none", pv_random_read((uint64_t)bytes, 0) == 0 && bytes[0] == 0x5a);
	check("one byte too many", pv_random_read((uint64_t)bytes, VMI_RANDOM_LIMIT + 1) == VMI_INVALID && bytes[0] == 0x5a);
	check("3 bytes", pv_random_read((uint64_t)bytes, 3) == 3 && bytes[3] == 0x5a);
	check("as many as there can be", pv_random_read((uint64_t)bytes, VMI_RANDOM_LIMIT) == VMI_RANDOM_LIMIT &&
	      bytes[VMI_RANDOM_LIMIT] == 0x5a);
	for (unsigned i = 0; i < VMI_RANDOM_LIMIT * 8; i++)
		set += bytes[i / 8] >> i % 8 & 1;
	check("half of the bits, more or less", set > 800 && set < 1248); /* ten standard deviations */
	check("others each time", pv_random_read((uint64_t)others, 32) == 32 && memcmp(others, bytes, 32));
	vmi_print("  first: %lx\n", *(uint64_t *)bytes);
}

int vmi_main(void)
{
	vmi_handle(VECTOR, on_event);
	vmi_handle(TIMER_VECTOR, on_tick);
	vmi_print("IrqPending, revision %u\n", vmi_revision(VMI_GROUP_IRQ));
	if (vmi_revision(VMI_GROUP_IRQ) >= 2)
		irq_pending();
	else
		check("an unknown call says so", pv_irq_pending() == (uint32_t)VMI_NOT_SUPPORTED);
	vmi_print("RandomRead, revision %u\n", vmi_revision(VMI_GROUP_RANDOM));
	if (vmi_revision(VMI_GROUP_RANDOM))
		random_read();
	vmi_print("%d checks failed\n", failures);
	return failures;
}
