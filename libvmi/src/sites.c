/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The sites: compared, then written. The kernel's text is never writable where it executes; bytes go in through the
 * direct map.
 */
#include "link.h"

extern const struct vmi_site vmi_sites_start[], vmi_sites_end[];

/* What a site of each form holds before it is patched, but for the target of a call or jump. */
static uint8_t native_image[VMI_FORM_LIMIT][VMI_SITE_LIMIT];
/* The same after patching, but for relocations. */
static uint8_t linked_image[VMI_FORM_LIMIT][VMI_SITE_LIMIT];
static int8_t index_of[VMI_GROUP_COUNT][256];

int vmi_form_index(unsigned call)
{
	if (call >> 8 >= VMI_GROUP_COUNT)
		return -1;
	return index_of[call >> 8][call & 0xff] - 1;
}

/* One NOP per started 15 bytes: the longest the instruction set has (Intel SDM volume 2B, NOP). */
static void fill_nops(uint8_t *to, unsigned size)
{
	static const uint8_t nine[] = { 0x66, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0 };
	static const uint8_t shorter[] = { 0x90,
					   0x66, 0x90,
					   0x0f, 0x1f, 0x00,
					   0x0f, 0x1f, 0x40, 0,
					   0x0f, 0x1f, 0x44, 0, 0,
					   0x66, 0x0f, 0x1f, 0x44, 0, 0,
					   0x0f, 0x1f, 0x80, 0, 0, 0, 0,
					   0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0 };

	while (size) {
		unsigned step = size > 15 ? 15 : size;

		size -= step;
		if (step < 9) {
			memcpy(to, shorter + step * (step - 1) / 2, step);
			to += step;
			continue;
		}
		if (step == 9) {
			memcpy(to, nine, 9);
			to += 9;
			continue;
		}
		for (; step > 10; step--)
			*to++ = 0x66;
		*to++ = 0x66;
		*to++ = 0x2e;
		memcpy(to, nine + 1, 8);
		to += 8;
	}
}

void vmi_forms_init(void)
{
	for (unsigned i = 0; i < vmi_form_count; i++) {
		const struct vmi_form *form = &vmi_forms[i];
		uint8_t *image = native_image[i];

		index_of[form->call >> 8][form->call & 0xff] = i + 1;
		memcpy(image, form->code, form->size);
		if (form->kind == VMI_FORM_CODE)
			continue;
		memset(image, 0x2e, form->size - 5); /* CS prefixes, which mean nothing */
		image[form->size - 5] = form->kind == VMI_FORM_CALL ? 0xe8 : 0xe9;
	}
}

static uint8_t *site_address(const struct vmi_site *site)
{
	return (uint8_t *)&site->address + site->address;
}

static void put_rel32(uint8_t *field, uint64_t address, uint64_t target)
{
	int32_t distance = target - address;

	__builtin_memcpy(field, &distance, 4);
}

/* The form's native bytes as they stand at this address. */
static void native_at(uint8_t *to, unsigned index, uint64_t address)
{
	const struct vmi_form *form = &vmi_forms[index];

	__builtin_memcpy(to, native_image[index], VMI_SITE_LIMIT);
	if (form->kind != VMI_FORM_CODE)
		put_rel32(to + form->size - 4, address + form->size, (uint64_t)form->target);
}

static uint64_t load(const uint8_t *from)
{
	uint64_t word;

	__builtin_memcpy(&word, from, 8);
	return word;
}

/* Eight bytes at a time, the last eight once more where the size is no multiple: linking must not be slow. */
static int same(const uint8_t *a, const uint8_t *b, unsigned size)
{
	unsigned i;

	for (i = 0; i + 8 <= size; i += 8)
		if (load(a + i) != load(b + i))
			return 0;
	if (size > 8)
		return load(a + size - 8) == load(b + size - 8);
	for (; i < size; i++)
		if (a[i] != b[i])
			return 0;
	return 1;
}

static void write_site(uint8_t *site, const uint8_t *bytes, unsigned size)
{
	uint8_t *to = vmi_direct(vmi_physical(site));
	unsigned i;

	for (i = 0; i + 8 <= size; i += 8)
		__builtin_memcpy(to + i, bytes + i, 8);
	if (size > 8)
		__builtin_memcpy(to + size - 8, bytes + size - 8, 8);
	else
		for (; i < size; i++)
			to[i] = bytes[i];
}

