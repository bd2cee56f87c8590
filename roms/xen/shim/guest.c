/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The guest's file: what to load, and what its notes say. The same checks as src/openvmi/guest makes, for those who come
 * here without it. System V ABI, chapters 4 and 5, 64-bit little-endian forms.
 */
#include "shim.h"

#define REMEDY "build the guest again"
#define SPAN_LIMIT (1ul << 30) /* bytes from the first to the last address of the segments */
#define REACH (1ul << 31) /* of a rel32 */
#define DIRECT_MAP_ALIGN (1ul << 30)

enum { PT_LOAD = 1, PT_NOTE = 4 };

struct elf {
	uint8_t ident[16];
	uint16_t type, machine;
	uint32_t version;
	uint64_t entry, table, sections;
	uint32_t flags;
	uint16_t size, entry_size, count;
};

struct program {
	uint32_t type, flags;
	uint64_t offset, virtual, physical, file_size, memory_size, align;
};
_Static_assert(sizeof(struct program) == 56, "program header");

struct note {
	uint32_t name_size, size, type;
	char name[8];
};

static int canonical(uint64_t address)
{
	return (uint64_t)((int64_t)(address << 16) >> 16) == address;
}

static void add_segment(struct guest *guest, const struct program *program, uint64_t number, struct part file)
{
	uint64_t last = program->virtual + page_up(program->memory_size) - 1;

	if (program->file_size > program->memory_size || program->memory_size > SPAN_LIMIT)
		refuse("guest: program header %lu has %#lx bytes in the file for %#lx of memory, expected at most as many, "
		       "and at most %#lx; " REMEDY, number, program->file_size, program->memory_size, SPAN_LIMIT);
	if (program->virtual % PAGE || !canonical(program->virtual) || !canonical(last) || last + 1 <= program->virtual)
		refuse("guest: program header %lu covers %#lx to %#lx, expected canonical addresses, page aligned, below the last page; " REMEDY,
		       number, program->virtual, last);
	if ((program->flags & (SEGMENT_EXECUTABLE | SEGMENT_WRITABLE)) == (SEGMENT_EXECUTABLE | SEGMENT_WRITABLE))
		refuse("guest: program header %lu at %#lx is writable and executable, expected one of them; " REMEDY,
		       number, program->virtual);
	if (guest->segment_count && (program->virtual < guest->image_end || last - guest->image_start >= SPAN_LIMIT))
		refuse("guest: program header %lu covers %#lx to %#lx, expected it behind the segments at %#lx to %#lx and "
		       "within %#lx bytes; " REMEDY, number, program->virtual, last, guest->image_start, guest->image_end,
		       SPAN_LIMIT);
	if (!guest->segment_count)
		guest->image_start = program->virtual;
	guest->image_end = last + 1;
	guest->segments[guest->segment_count++] = (struct segment){
		.virtual = program->virtual,
		.memory_size = program->memory_size,
		.file_size = program->file_size,
		.contents = file.start + program->offset,
		.flags = program->flags,
	};
}

/* Stores what a note of OpenVMI says, if it says something that is needed here. */
static void read_note(struct guest *guest, const struct note *note, const uint8_t *contents)
{
	const struct vmi_note_version *version = (const void *)contents;
	uint64_t *value = note->type == VMI_NOTE_ENTRY ? &guest->entry
			: note->type == VMI_NOTE_WINDOW ? &guest->window
			: note->type == VMI_NOTE_DIRECT_MAP ? &guest->direct_map : 0;

	if (!value && note->type != VMI_NOTE_VERSION)
		return;
	if (note->size != sizeof(uint64_t))
		refuse("guest: note %lu has %lu bytes, expected 8; " REMEDY, (uint64_t)note->type, (uint64_t)note->size);
	if (value)
		memcpy(value, contents, sizeof(*value));
	else if (version->major != VMI_MAJOR)
		refuse("guest: built for interface version %lu.%lu, expected %lu; " REMEDY, (uint64_t)version->major,
		       (uint64_t)version->minor, (uint64_t)VMI_MAJOR);
}

/* Returns a bit for each type of note that there is. */
static unsigned read_notes(struct guest *guest, const uint8_t *at, uint64_t left)
{
	unsigned found = 0;

	while (left >= 12) {
		const struct note *note = (const void *)at;
		uint64_t name = 12 + ((note->name_size + 3ul) & -4ul), size = name + ((note->size + 3ul) & -4ul);

		if (name + note->size > left)
			refuse("guest: a note needs %#lx bytes, its segment has %#lx left; " REMEDY, name + note->size, left);
		if (note->name_size == 8 && !memcmp(note->name, "OpenVMI", 8) && note->type < 32) {
			if (found >> note->type & 1)
				refuse("guest: two notes of type %lu, expected one; " REMEDY, (uint64_t)note->type);
			found |= 1u << note->type;
			read_note(guest, note, at + name);
		}
		if (size >= left)
			break;
		at += size;
		left -= size;
	}
	return found;
}

