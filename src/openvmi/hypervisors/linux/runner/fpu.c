/* SPDX-License-Identifier: MIT */
/*
 * Floating-point registers on M's ways between K and U; on the usual ones K's ROM carries them (user.S). A stopped stub has
 * them in its signal frame, in the form of FXSAVE64 (Linux marks x87 and SSE as present in the header behind it, so it
 * loads what is written there). Wider registers stay where they are, and CPUID hides them.
 */
#include "internal.h"
#include "vcpu.h"

#define ALIGNMENT 16

/* Null when the stub's code has put something else there. */
static uint8_t *state(struct stub *stub)
{
	const volatile struct context *context = stub_context(stub);
	uint64_t at;

	if (!context)
		return NULL;
	at = context->fpstate - LNX_SELF;
	if (at < PAGE_SIZE || at > AREA_SIZE - LNX_FX_SIZE || at % ALIGNMENT)
		return NULL;
	return (uint8_t *)(uintptr_t)stub->area + at;
}

bool fpu_copy(struct stub *to, struct stub *from)
{
	const uint8_t *source = state(from);
	uint8_t *target = state(to);

	if (!source || !target)
		return false;
	memcpy(target, source, LNX_FX_USED);
	*(uint32_t *)(target + LNX_FX_MXCSR) &= LNX_MXCSR_MASK; /* the host takes no frame with another bit */
	return true;
}
