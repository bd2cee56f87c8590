/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Inside libvmi: the native implementation of the calls on a PC. Prototypes of the calls themselves are in vmi/pv.h. */
#ifndef VMI_NATIVE_H
#define VMI_NATIVE_H

#include <vmi/vmi.h>

static inline void out8(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t in8(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static inline void write_msr(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

static inline uint64_t read_tsc(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

static inline int canonical(uint64_t address)
{
	return (int64_t)(address << 16) >> 16 == (int64_t)address;
}

/* Local APIC registers (Intel SDM volume 3, table 11-1). */
enum {
	APIC_EOI = 0x0b0, APIC_SPURIOUS = 0x0f0, APIC_IN_SERVICE = 0x100, /* 8 words, 16 bytes apart, as the next */
	APIC_REQUESTED = 0x200, APIC_COMMAND = 0x300, APIC_LVT_TIMER = 0x320,
	APIC_TIMER_INITIAL = 0x380, APIC_TIMER_CURRENT = 0x390, APIC_TIMER_DIVIDE = 0x3e0,
};
#define APIC_BASE 0xfee00000
#define IOAPIC_BASE 0xfec00000

static inline void apic_write(unsigned reg, uint32_t value)
{
	*(volatile uint32_t *)vmi_direct(APIC_BASE + reg) = value;
}

static inline uint32_t apic_read(unsigned reg)
{
	return *(volatile uint32_t *)vmi_direct(APIC_BASE + reg);
}

/* Vector of the timer in the local APIC, 0 while unbound (events.c). */
uint8_t vmi_native_timer_vector(void);
/* Whether the processor gives random numbers (random.c). */
int vmi_native_has_random(void);
/* Whether the deadline has passed, which is told once; arms the timer again when it is ahead (clock.c). */
int vmi_native_timer_due(void);
/* Whether console input is waiting (console.c). */
int vmi_native_console_waits(void);
/* Whether the deadline has passed; changes nothing (clock.c). */
int vmi_native_timer_passed(void);
/* Programs the timer for the present vector and deadline (clock.c). */
void vmi_native_timer_arm(void);
/* Makes a source pending, and delivers it when that may be (events.c). */
void vmi_native_event_raise(uint32_t source);
/*
 * What comes first when a vector arrives; ends the interrupt at the APIC. Whether the event must not reach its handler
 * now: masked, being handled, or the timer before its deadline (events.c).
 */
int vmi_native_holds_back(uint64_t vector);
/* Gives a vector a gate if it has none: the APIC may ask for one at which nothing is bound any more (processor.c). */
void vmi_native_gate_needed(uint8_t vector);

#endif
