/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* From Xen's entry to the guest's (shim.h). */
#include "shim.h"
#include "leave.h"

#define BOOT_STACK 16384
#define COMMAND_LINE 4096
#define GDT_ENTRIES 512 /* of one page */

const struct start_info *shim_start_info;

static struct package package;
static struct guest guest;
static struct rom rom;
static struct plan plan;
static struct vmi_boot_info info;
static char command_line[COMMAND_LINE + 1];
static uint8_t boot_stack[BOOT_STACK] __attribute__((aligned(4096)));

void *memcpy(void *to, const void *from, uint64_t size)
{
	void *at = to;

	__asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(size) : : "memory");
	return to;
}

void *memset(void *to, int value, uint64_t size)
{
	void *at = to;

	__asm__ volatile("rep stosb" : "+D"(at), "+c"(size) : "a"(value) : "memory");
	return to;
}

int memcmp(const void *left, const void *right, uint64_t size)
{
	const uint8_t *a = left, *b = right;

	for (; size; size--, a++, b++)
		if (*a != *b)
			return *a - *b;
	return 0;
}

static int is_mapped(uint64_t address)
{
	const uint64_t *table = (const void *)shim_start_info->tables;

	for (unsigned shift = 39;; shift -= 9) {
		uint64_t entry = table[address >> shift & 511];

		if (!(entry & 1) || shift == 12)
			return entry & 1;
		table = (const void *)(XEN_SHIM_BASE + page_of_frame((entry & 0x000ffffffffff000) / PAGE) * PAGE);
	}
}

/* Pages of the initial mapping: Xen adds some behind its stack, the last thing that it needs. */
static uint64_t region_pages(uint64_t stack)
{
	uint64_t end = page_up(stack);

	while (is_mapped(end))
		end += PAGE;
	return (end - XEN_SHIM_BASE) / PAGE;
}

static void check_start(const struct start_info *start)
{
	static const char magic[] = "xen-3.0-x86_64";

	if (memcmp(start->magic, magic, sizeof(magic) - 1))
		refuse("Xen's start information does not begin with %s; start this kernel as a 64-bit PV domain", magic);
	if (!start->module_size || start->flags & SIF_MOD_START_PFN)
		refuse("Xen gives no module; give it a package behind this kernel: module, ramdisk or second -initrd");
}

static void append(const char *text, uint64_t size)
{
	for (uint64_t i = 0; i < size; i++)
		if (text[i] <= 0)
			refuse("the command line has the byte %#lx at %lu, expected ASCII without NUL; correct it",
			       (uint64_t)(uint8_t)text[i], info.command_line_size + i);
	if (size > COMMAND_LINE - info.command_line_size)
		refuse("the command line has %lu bytes and more, expected at most %lu; shorten it",
		       info.command_line_size + size, (uint64_t)COMMAND_LINE);
	memcpy(command_line + info.command_line_size, text, size);
	info.command_line_size += size;
}

static void make_command_line(struct part line, const char *of_xen)
{
	uint64_t size = 0;

	append((const char *)line.start, line.size);
	while (size < sizeof(shim_start_info->command_line) && of_xen[size])
		size++;
	if (!size)
		return;
	append(" ", 1);
	append(of_xen, size);
}

static void make_info(void)
{
	info = (struct vmi_boot_info){
		.magic = VMI_BOOT_MAGIC,
		.size = sizeof(info),
		.major = VMI_MAJOR,
		.minor = VMI_MINOR,
		.flags = package.flags,
		.module_count = package.module_count,
		.modules = package.module_count ? physical(package.modules) : 0,
		.command_line = physical(command_line),
		.vcpu_count = 1,
		.rom = package.rom.start ? physical(package.rom.start) : 0,
		.rom_size = package.rom.size,
		.descriptor_base = XEN_GDT_FIRST * 8 + 3,
		.window = guest.window,
		.direct_map = guest.direct_map,
		.image_start = guest.image_start,
		.image_end = guest.image_end,
		.image = plan.image * PAGE,
		.page_root = plan.old_tables * PAGE,
		.kernel_cs = XEN_KERNEL_CS,
		.kernel_ss = XEN_KERNEL_SS,
		.user_cs = XEN_USER_CS,
		.user_ss = XEN_USER_SS,
		.hypervisor = "xen",
	};
	make_command_line(package.command_line, shim_start_info->command_line);
	plan_describe(&plan, &package, &info);
}

