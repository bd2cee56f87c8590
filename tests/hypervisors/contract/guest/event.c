/* SPDX-License-Identifier: MIT */
/* Event sources and vectors, with the guest's own sources: those can be raised at will. */
#include "contract.h"

enum { SOURCES = 8, FIRST = VMI_SOURCE_SOFT, SECOND_VECTOR = 50 };

static volatile unsigned count[VMI_VECTORS], order[64], arrived; /* by vector; vectors in order of arrival */
static volatile int enabled, user, flag, acknowledges, sends_again, opens;
static volatile unsigned depth, deepest;

static unsigned vector_of(unsigned source)
{
	return SOFT_VECTOR + source - FIRST;
}

static void on_event(struct vmi_trap *trap)
{
	unsigned source = FIRST + trap->vector - SOFT_VECTOR;

	count[trap->vector]++;
	order[arrived++ & 63] = trap->vector;
	depth++;
	if (depth > deepest)
		deepest = depth;
	enabled = !!(pv_irq_save() & VMI_FLAG_IF);
	user = vmi_from_user(trap);
	flag = !!(trap->frame.rflags & VMI_FLAG_IF);
	if (trap->vector >= SECOND_VECTOR)
		source = trap->vector == HIGH_VECTOR ? FIRST + 7 : FIRST;
	if (sends_again && !--sends_again)
		pv_event_send(source);
	if (opens) {
		opens = 0;
		pv_event_send(source); /* must wait for the acknowledgement */
		pv_event_send(FIRST + 7);
		pv_irq_enable();
		breathe();
		pv_irq_disable();
	}
	if (acknowledges)
		pv_event_ack(source);
	depth--;
}

static void fresh(void)
{
	pv_irq_disable();
	for (unsigned i = 0; i < SOURCES; i++)
		pv_event_bind(FIRST + i, 0);
	for (unsigned i = 0; i < SOURCES; i++) {
		vmi_handle(SOFT_VECTOR + i, on_event);
		pv_event_bind(FIRST + i, vector_of(FIRST + i));
		pv_event_ack(FIRST + i);
	}
	vmi_handle(SECOND_VECTOR, on_event);
	vmi_handle(HIGH_VECTOR, on_event);
	acknowledges = 1;
	sends_again = opens = 0;
	pv_irq_enable();
	breathe();
	pv_irq_disable();
	memset((void *)count, 0, sizeof(count));
	arrived = depth = deepest = 0;
}

/* Interrupts on and off again: what may come has come. */
static void let(void)
{
	pv_irq_enable();
	breathe();
	pv_irq_disable();
}

static void arguments(void)
{
	static const uint32_t no_sources[] = { 16, 17, 31, 32, 40, 99, 0x80000008, UINT32_MAX };
	static const uint32_t reserved[] = { 4, 5, 6, 7 };
	static const uint32_t no_vectors[] = { 1, 2, 14, 31, 256, 257, 288, 0x10020, UINT32_MAX };

	for (unsigned i = 0; i < sizeof(no_sources) / 4; i++) {
		each(pv_event_bind(no_sources[i], 40) == VMI_INVALID, no_sources[i]);
		each(pv_event_bind(no_sources[i], 0) == VMI_INVALID, no_sources[i]);
	}
	all("EventBind of what is no source is INVALID");
	for (unsigned i = 0; i < sizeof(no_sources) / 4; i++) {
		each(pv_event_mask(no_sources[i]) == VMI_INVALID, no_sources[i]);
		each(pv_event_unmask(no_sources[i]) == VMI_INVALID, no_sources[i]);
		each(pv_event_ack(no_sources[i]) == VMI_INVALID, no_sources[i]);
	}
	all("EventMask, EventUnmask and EventAck of what is no source are INVALID");
	for (unsigned i = 0; i < 4; i++) {
		int64_t result = pv_event_bind(reserved[i], 40);

		each(result == VMI_INVALID || result == VMI_NOT_SUPPORTED, reserved[i]);
		each(pv_event_mask(reserved[i]) == VMI_INVALID, reserved[i]);
	}
	for (unsigned i = 0; i < 4; i++) {
		each(pv_event_unmask(reserved[i]) == VMI_INVALID, reserved[i] | 0x10);
		each(pv_event_ack(reserved[i]) == VMI_INVALID, reserved[i] | 0x20);
	}
	all("numbers between the sources are no sources");
	for (unsigned i = 0; i < SOURCES; i++) {
		each(!pv_event_mask(FIRST + i), i);
		each(!pv_event_unmask(FIRST + i), i | 0x10);
		each(!pv_event_ack(FIRST + i), i | 0x20);
	}
	all("EventMask, EventUnmask and EventAck of each of the guest's sources succeed");
	for (unsigned i = 0; i < sizeof(no_vectors) / 4; i++)
		each(pv_event_bind(FIRST, no_vectors[i]) == VMI_INVALID, no_vectors[i]);
	all("EventBind to what is no vector for events is INVALID");
	for (uint32_t i = 0; i < FIRST; i++)
		each(pv_event_send(i) == VMI_INVALID, i);
	for (unsigned i = 0; i < sizeof(no_sources) / 4; i++)
		each(pv_event_send(no_sources[i]) == VMI_INVALID, no_sources[i]);
	all("EventSend of what is not the guest's is INVALID");
	fresh();
	equal("EventBind to another source's vector is BUSY", pv_event_bind(FIRST + 1, SOFT_VECTOR), VMI_BUSY);
	pv_event_send(FIRST + 1);
	let();
	check("EventBind that is BUSY changes nothing", count[SOFT_VECTOR + 1] == 1 && count[SOFT_VECTOR] == 0);
	equal("EventBind to its own vector again succeeds", pv_event_bind(FIRST, SOFT_VECTOR), 0);
	equal("EventBind of nothing twice succeeds", pv_event_bind(FIRST, 0) | pv_event_bind(FIRST, 0), 0);
	equal("a vector that was left can be taken by another source", pv_event_bind(FIRST + 1, SOFT_VECTOR), 0);
	for (uint32_t vector = 64; vector < 256; vector++)
		each(!pv_event_bind(FIRST, vector), vector);
	all("EventBind to every vector up to 255 succeeds");
}

