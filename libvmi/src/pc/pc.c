/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Bare hardware, second part: makes the boot contract from what the loader gives. The final page tables map the kernel's
 * segments as linked, each with its own permissions, and the first 4 GiB - memory and devices - at the direct map.
 */
#include "pc.h"

#define PAGE 4096ull
#define LARGE_PAGE (2ull << 20)
#define GIB (1ull << 30)
#define DIRECT_GIB 4
#define IMAGE_LIMIT (16l << 20)
#define MEMORY_RANGES 32
#define MODULES 8

enum { PRESENT = 1, WRITABLE = 2, TABLE = PRESENT | WRITABLE, WRITE_THROUGH = 8, UNCACHED = 16, LARGE = 128 };
#define NO_EXECUTE (1ull << 63)
/* Where firmware puts expansion ROMs, and how they are aligned (PCI Firmware 3.0, section 5.2). */
#define ROM_AREA 0xc0000
#define ROM_AREA_END 0xe0000
#define ROM_STEP 2048
#define DEVICES 0xc0000000ull /* from here to 4 GiB a PC has devices, not memory */

extern char vmi_physical_offset[]; /* an absolute symbol of the linker script */
extern char vmi_text_start[], vmi_text_end[], vmi_data_start[];

static struct vmi_boot_info info;
static struct vmi_memory_range ranges[MEMORY_RANGES];
static struct vmi_module modules[MODULES];

typedef uint64_t page_table[512] __attribute__((aligned(4096)));
static page_table root, low, image, image_pages[IMAGE_LIMIT / LARGE_PAGE], direct, direct_large[DIRECT_GIB];

static uint64_t physical(const void *address)
{
	return (uint64_t)address - (uint64_t)vmi_physical_offset;
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
	for (uint64_t i = 0; i < IMAGE_LIMIT / LARGE_PAGE; i++)
		image[start % GIB / LARGE_PAGE + i] = physical(image_pages[i]) | TABLE;
	for (uint64_t address = start; address < end; address += PAGE)
		image_pages[(address - start) / LARGE_PAGE][address / PAGE % 512] = physical((void *)address) | flags_of(address);
}

static void map_window(uint64_t offset, const void *page, uint64_t flags)
{
	uint64_t address = (uint64_t)vmi_window + offset, start = (uint64_t)vmi_image_start;

	image_pages[(address - start) / LARGE_PAGE][address / PAGE % 512] = physical(page) | flags;
}

/*
 * A ROM that firmware has put into the expansion-ROM area, as classic VMI had it. Its text and data move to pages that
 * can be mapped into the window; the image stays where it is for the linker, which checks the rest of it.
 */
static void find_rom(void)
{
	static uint8_t text[VMI_TEXT_LIMIT] __attribute__((aligned(4096)));
	static uint8_t data[VMI_DATA_LIMIT] __attribute__((aligned(4096)));
	struct vmi_rom rom;

	for (uint64_t address = ROM_AREA; address < ROM_AREA_END; address += ROM_STEP) {
		const struct vmi_rom_header *header = pc_at(address);

		if (header->rom_signature != 0xaa55 || header->signature != VMI_ROM_MAGIC)
			continue;
		info.rom = address;
		info.rom_size = header->length * 512u;
		if (!vmi_rom_open(&rom, header, info.rom_size) && rom.descriptor) {
			memcpy(text, rom.image + rom.descriptor->text, rom.descriptor->text_size);
			memcpy(data, rom.image + rom.descriptor->data, rom.descriptor->data_size);
		}
		for (uint64_t i = 0; i < VMI_TEXT_LIMIT; i += PAGE)
			map_window(i, text + i, PRESENT);
		map_window(VMI_WINDOW_DATA, data, PRESENT | WRITABLE | NO_EXECUTE);
		return;
	}
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

void pc_add_memory(uint64_t start, uint64_t end)
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

void pc_add_module(uint64_t start, uint64_t size, uint64_t name)
{
	static const char nameless[] = "";

	if (info.module_count == MODULES)
		pc_stop("vmi: refused: the loader gives more than 8 modules\n");
	modules[info.module_count++] = (struct vmi_module){
		.start = start,
		.size = size,
		.name = name ? name : physical(nameless),
	};
}

/* Takes the pages of a module out of the range of memory that they are in. */
static void carve_module(uint64_t start, uint64_t end)
{
	for (uint32_t i = 0; i < info.memory_map_count; i++) {
		struct vmi_memory_range range = ranges[i];
		uint64_t range_end = range.start + range.size;

		if (range.type != VMI_MEMORY_USABLE || start < range.start || end > range_end)
			continue;
		info.memory_map_count--;
		memmove(&ranges[i], &ranges[i + 1], (info.memory_map_count - i) * sizeof(range));
		add_range(range.start, start, VMI_MEMORY_USABLE);
		add_range(start, end, VMI_MEMORY_MODULE);
		add_range(end, range_end, VMI_MEMORY_USABLE);
		return;
	}
}

/* The contract wants the map sorted by address. */
static void sort_ranges(void)
{
	for (uint32_t i = 1; i < info.memory_map_count; i++)
		for (uint32_t j = i; j && ranges[j - 1].start > ranges[j].start; j--) {
			struct vmi_memory_range range = ranges[j];

			ranges[j] = ranges[j - 1];
			ranges[j - 1] = range;
		}
}

void pc_set_command_line(uint64_t address)
{
	info.command_line = address;
	info.command_line_size = strlen(pc_at(address));
}

_Noreturn void pc_stop(const char *why)
{
	vmi_native_console_write((uint64_t)why, strlen(why));
	for (;;)
		vmi_native_shutdown(VMI_SHUTDOWN_REFUSED, 0);
}

/*
 * Called on the first page tables with the physical address of what the loader left, and the loader's magic number in
 * EAX. Returns the boot information.
 */
uint64_t vmi_pc_begin(uint32_t start, uint32_t magic)
{
	static const char nothing[] = "";

	if (vmi_window + VMI_WINDOW_SIZE - vmi_image_start > IMAGE_LIMIT)
		pc_stop("vmi: refused: the kernel image and its ROM window are over 16 MiB; link a smaller one\n");
	if ((uint64_t)vmi_image_start % LARGE_PAGE || (uint64_t)vmi_image_start % GIB > GIB - IMAGE_LIMIT)
		pc_stop("vmi: refused: the kernel image does not begin at a multiple of 2 MiB, or within 16 MiB of the next "
			"GiB; correct its linker script\n");
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
	pc_set_command_line(physical(nothing));
	if (magic == MULTIBOOT_LOADED)
		pc_read_multiboot(start);
	else
		pc_read_pvh(start);
	for (uint32_t i = 0; i < info.module_count; i++)
		carve_module(modules[i].start & -PAGE, (modules[i].start + modules[i].size + PAGE - 1) & -PAGE);
	sort_ranges();
	vmi_forms_init();
	find_rom();
	__asm__ volatile("movq %0, %%cr3" : : "r"(info.page_root) : "memory");
	return (uint64_t)pc_at(physical(&info));
}
