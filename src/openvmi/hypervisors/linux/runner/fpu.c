/* SPDX-License-Identifier: MIT */
/*
 * Floating-point registers in signal frames: FXSAVE's form, 512 bytes of which the host uses the last ones itself, and
 * behind it the rest of XSAVE's with a word that says which parts hold anything (Intel SDM volume 1, section 13.4).
 */
#include "internal.h"
#include "vcpu.h"

#define REGISTERS 416 /* bytes of FXSAVE's form up to XMM15 */
#define MXCSR 24
#define MXCSR_BITS 0xffffu
#define EXTENDED 464 /* struct _fpx_sw_bytes: magic1 (arch/x86/include/uapi/asm/sigcontext.h) */
#define EXTENDED_MAGIC 0x46505853u
#define XSTATE_BV 512
#define SIZE 576

static uint8_t *state_of(const struct stub *stub)
{
	const struct context *context = stub_context((struct stub *)(uintptr_t)stub);
	uint64_t at = context ? context->fpstate - LNX_SELF : 0;

	return at < PAGE_SIZE || at > AREA_SIZE - SIZE || at % 64 ? NULL : (uint8_t *)(uintptr_t)stub->area + at;
}

bool fpu_copy(struct stub *to, struct stub *from)
{
	uint8_t *target = state_of(to);
	const uint8_t *source = state_of(from);

	if (!target || !source)
		return false;
	memcpy(target, source, REGISTERS);
	*(uint32_t *)(target + MXCSR) &= MXCSR_BITS; /* the host refuses the frame for others */
	if (*(const uint32_t *)(target + EXTENDED) == EXTENDED_MAGIC)
		*(uint64_t *)(target + XSTATE_BV) |= 3;
	return true;
}