static void delivery(void)
{
	fresh();
	pv_irq_enable();
	equal("EventSend succeeds", pv_event_send(FIRST), 0);
	equal("EventSend with interrupts enabled delivers before it returns", count[SOFT_VECTOR], 1);
	equal("a handler runs with interrupts disabled", enabled, 0);
	equal("an event's frame says that interrupts were enabled", flag, 1);
	equal("an event's frame says that it came in the kernel", user, 0);
	equal("after an event interrupts are enabled", pv_irq_save() & VMI_FLAG_IF, VMI_FLAG_IF);
	pv_irq_disable();
	pv_event_send(FIRST);
	breathe();
	equal("an event waits while interrupts are disabled", count[SOFT_VECTOR], 1);
	pv_irq_enable();
	breathe();
	equal("it comes when they are enabled", count[SOFT_VECTOR], 2);
	pv_irq_disable();
	let();
	equal("it comes once", count[SOFT_VECTOR], 2);
	pv_event_send(FIRST);
	pv_event_send(FIRST);
	pv_event_send(FIRST);
	let();
	let();
	equal("an event raised three times while pending comes once", count[SOFT_VECTOR], 3);
	fresh();
	for (unsigned i = 0; i < SOURCES; i++)
		pv_event_send(FIRST + i);
	each(!arrived, arrived);
	let();
	for (unsigned i = 0; i < SOURCES; i++)
		each(count[SOFT_VECTOR + i] == 1, i);
	each(arrived == SOURCES, arrived);
	all("eight sources raised while disabled come once each");
	equal("their handlers do not nest", deepest, 1);
	for (unsigned turn = 0; turn < 200; turn++) {
		pv_irq_enable();
		pv_event_send(FIRST + turn % 8);
		each(arrived == SOURCES + turn + 1, turn);
	}
	pv_irq_disable();
	all("200 events are delivered at once");
}

static void masks(void)
{
	fresh();
	equal("EventMask succeeds", pv_event_mask(FIRST), 0);
	pv_irq_enable();
	pv_event_send(FIRST);
	breathe();
	equal("a masked source is not delivered", count[SOFT_VECTOR], 0);
	pv_event_send(FIRST + 1);
	equal("another source is, meanwhile", count[SOFT_VECTOR + 1], 1);
	equal("EventUnmask succeeds", pv_event_unmask(FIRST), 0);
	equal("EventUnmask delivers what is pending before it returns", count[SOFT_VECTOR], 1);
	pv_event_unmask(FIRST);
	equal("EventUnmask delivers it once", count[SOFT_VECTOR], 1);
	pv_event_mask(FIRST);
	pv_event_unmask(FIRST);
	equal("EventUnmask without anything pending delivers nothing", count[SOFT_VECTOR], 1);
	pv_event_mask(FIRST);
	pv_event_mask(FIRST);
	pv_event_send(FIRST);
	pv_event_unmask(FIRST);
	equal("EventMask does not count", count[SOFT_VECTOR], 2);
	pv_irq_disable();
	pv_event_send(FIRST);
	pv_event_mask(FIRST);
	let();
	equal("a source masked while it is pending is held back", count[SOFT_VECTOR], 2);
	pv_event_unmask(FIRST);
	equal("EventUnmask with interrupts disabled delivers nothing", count[SOFT_VECTOR], 2);
	let();
	equal("it comes when interrupts are enabled then", count[SOFT_VECTOR], 3);
	pv_event_mask(FIRST);
	pv_event_send(FIRST);
	pv_event_bind(FIRST, SOFT_VECTOR);
	let();
	equal("EventBind unmasks", count[SOFT_VECTOR], 4);
}

