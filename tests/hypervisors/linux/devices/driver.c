/* SPDX-License-Identifier: MIT */
/* What the runner's devices need of the rest of it, for a test that loads them: time, console and end are the test's. */
#include "native.h"

struct handover handover;
uint64_t now, wall, alarm_at; /* alarm_at 0: none is set */
uint8_t input[256], output[256];
uint32_t input_first, input_end, output_count;
uint32_t end_reason, end_code; /* of the last call of run_port_write that did not return */
static void *back[5];

uint64_t clock_now(void) { return now; }
uint64_t clock_wall(void) { return wall; }
void timer_set(uint64_t deadline) { alarm_at = deadline; }
void timer_cancel(void) { alarm_at = 0; }
void timer_tick(void) {}
void count_exit(const char *name) { (void)name; }
bool console_waits(void) { return input_first != input_end; }
int console_take(void) { return console_waits() ? input[input_first++ % sizeof input] : -1; }
void console_put(uint8_t byte) { output[output_count++ % sizeof output] = byte; }

void guest_ends(uint32_t reason, uint32_t code)
{
	end_reason = reason;
	end_code = code;
	__builtin_longjmp(back, 1);
}

void finish(enum ending ending, uint32_t code, const char *message)
{
	(void)message;
	guest_ends(ending == END_EXIT ? VMI_SHUTDOWN_EXIT : 1000, code);
}

/* Whether it returned. */
bool run_port_write(uint16_t port, uint32_t size, uint32_t value)
{
	if (__builtin_setjmp(back))
		return false;
	port_write(port, size, value);
	return true;
}
