/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Opening the package (private.h): nothing in it points outside, and no byte has two meanings. */
#include "shim.h"

#define REMEDY "make the package again"

struct header {
	uint64_t magic;
	uint32_t count, size;
};

struct entry {
	uint32_t kind, reserved;
	uint64_t offset, size, name;
};
_Static_assert(sizeof(struct header) == XEN_PACK_ENTRIES && sizeof(struct entry) == XEN_PACK_ENTRY &&
	       offsetof(struct header, count) == XEN_PACK_COUNT && offsetof(struct header, size) == XEN_PACK_SIZE,
	       "picture in private.h");

static const char *module_name(struct part contents, const struct entry *entry, uint64_t number)
{
	uint64_t end = entry->name;

	if (!end)
		return "";
	while (end < contents.size && contents.start[end])
		end++;
	if (end >= contents.size)
		refuse("package: the name of entry %lu at %#lx has no end within %#lx bytes; " REMEDY, number, entry->name,
		       contents.size);
	return (const char *)contents.start + entry->name;
}

static void add_module(struct package *package, const uint8_t *start, uint64_t size, const char *name)
{
	package->modules[package->module_count++] = (struct vmi_module){
		.start = physical(start),
		.size = size,
		.name = physical(name),
	};
}

static void set_only(struct part *part, struct part found, const char *what, uint64_t number)
{
	if (part->start)
		refuse("package: entry %lu is a second %s, expected one; " REMEDY, number, what);
	*part = found;
}

static void add(struct package *package, struct part contents, const struct entry *entry, uint64_t number)
{
	struct part found = { contents.start + entry->offset, entry->size };

	switch (entry->kind) {
	case XEN_PACK_GUEST:
		set_only(&package->guest, found, "guest", number);
		package->flags = entry->name & XEN_PACK_FLAGS;
		break;
	case XEN_PACK_ROM:
		set_only(&package->rom, found, "ROM", number);
		break;
	case XEN_PACK_COMMAND_LINE:
		set_only(&package->command_line, found, "command line", number);
		break;
	case XEN_PACK_MODULE:
		add_module(package, found.start, found.size, module_name(contents, entry, number));
		break;
	default:
		refuse("package: entry %lu has kind %lu, expected 1 to 4; use the shim and the tool of one release", number,
		       (uint64_t)entry->kind);
	}
}

void package_open(struct package *package, struct part contents)
{
	const struct header *header = (const void *)contents.start;
	const struct entry *entries = (const void *)(header + 1);
	uint64_t end;

	if (contents.size < sizeof(*header))
		refuse("the module has %lu bytes, expected a package; give Xen one behind this kernel", contents.size);
	if (header->magic != XEN_PACK_MAGIC)
		refuse("the module begins with %#lx, expected a package, %#lx; give Xen one behind this kernel",
		       header->magic, (uint64_t)XEN_PACK_MAGIC);
	if (!header->count || header->count > XEN_PACK_LIMIT)
		refuse("package: %lu entries, expected 1 to %lu; " REMEDY, (uint64_t)header->count,
		       (uint64_t)XEN_PACK_LIMIT);
	end = sizeof(*header) + header->count * sizeof(*entries);
	if (header->size != end || end > contents.size)
		refuse("package: header and entries have %lu bytes of %lu, expected %lu; " REMEDY, (uint64_t)header->size,
		       contents.size, end);
	for (uint64_t i = 0; i < header->count; i++) {
		const struct entry *entry = &entries[i];

		if (entry->reserved || entry->offset % PAGE || entry->offset < end || entry->offset > contents.size ||
		    entry->size > contents.size - entry->offset)
			refuse("package: entry %lu has %#lx bytes at %#lx, expected whole pages behind the one before, at "
			       "or after %#lx and within %#lx; " REMEDY, i, entry->size, entry->offset, end, contents.size);
		end = page_up(entry->offset + entry->size);
		add(package, contents, entry, i);
	}
	if (!package->guest.start)
		refuse("package: no guest in %lu entries, expected one; " REMEDY, (uint64_t)header->count);
}
