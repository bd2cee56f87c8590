/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * State of the ROM classic, and what its files owe each other. A client never sees it.
 *
 * The image is read-only when the kernel runs, so state lives in the timers themselves and in page 0: physical 0x600 to
 * 0xfff. Every i386 Linux from 2.6.21 to 2.6.36 reserves that page; the real-mode vectors and the BIOS data area end at
 * 0x4ff, what DOS left there at 0x5ff. Low memory is mapped linearly, so page 0 is at PAGE_OFFSET, and PAGE_OFFSET is
 * the ROM's own linear address with the low 20 bits off. All offsets below are from PAGE_OFFSET.
 *
 *   600  |            KHZ                |          PIT_RATIO            |
 *   608  |         APIC_RATIO            |            APIC               |
 *   610  |           CHECK               |            IRQ0               |
 *   618  |           GATE: descriptor of the page fault that ends an AP's start
 *   620  |           EXPIRY              |                               |
 *   800  16 slots of 128 bytes for the start of APs
 *
 * ---- Calls between the files, all near calls, flags clobbered ----
 *
 *   rom_base	(init.S)	EBX = PAGE_OFFSET. Nothing else changes.
 *   rom_state	(init.S)	the same, and KHZ and PIT_RATIO are right: measured again if CHECK is not. EAX, ECX, EDX
 *				clobbered. Interrupts off on entry.
 *   apic_page	(apic.S)	EBX = PAGE_OFFSET on entry and kept. EAX = linear address of the local APIC's page in
 *				the client's own map, 0: none found. ECX, EDX clobbered, all others kept.
 *
 * vmi_init zeroes all from 0x600 to 0xfff before it measures.
 *
 * ---- Sections ----
 *
 * The image has holes at 0x800 and 0x1000 for the stubs .text.ap_even and .text.ap_odd, 16 bytes each. .text.first
 * stands before the first, .text.second between them, and .text, which both stubs reach in real mode, behind.
 */
#ifndef CLASSIC_PRIVATE_H
#define CLASSIC_PRIVATE_H

#define STATE 0x600
#define STATE_KHZ 0x600 /* TSC ticks in a millisecond */
#define STATE_PIT_RATIO 0x604 /* ticks of the 8254 in 2^32 TSC ticks */
#define STATE_APIC_RATIO 0x608 /* ticks of the APIC timer, divided by 16, in 2^32 TSC ticks; 0: not measured */
#define STATE_APIC 0x60c /* linear address of the local APIC's page; 0: not looked for, or not found */
#define STATE_CHECK 0x610 /* KHZ + PIT_RATIO + CHECK = STATE_MAGIC */
#define STATE_IRQ0 0x614 /* who armed the 8254: 0 nobody, else 1 + counter, and APIC id << 24 */
#define STATE_GATE 0x618 /* 8 bytes, ap.S */
#define STATE_EXPIRY 0x620 /* 8 bytes: TSC at which the 8254 fires its one shot; all ones: it is periodic */
#define STATE_SLOTS 0x800
#define STATE_END 0x1000

#define STATE_MAGIC 0x564d4933

/* ---- alarms: bits of the flags that go round between alarm.S, irq0.S and lvtt.S ---- */

#define ALARM_PERIODIC 8 /* number of the bit VMI3_ALARM_IS_PERIODIC */
#define ALARM_DUE 0x80000000 /* the first expiry is not in the future */

#define SLOT_SIZE 128
#define SLOT_COUNT 16
#define SLOT_OWNER 0 /* 0: free; else APIC id + 1, and bits of ap.S's own */
#define SLOT_STATE 4 /* VMI3_SIZE_AP_STATE bytes */
#define SLOT_SCRATCH 96 /* 32 bytes, ap.S */

/* PAGE_OFFSET of a linear address in the ROM: the ROM is in the first MiB, PAGE_OFFSET a multiple of one. */
#define PAGE_OFFSET_MASK 0xfff00000

/* ---- local APIC: offsets of registers (Intel SDM 3A, table 11-1) ---- */

#define APIC_FRAME 0xfee00000
#define APIC_ICR 0x300
#define APIC_ICR_HIGH 0x310
#define APIC_LVTT 0x320
#define APIC_TMICT 0x380 /* initial count */
#define APIC_TMCCT 0x390 /* current count */
#define APIC_TDCR 0x3e0 /* divide configuration: bits 3, 1, 0 */

#define APIC_DIVIDE_16 3
#define APIC_DIVIDE_32 8
#define APIC_DIVIDE_MASK 11
#define APIC_LVT_MASKED 0x10000
#define APIC_LVTT_PERIODIC 0x20000
#define APIC_LVTT_MODE 0x60000 /* one shot, periodic, TSC deadline */

#endif
