/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* From the boot contract to the kernel: options, gates, linking, traps. */
#include "link.h"

const struct vmi_boot_info *vmi_boot;
struct vmi_link_state vmi_link_state;
struct pv_op pv_ops[VMI_FORM_LIMIT];
uint8_t vmi_revisions[VMI_GROUP_COUNT];
uint32_t vmi_linked;

#define ALL_GROUPS ((1u << VMI_GROUP_COUNT) - 1)

static uint32_t native_groups = ALL_GROUPS; /* neither linked nor absent */
static struct vmi_vcpu_block boot_block __attribute__((aligned(256)));
static const char *backend_name;

extern const struct vmi_note_version vmi_note_version;
extern const struct vmi_backend *const vmi_backends_start[], *const vmi_backends_end[];

uint64_t vmi_physical(const void *address)
{
	uint64_t a = (uint64_t)address;

	if (a >= vmi_boot->image_start && a < vmi_boot->image_end)
		return a - vmi_boot->image_start + vmi_boot->image;
	return a - vmi_boot->direct_map;
}

unsigned vmi_revision(unsigned group)
{
	return group < VMI_GROUP_COUNT ? vmi_revisions[group] : 0;
}

int vmi_is_linked(unsigned group)
{
	return vmi_linked >> group & 1;
}

/*
 * A ROM older than this libvmi knows nothing of some calls in the groups that it has; their native forms are not meant for
 * its hypervisor. They answer NOT_SUPPORTED; those without a result do nothing.
 */
static void ops_absent(unsigned minor, uint32_t groups)
{
	for (unsigned i = 0; i < vmi_form_count; i++)
		if (vmi_forms[i].minor > minor && groups >> (vmi_forms[i].call >> 8) & 1)
			pv_ops[i] = (struct pv_op){
				.kind = vmi_forms[i].answers ? VMI_LINK_CALL : VMI_LINK_NOP,
				.target = (uint64_t)vmi_absent,
			};
}

void vmi_ops_from_rom(const struct vmi_rom *rom, uint32_t groups)
{
	ops_absent(rom->header->minor, groups);
	for (uint32_t i = 0; i < rom->descriptor->call_count; i++) {
		const struct vmi_rom_call *call = &rom->calls[i];
		int index = vmi_form_index(call->number);

		if (index < 0 || !(groups >> (call->number >> 8) & 1))
			continue; /* a call newer than this guest, or of a group that stays native */
		pv_ops[index] = (struct pv_op){
			.kind = call->kind,
			.size = call->size,
			.code = rom->image + rom->descriptor->recipes + call->target,
			.relocation_count = call->relocation_count,
			.relocations = rom->relocations + call->relocation,
			.target = (uint64_t)vmi_window + call->target,
		};
	}
}

/* Makes the sites what pv_ops says; the new implementation's Init has the last word. */
static void link(uint32_t groups, uint32_t native)
{
	uint64_t bad = vmi_sites_check();

	if (bad)
		vmi_refuse(VMI_GATE_SITES, "the site at %lx does not hold its native form; the kernel image was changed or is "
			   "damaged, build it again", bad);
	vmi_sites_patch();
	vmi_linked = groups;
	native_groups = native;

	int64_t error = pv_init(VMI_MAJOR << 16 | vmi_note_version.minor, native); /* what it needs, not what it knows */

	if (error) {
		vmi_sites_restore();
		vmi_linked = 0;
		vmi_refuse(VMI_GATE_INIT, "Init of the ROM or back-end failed with error %ld; it does not run VMI %u.%u with these "
			   "groups native: %x; use another vmi.disable=, or vmi=off", error, VMI_MAJOR, vmi_note_version.minor, native);
	}
}

static const struct vmi_backend *detect_backend(void)
{
	for (const struct vmi_backend *const *backend = vmi_backends_start; backend < vmi_backends_end; backend++)
		if ((*backend)->detect(vmi_boot))
			return *backend;
	return 0;
}

static void link_backend(const struct vmi_backend *backend, uint32_t disabled)
{
	uint32_t groups = backend->groups & ~disabled;

	for (size_t i = 0; i < backend->op_count; i++) {
		int index = vmi_form_index(backend->ops[i].call);

		if (index >= 0 && groups >> (backend->ops[i].call >> 8) & 1)
			pv_ops[index] = backend->ops[i].op;
	}
	backend_name = backend->name;
	link(groups, ~groups & ALL_GROUPS);
}

static struct vmi_rom rom;

/* 0, or a sentence that says why the ROM cannot be used. */
static const char *open_rom(void)
{
	const char *problem = vmi_rom_open(&rom, vmi_direct(vmi_boot->rom), vmi_boot->rom_size);

	if (!problem && rom.header->major == VMI_MAJOR && vmi_boot->window == (uint64_t)vmi_window &&
	    !(vmi_boot->flags & VMI_BOOT_PC))
		vmi_last_words_from(&rom);
	return problem;
}