static void fill_memory(void)
{
	memory_clear(plan.region, plan.end);
	for (unsigned i = 0; i < guest.segment_count; i++) {
		const struct segment *segment = &guest.segments[i];

		memory_write(plan.image + (segment->virtual - guest.image_start) / PAGE,
			     (struct part){ segment->contents, segment->file_size });
	}
	memory_write(plan.text, rom.text);
	memory_write(plan.data, rom.data);
	memory_write(plan.stubs, (struct part){ shim_leave, shim_leave_end - shim_leave });
}

static void fill_handover(const struct start_info *start)
{
	uint64_t *handover = memory_map(SLOT_DATA, plan.handover), pool = plan.pool_end - plan.pool;
	int dom0 = !!(start->flags & SIF_INITDOMAIN);

	handover[XEN_HANDOVER_MAGIC / 8] = XEN_HANDOVER_VALID;
	handover[XEN_HANDOVER_DIRECT_MAP / 8] = guest.direct_map;
	handover[XEN_HANDOVER_P2M / 8] = guest.direct_map + physical((void *)start->p2m);
	handover[XEN_HANDOVER_PAGES / 8] = plan.pages;
	handover[XEN_HANDOVER_FRAMES / 8] = guest.direct_map + plan.frames * PAGE;
	handover[XEN_HANDOVER_POOL / 8] = plan.pool * PAGE;
	handover[XEN_HANDOVER_POOL_PAGES / 8] = pool < XEN_FRAME_POOL_LIMIT ? pool : XEN_FRAME_POOL_LIMIT;
	handover[XEN_HANDOVER_ROOT / 8] = plan.old_tables * PAGE;
	handover[XEN_HANDOVER_GDT / 8] = plan.gdt * PAGE;
	handover[XEN_HANDOVER_FLAGS / 8] = dom0 ? XEN_FLAG_DOM0 : 0;
	events_bind(handover);
}

__attribute__((used)) _Noreturn void shim_main(const struct start_info *start, uint64_t stack)
{
	uint64_t gdt;

	shim_start_info = start;
	faults_init();
	check_start(start);
	memory_map_shared_info();
	shim_shared_info[XEN_MASK] = 1;
	package_open(&package, (struct part){ (const uint8_t *)start->module, start->module_size });
	guest_open(&guest, package.guest);
	guest_check_addresses(&guest, start->pages);
	if (package.rom.start)
		rom_open(&rom, package.rom);
	plan_make(&plan, &guest, region_pages(stack));
	make_info();
	fill_memory();
	tables_make(&plan, &guest);
	fill_handover(start);
	memory_unmap();
	gdt = machine_frame(plan.gdt);
	check(xen_call2(XEN_SET_GDT, (uint64_t)&gdt, GDT_ENTRIES), "set_gdt", "use page", plan.gdt);
	tables_hook(&plan);
	shim_enter(&(struct leaving){
		.code = guest.window + XEN_STUBS,
		.slot = machine_frame(plan.old_tables) * PAGE + (XEN_SHIM_BASE >> 39 & 511) * sizeof(uint64_t),
		.first = plan.old_tables + 1, /* the root stays */
		.end = plan.old_tables_end,
		.p2m = guest.direct_map + physical((void *)start->p2m),
		.direct_map = guest.direct_map,
		.rdi = guest.direct_map + physical(&info),
		.rip = guest.entry,
		.rsp = guest.direct_map + physical(boot_stack + BOOT_STACK - 8),
	});
}
