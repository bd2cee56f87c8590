/* SPDX-License-Identifier: MIT */
/* libvmi's gate of policies for a test: gates.c and options.c as they are, around them what they use of a kernel. */
#include "link.h"

const struct vmi_boot_info *vmi_boot;
struct vmi_link_state vmi_link_state;
uint32_t vmi_linked;
char vmi_window[1];
const struct vmi_note_version vmi_note_version = { .major = VMI_MAJOR, .minor = VMI_MINOR, .profile = VMI_PROFILE_PAGED };
const struct vmi_note_group vmi_note_groups[1], vmi_note_groups_end[1];
const struct vmi_group_facts vmi_groups[VMI_GROUP_COUNT];
const uint32_t vmi_profiles[VMI_PROFILE_FULL + 1];
struct vmi_note_policy vmi_note_policy;

static void *back[5];

size_t vmi_format(char *to, size_t size, const char *format, __builtin_va_list arguments)
{
	(void)format, (void)arguments;
	for (size_t i = 0; i < size; i++)
		to[i] = 0;
	return 0;
}

size_t vmi_text(char *to, size_t size, const char *format, ...)
{
	(void)to, (void)size, (void)format;
	return 0;
}

void vmi_print(const char *format, ...)
{
	(void)format;
}

_Noreturn void vmi_shutdown(unsigned reason, unsigned code)
{
	(void)reason, (void)code;
	__builtin_longjmp(back, 1);
}

const struct vmi_rom_group *vmi_rom_group(const struct vmi_rom *rom, unsigned group)
{
	(void)rom, (void)group;
	return 0;
}

unsigned vmi_revision(unsigned group)
{
	return group;
}

/* 0: the ROM is taken; else the gate that refused. The taint is what was recorded then. */
__attribute__((visibility("default"))) unsigned gate(unsigned licence_class, unsigned capsule, unsigned flags, unsigned note_licence, unsigned note_flags,
						    const char *line, unsigned *taint)
{
	static struct vmi_boot_info info;
	struct vmi_rom_descriptor descriptor = { .licence_class = licence_class, .capsule_size = capsule };
	struct vmi_rom rom = { .descriptor = &descriptor, .licence = "" };
	struct vmi_options options;

	info = (struct vmi_boot_info){ .flags = flags, .command_line = (uint64_t)line, .command_line_size = strlen(line) };
	vmi_boot = &info;
	vmi_note_policy = (struct vmi_note_policy){ .licence = note_licence, .flags = note_flags };
	vmi_link_state = (struct vmi_link_state){ 0 };
	if (!__builtin_setjmp(back)) {
		vmi_read_options(&options);
		vmi_gate_policy(&rom, &options);
	}
	*taint = vmi_link_state.taint;
	return vmi_link_state.refused;
}
