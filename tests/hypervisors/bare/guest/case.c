/* SPDX-License-Identifier: MIT */
/* What the tests of bare hardware look at from outside: console input, modules, the command line, memory that changes. */
#include <vmi/guest.h>
#include <vmi/vmi.h>

VMI_GUEST(VMI_GUEST_LICENCE, VMI_PROFILE_PAGED);

#define KEYBOARD_CONTROLLER 0x64
#define KEYBOARD_RESET 0xfe

volatile uint64_t counter;

static void count(void)
{
	vmi_print("counting\n");
	for (;;)
		counter++;
}

static void say(const char *text, size_t size)
{
	for (size_t at = 0; at < size; at += 512)
		pv_console_write((uint64_t)(text + at), size - at < 512 ? size - at : 512);
}

/* Everything up to a full stop, printed when it is there. */
static void echo(void)
{
	static char line[65536];
	size_t size = 0;

	while (!size || line[size - 1] != '.')
		size += pv_console_read((uint64_t)(line + size), size + 512 < sizeof(line) ? 512 : 1);
	say(line, size);
}

static void modules(void)
{
	const struct vmi_module *module = vmi_direct(vmi_boot->modules);

	for (uint32_t i = 0; i < vmi_boot->module_count; i++) {
		const uint8_t *data = vmi_direct(module[i].start);
		uint32_t sum = 0;

		for (uint64_t at = 0; at < module[i].size; at++)
			sum = sum * 31 + data[at];
		vmi_print("module %lu %x\n", module[i].size, sum);
	}
}

static void line(void)
{
	vmi_print("%u:", vmi_boot->command_line_size);
	say(vmi_direct(vmi_boot->command_line), vmi_boot->command_line_size + 1);
}

static void memory(void)
{
	const struct vmi_memory_range *range = vmi_direct(vmi_boot->memory_map);
	uint64_t end = 0;

	for (uint32_t i = 0; i < vmi_boot->memory_map_count; i++)
		if (range[i].type == VMI_MEMORY_USABLE && range[i].start + range[i].size > end)
			end = range[i].start + range[i].size;
	*(volatile uint64_t *)vmi_direct(end - 8) = 0x0123456789abcdef;
	vmi_print("memory %lu\n", end);
}

static void reset(void)
{
	vmi_print("reset\n");
	__asm__ volatile("outb %b0, %w1" : : "a"(KEYBOARD_RESET), "d"(KEYBOARD_CONTROLLER));
	for (;;)
		;
}

static void restart(void)
{
	pv_shutdown(VMI_SHUTDOWN_REBOOT, 0);
}

static const struct {
	const char *name;
	void (*run)(void);
} deeds[] = {
	{ "count", count }, { "echo", echo },   { "modules", modules }, { "line", line },
	{ "memory", memory }, { "reset", reset }, { "restart", restart },
};

int vmi_main(void)
{
	char name[32];

	if (vmi_option("case.do", name, sizeof(name)))
		for (unsigned i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++)
			if (!strcmp(name, deeds[i].name)) {
				deeds[i].run();
				return 0;
			}
	return 63;
}
