/* SPDX-License-Identifier: MIT */
/* What one runs on. */
#include "conform.h"

/* ---- Init: was called by libvmi, and is not to be called a second time; what fails changes nothing ---- */

on_stack stack_init, stack_probe, stack_info;

TEST(INIT, POSITIVE, it_took_this_guest_before_the_kernel_began)
{
	same("linking is over", vmi_link_state.magic, VMI_LINK_MAGIC);
	same("no gate refused", vmi_link_state.refused, 0);
	for (uint32_t group = 0; group < VMI_GROUP_COUNT; group++)
		each(pv_probe(group) == vmi_revision(group), group);
	all("the groups are what the linker found");
}

/* Without a ROM there is none whose version could be older. */
TEST(INIT, BOUNDARY, a_minor_version_newer_than_the_roms_is_invalid)
{
	int64_t result = pv_init(VMI_MAJOR << 16 | 0xffff, 0);

	expect("it is, or there is no ROM", result == VMI_INVALID || !vmi_is_linked(VMI_GROUP_BASE));
	same("interrupts stay disabled", pv_irq_save() & VMI_FLAG_IF, 0);
}

TEST(INIT, HOSTILE, another_major_version_is_invalid)
{
	static const uint32_t others[] = { 0, VMI_MINOR, (VMI_MAJOR - 1) << 16, (VMI_MAJOR + 1) << 16, 0x80000000, UINT32_MAX };

	for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		each(pv_init(others[i], 0) == VMI_INVALID, others[i]);
	all("whatever it is");
	same("also with every group native", pv_init(0, UINT64_MAX), VMI_INVALID);
	same("groups are still there", pv_probe(VMI_GROUP_BASE), vmi_revision(VMI_GROUP_BASE));
}

/* ---- Probe ---- */

TEST(PROBE, POSITIVE, it_gives_each_groups_revision)
{
	static const uint32_t of_profile[] = { VMI_GROUP_BASE, VMI_GROUP_IRQ, VMI_GROUP_TRAP, VMI_GROUP_TIME, VMI_GROUP_EVENT,
					       VMI_GROUP_SYS };

	for (unsigned i = 0; i < sizeof(of_profile) / sizeof(of_profile[0]); i++)
		each(pv_probe(of_profile[i]) >= 1, of_profile[i]);
	all("the groups of profile base are there");
	for (uint32_t group = 0; group < VMI_GROUP_COUNT; group++)
		each(pv_probe(group) == vmi_revision(group) && pv_probe(group) == pv_probe(group), group);
	all("the same each time");
}

TEST_FRUGAL(PROBE, probe, 1, 0, 0)

TEST(PROBE, BOUNDARY, the_upper_half_of_its_argument_is_ignored)
{
	for (uint32_t group = 0; group < VMI_GROUP_COUNT; group++)
		each((uint32_t)raw_result(stack_probe, DIRTY(group), 0, 0) == vmi_revision(group), group);
	all("for each group");
}

static const struct vmi_rom_descriptor *rom_descriptor(void)
{
	const struct vmi_rom_header *header = vmi_direct(vmi_boot->rom);

	return (const void *)((const uint8_t *)header + header->descriptor);
}

/* What the file of the ROM says of a group; 0 for one that it does not have. */
static uint32_t revision_in_file(uint32_t group)
{
	const struct vmi_rom_group *groups = (const void *)((const uint8_t *)vmi_direct(vmi_boot->rom) + rom_descriptor()->groups);

	for (uint32_t i = 0; i < rom_descriptor()->group_count; i++)
		if (groups[i].group == group)
			return groups[i].revision;
	return 0;
}

extern const uint32_t vmi_profiles[]; /* libvmi: a bit for each group of each profile */

/* A group that the file has may be absent from the machine, unless the profile that it passes has it too. */
TEST(PROBE, BOUNDARY, a_group_has_the_revision_that_the_roms_file_says)
{
	uint32_t profile = vmi_boot->rom ? rom_descriptor()->profile : 0;
	uint32_t needed = profile <= VMI_PROFILE_FULL ? vmi_profiles[profile] : 0;

	for (uint32_t group = 0; group < VMI_GROUP_COUNT; group++) {
		uint32_t revision = pv_probe(group);

		if (!vmi_boot->rom || !vmi_is_linked(group))
			each(1, group);
		else if (revision || needed >> group & 1)
			each(revision == revision_in_file(group), group);
	}
	all("and those of its profile are there");
}

TEST(PROBE, HOSTILE, what_is_no_group_gives_0)
{
	static const uint32_t nothing[] = { 100, 0xdf, 256, 256 + VMI_GROUP_IRQ, 4096, 0x10000, 0x80000000, UINT32_MAX };

	for (unsigned i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++)
		each(!pv_probe(nothing[i]), nothing[i]);
	all("whatever it is");
}

/* ---- Info ---- */

enum { ROOM = 200, FILL = 0x11 }; /* no character of a text */
static char text[ROOM + 56], cut[ROOM + 56];

TEST(INFO, POSITIVE, each_item_has_a_text)
{
	for (uint32_t item = 0; item <= VMI_INFO_ROM_VERSION; item++) {
		int64_t length;

		memset(text, FILL, sizeof(text));
		length = pv_info(item, (uint64_t)text, ROOM);
		each(length >= 0 && length < ROOM, item);
		for (int64_t i = 0; i < (int64_t)sizeof(text); i++)
			each(i < length ? text[i] >= ' ' && text[i] < 0x7f : text[i] == FILL, item << 16 | i);
	}
	all("of printable ASCII, with nothing written behind it");
	expect("the hypervisor has a name", pv_info(VMI_INFO_HYPERVISOR, (uint64_t)text, ROOM) > 0);
	expect("so has a ROM", pv_info(VMI_INFO_ROM, (uint64_t)text, ROOM) > 0 || !vmi_is_linked(VMI_GROUP_BASE));
}