static void link_rom(const struct vmi_options *options, const char *problem)
{
	uint32_t groups = 0;

	if (problem)
		vmi_refuse(VMI_GATE_ROM, "the ROM cannot be used: %s; get it again or build it again, or use vmi=off", problem);
	vmi_gate_version(&rom);
	vmi_gate_policy(&rom, options);
	vmi_gate_disabled(&rom, options);
	if ((uint64_t)vmi_window != vmi_boot->window)
		vmi_refuse(VMI_GATE_ROM, "the ROM is mapped at %lx, this kernel reserved %p for it; the hypervisor did not "
			   "follow the note WINDOW", vmi_boot->window, (void *)vmi_window);
	for (unsigned group = 0; group < VMI_GROUP_COUNT; group++)
		if (vmi_rom_group(&rom, group) && !(options->disabled >> group & 1))
			groups |= 1u << group;
	vmi_ops_from_rom(&rom, groups);
	link(groups, options->disabled);
}

/* Once, so that nothing asks again: by whom each group is implemented, and in which revision. */
static void probe(void)
{
	for (unsigned group = 0; group < VMI_GROUP_COUNT; group++) {
		if (native_groups >> group & 1)
			vmi_revisions[group] = vmi_native_probe(group);
		else if (vmi_is_linked(group))
			vmi_revisions[group] = pv_probe(group);
	}
}

static void read_info(unsigned item, char *to, size_t size)
{
	int64_t length = pv_info(item, (uint64_t)to, size - 1);

	to[length > 0 ? length : 0] = 0;
}

/* One line: what the kernel runs on, and which revision of each group it found. */
static void report(int verbose)
{
	char hypervisor[32], rom[32], groups[160] = "";
	size_t used = 0;

	read_info(VMI_INFO_HYPERVISOR, hypervisor, sizeof(hypervisor));
	read_info(VMI_INFO_ROM, rom, sizeof(rom));
	for (unsigned group = 0; group < VMI_GROUP_COUNT; group++)
		if (vmi_revision(group))
			used += vmi_text(groups + used, sizeof(groups) - used, " %s:%u%s", vmi_group_name(group),
					 vmi_revision(group),
					 vmi_linked && !vmi_is_linked(group) ? "(native)" : "");
	if (backend_name)
		vmi_print("vmi: %u.%u on %s, back-end %s, groups%s\n", VMI_MAJOR, VMI_MINOR, hypervisor, backend_name, groups);
	else if (vmi_linked)
		vmi_print("vmi: %u.%u on %s, ROM %s, groups%s\n", VMI_MAJOR, VMI_MINOR, hypervisor, rom, groups);
	else
		vmi_print("vmi: %u.%u on %s, native, groups%s\n", VMI_MAJOR, VMI_MINOR, hypervisor, groups);
	if (verbose)
		vmi_print("vmi: %u sites: %u native, %u nop, %u inline, %u call, %u jump; taint %x\n", vmi_link_state.sites,
			  vmi_link_state.native, vmi_link_state.nop, vmi_link_state.inlined, vmi_link_state.call,
			  vmi_link_state.jump, vmi_link_state.taint);
}

/* Called by vmi_start with interrupts disabled. Returns the guest's exit status. */
int vmi_begin(const struct vmi_boot_info *boot)
{
	struct vmi_options options;
	const struct vmi_backend *backend;
	const char *problem = 0;

	vmi_boot = boot;
	vmi_forms_init();
	if (boot->magic != VMI_BOOT_MAGIC || boot->major != VMI_MAJOR || boot->size < sizeof(*boot))
		vmi_refuse(VMI_GATE_VERSION, "the boot information has magic %x, version %u.%u, %u bytes; this guest needs "
			   "version %u", boot->magic, boot->major, boot->minor, boot->size, VMI_MAJOR);
	if (boot->rom)
		problem = open_rom();
	vmi_read_options(&options);
	if (boot->flags & VMI_BOOT_FIRMWARE_OVERRIDDEN)
		vmi_link_state.taint |= VMI_TAINT_OVERRIDDEN_FIRMWARE;
	backend = options.off ? 0 : detect_backend();
	if (backend)
		link_backend(backend, options.disabled);
	else if (boot->rom && !options.off)
		link_rom(&options, problem);
	else
		vmi_sites_leave();

	boot_block.self = (uint64_t)&boot_block;
	pv_vcpu_init(0, (uint64_t)&boot_block);
	if (vmi_linked && !vmi_is_linked(VMI_GROUP_TRAP))
		vmi_native_vcpu_init(0, (uint64_t)&boot_block); /* native traps need the processor's own tables */
	vmi_traps_init();
	probe();
	vmi_gate_groups();
	vmi_link_state.magic = VMI_LINK_MAGIC;
	report(options.verbose);
	return vmi_main();
}
