/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The boot options that every guest understands:
 *
 *	vmi=off			no ROM, whatever is offered
 *	vmi.disable=GROUP,...	these groups native
 *	vmi.licence=gpl|osi|any	licence class that a ROM must at least have; a stricter note of the kernel stays in force
 *	vmi.signed		whoever loaded the ROM must have verified its signature, by a key that its user trusts
 *	vmi.force		a refusal for one of these two becomes a taint
 *	vmi.verbose		say what was done
 */
#include "link.h"

/* The value of the word NAME or NAME=VALUE on the command line; 0 when it is not there. Sets its length. */
static const char *find(const char *name, size_t *length)
{
	const char *text = vmi_direct(vmi_boot->command_line);
	const char *end = text + vmi_boot->command_line_size;
	size_t size = strlen(name);

	while (text < end) {
		const char *word = text;

		while (text < end && *text != ' ')
			text++;
		if ((size_t)(text - word) >= size && !memcmp(word, name, size) &&
		    (word + size == text || word[size] == '=')) {
			word += size + (word + size < text);
			*length = text - word;
			return word;
		}
		while (text < end && *text == ' ')
			text++;
	}
	return 0;
}

int vmi_option(const char *name, char *value, size_t size)
{
	size_t length;
	const char *found = find(name, &length);

	if (!found || length >= size)
		return 0;
	memcpy(value, found, length);
	value[length] = 0;
	return 1;
}

const char *vmi_group_name(unsigned group)
{
	return group < VMI_GROUP_COUNT ? vmi_groups[group].name : "?";
}

static unsigned group_by_name(const char *name)
{
	for (unsigned group = 0; group < VMI_GROUP_COUNT; group++)
		if (!strcmp(name, vmi_groups[group].name))
			return group;
	vmi_refuse(VMI_GATE_OPTION, "vmi.disable=%s: there is no such group; use irq, trap, mmu, time, event, smp, sys, "
		   "suspend, debug or random", name);
}

static uint32_t read_groups(char *list)
{
	uint32_t groups = 0;

	while (*list) {
		char *end = list;

		while (*end && *end != ',')
			end++;
		char last = *end;

		*end = 0;
		unsigned group = group_by_name(list);

		if (!vmi_groups[group].may_be_native)
			vmi_refuse(VMI_GATE_OPTION, "vmi.disable=%s: this group cannot be native by itself; use vmi=off", list);
		groups |= 1u << group | vmi_groups[group].tied;
		list = end + (last == ',');
	}
	return groups;
}

void vmi_read_options(struct vmi_options *options)
{
	char value[128];
	size_t length;

	*options = (struct vmi_options){ .licence = VMI_LICENCE_UNKNOWN }; /* any: load and record the taint */
	if (find("vmi", &length)) {
		if (!vmi_option("vmi", value, sizeof(value)) || strcmp(value, "off"))
			vmi_refuse(VMI_GATE_OPTION, "vmi= can only be vmi=off");
		options->off = 1;
	}
	options->verbose = find("vmi.verbose", &length) != 0;
	options->signature = find("vmi.signed", &length) != 0;
	options->force = find("vmi.force", &length) != 0;
	if (find("vmi.disable", &length)) {
		if (!vmi_option("vmi.disable", value, sizeof(value)))
			vmi_refuse(VMI_GATE_OPTION, "vmi.disable= is longer than %u characters", (unsigned)sizeof(value) - 1);
		options->disabled = read_groups(value);
	}
	if (find("vmi.licence", &length)) {
		if (!vmi_option("vmi.licence", value, sizeof(value)))
			value[0] = 0;
		if (!strcmp(value, "gpl"))
			options->licence = VMI_LICENCE_GPL;
		else if (!strcmp(value, "osi"))
			options->licence = VMI_LICENCE_OSI;
		else if (!strcmp(value, "any"))
			options->licence = VMI_LICENCE_UNKNOWN;
		else
			vmi_refuse(VMI_GATE_OPTION, "vmi.licence=%s: use gpl, osi or any", value);
	}
}
