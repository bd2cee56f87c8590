/* SPDX-License-Identifier: MIT */
/*
 * The devices of a PC, as far as the native drivers of libvmi use them: the same as emu's, register by register. Only M
 * uses them. Offsets are from a device's first register; what does not exist reads as 0.
 */
#ifndef LNX_DEVICES_H
#define LNX_DEVICES_H

#include <stdbool.h>
#include <stdint.h>

/* ---- apic.c: the local controller ---- */

uint32_t apic_read(uint32_t offset);
void apic_write(uint32_t offset, uint32_t value);
void apic_request(uint32_t vector);
/* Raises the timer's vector when its time, in nanoseconds of clock_now(), has come. */
void apic_tick(uint64_t now);
/* The vector to deliver: the highest above what is being handled and the task priority; 0: none. */
uint32_t apic_next(void);
void apic_take(uint32_t vector);

/* ---- ioapic.c ---- */

#define SERIAL_PIN 4

uint32_t ioapic_read(uint32_t offset);
void ioapic_write(uint32_t offset, uint32_t value);
/* The state of an interrupt line; its rise is the interrupt. */
void ioapic_set_line(uint32_t pin, bool up);

/* ---- serial.c ---- */

#define SERIAL_BASE 0x3f8
#define SERIAL_SIZE 8

uint8_t serial_read(uint32_t offset);
void serial_write(uint32_t offset, uint8_t value);
/* The interrupt line: input waits and the guest asked to be told. */
bool serial_interrupt(void);

/* ---- rtc.c: the CMOS clock. Read only; never busy ---- */

#define RTC_INDEX_PORT 0x70
#define RTC_DATA_PORT 0x71

void rtc_select(uint8_t value);
uint8_t rtc_read(void);
void rtc_write(uint8_t value);

#endif
