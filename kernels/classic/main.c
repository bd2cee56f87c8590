/* SPDX-License-Identifier: MIT */
/* The course of a start: the kernel's own tables, the ROM, and then what is on top of this. */
#include "client.h"

#define MEMORY_K 0x1e0 /* in the real-mode part: KiB above 1 MiB */
#define LEAST_K (44 << 10)

extern uint32_t boot_parameters;
void kernel_main(void);

void kernel_main(void)
{
	uint16_t memory;

	print_init();
	memory = *(const uint16_t *)linear(boot_parameters + MEMORY_K);
	traps_init();
	pae = option("pae");
	link_native();
	print("client: %s%s%s\n", pae ? "PAE" : "non-PAE", option("smp") ? " smp" : "", option("noapic") ? " noapic" : "");
	if (memory < LEAST_K)
		die("%u KiB above 1 MiB, at least %u are needed; give the machine 64 MiB", memory, LEAST_K);
	paging_init();
	if (pae)
		print("client: %s\n", nx ? "no-execute is on" : "this processor has no no-execute");
	scan();
	if (rom && rom_init())
		link_rom();
	print("Booting paravirtualized kernel on %s\n", paravirtualized ? "vmi" : "bare hardware");
	if (paravirtualized)
		CALL4(SetLinearMapping, 0, PAGE_OFFSET, LOWMEM / PAGE, 0);
	irqs_init(!option("noapic"));
	if (vmi_timer)
		print("Time: vmi-timer clocksource has been installed.\n");
	finish((unsigned)run());
}