static void binding(void)
{
	fresh();
	pv_event_bind(FIRST, 0);
	pv_irq_enable();
	pv_event_send(FIRST);
	breathe();
	equal("an event of a source that is bound to nothing does not come", arrived, 0);
	pv_event_bind(FIRST, SOFT_VECTOR);
	breathe();
	equal("it comes when the source is bound", count[SOFT_VECTOR], 1);
	pv_irq_disable();
	pv_event_send(FIRST);
	pv_event_bind(FIRST, 0);
	let();
	equal("a source unbound while it is pending does not come", count[SOFT_VECTOR], 1);
	pv_event_bind(FIRST, SECOND_VECTOR);
	let();
	equal("it comes where it is bound next", count[SECOND_VECTOR], 1);
	equal("and not where it was bound before", count[SOFT_VECTOR], 1);
	pv_event_send(FIRST);
	pv_event_bind(FIRST, SOFT_VECTOR);
	let();
	check("a pending event moves with its source", count[SECOND_VECTOR] == 1 && count[SOFT_VECTOR] == 2);
	let();
	equal("nothing comes twice by that", arrived, 3);
}

static void acknowledging(void)
{
	fresh();
	acknowledges = 0;
	pv_event_send(FIRST);
	let();
	pv_event_send(FIRST);
	let();
	let();
	equal("a source is not delivered again before EventAck", count[SOFT_VECTOR], 1);
	pv_event_send(FIRST + 1);
	let();
	equal("another source is", count[SOFT_VECTOR + 1], 1);
	pv_irq_enable();
	equal("EventAck succeeds", pv_event_ack(FIRST), 0);
	breathe();
	equal("what was raised before EventAck comes after it", count[SOFT_VECTOR], 2);
	pv_event_ack(FIRST + 1);
	breathe();
	equal("a source that was not raised again does not come", count[SOFT_VECTOR + 1], 1);
	pv_irq_disable();
	fresh();
	sends_again = 1;
	pv_event_send(FIRST);
	let();
	equal("a source that its own handler raises comes again", count[SOFT_VECTOR], 2);
	equal("after that handler", deepest, 1);
	fresh();
	acknowledges = 0;
	pv_event_send(FIRST);
	pv_event_send(FIRST + 3);
	pv_event_send(FIRST + 5);
	let();
	acknowledges = 1;
	pv_event_ack(FIRST + 3);
	pv_event_send(FIRST);
	pv_event_send(FIRST + 3);
	pv_event_send(FIRST + 5);
	let();
	check("sources can be acknowledged in another order than they came",
	      count[SOFT_VECTOR] == 1 && count[SOFT_VECTOR + 3] == 2 && count[SOFT_VECTOR + 5] == 1);
	pv_event_ack(FIRST);
	pv_event_ack(FIRST + 5);
	let();
	check("those that wait come when they are acknowledged", count[SOFT_VECTOR] == 2 && count[SOFT_VECTOR + 5] == 2);
}

static void nesting(void)
{
	fresh();
	opens = 1;
	pv_event_send(FIRST + 2);
	let();
	equal("another source comes in a handler that enables interrupts", count[SOFT_VECTOR + 7], 1);
	equal("and comes inside it", deepest, 2);
	check("its own source waits for EventAck", count[SOFT_VECTOR + 2] == 2 && order[1] == SOFT_VECTOR + 7 &&
	      order[2] == SOFT_VECTOR + 2);
	fresh();
	pv_event_bind(FIRST + 7, HIGH_VECTOR);
	pv_event_bind(FIRST, SECOND_VECTOR);
	opens = 1;
	pv_event_send(FIRST);
	let();
	check("whatever the vectors are", count[HIGH_VECTOR] == 1 && deepest == 2 && count[SECOND_VECTOR] == 2);
}

/* A timer's handler raises a source that is masked while the main line is inside an event call of another source. */
static volatile unsigned raised;

