/* SPDX-License-Identifier: MIT */
/* Patching the call sites of 29 to 34: each site asks again, as in the real client (facts, sections 12.1 and 15). */
#include "client.h"

/* One site, or one part of it. JUMP_REL is written wherever the ROM answers it: in a call site it never comes back. */
static void patch(uint8_t *address, unsigned length, unsigned number)
{
	uint64_t answer = ask(number);
	unsigned type = (unsigned)(answer >> 32);
	uint32_t relative = (uint32_t)answer - (uint32_t)address - 5;

	if (type == VMI3_RELOCATION_NONE)
		return;
	if (type == VMI3_RELOCATION_JUMP_REL && number < VMI3_CALL_IRET) {
		print("FAIL link/%s: JUMP_REL goes into a call site and never comes back\n", call_names[number]);
		die("call site of %u at 0x%x would be a jump", number, (uint32_t)address);
	}
	if (type > VMI3_RELOCATION_NOP) {
		print("FAIL link/%s: unknown relocation %u\n", call_names[number], type);
		die("BUG: patch site of %u, relocation %u", number, type);
	}
	memset(address, 0x90, length);
	if (type == VMI3_RELOCATION_NOP)
		return;
	address[0] = type == VMI3_RELOCATION_CALL_REL ? 0xe8 : 0xe9;
	memcpy(address + 1, &relative, 4);
}

void patch_sites(void)
{
	static const uint8_t numbers[] = { VMI3_CALL_DisableInterrupts, VMI3_CALL_EnableInterrupts, VMI3_CALL_SetInterruptMask,
					   VMI3_CALL_GetInterruptMask, 0, VMI3_CALL_IRET, VMI3_CALL_SYSEXIT };
	unsigned count = 0;

	for (const struct site *site = sites_start; site < sites_end; site++, count++) {
		if (site->type > SITE_SYSEXIT || site->length < 5)
			die("site %u: type %u, %u bytes", count, site->type, site->length);
		if (site->type != SITE_SAVE_OFF) {
			patch(site->address, site->length, numbers[site->type]);
		} else if (answers[VMI3_CALL_GetInterruptMask] == VMI3_RELOCATION_CALL_REL &&
			   answers[VMI3_CALL_DisableInterrupts] == VMI3_RELOCATION_CALL_REL) {
			memset(site->address, 0x90, site->length);
			patch(site->address, 5, VMI3_CALL_GetInterruptMask);
			patch(site->address + 5, 5, VMI3_CALL_DisableInterrupts);
		}
	}
	print("client: %u sites patched\n", count);
}
