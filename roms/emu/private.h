/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What the ROM and the hypervisor emu share, and nobody else: a guest never sees it, and it may change with every
 * release of the two. src/openvmi/hypervisors/emu/private.py holds the same numbers; a test compares them.
 *
 * Hypercall: OUT of EAX to port EMU_PORT at the kernel's privilege level. EAX is the VMI call number, or one of the
 * private numbers below; arguments are where the interface has them; the result comes back in RAX. Every other
 * register is preserved.
 *
 * The ROM's part of the VCPU block (at GS:VMI_VCPU_ROM_OFFSET):
 *
 *    0  |            flags              |          reserved             |  bit 9: virtual interrupt flag
 *                                                                          bit 15: an event waits for it
 *    8  | fault address: CR2 of the last page fault                     |
 *   16  | user GS base: goes into GS on the return to user mode         |
 *   24  | page root: what AddressSpaceRead answers                      |
 *
 * The hypervisor never delivers an event while RIP is in the ROM's text, except at the OUT itself.
 */
#ifndef EMU_PRIVATE_H
#define EMU_PRIVATE_H

#define EMU_PORT 0x56

/*
 * OUT of anything to this port: deliver what is pending; interrupts are enabled. A port of its own, so that two bytes of
 * code ask for it and no register is needed.
 */
#define EMU_DELIVER_PORT 0x57

/* Do the whole of Iret: RAX as pushed is at (%rsp), the frame above it. */
#define EMU_IRET 0xe001

#define EMU_FLAGS 0
#define EMU_FLAGS_HIGH 1 /* the byte with the interrupt flag (2) and the waiting bit (0x80) */
#define EMU_FAULT_ADDRESS 8
#define EMU_USER_GS 16
#define EMU_PAGE_ROOT 24
#define EMU_VCPU_SIZE 32

#define EMU_HIGH_IF 0x02
#define EMU_HIGH_WAITING 0x80

#endif
