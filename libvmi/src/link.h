/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Inside libvmi: what the parts of the linker know of each other. */
#ifndef VMI_LINK_H
#define VMI_LINK_H

#include <vmi/vmi.h>

/* ---- the interface as libvmi was compiled with it (generated: forms.c) ---- */

enum vmi_form_kind { VMI_FORM_CODE, VMI_FORM_CALL, VMI_FORM_JUMP };

struct vmi_form {
	uint16_t call;
	uint8_t size; /* bytes of the site, which the native form fills */
	uint8_t jumps; /* never returns: reached by a jump, not by a call */
	uint8_t minor; /* version since which the call exists */
	uint8_t answers; /* has a result */
	enum vmi_form_kind kind;
	uint8_t code[VMI_SITE_LIMIT];
	const void *target; /* of a call or jump */
};
extern const struct vmi_form vmi_forms[];
extern const unsigned vmi_form_count;
#define VMI_FORM_LIMIT 96 /* sites.c keeps an index of them in a signed byte */

struct vmi_group_facts {
	char name[8];
	uint8_t revision;
	uint8_t may_be_native;
	uint32_t tied; /* bit per group that must be native too */
};
extern const struct vmi_group_facts vmi_groups[VMI_GROUP_COUNT];
extern const uint32_t vmi_profiles[];

/* Must come before anything that looks at a form or site. */
void vmi_forms_init(void);

/* Index in vmi_forms of a call number, or -1. */
int vmi_form_index(unsigned call);

/* ---- options (options.c) ---- */

struct vmi_options {
	int off; /* vmi=off */
	int verbose; /* vmi.verbose */
	uint32_t disabled; /* vmi.disable=, bit per group, tied ones included */
	unsigned licence; /* vmi.licence=, lowest VMI_LICENCE_ class accepted */
	int signature; /* vmi.signed */
	int force; /* vmi.force */
};

/* Reads the command line. A value that makes no sense refuses. */
void vmi_read_options(struct vmi_options *options);

/* ---- the ROM (rom.c) ---- */

struct vmi_rom {
	const uint8_t *image;
	uint32_t size;
	const struct vmi_rom_header *header;
	const struct vmi_rom_descriptor *descriptor;
	const struct vmi_rom_call *calls;
	const struct vmi_rom_reloc *relocations;
	const struct vmi_rom_group *groups;
	const char *licence;
};

/* Checks every offset in the image. 0, or a sentence that says what is wrong with it. */
const char *vmi_rom_open(struct vmi_rom *rom, const void *image, uint32_t size);
const struct vmi_rom_group *vmi_rom_group(const struct vmi_rom *rom, unsigned group);

/* ---- gates (gates.c) ---- */

enum vmi_gate { VMI_GATE_ROM = 1, VMI_GATE_VERSION, VMI_GATE_LICENCE, VMI_GATE_GROUPS, VMI_GATE_OPTION,
		VMI_GATE_SITES, VMI_GATE_INIT, VMI_GATE_SIGNATURE };

/* Each returns when it lets the guest pass and otherwise does not return. */
void vmi_gate_version(const struct vmi_rom *rom);
/* Licence and signature, by the kernel's note and the options; the only refusals that can be overridden. Records the taint. */
void vmi_gate_policy(const struct vmi_rom *rom, const struct vmi_options *options);
void vmi_gate_disabled(const struct vmi_rom *rom, const struct vmi_options *options);
void vmi_gate_groups(void);

/* So that a refusal is heard where the PC's devices do not exist: calls of the ROM that need no Init. Its major version is ours. */
void vmi_last_words_from(const struct vmi_rom *rom);
/* Says why on the console and ends the guest as refused. */
_Noreturn void vmi_refuse(enum vmi_gate gate, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- linking (link.c, sites.c) ---- */

extern struct pv_op pv_ops[VMI_FORM_LIMIT];
extern uint8_t vmi_revisions[VMI_GROUP_COUNT];
extern uint32_t vmi_linked; /* bit per group */

/* In the place of a call that the ROM is too old for: NOT_SUPPORTED, every other register as it was. */
void vmi_absent(void);
/* Fills pv_ops for the groups in the mask from the ROM. */
void vmi_ops_from_rom(const struct vmi_rom *rom, uint32_t groups);
/* Compares every site with its native form. 0, or the address of the first that differs. */
uint64_t vmi_sites_check(void);
/* Writes every site as pv_ops says and counts; then again the native form. */
void vmi_sites_patch(void);
void vmi_sites_restore(void);
/* For a kernel that stays native: counts, touches no site. */
void vmi_sites_leave(void);

void vmi_traps_init(void);
/* A printf into a buffer; returns the length, cut to size - 1, always terminated. */
size_t vmi_format(char *to, size_t size, const char *format, __builtin_va_list arguments);

#endif