static void on_tick(struct vmi_trap *trap)
{
	(void)trap;
	pv_event_ack(VMI_SOURCE_TIMER);
	pv_event_send(FIRST + 2);
	raised++;
}

static void interrupted(void)
{
	unsigned rounds = 0;
	uint64_t start, cost;

	fresh();
	vmi_handle(TIMER_VECTOR, on_tick);
	pv_event_bind(VMI_SOURCE_TIMER, TIMER_VECTOR);
	raised = 0;
	start = pv_clock_read();
	pv_timer_set(0);
	pv_irq_enable();
	comes(&raised, 1);
	cost = 2 * (pv_clock_read() - start);
	for (unsigned round = 0; round < 400; round++) {
		unsigned before = raised, came = count[SOFT_VECTOR + 2];

		pv_event_mask(FIRST + 2);
		pv_timer_set(pv_clock_read() + cost + cost * (round * 7 % 101) / 100);
		for (unsigned i = 0; raised == before && i < 100000; i++) {
			pv_event_send(FIRST);
			pv_event_mask(FIRST + 1);
			pv_event_unmask(FIRST + 1);
		}
		pv_event_unmask(FIRST + 2);
		breathe();
		each(raised == before + 1 && count[SOFT_VECTOR + 2] == came + 1, round);
		rounds++;
	}
	pv_irq_disable();
	pv_timer_cancel();
	pv_event_bind(VMI_SOURCE_TIMER, 0);
	all("an event that a handler raises in the middle of event calls is not lost");
	equal("that was tried 400 times", rounds, 400);
}

static void other_sources(void)
{
	int64_t result;

	fresh();
	result = pv_event_bind(VMI_SOURCE_CONSOLE, CONSOLE_VECTOR);
	check("CONSOLE can be bound or is NOT_SUPPORTED", !result || result == VMI_NOT_SUPPORTED);
	if (!result)
		pv_event_bind(VMI_SOURCE_CONSOLE, 0);
	result = pv_event_bind(VMI_SOURCE_SUSPEND, SECOND_VECTOR);
	check("SUSPEND can be bound or is NOT_SUPPORTED", !result || result == VMI_NOT_SUPPORTED);
	if (!result)
		pv_event_bind(VMI_SOURCE_SUSPEND, 0);
	result = pv_event_bind(VMI_SOURCE_IPI, SECOND_VECTOR);
	equal("IPI can be bound where there is group smp, and is NOT_SUPPORTED elsewhere", result,
	      vmi_revision(VMI_GROUP_SMP) ? 0 : VMI_NOT_SUPPORTED);
	if (!result)
		pv_event_bind(VMI_SOURCE_IPI, 0);
}

static void on_ipi(struct vmi_trap *trap)
{
	count[trap->vector]++;
	pv_event_ack(VMI_SOURCE_IPI);
}

static void processors(void)
{
	fresh();
	vmi_handle(IPI_VECTOR, on_ipi);
	pv_event_bind(VMI_SOURCE_IPI, IPI_VECTOR);
	equal("VcpuId is 0", pv_vcpu_id(), 0);
	equal("IpiSend to nobody succeeds", pv_ipi_send(0), 0);
	let();
	equal("IpiSend to nobody raises nothing", count[IPI_VECTOR], 0);
	equal("IpiSend to oneself succeeds", pv_ipi_send(1), 0);
	equal("an IPI waits while interrupts are disabled", count[IPI_VECTOR], 0);
	pv_irq_enable();
	each(comes(count + IPI_VECTOR, 1), 0);
	all("an IPI to oneself comes");
	pv_irq_disable();
	equal("IpiSend to one that was never started is INVALID", pv_ipi_send(2), VMI_INVALID);
	equal("IpiSend to oneself and such a one is INVALID", pv_ipi_send(1ull << 63 | 1), VMI_INVALID);
	let();
	equal("IpiSend that is INVALID sends nothing", count[IPI_VECTOR], 1);
	equal("VcpuStart of the boot VCPU fails", pv_vcpu_start(0, 0) < 0, 1);
	equal("VcpuStop of the last VCPU is INVALID", pv_vcpu_stop(), VMI_INVALID);
	pv_vcpu_yield();
	equal("VcpuYield returns with interrupts as they were", pv_irq_save() & VMI_FLAG_IF, 0);
}

void check_event(void)
{
	arguments();
	delivery();
	masks();
	binding();
	acknowledging();
	nesting();
	interrupted();
	other_sources();
	if (vmi_revision(VMI_GROUP_SMP))
		processors();
	fresh();
	for (unsigned i = 0; i < SOURCES; i++)
		pv_event_bind(FIRST + i, 0);
}
