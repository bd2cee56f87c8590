/* SPDX-License-Identifier: MIT */
/*
 * DescriptorsSet: slots of the host's local table of user mode. M sets its own, which a new U inherits; one that is there
 * already sets its own before it goes on. (man modify_ldt, arch/x86/include/uapi/asm/ldt.h.)
 */
#include "internal.h"
#include "vcpu.h"
#include "sys.h"

#define WRITE_LDT 0x11
#define CODE (1ul << 43)
#define WRITABLE (1ul << 41) /* of code: readable */
#define DOWN (1ul << 42)     /* of code: conforming */
#define LONG (1ul << 53)

static uint64_t slots[VMI_DESCRIPTOR_SLOTS];
static uint32_t generation;	 /* of the slots */
static uint32_t seen[AREA_COUNT]; /* by area: what its U has */

/* Zero, or a present code or data segment of privilege 3 (Intel SDM volume 3, section 3.4.5). */
static bool allowed(uint64_t descriptor)
{
	return !descriptor || (descriptor >> 47 & 1 && descriptor >> 44 & 1 && (descriptor >> 45 & 3) == 3);
}

/* The host has no 64-bit and no conforming code there; 16-bit segments only as it was built, which it says itself. */
static bool possible(uint64_t descriptor) { return !(descriptor & CODE) || !(descriptor & (LONG | DOWN)); }

static struct descriptor translate(uint32_t slot)
{
	uint64_t d = slots[slot];
	uint32_t flags = d & CODE ? 2u << 1 : d & DOWN ? 1u << 1 : 0;

	if (!d)
		return (struct descriptor){slot, 0, 0, 1u << 3 | 1u << 5}; /* read-only, not present: empty */
	flags |= d >> 54 & 1 ? 1u : 0;
	flags |= d & WRITABLE ? 0 : 1u << 3;
	flags |= d >> 55 & 1 ? 1u << 4 : 0;
	flags |= d >> 52 & 1 ? 1u << 6 : 0;
	return (struct descriptor){
		slot, (uint32_t)(d >> 16 & 0xffffff) | (uint32_t)(d >> 56) << 24,
		(uint32_t)(d & 0xffff) | (uint32_t)(d >> 32 & 0xf0000), flags,
	};
}

static bool set(uint32_t slot, uint64_t descriptor)
{
	struct descriptor translated;

	slots[slot] = descriptor;
	translated = translate(slot);
	generation++;
	return !sys(SYS_modify_ldt, WRITE_LDT, &translated, sizeof translated);
}

int64_t descriptors_change(uint32_t first, const uint64_t *descriptors, uint32_t count)
{
	uint64_t before[VMI_DESCRIPTOR_SLOTS];
	uint32_t done = 0;

	for (uint32_t i = 0; i < count; i++)
		if (!allowed(descriptors[i]))
			return VMI_INVALID;
	for (uint32_t i = 0; i < count; i++)
		if (!possible(descriptors[i]))
			return VMI_NOT_SUPPORTED;
	memcpy(before, slots, sizeof before);
	while (done < count && set(first + done, descriptors[done]))
		done++;
	for (uint32_t i = 0; done < count && i <= done; i++) /* the host has no such segments */
		set(first + i, before[first + i]);
	descriptors_refresh();
	return done == count ? VMI_SUCCESS : VMI_NOT_SUPPORTED;
}

void descriptors_refresh(void)
{
	if (!present || seen[present->index] == generation)
		return;
	for (uint32_t i = 0; i < VMI_DESCRIPTOR_SLOTS; i++) {
		struct descriptor descriptor = translate(i);

		command_descriptor(present, &descriptor);
	}
	seen[present->index] = generation;
}

void descriptors_inherited(void) { seen[present->index] = generation; }

static uint64_t slot_of(uint64_t selector)
{
	uint64_t slot = (selector & 0xffff) >> 3;

	return (selector & 7) == (LNX_DESCRIPTORS & 7) && slot < VMI_DESCRIPTOR_SLOTS ? slots[slot] : 0;
}

bool descriptor_is_code(uint64_t selector) { return slot_of(selector) & CODE; }

bool descriptor_is_stack(uint64_t selector)
{
	uint64_t descriptor = slot_of(selector);

	return !(descriptor & CODE) && descriptor & WRITABLE;
}
