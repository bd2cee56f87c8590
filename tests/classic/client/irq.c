/* SPDX-License-Identifier: MIT */
/* The interrupt flag, calls 29 to 32, at sites as the client has them: no register may change. */
#include "subjects.h"

#define KEPT_FLAGS 0x247500u /* TF, DF, IOPL, NT, AC, ID: none is one of the interface's */
#define ARITHMETIC 0x8d5u

void timer_rests(void)
{
	outb(0x43, 0x3a);
}

int make_pending(void)
{
	uint32_t start = clock_now();

	outb(0x43, 0x30); /* channel 0 once, in 100 ticks */
	outb(0x40, 100);
	outb(0x40, 0);
	outb(0x20, 0x0a); /* the register of requests */
	while (!(inb(0x20) & 1))
		if (clock_since(start) > CLOCK_HZ)
			return 0;
	return 1;
}

static const char *const names[] = { "EAX", "EBX", "ECX", "EDX", "ESI", "EDI", "EBP" };

uint32_t call_leaf(const char *name, const void *function, uint32_t eax, uint32_t eflags, int result, uint32_t *value)
{
	static const uint32_t words[2];
	struct registers before = { eax, 0xb1b1b1b1, 0xc1c1c1c1, 0xd1d1d1d1, 0x51515151, 0x61616161, 0x71717171, eflags, 0,
				    0, 0, 0, 0, 0, 0 }, after = before;
	unsigned bad = 0;

	call_registers(function, &after, words);
	for (unsigned i = result ? 1 : 0; i < COUNT(names); i++) {
		if ((&after.eax)[i] == (&before.eax)[i])
			continue;
		print("  %s: %s was 0x%x, became 0x%x\n", name, names[i], (&before.eax)[i], (&after.eax)[i]);
		bad |= 1u << i;
	}
	if (after.esp)
		print("  %s: ESP is off by %d\n", name, after.esp);
	if ((after.eflags ^ eflags) & KEPT_FLAGS)
		print("  %s: EFLAGS was 0x%x, became 0x%x\n", name, eflags, after.eflags);
	each(!bad && !after.esp && !((after.eflags ^ eflags) & KEPT_FLAGS), bad);
	if (value)
		*value = after.eax;
	return after.eflags;
}

struct forms {
	const char *kind;
	const void *enable, *disable, *flags, *restore;
};

static void flag_calls(const struct forms *f)
{
	static const uint32_t others[] = { 0x00000002, 0x00000002 | ARITHMETIC, 0x00240002, 0x00000002 | 0x3000 };
	uint32_t value;

	subject(f->kind);
	for (unsigned i = 0; i < COUNT(others); i++)
		for (uint32_t on = 0; on <= FLAG_IF; on += FLAG_IF)
			each(call_leaf("29", f->enable, 0xa1a1a1a1, others[i] | on, 0, 0) & FLAG_IF, i);
	all("EnableInterrupts enables and changes no register");
	for (unsigned i = 0; i < COUNT(others); i++)
		for (uint32_t on = 0; on <= FLAG_IF; on += FLAG_IF)
			each(!(call_leaf("30", f->disable, 0xa1a1a1a1, others[i] | on, 0, 0) & FLAG_IF), i);
	all("DisableInterrupts disables and changes no register");
	for (unsigned i = 0; i < COUNT(others); i++)
		for (uint32_t on = 0; on <= FLAG_IF; on += FLAG_IF) {
			each((call_leaf("31", f->flags, 0xa1a1a1a1, others[i] | on, 1, &value) & FLAG_IF) == on, i);
			each((value & FLAG_IF) == on, value);
		}
	all("GetInterruptMask gives bit 9 and changes EAX only");
	for (unsigned i = 0; i < COUNT(others); i++)
		for (uint32_t on = 0; on <= FLAG_IF; on += FLAG_IF) {
			each((call_leaf("32", f->restore, on, others[i] | on, 0, 0) & FLAG_IF) == on, i);
			each((call_leaf("32", f->restore, on ^ FLAG_IF, others[i] | on, 0, 0) & FLAG_IF) == (on ^ FLAG_IF), i);
			each((call_leaf("32", f->restore, 0xfffffdff | on, others[i], 0, 0) & FLAG_IF) == on, 0x100 | i);
			each((call_leaf("32", f->restore, 0x00000000 | on, others[i], 0, 0) & FLAG_IF) == on, 0x200 | i);
			each((call_leaf("32", f->restore, 0x5a5a58fd | on, others[i] | FLAG_IF, 0, 0) & FLAG_IF) == on, 0x300 | i);
		}
	all("SetInterruptMask takes bit 9 only and changes no register");
	subject("irq");
}

