/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What of a ROM goes into the window. The guest's linker checks the rest of the image, as everywhere. */
#include "shim.h"

#define ROM_SIGNATURE 0xaa55
#define UNIT 512
#define REMEDY "build the ROM again"

static struct part extent(struct part image, const char *what, uint64_t offset, uint64_t size, uint64_t limit)
{
	if (size > limit || offset > image.size || size > image.size - offset)
		refuse("ROM: %lu bytes of %s at %#lx, expected at most %lu and within %#lx; " REMEDY, size, what, offset,
		       limit, image.size);
	return (struct part){ image.start + offset, size };
}

void rom_open(struct rom *rom, struct part image)
{
	const struct vmi_rom_header *header = (const void *)image.start;
	const struct vmi_rom_descriptor *d;

	if (image.size < sizeof(*header) + sizeof(*d))
		refuse("ROM: %lu bytes, expected at least a header and a descriptor; " REMEDY, image.size);
	if (header->rom_signature != ROM_SIGNATURE || header->signature != VMI_ROM_MAGIC)
		refuse("ROM: begins with %#lx and has %#lx at 0x8, expected %#lx and %#lx: not a VMI ROM; " REMEDY,
		       (uint64_t)header->rom_signature, (uint64_t)header->signature, (uint64_t)ROM_SIGNATURE,
		       (uint64_t)VMI_ROM_MAGIC);
	if (header->length * UNIT != image.size)
		refuse("ROM: its length says %lu bytes, there are %lu; " REMEDY, (uint64_t)header->length * UNIT, image.size);
	if (header->major != VMI_MAJOR)
		refuse("ROM: interface version %lu.%lu, expected %lu; " REMEDY, (uint64_t)header->major,
		       (uint64_t)header->minor, (uint64_t)VMI_MAJOR);
	if (header->descriptor % 4 || header->descriptor > image.size - sizeof(*d))
		refuse("ROM: descriptor at %#lx, expected a multiple of 4 and its end within %#lx; " REMEDY,
		       (uint64_t)header->descriptor, image.size);
	d = (const void *)(image.start + header->descriptor);
	if (d->magic != VMI_DESCRIPTOR_MAGIC)
		refuse("ROM: descriptor magic %#lx, expected %#lx; " REMEDY, (uint64_t)d->magic,
		       (uint64_t)VMI_DESCRIPTOR_MAGIC);
	rom->text = extent(image, "text", d->text, d->text_size, VMI_TEXT_LIMIT);
	rom->data = extent(image, "data", d->data, d->data_size, VMI_DATA_LIMIT);
}
