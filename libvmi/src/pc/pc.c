/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Bare hardware, second part: makes the boot contract from what PVH gives. The final page tables map the kernel's
 * segments as linked, each with its own permissions, and the first 4 GiB - memory and devices - at the direct map.
 */
#include "../link.h"
#include <vmi/guest.h>

#define PAGE 4096ull
#define LARGE_PAGE (2ull << 20)
#define GIB (1ull << 30)
#define DIRECT_GIB 4
#define MEMORY_RANGES 32
#define MODULES 8

enum { PRESENT = 1, WRITABLE = 2, TABLE = 7, WRITE_THROUGH = 8, UNCACHED = 16, LARGE = 128 };
#define NO_EXECUTE (1ull << 63)
#define DEVICES 0xc0000000ull /* from here to 4 GiB a PC has devices, not memory */

/* Xen public/arch-x86/hvm/start_info.h, version 1. */
struct start_info {
	uint32_t magic, version, flags, module_count;
	uint64_t modules, command_line, rsdp, memory_map;
	uint32_t memory_map_count, reserved;
};
struct start_module {
	uint64_t address, size, command_line, reserved;
};
struct start_range {
	uint64_t address, size;
	uint32_t type, reserved;
};
#define START_MAGIC 0x336ec578
#define START_RAM 1

extern char vmi_physical_offset[]; /* an absolute symbol of the linker script */
extern char vmi_text_start[], vmi_text_end[], vmi_data_start[];

static struct vmi_boot_info info;
static struct vmi_memory_range ranges[MEMORY_RANGES];
static struct vmi_module modules[MODULES];
static uint64_t root[512], low[512], direct[512], direct_large[DIRECT_GIB][512], image[512]
	__attribute__((aligned(4096)));
static uint64_t image_pages[8][512] __attribute__((aligned(4096)));

static uint64_t physical(const void *address)
{
	return (uint64_t)address - (uint64_t)vmi_physical_offset;
}

static void *linked(uint64_t address)
{
	return (void *)(VMI_GUEST_DIRECT_MAP + address);
}

static uint64_t flags_of(uint64_t address)
{
	if (address >= (uint64_t)vmi_text_start && address < (uint64_t)vmi_text_end)
		return PRESENT;
	return address >= (uint64_t)vmi_data_start ? PRESENT | WRITABLE | NO_EXECUTE : PRESENT | NO_EXECUTE;
}

static void map_image(void)
{
	uint64_t start = (uint64_t)vmi_image_start, end = (uint64_t)vmi_image_end;

	low[start / GIB] = physical(image) | TABLE;
	for (uint64_t i = 0; i < sizeof(image_pages) / PAGE; i++)
		image[start % GIB / LARGE_PAGE + i] = physical(image_pages[i]) | TABLE;
	for (uint64_t address = start; address < end; address += PAGE)
		image_pages[(address - start) / LARGE_PAGE][address / PAGE % 512] = physical((void *)address) | flags_of(address);
}

static void map_direct(void)
{
	root[VMI_GUEST_DIRECT_MAP >> 39] = physical(direct) | TABLE;
	for (uint64_t i = 0; i < DIRECT_GIB; i++)
		direct[i] = physical(direct_large[i]) | TABLE;
	for (uint64_t address = 0; address < DIRECT_GIB * GIB; address += LARGE_PAGE)
		direct_large[address / GIB][address / LARGE_PAGE % 512] =
			address | PRESENT | WRITABLE | LARGE | NO_EXECUTE |
			(address >= DEVICES ? UNCACHED | WRITE_THROUGH : 0);
}

static void add_range(uint64_t start, uint64_t end, uint32_t type)
{
	if (start < end && info.memory_map_count < MEMORY_RANGES)
		ranges[info.memory_map_count++] =
			(struct vmi_memory_range){ .start = start, .size = end - start, .type = type };
}

/* A range of memory, around the kernel's image and below the end of the direct map. */
static void add_memory(uint64_t start, uint64_t end)
{
	uint64_t image_start = info.image, image_end = info.image + (info.image_end - info.image_start);

	start = (start + PAGE - 1) & -PAGE;
	end &= -PAGE;
	if (end > DIRECT_GIB * GIB)
		end = DIRECT_GIB * GIB;
	if (start < PAGE)
		start = PAGE; /* the first page holds what a BIOS left there */
	if (image_start < start || image_end > end) {
		add_range(start, end, VMI_MEMORY_USABLE);
		return;
	}
	add_range(start, image_start, VMI_MEMORY_USABLE);
	add_range(image_start, image_end, VMI_MEMORY_IMAGE);
	add_range(image_end, end, VMI_MEMORY_USABLE);
}

static _Noreturn void stop(const char *why)
{
	vmi_native_console_write((uint64_t)why, strlen(why));
	for (;;)
		vmi_native_shutdown(VMI_SHUTDOWN_REFUSED, 0);
}

static void read_memory_map(const struct start_info *start)
{
	const struct start_range *range = linked(start->memory_map);

	if (start->version < 1 || !start->memory_map_count)
		stop("vmi: refused: the PVH start information has no memory map; use a loader with version 1 of it\n");
	for (uint32_t i = 0; i < start->memory_map_count; i++)
		if (range[i].type == START_RAM)
			add_memory(range[i].address, range[i].address + range[i].size);
}

static uint64_t text_at(uint64_t address)
{
	static const char none[] = "";

	return address ? address : physical(none);
}

static void read_modules(const struct start_info *start)
{
	const struct start_module *from = linked(start->modules);

	for (uint32_t i = 0; i < start->module_count && i < MODULES; i++)
		modules[info.module_count++] = (struct vmi_module){
			.start = from[i].address,
			.size = from[i].size,
			.name = text_at(from[i].command_line),
		};
}

/* Called on the first page tables with the physical address of the start information. Returns the boot information. */
uint64_t vmi_pc_begin(uint64_t start_address)
{
	const struct start_info *start = linked(start_address);

	if (start->magic != START_MAGIC)
		stop("vmi: refused: entered as PVH, but there is no PVH start information\n");
	if (vmi_image_end - vmi_image_start > (long)sizeof(image_pages) / (long)PAGE * (long)LARGE_PAGE)
		stop("vmi: refused: the kernel image is larger than 16 MiB\n");
	root[0] = physical(low) | TABLE;
	map_image();
	map_direct();
	info = (struct vmi_boot_info){
		.magic = VMI_BOOT_MAGIC,
		.size = sizeof(info),
		.major = VMI_MAJOR,
		.minor = VMI_MINOR,
		.flags = VMI_BOOT_PC,
		.memory_map = physical(ranges),
		.modules = physical(modules),
		.command_line = text_at(start->command_line),
		.vcpu_count = 1,
		.descriptor_base = 0x33,
		.window = (uint64_t)vmi_window,
		.direct_map = VMI_GUEST_DIRECT_MAP,
		.image_start = (uint64_t)vmi_image_start,
		.image_end = (uint64_t)vmi_image_end,
		.image = physical(vmi_image_start),
		.page_root = physical(root),
		.kernel_cs = 0x08,
		.kernel_ss = 0x10,
		.user_cs = 0x2b,
		.user_ss = 0x23,
		.hypervisor = "bare",
	};
	info.command_line_size = strlen(linked(info.command_line));
	read_memory_map(start);
	read_modules(start);
	__asm__ volatile("movq %0, %%cr3" : : "r"(info.page_root) : "memory");
	return (uint64_t)linked(physical(&info));
}
