/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What may keep a guest from running here. Each refusal says what was found, what was needed, and what to do. */
#include "link.h"

extern const struct vmi_note_version vmi_note_version;
extern const struct vmi_note_policy vmi_note_policy __attribute__((weak)); /* VMI_POLICY */
extern const struct vmi_note_group vmi_note_groups[], vmi_note_groups_end[];

static const char *const classes[] = { "unknown", "proprietary", "open source", "GPL-compatible" };

static int64_t (*console_write)(uint64_t buffer, uint64_t size);
static void (*shutdown)(uint32_t reason, uint32_t code);

/* Of a call that is a call into the ROM's text; else 0. */
static void *rom_function(const struct vmi_rom *rom, unsigned number)
{
	for (uint32_t i = 0; i < rom->descriptor->call_count; i++)
		if (rom->calls[i].number == number && rom->calls[i].kind == VMI_LINK_CALL)
			return vmi_window + rom->calls[i].target;
	return 0;
}

void vmi_last_words_from(const struct vmi_rom *rom)
{
	console_write = rom_function(rom, VMI_CALL_CONSOLE_WRITE);
	shutdown = rom_function(rom, VMI_CALL_SHUTDOWN);
}

void vmi_refuse(enum vmi_gate gate, const char *format, ...)
{
	char text[440], line[480]; /* a licence has 255 bytes at most */
	__builtin_va_list arguments;

	vmi_link_state.refused = gate;
	__builtin_va_start(arguments, format);
	vmi_format(text, sizeof(text), format, arguments);
	__builtin_va_end(arguments);
	if (!vmi_linked && console_write && shutdown) {
		console_write((uint64_t)line, vmi_text(line, sizeof(line), "vmi: refused: %s\n", text));
		shutdown(VMI_SHUTDOWN_REFUSED, 0);
	}
	vmi_print("vmi: refused: %s\n", text);
	vmi_shutdown(VMI_SHUTDOWN_REFUSED, 0);
}

void vmi_gate_version(const struct vmi_rom *rom)
{
	unsigned major = rom->header->major, minor = rom->header->minor;

	if (major != VMI_MAJOR)
		vmi_refuse(VMI_GATE_VERSION, "the ROM speaks VMI %u.%u, this guest needs %u.n; use a ROM of major version %u, "
			   "or vmi=off", major, minor, VMI_MAJOR, VMI_MAJOR);
	if (minor < vmi_note_version.minor)
		vmi_refuse(VMI_GATE_VERSION, "the ROM speaks VMI %u.%u, this guest needs %u.%u or later; use a newer ROM, "
			   "or vmi=off", major, minor, VMI_MAJOR, vmi_note_version.minor);
}

/* Whether a refusal by policy is overridden, which is recorded. */
static int overridden(const struct vmi_options *options)
{
	if (!options->force)
		return 0;
	vmi_link_state.taint |= VMI_TAINT_FORCED;
	return 1;
}

static void demand_licence(const struct vmi_rom *rom, unsigned found, unsigned wanted, const char *by,
			   const struct vmi_options *options)
{
	if (found >= wanted || overridden(options))
		return;
	vmi_refuse(VMI_GATE_LICENCE, "the ROM's licence \"%s\" is %s, %s asks for %s; use another ROM, or vmi.force, which "
		   "taints", rom->licence, classes[found], by,
		   wanted > VMI_LICENCE_GPL ? "a class that does not exist" : classes[wanted]);
}

static void demand_signature(int wanted, const char *by, const struct vmi_options *options)
{
	if (!wanted || vmi_boot->flags & VMI_BOOT_ROM_TRUSTED || overridden(options))
		return;
	vmi_refuse(VMI_GATE_SIGNATURE, "nobody who loaded the ROM verified a signature by a trusted key, %s asks for one; use "
		   "a signed ROM, or vmi.force, which taints", by);
}

static void record_taint(const struct vmi_rom *rom, unsigned licence)
{
	if (licence <= VMI_LICENCE_PROPRIETARY)
		vmi_link_state.taint |= VMI_TAINT_PROPRIETARY;
	if (!rom->descriptor->capsule_size)
		vmi_link_state.taint |= VMI_TAINT_NO_SOURCE;
	if (!(vmi_boot->flags & VMI_BOOT_ROM_TRUSTED))
		vmi_link_state.taint |= VMI_TAINT_UNSIGNED;
	if (!(vmi_boot->flags & VMI_BOOT_ROM_REPRODUCED))
		vmi_link_state.taint |= VMI_TAINT_NOT_REPRODUCED;
	if (vmi_boot->flags & VMI_BOOT_FORCED)
		vmi_link_state.taint |= VMI_TAINT_FORCED;
}

void vmi_gate_policy(const struct vmi_rom *rom, const struct vmi_options *options)
{
	const struct vmi_note_policy *note = &vmi_note_policy; /* 0: this kernel has none */
	unsigned found = rom->descriptor->licence_class;
	struct vmi_options asked = *options;

	if (found > VMI_LICENCE_GPL)
		found = VMI_LICENCE_UNKNOWN;
	asked.force |= (vmi_boot->flags & VMI_BOOT_FORCED) != 0;
	if (note) {
		demand_licence(rom, found, note->licence, "this kernel", &asked);
		demand_signature(note->flags & VMI_POLICY_SIGNED, "this kernel", &asked);
	}
	demand_licence(rom, found, asked.licence, "vmi.licence", &asked);
	demand_signature(asked.signature, "vmi.signed", &asked);
	record_taint(rom, found);
}

void vmi_gate_disabled(const struct vmi_rom *rom, const struct vmi_options *options)
{
	for (unsigned group = 0; group < VMI_GROUP_COUNT; group++) {
		const struct vmi_rom_group *entry = vmi_rom_group(rom, group);

		if (options->disabled & 1u << group && entry && !entry->may_be_native)
			vmi_refuse(VMI_GATE_OPTION, "vmi.disable: this hypervisor cannot run a guest whose group %s is native; "
				   "leave %s out of vmi.disable", vmi_group_name(group), vmi_group_name(group));
	}
}

static void need(unsigned group, unsigned revision)
{
	unsigned found = vmi_revision(group);

	if (found < revision)
		vmi_refuse(VMI_GATE_GROUPS, "group %s has revision %u here, this guest needs %u; use a ROM or hypervisor "
			   "that has it", vmi_group_name(group), found, revision);
}

void vmi_gate_groups(void)
{
	unsigned profile = vmi_note_version.profile;

	if (profile < VMI_PROFILE_BASE || profile > VMI_PROFILE_FULL)
		vmi_refuse(VMI_GATE_GROUPS, "this guest needs profile %u, VMI %u.%u has %u to %u; build it again for one of them",
			   profile, VMI_MAJOR, VMI_MINOR, VMI_PROFILE_BASE, VMI_PROFILE_FULL);
	for (unsigned group = 0; group < VMI_GROUP_COUNT; group++)
		if (vmi_profiles[profile] & 1u << group)
			need(group, 1);
	for (const struct vmi_note_group *note = vmi_note_groups; note < vmi_note_groups_end; note++)
		if (note->flags & VMI_GROUP_NEEDED)
			need(note->group, note->revision);
}
