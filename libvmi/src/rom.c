/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Opening a ROM image: every offset that the linker will follow is checked here, once. The ROM will run at the kernel's
 * privilege, so this protects against damage and mistakes, not against malice.
 */
#include "link.h"

#define UNIT 512

/* Whether count elements of size bytes at an offset, aligned, lie inside the image. */
static int inside(const struct vmi_rom *rom, uint64_t offset, uint64_t count, uint64_t size, uint64_t align)
{
	return offset % align == 0 && offset <= rom->size && count <= rom->size && count * size <= rom->size - offset;
}

static uint8_t byte_sum(const uint8_t *bytes, uint32_t size)
{
	uint64_t sum = 0;

	/* Eight bytes at a time: the image is 512-byte units. Lanes of 16 bits cannot overflow within 256 words. */
	for (uint32_t i = 0; i < size;) {
		uint64_t low = 0, high = 0;

		for (uint32_t end = i + UNIT; i < end; i += 8) {
			uint64_t word;

			__builtin_memcpy(&word, bytes + i, 8);
			low += word & 0x00ff00ff00ff00ff;
			high += word >> 8 & 0x00ff00ff00ff00ff;
		}
		low += high;
		sum += low + (low >> 16) + (low >> 32) + (low >> 48);
	}
	return sum;
}

static const char *check_recipe(const struct vmi_rom *rom, const struct vmi_rom_call *call)
{
	const struct vmi_rom_descriptor *d = rom->descriptor;
	int form = vmi_form_index(call->number);

	if (call->target > d->recipes_size || call->size > d->recipes_size - call->target)
		return "a recipe lies outside the recipes";
	if (form >= 0 && call->size > vmi_forms[form].size)
		return "a recipe is longer than its site";
	if (call->relocation > d->relocation_count || call->relocation_count > d->relocation_count - call->relocation)
		return "relocations of a recipe lie outside the table";
	for (unsigned i = 0; i < call->relocation_count; i++) {
		const struct vmi_rom_reloc *reloc = &rom->relocations[call->relocation + i];
		uint32_t limit = reloc->kind == VMI_RELOC_TEXT ? d->text_size
			       : reloc->kind == VMI_RELOC_DATA ? d->data_memory
			       : reloc->kind == VMI_RELOC_VCPU ? d->vcpu_size : 0;

		if (reloc->offset + 4u > call->size || reloc->target >= limit)
			return "a relocation leaves its recipe, or points outside text, data or VCPU block";
	}
	return 0;
}

static const char *check_calls(const struct vmi_rom *rom)
{
	const struct vmi_rom_descriptor *d = rom->descriptor;
	const char *problem;

	for (uint32_t i = 0; i < d->call_count; i++) {
		const struct vmi_rom_call *call = &rom->calls[i];
		int form = vmi_form_index(call->number);

		if (i && call->number <= call[-1].number)
			return "the calls are not in ascending order";
		if (form >= 0 && (vmi_forms[form].jumps ? call->kind == VMI_LINK_CALL || call->kind == VMI_LINK_NOP
							: call->kind == VMI_LINK_JUMP))
			return "a call that returns is jumped to, or one that does not is called";
		switch (call->kind) {
		case VMI_LINK_NATIVE:
		case VMI_LINK_NOP:
			break;
		case VMI_LINK_CALL:
		case VMI_LINK_JUMP:
			if (call->target >= d->text_size)
				return "a call goes outside the text";
			break;
		case VMI_LINK_INLINE:
			problem = check_recipe(rom, call);
			if (problem)
				return problem;
			break;
		default:
			return "a call has an unknown kind";
		}
	}
	return 0;
}

const char *vmi_rom_open(struct vmi_rom *rom, const void *image, uint32_t size)
{
	const struct vmi_rom_header *header = image;
	const struct vmi_rom_descriptor *d;

	*rom = (struct vmi_rom){ .image = image, .size = size, .header = header, .licence = "" };
	if (size < sizeof(*header) + sizeof(*d) || header->rom_signature != 0xaa55)
		return "it has no option ROM signature";
	if (header->signature != VMI_ROM_MAGIC)
		return "it has no VMI signature";
	if (header->length * UNIT > size || header->length * UNIT < sizeof(*header))
		return "its length is not that of the image";
	rom->size = header->length * UNIT;
	if (byte_sum(image, rom->size))
		return "its checksum is wrong";
	if (header->major != VMI_MAJOR)
		return 0; /* laid out differently; the version gate has the last word */
	if (!inside(rom, header->descriptor, 1, sizeof(*d), 4))
		return "its descriptor lies outside the image";
	d = rom->descriptor = (const void *)(rom->image + header->descriptor);
	if (d->magic != VMI_DESCRIPTOR_MAGIC || d->size < sizeof(*d))
		return "its descriptor has the wrong magic or size";
	if (d->text_size > VMI_TEXT_LIMIT || !inside(rom, d->text, d->text_size, 1, 1))
		return "its text is over two pages, or outside the image";
	if (d->data_memory > VMI_DATA_LIMIT || d->data_size > d->data_memory || !inside(rom, d->data, d->data_size, 1, 1))
		return "its data is over one page, or outside the image";
	if (d->vcpu_size > VMI_VCPU_BLOCK_SIZE - VMI_VCPU_ROM_OFFSET)
		return "it wants more of the VCPU block than there is";
	if (!inside(rom, d->calls, d->call_count, sizeof(*rom->calls), 4) ||
	    !inside(rom, d->relocations, d->relocation_count, sizeof(*rom->relocations), 4) ||
	    !inside(rom, d->recipes, d->recipes_size, 1, 1) ||
	    !inside(rom, d->groups, d->group_count, sizeof(*rom->groups), 4))
		return "one of its tables lies outside the image";
	rom->calls = (const void *)(rom->image + d->calls);
	rom->relocations = (const void *)(rom->image + d->relocations);
	rom->groups = (const void *)(rom->image + d->groups);
	if (header->licence) {
		for (uint32_t end = header->licence; end < rom->size; end++)
			if (!rom->image[end]) {
				rom->licence = (const char *)rom->image + header->licence;
				break;
			}
	}
	return check_calls(rom);
}

const struct vmi_rom_group *vmi_rom_group(const struct vmi_rom *rom, unsigned group)
{
	for (uint32_t i = 0; i < rom->descriptor->group_count; i++)
		if (rom->groups[i].group == group)
			return &rom->groups[i];
	return 0;
}