static void other_all(uint32_t unused)
{
	static const struct forms other = { "irq/other data segments", other_enable, other_disable, other_flags, other_restore };

	(void)unused;
	flag_calls(&other);
}

static void save_off(void)
{
	uint32_t value;

	for (uint32_t on = 0; on <= FLAG_IF; on += FLAG_IF) {
		each(!(call_leaf("31 and 30", site_save_off, 0xa1a1a1a1, 2 | on, 1, &value) & FLAG_IF), on);
		each((value & FLAG_IF) == on, value);
	}
	all("a site of two calls saves the flag and disables");
	__asm__ volatile("sti");
	value = irq_save();
	check("compiled code saves and disables", value & FLAG_IF && !(irq_flags() & FLAG_IF));
	irq_restore(value);
	check("and restores", irq_flags() & FLAG_IF);
	irq_disable();
	irq_restore(irq_flags());
	check("off stays off", !(native_flags() & FLAG_IF));
	irq_enable();
	check("compiled code enables", native_flags() & FLAG_IF);
	irq_disable();
}

static void delivery(void)
{
	unsigned before = irq0_count;
	uint32_t value = 0;

	check("an interrupt waits while they are off", make_pending() && irq0_count == before);
	call_leaf("31", site_flags, 0, 2, 1, &value);
	call_leaf("32", site_restore, 0, 2, 0, 0);
	call_leaf("30", site_disable, 0, 2, 0, 0);
	each(irq0_count == before, irq0_count - before);
	all("nothing else lets it in");
	call_leaf("29", enable_and_count, 0xa1a1a1a1, 2, 1, &value);
	equal("EnableInterrupts lets it in before the next instruction", value, before + 1);
	call_leaf("29", enable_and_count, 0xa1a1a1a1, 2, 1, &value);
	equal("and once", value, before + 1);
	make_pending();
	call_leaf("32", restore_and_count, FLAG_IF, 2, 1, &value);
	equal("so does SetInterruptMask", value, before + 2);
	all("no register changes meanwhile");
	timer_rests();
}

/* A single step: flags were loaded that are not the interface's. What else changed tells which. */
static void on_debug(struct trap *trap)
{
	trap->eflags &= ~0x100u;
}

void check_irq(void)
{
	static const struct forms sites = { "irq/sites", site_enable, site_disable, site_flags, site_restore };
	const void *const places[] = { site_enable, site_disable, site_flags, site_restore };
	const struct forms pointers = { "irq/pointers", ops[VMI3_CALL_EnableInterrupts], ops[VMI3_CALL_DisableInterrupts],
					ops[VMI3_CALL_GetInterruptMask], ops[VMI3_CALL_SetInterruptMask] };
	unsigned exception;

	for (unsigned i = 0; i < 4; i++)
		each(*(const uint8_t *)places[i] == (from_rom(VMI3_CALL_EnableInterrupts + i) ? 0xe8 : 0x51), i);
	all("sites are calls where the ROM has one, and as compiled elsewhere");
	handlers[1] = on_debug;
	flag_calls(&sites);
	flag_calls(&pointers);
	/* Of another base, where nothing is at the kernel's addresses: TCG does not look at null selectors. */
	this_cpu()->gdt[OTHER_DS / 8] = segment(TEST_ADDRESS - PAGE_OFFSET, 0xfffff, 0xc93);
	exception = attempt(other_all, 0);
	subject("irq");
	equal("they need no data segment", exception, 0);
	save_off();
	delivery();
}
