/* SPDX-License-Identifier: MIT */
/* What is looked at from the first domain: console input by event, much output, the command line, memory, a reboot. */
#include <vmi/guest.h>
#include <vmi/vmi.h>

VMI_GUEST(VMI_GUEST_LICENCE, VMI_PROFILE_PAGED);

#define CONSOLE_VECTOR 40
#define LINES 2000

static volatile unsigned inputs; /* events */

static void on_input(struct vmi_trap *trap)
{
	(void)trap;
	inputs++;
	pv_event_ack(VMI_SOURCE_CONSOLE);
}

static void say(const char *text, size_t size)
{
	while (size) {
		int64_t taken = pv_console_write((uint64_t)text, size < VMI_CONSOLE_LIMIT ? size : VMI_CONSOLE_LIMIT);

		if (taken < 0)
			vmi_panic(0, "console: %ld", taken);
		text += taken;
		size -= taken;
	}
}

/* Everything up to a full stop, printed when it is there. Sleeps until input is announced. */
static void echo(void)
{
	static char text[65536];
	size_t size = 0;

	vmi_handle(CONSOLE_VECTOR, on_input);
	if (pv_event_bind(VMI_SOURCE_CONSOLE, CONSOLE_VECTOR))
		vmi_panic(0, "no event for console input");
	vmi_print("ready\n");
	while (!size || text[size - 1] != '.') {
		int64_t got = pv_console_read((uint64_t)(text + size), size + 512 < sizeof(text) ? 512 : 1);

		if (got < 0)
			vmi_panic(0, "console: %ld", got);
		size += got;
		if (!got)
			pv_halt();
		pv_irq_disable();
	}
	say(text, size);
	vmi_print("\n%u bytes, events: %s\n", (unsigned)size, inputs ? "some" : "none");
}

/* In the largest writes that there are, each larger than the ring between two domains. */
static void large(void)
{
	static char text[VMI_CONSOLE_LIMIT];

	for (unsigned write = 0; write < 32; write++) {
		for (unsigned at = 0; at < sizeof(text); at += 8)
			vmi_text(text + at, 9, "%07x\n", (unsigned)(write * sizeof(text) + at));
		say(text, sizeof(text));
	}
}

/* In many small writes, each announced. */
static void small(void)
{
	for (unsigned line = 0; line < LINES; line++)
		vmi_print("line %u of many\n", line);
}

static void line(void)
{
	vmi_print("<");
	say(vmi_direct(vmi_boot->command_line), vmi_boot->command_line_size);
	vmi_print(">\n");
}

static void modules(void)
{
	const struct vmi_module *module = vmi_direct(vmi_boot->modules);

	for (uint32_t i = 0; i < vmi_boot->module_count; i++) {
		const uint8_t *data = vmi_direct(module[i].start);
		uint32_t sum = 0;

		for (uint64_t at = 0; at < module[i].size; at++)
			sum = sum * 31 + data[at];
		vmi_print("%s: %lu bytes, sum %x\n", (const char *)vmi_direct(module[i].name), module[i].size, sum);
	}
}

static void memory(void)
{
	const struct vmi_memory_range *range = vmi_direct(vmi_boot->memory_map);
	uint64_t end = 0, pages = 0;

	for (uint32_t i = 0; i < vmi_boot->memory_map_count; i++) {
		if (range[i].start + range[i].size > end)
			end = range[i].start + range[i].size;
		if (range[i].type != VMI_MEMORY_USABLE)
			continue;
		for (uint64_t page = range[i].start; page < range[i].start + range[i].size; page += 4096, pages++)
			*(volatile uint64_t *)vmi_direct(page) = page;
		for (uint64_t page = range[i].start; page < range[i].start + range[i].size; page += 4096)
			if (*(volatile uint64_t *)vmi_direct(page) != page)
				vmi_panic(0, "page %lx lost", page);
	}
	vmi_print("memory %lu MiB, usable %lu KiB\n", end >> 20, pages * 4);
}

static void restart(void)
{
	vmi_print("rebooting\n");
	pv_shutdown(VMI_SHUTDOWN_REBOOT, 0);
}

static const struct {
	const char *name;
	void (*run)(void);
} deeds[] = {
	{ "echo", echo }, { "large", large }, { "small", small }, { "line", line }, { "memory", memory },
	{ "modules", modules }, { "restart", restart },
};

int vmi_main(void)
{
	char name[32];

	if (vmi_option("domain.do", name, sizeof(name)))
		for (unsigned i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++)
			if (!strcmp(name, deeds[i].name)) {
				deeds[i].run();
				return 0;
			}
	return 63;
}
