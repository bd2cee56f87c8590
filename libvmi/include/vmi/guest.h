/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What a guest says of itself: the ELF notes. Once per kernel, at file scope:
 *
 *	VMI_GUEST("GPL-2.0-only", VMI_PROFILE_PAGED, VMI_WANTS(VMI_GROUP_DEBUG, 1));
 *
 * after the profile any number of VMI_NEEDS(group, revision) - without it the guest refuses to run - and
 * VMI_WANTS(group, revision). A kernel that needs no more than an older minor version says so by VMI_GUEST_MINOR, defined
 * before this is included: it then runs on ROMs from that version on, and what they lack is absent (vmi_revision()).
 *
 * A kernel that does not take any ROM says so beside it, once:
 *
 *	VMI_POLICY(VMI_LICENCE_GPL, VMI_POLICY_SIGNED);
 *
 * the lowest licence class that a ROM must have, and VMI_POLICY_SIGNED or 0. Whoever starts the kernel may ask for more.
 */
#ifndef VMI_GUEST_H
#define VMI_GUEST_H

#include <vmi/abi.h>

#ifndef VMI_GUEST_MINOR
#define VMI_GUEST_MINOR VMI_MINOR
#endif

#define VMI_TEXT(x) VMI_TEXT_(x)
#define VMI_TEXT_(x) #x

#define VMI_WANTS(group, revision) ".byte " VMI_TEXT(group) ", " VMI_TEXT(revision) "\n.short 0\n"
#define VMI_NEEDS(group, revision) \
	".byte " VMI_TEXT(group) ", " VMI_TEXT(revision) "\n.short " VMI_TEXT(VMI_GROUP_NEEDED) "\n"

#define VMI_NOTE_HEAD(type)			\
	".balign 4\n.long 8, 992f - 991f, " VMI_TEXT(type) "\n.asciz \"OpenVMI\"\n991:\n"
#define VMI_NOTE_TAIL "992:\n"

#define VMI_GUEST(licence, profile, ...)					\
	__asm__(".pushsection .note.OpenVMI, \"a\", @note\n"			\
		VMI_NOTE_HEAD(VMI_NOTE_VERSION)					\
		".globl vmi_note_version\nvmi_note_version:\n"			\
		".short " VMI_TEXT(VMI_MAJOR) ", " VMI_TEXT(VMI_GUEST_MINOR) "\n"	\
		".long " VMI_TEXT(profile) "\n" VMI_NOTE_TAIL			\
		VMI_NOTE_HEAD(VMI_NOTE_GROUPS)					\
		".globl vmi_note_groups\nvmi_note_groups:\n"			\
		"" __VA_ARGS__							\
		".globl vmi_note_groups_end\nvmi_note_groups_end:\n" VMI_NOTE_TAIL \
		VMI_NOTE_HEAD(VMI_NOTE_ENTRY) ".quad vmi_start\n" VMI_NOTE_TAIL	\
		VMI_NOTE_HEAD(VMI_NOTE_WINDOW) ".quad vmi_window\n" VMI_NOTE_TAIL \
		VMI_NOTE_HEAD(VMI_NOTE_DIRECT_MAP) ".quad " VMI_TEXT(VMI_GUEST_DIRECT_MAP) "\n" VMI_NOTE_TAIL \
		VMI_NOTE_HEAD(VMI_NOTE_LICENCE) ".ascii \"" licence "\"\n" VMI_NOTE_TAIL \
		VMI_NOTE_HEAD(VMI_NOTE_SITES) ".quad vmi_sites_start, vmi_sites_end\n" VMI_NOTE_TAIL \
		".balign 4\n.popsection\n")

#define VMI_POLICY(licence, flags)						\
	__asm__(".pushsection .note.OpenVMI, \"a\", @note\n"			\
		VMI_NOTE_HEAD(VMI_NOTE_POLICY)					\
		".globl vmi_note_policy\nvmi_note_policy:\n"			\
		".long " VMI_TEXT(licence) ", " VMI_TEXT(flags) "\n" VMI_NOTE_TAIL \
		".balign 4\n.popsection\n")

/* Where the reference guests want all memory mapped: inside what an ordinary process can map. */
#ifndef VMI_GUEST_DIRECT_MAP
#define VMI_GUEST_DIRECT_MAP 0x100000000000
#endif

#endif
