/* SPDX-License-Identifier: MIT */
/* Interrupt controllers: two 8259, the local APIC in virtual wire mode, reached as the kernel's operations reach it. */
#include "client.h"

enum { APIC_EOI = 0xb0, APIC_SVR = 0xf0, APIC_TPR = 0x80, APIC_LVTT = 0x320, APIC_LVT0 = 0x350, APIC_LVT1 = 0x360 };

volatile unsigned irq0_count, lvtt_count[2];
struct trap irq0_last;
uint32_t lvtt_vector;
int apic;

uint32_t apic_read(unsigned offset)
{
	return (uint32_t)CALL1(APICRead, offset);
}

void apic_write(unsigned offset, uint32_t value)
{
	CALL2(APICWrite, offset, value);
}

static void on_irq0(struct trap *trap)
{
	irq0_last = *trap;
	irq0_count++;
	outb(0x20, 0x20);
}

static void on_lvtt(struct trap *trap)
{
	lvtt_vector = trap->vector;
	lvtt_count[this_cpu()->number]++;
	apic_write(APIC_EOI, 0);
}

static unsigned barks;

static void on_rtc(struct trap *trap)
{
	(void)trap;
	outb(0x70, 0x0c);
	(void)inb(0x71);
	outb(0xa0, 0x20);
	outb(0x20, 0x20);
	if (++barks > 3)
		die("nothing has woken the processor for 2 s");
}

/* The CMOS clock interrupts once a second. */
void watchdog(int on)
{
	uint8_t status;

	barks = 0;
	handlers[IRQ_BASE + 8] = on_rtc;
	outb(0x70, 0x0b);
	status = inb(0x71) & 0x8f;
	outb(0x70, 0x0b);
	outb(0x71, on ? status | 0x10 : status);
	outb(0x70, 0x0c);
	(void)inb(0x71);
	outb(0xa1, on ? 0xfe : 0xff);
	outb(0x21, on ? 0xfa : 0xfe);
}

static void on_spurious(struct trap *trap)
{
	(void)trap;
}

/* All lines are masked but the timer's. */
static void pics_init(void)
{
	static const struct {
		uint8_t port, value;
	} words[] = { { 0x20, 0x11 }, { 0x21, IRQ_BASE }, { 0x21, 4 }, { 0x21, 1 }, { 0xa0, 0x11 }, { 0xa1, IRQ_BASE + 8 },
		      { 0xa1, 2 }, { 0xa1, 1 }, { 0x21, 0xfe }, { 0xa1, 0xff } };

	for (unsigned i = 0; i < COUNT(words); i++)
		outb(words[i].port, words[i].value);
	outb(0x43, 0x3a); /* channel 0 rests: mode 5, never triggered */
}

void irqs_init(int with_apic)
{
	handlers[IRQ_BASE] = on_irq0;
	handlers[IRQ_BASE + 7] = handlers[IRQ_BASE + 15] = handlers[SPURIOUS] = on_spurious;
	handlers[LOCAL_TIMER] = handlers[FIRST_DEVICE] = on_lvtt;
	pics_init();
	if (!with_apic)
		return;
	page_map(FIX_APIC, 0xfee00000u | PRESENT | WRITABLE | UNCACHED | GLOBAL | ACCESSED | DIRTY | (nx ? NO_EXECUTE : 0));
	apic = 1;
	apic_write(APIC_TPR, 0);
	apic_write(APIC_SVR, 0x100 | SPURIOUS);
	apic_write(APIC_LVT0, 0x700); /* the 8259 */
	apic_write(APIC_LVT1, 0x400);
	apic_write(APIC_LVTT, 0x10000 | LOCAL_TIMER);
}
