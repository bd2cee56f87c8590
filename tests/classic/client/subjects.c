/* SPDX-License-Identifier: MIT */
/* Every subject, one after the other. Exit status 1 when a check failed. */
#include "subjects.h"

/* Does not come back, so it is run by name only. */
void check_reboot(void)
{
	const char *how = option_value("reboot");

	if (!how || !ops[VMI3_CALL_Reboot])
		return;
	print("client: reboot %s\n", word_is(how, "hard") ? "hard" : "soft");
	CALL1(Reboot, word_is(how, "hard"));
	check("Reboot does not come back", 0);
}

static const struct {
	const char *name;
	void (*run)(void);
} subjects[] = {
	{ "irq", check_irq },
	{ "iret", check_iret },
	{ "sysexit", check_sysexit },
	{ "cpu", check_cpu },
	{ "tables", check_tables },
	{ "mmu", check_mmu },
	{ "ports", check_ports },
	{ "time", check_time },
	{ "alarms", check_alarms },
	{ "smp", check_smp },
	{ "wallclock", check_wallclock },
	{ "apic", check_apic }, /* with noapic: maps it */
	{ "reboot", check_reboot },
};

int run(void)
{
	const char *only = option_value("only");

	for (unsigned i = 0; i < COUNT(subjects); i++) {
		if (only && !word_is(only, subjects[i].name))
			continue;
		subject(subjects[i].name);
		subjects[i].run();
	}
	print("checks: %u passed, %u failed\n", passed, failed);
	return failed != 0;
}