TEST(INFO, POSITIVE, it_keeps_to_the_stack_and_registers_of_its_convention)
{
	for (unsigned item = 0; item < 5; item++)
		frugal(stack_info, item, (uint64_t)text, ROOM);
}

TEST(INFO, BOUNDARY, it_writes_up_to_the_room_and_no_further)
{
	for (uint32_t item = 0; item <= VMI_INFO_ROM_VERSION; item++) {
		int64_t length = pv_info(item, (uint64_t)text, ROOM);

		for (int64_t room = 0; room <= length && length < ROOM; room++) {
			memset(cut, FILL, sizeof(cut));
			each(pv_info(item, (uint64_t)cut, room) == room, item << 16 | room);
			each(!memcmp(cut, text, room) && cut[room] == FILL, 1u << 24 | item << 16 | room);
		}
		memset(cut, FILL, sizeof(cut));
		each(pv_info(item, (uint64_t)cut, UINT64_MAX) == length && cut[length] == FILL, 2u << 24 | item << 16);
	}
	all("whatever the room, from none to 2^64 - 1");
}

TEST(INFO, BOUNDARY, the_upper_half_of_the_item_is_ignored)
{
	int64_t length = pv_info(VMI_INFO_HYPERVISOR, (uint64_t)text, ROOM);

	same("the text is as long", raw_result(stack_info, DIRTY(VMI_INFO_HYPERVISOR), (uint64_t)cut, ROOM), length);
}

TEST(INFO, HOSTILE, what_is_no_item_is_invalid)
{
	static const uint32_t nothing[] = { 99, 0x100, 0x80000000, UINT32_MAX };

	memset(cut, FILL, sizeof(cut));
	for (unsigned i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++) {
		each(pv_info(nothing[i], (uint64_t)cut, ROOM) == VMI_INVALID && cut[0] == FILL, nothing[i]);
		each(pv_info(nothing[i], UNMAPPED, ROOM) == VMI_INVALID, nothing[i]);
	}
	all("with nothing written");
}

static int64_t info_to(uint64_t address)
{
	return pv_info(VMI_INFO_HYPERVISOR, address, ROOM);
}

TEST(INFO, HOSTILE, an_address_of_nothing_is_refused)
{
	refuses_address("unmapped", info_to, UNMAPPED);
	refuses_address("not canonical", info_to, NOT_CANONICAL);
	refuses_address("read-only", info_to, (uint64_t)vmi_image_start);
}

TEST_NEEDS(INFO, HOSTILE, a_buffer_that_runs_into_nothing_is_refused, GROUP_BIT(MMU))
{
	refuses_address("over the end of the last page", info_to, last_page() + PAGE - 1);
}

/* ---- VcpuInit: was called by libvmi ---- */

static uint8_t block[VMI_VCPU_BLOCK_SIZE * 2] __attribute__((aligned(256)));

static struct vmi_vcpu_block *gs_block(void)
{
	struct vmi_vcpu_block *self;

	__asm__ volatile("movq %%gs:0, %0" : "=r"(self));
	return self;
}

/* The block works: its own address, its number, and the calls that live in it. */
static int block_is_sound(const struct vmi_vcpu_block *before)
{
	uint64_t enabled;

	pv_irq_enable();
	enabled = pv_irq_save();
	pv_irq_disable();
	return gs_block() == before && !before->number && enabled & VMI_FLAG_IF && !(pv_irq_save() & VMI_FLAG_IF);
}

TEST(VCPU_INIT, POSITIVE, the_block_is_the_gs_base_and_the_kernels_part_its_own)
{
	struct vmi_vcpu_block *self = gs_block();

	same("it is aligned", (uint64_t)self & 63, 0);
	same("its first word is its address", self->self, (uint64_t)self);
	same("the boot VCPU is number 0", self->number, 0);
	self->kernel = 0x1234567890abcdef;
	self->canary = 0xfedcba0987654321;
	expect("it works", block_is_sound(self));
	same("the kernel's pointer is the kernel's", self->kernel, 0x1234567890abcdef);
	same("so is the canary", self->canary, 0xfedcba0987654321);
	self->kernel = self->canary = 0;
}

TEST(VCPU_INIT, BOUNDARY, an_alignment_below_64_is_invalid)
{
	struct vmi_vcpu_block *before = gs_block();

	for (unsigned offset = 1; offset < 64; offset++)
		each(pv_vcpu_init(0, (uint64_t)block + offset) == VMI_INVALID, offset);
	all("by whatever number of bytes");
	same("interrupts stay disabled", pv_irq_save() & VMI_FLAG_IF, 0);
	expect("the old block is in use", block_is_sound(before));
}

TEST(VCPU_INIT, HOSTILE, a_block_that_is_not_canonical_or_anothers_is_invalid)
{
	struct vmi_vcpu_block *before = gs_block();

	same("not canonical", pv_vcpu_init(0, 1ull << 60), VMI_INVALID);
	same("the first that is not canonical", pv_vcpu_init(0, 1ull << 47), VMI_INVALID);
	same("VCPU 1", pv_vcpu_init(1, (uint64_t)block), VMI_INVALID);
	same("VCPU 2^32 - 1", pv_vcpu_init(UINT32_MAX, (uint64_t)block), VMI_INVALID);
	for (unsigned i = 0; i < sizeof(block); i++)
		each(!block[i], i);
	all("nothing is written");
	expect("the old block is in use", block_is_sound(before));
}
