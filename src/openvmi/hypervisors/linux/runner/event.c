/* SPDX-License-Identifier: MIT */
/* Event sources and their vectors: the rules of abi/4.0/event.toml. Sets are words with a bit for each source. */
#include "vcpu.h"
#include "native.h"

#define EXISTING (1u << VMI_SOURCE_TIMER | 1u << VMI_SOURCE_CONSOLE | 0xffu << VMI_SOURCE_SOFT)
#define LOWEST_VECTOR 32
#define HIGHEST_VECTOR 255

static uint32_t bound, masked, pending, handled;
static uint32_t vectors[VMI_EVENT_SOURCES];

static bool exists(uint32_t source) { return source < VMI_EVENT_SOURCES && EXISTING >> source & 1; }

int64_t event_bind(uint32_t source, uint32_t vector)
{
	uint32_t bit;

	if (source >= VMI_EVENT_SOURCES || (vector && (vector < LOWEST_VECTOR || vector > HIGHEST_VECTOR)))
		return VMI_INVALID;
	if (!exists(source))
		return VMI_NOT_SUPPORTED;
	for (uint32_t other = 0; vector && other < VMI_EVENT_SOURCES; other++)
		if (other != source && bound >> other & 1 && vectors[other] == vector)
			return VMI_BUSY;
	bit = 1u << source;
	bound &= ~bit;
	masked &= ~bit;
	handled &= ~bit;
	vectors[source] = vector;
	if (vector)
		bound |= bit;
	return VMI_SUCCESS;
}

int64_t event_mask(uint32_t source, bool on)
{
	if (!exists(source))
		return VMI_INVALID;
	masked = (masked & ~(1u << source)) | (uint32_t)on << source;
	return VMI_SUCCESS;
}

int64_t event_acknowledge(uint32_t source)
{
	if (!exists(source))
		return VMI_INVALID;
	handled &= ~(1u << source);
	return VMI_SUCCESS;
}

int64_t event_send(uint32_t source)
{
	if (source < VMI_SOURCE_SOFT || source >= VMI_EVENT_SOURCES)
		return VMI_INVALID;
	event_raise(source);
	return VMI_SUCCESS;
}

void event_raise(uint32_t source) { pending |= 1u << source; }

static uint32_t deliverable(void)
{
	timer_tick();
	if (input_arrived())
		event_raise(VMI_SOURCE_CONSOLE);
	return pending & bound & ~masked & ~handled;
}

uint32_t event_next(void)
{
	uint32_t set;

	if (native())
		return interrupt_next();
	set = deliverable();
	return set ? vectors[__builtin_ctz(set)] : 0;
}

uint32_t event_take(void)
{
	uint32_t set, bit;

	if (native())
		return interrupt_take();
	set = deliverable();
	bit = set & -set;
	if (!set)
		return 0;
	pending &= ~bit;
	handled |= bit;
	count_exit("event");
	return vectors[__builtin_ctz(set)];
}

void events_after_exit(void)
{
	if (interrupts() && event_next()) {
		kernel_held = false;
		kernel_deliver(event_take(), 0);
	}
	set_waiting(event_next());
	if (kernel_held)
		console_flush(true);
}

/* K or U stopped somewhere, not by itself. */
void events_pending(void)
{
	console_flush(true);
	if (!current || !current->stopped)
		return; /* it will be, by a signal */
	/* With U still running, its own stop follows. */
	if (current != &kernel || !present || present->area->turn != TURN_OWNER)
		pause_here();
	if (current != &kernel) {
		if (interrupts() && event_next())
			user_deliver(event_take(), 0);
		set_waiting(event_next());
		return;
	}
	if (block_user()) /* U has its own signal */
		return;
	if (native() && native_in_shadow())
		return;
	if (in_rom(kernel_context()->rip) && !kernel_held) {
		if (interrupts() && event_next())
			kernel_step();
		set_waiting(event_next());
		return;
	}
	events_after_exit();
}
