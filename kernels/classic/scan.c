/* SPDX-License-Identifier: MIT */
/* Finding a ROM: what the real client tests, in its order, and what it says about it (facts, sections 1.4 and 15). */
#include "client.h"

const struct vmi3_header *rom;
int paravirtualized;

static const char *text(const struct vmi3_header *header, uint16_t offset)
{
	return offset ? (const char *)header + offset : "";
}

/* 1: it is used. The first ROM with both signatures decides nothing: the search goes on after one that was refused. */
static int accept(const struct vmi3_header *header)
{
	const char *manufacturer = "UNKNOWN", *product = "UNKNOWN", *licence;
	const struct vmi3_pci *pci;

	if (header->rom_signature != VMI3_ROM_SIGNATURE || header->vrom_signature != VMI3_SIGNATURE)
		return 0;
	if (header->api_version_maj != VMI3_MAJOR || header->api_version_min + 1 < VMI3_MINOR + 1) {
		print("VMI: Found mismatched rom version %u.%u\n", header->api_version_maj, header->api_version_min);
		return 0;
	}
	if (!header->pci_header_offs) {
		print("VMI: ROM does not contain PCI header\n");
		return 0;
	}
	pci = (const void *)((const char *)header + header->pci_header_offs);
	if (pci->vendorID != VMI3_PCI_VENDOR || pci->deviceID != VMI3_PCI_DEVICE)
		print("VMI: ROM is for device %04x:%04x, not the VMI device\n", pci->vendorID, pci->deviceID);
	licence = text(header, header->license_offs);
	if (header->pnp_header_offs) {
		const struct vmi3_pnp *pnp = (const void *)((const char *)header + header->pnp_header_offs);

		if (pnp->manufacturer_offset)
			manufacturer = text(header, pnp->manufacturer_offset);
		if (pnp->product_offset)
			product = text(header, pnp->product_offset);
	}
	print("VMI: Found %s %s, API version %u.%u, ROM version %u.%u\n", manufacturer, product, header->api_version_maj,
	      header->api_version_min, pci->rom_version_maj, pci->rom_version_min);
	if (strcmp(licence, "GPL") && strcmp(licence, "GPL v2")) {
		print("VMI: Non GPL license %s, the ROM %s %s is not used\n", licence, manufacturer, product);
		return 0;
	}
	return 1;
}

void scan(void)
{
	for (uint32_t at = VMI3_SCAN_START; at < VMI3_SCAN_END && !rom; at += VMI3_SCAN_STEP)
		if (accept(linear(at)))
			rom = linear(at);
	if (rom)
		print("client: ROM at 0x%x\n", physical(rom));
	else
		print("client: no ROM\n");
}

/* 1: the ROM is active. */
int rom_init(void)
{
	uint16_t cs;

	if ((uint32_t)call_checked("VMI_Init", rom->vmi_init, 0, 0, 0, 0, 0)) {
		print("VMI: ROM failed to initialize\n");
		return 0;
	}
	__asm__ volatile("movw %%cs, %0" : "=r"(cs));
	print("client: kernel runs in ring %u\n", cs & 3);
	if (rom->virtual_top)
		print("Reserving virtual address space above 0x%x\n", rom->virtual_top);
	return paravirtualized = 1;
}