uint64_t vmi_sites_check(void)
{
	uint8_t expected[VMI_SITE_LIMIT];

	for (const struct vmi_site *site = vmi_sites_start; site < vmi_sites_end; site++) {
		uint8_t *address = site_address(site);
		int index = vmi_form_index(site->call);

		if (address < (uint8_t *)vmi_image_start || address + VMI_SITE_LIMIT > (uint8_t *)vmi_image_end || index < 0 ||
		    site->size != vmi_forms[index].size)
			return (uint64_t)address;
		native_at(expected, index, (uint64_t)address);
		if (!same(address, expected, site->size))
			return (uint64_t)address;
	}
	return 0;
}

/* Completes the recipe for a site at this address. */
static void relocate(uint8_t *code, const struct pv_op *op, uint64_t address)
{
	for (unsigned i = 0; i < op->relocation_count; i++) {
		const struct vmi_rom_reloc *reloc = &op->relocations[i];
		uint8_t *field = code + reloc->offset;
		uint64_t window = (uint64_t)vmi_window;
		uint32_t displacement = VMI_VCPU_ROM_OFFSET + reloc->target;

		if (reloc->kind == VMI_RELOC_VCPU)
			__builtin_memcpy(field, &displacement, 4);
		else
			put_rel32(field, address + reloc->offset,
				  window + (reloc->kind == VMI_RELOC_DATA ? VMI_WINDOW_DATA : 0) + reloc->target +
					  reloc->addend);
	}
}

static void count(uint8_t kind)
{
	uint32_t *const counters[] = { &vmi_link_state.native, &vmi_link_state.nop, &vmi_link_state.inlined,
				       &vmi_link_state.call, &vmi_link_state.jump };

	++*counters[kind];
}

/* Code on its way to execution changed under another address: serialise (Intel SDM volume 3, section 9.1.3). */
static void serialise(void)
{
	uint32_t a = 0, b, c = 0, d;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d) : : "memory");
}

void vmi_sites_patch(void)
{
	uint8_t code[VMI_SITE_LIMIT];

	for (unsigned i = 0; i < vmi_form_count; i++) {
		const struct pv_op *op = &pv_ops[i];
		unsigned used = op->kind == VMI_LINK_INLINE ? op->size : op->kind == VMI_LINK_NOP ? 0 : 5;

		if (op->kind == VMI_LINK_NATIVE)
			continue;
		if (op->kind == VMI_LINK_INLINE)
			memcpy(linked_image[i], op->code, used);
		else
			linked_image[i][0] = op->kind == VMI_LINK_CALL ? 0xe8 : 0xe9;
		fill_nops(linked_image[i] + used, vmi_forms[i].size - used);
	}
	for (const struct vmi_site *site = vmi_sites_start; site < vmi_sites_end; site++) {
		uint8_t *address = site_address(site);
		int index = vmi_form_index(site->call);
		const struct pv_op *op = &pv_ops[index];

		count(op->kind);
		if (op->kind == VMI_LINK_NATIVE)
			continue;
		__builtin_memcpy(code, linked_image[index], VMI_SITE_LIMIT);
		if (op->kind == VMI_LINK_INLINE)
			relocate(code, op, (uint64_t)address);
		else if (op->kind != VMI_LINK_NOP)
			put_rel32(code + 1, (uint64_t)address + 5, op->target);
		write_site(address, code, site->size);
	}
	vmi_link_state.sites = vmi_sites_end - vmi_sites_start;
	serialise();
}

void vmi_sites_leave(void)
{
	vmi_link_state.sites = vmi_link_state.native = vmi_sites_end - vmi_sites_start;
	vmi_link_state.nop = vmi_link_state.inlined = vmi_link_state.call = vmi_link_state.jump = 0;
}

void vmi_sites_restore(void)
{
	uint8_t code[VMI_SITE_LIMIT];

	for (const struct vmi_site *site = vmi_sites_start; site < vmi_sites_end; site++) {
		uint8_t *address = site_address(site);
		int index = vmi_form_index(site->call);

		native_at(code, index, (uint64_t)address);
		write_site(address, code, site->size);
	}
	vmi_sites_leave();
	serialise();
}