static void check_entry(const struct guest *guest)
{
	for (unsigned i = 0; i < guest->segment_count; i++) {
		const struct segment *segment = &guest->segments[i];

		if (segment->flags & SEGMENT_EXECUTABLE && guest->entry - segment->virtual < segment->file_size)
			return;
	}
	refuse("guest: its ENTRY note says %#lx, expected an address in its code; " REMEDY, guest->entry);
}

void guest_open(struct guest *guest, struct part file)
{
	static const uint8_t ident[7] = { 0x7f, 'E', 'L', 'F', 2, 1, 1 };
	static const unsigned needed =
		1 << VMI_NOTE_VERSION | 1 << VMI_NOTE_ENTRY | 1 << VMI_NOTE_WINDOW | 1 << VMI_NOTE_DIRECT_MAP;
	const struct elf *elf = (const void *)file.start;
	const struct program *programs;
	unsigned found = 0;

	if (file.size < 64 || memcmp(elf->ident, ident, sizeof(ident)) || elf->type != 2 || elf->machine != 62)
		refuse("guest: %lu bytes that are no ELF executable for x86-64; give the package a guest kernel", file.size);
	if (elf->size != 64 || elf->entry_size != sizeof(*programs) || !elf->count || elf->count > SEGMENTS ||
	    elf->table % 8 || elf->table > file.size || elf->count * sizeof(*programs) > file.size - elf->table)
		refuse("guest: %lu program headers of %lu bytes at %#lx, expected 1 to 64 of 56 within %#lx; " REMEDY,
		       (uint64_t)elf->count, (uint64_t)elf->entry_size, elf->table, file.size);
	programs = (const void *)(file.start + elf->table);
	for (unsigned i = 0; i < elf->count; i++) {
		const struct program *program = &programs[i];

		if (program->type != PT_LOAD && program->type != PT_NOTE)
			continue;
		if (program->offset > file.size || program->file_size > file.size - program->offset)
			refuse("guest: program header %lu has %#lx bytes at %#lx, expected them within %#lx; " REMEDY,
			       (uint64_t)i, program->file_size, program->offset, file.size);
		if (program->type == PT_NOTE && program->align <= 4)
			found |= read_notes(guest, file.start + program->offset, program->file_size);
		else if (program->type == PT_LOAD && program->memory_size)
			add_segment(guest, program, i, file);
	}
	if (!guest->segment_count || (found & needed) != needed)
		refuse("guest: %lu segments and notes %#lx (bit per type), expected segments and at least %#lx; link the "
		       "kernel with libvmi", (uint64_t)guest->segment_count, (uint64_t)found, (uint64_t)needed);
	check_entry(guest);
}

/* ---- addresses: what is mapped for the guest ---- */

struct range {
	const char *name;
	uint64_t start, last;
};

static void check_apart(const struct range *range, const struct range *other)
{
	if (range->start <= other->last && other->start <= range->last)
		refuse("guest: its %s at %#lx to %#lx overlaps %s at %#lx to %#lx; link it elsewhere", range->name,
		       range->start, range->last, other->name, other->start, other->last);
}

void guest_check_addresses(const struct guest *guest, uint64_t pages)
{
	const struct range ranges[] = {
		{ "image", guest->image_start, guest->image_end - 1 },
		{ "ROM window", guest->window, guest->window + VMI_WINDOW_SIZE - 1 },
		{ "direct map", guest->direct_map, guest->direct_map + pages * PAGE - 1 },
		{ "Xen", XEN_RESERVED_START, XEN_RESERVED_LAST },
		{ "the boot shim", XEN_SHIM_BASE, XEN_SHIM_BASE + (1ul << 39) - 1 },
	};

	if (guest->window % PAGE || !guest->window || guest->direct_map % DIRECT_MAP_ALIGN)
		refuse("guest: ROM window at %#lx and direct map at %#lx, expected multiples of 4 KiB and 1 GiB; " REMEDY,
		       guest->window, guest->direct_map);
	if (guest->window + VMI_WINDOW_SIZE - guest->image_start > REACH && guest->image_end - guest->window > REACH)
		refuse("guest: ROM window at %#lx, expected it within 2 GiB of the image at %#lx to %#lx; " REMEDY,
		       guest->window, guest->image_start, guest->image_end);
	for (unsigned i = 0; i < 3; i++) {
		if (!canonical(ranges[i].start) || !canonical(ranges[i].last) || ranges[i].last < ranges[i].start)
			refuse("guest: its %s at %#lx to %#lx, expected canonical addresses; link it elsewhere",
			       ranges[i].name, ranges[i].start, ranges[i].last);
		for (unsigned j = i + 1; j < sizeof(ranges) / sizeof(*ranges); j++)
			check_apart(&ranges[i], &ranges[j]);
	}
}
