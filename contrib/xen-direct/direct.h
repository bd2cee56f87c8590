/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What the parts of the back-end share. The state is the ROM's (roms/xen/rom.h), so that its slow paths serve. */
#ifndef XEN_DIRECT_H
#define XEN_DIRECT_H

/* Bytes of what goes into sites; and where in that of IrqRestore the distance to irq_enable is. */
#define DIRECT_SIZE_IRQ_DISABLE 9
#define DIRECT_SIZE_IRQ_SAVE 11
#define DIRECT_SIZE_IRQ_SAVE_DISABLE 20
#define DIRECT_SIZE_IRQ_PENDING 9
#define DIRECT_SIZE_IRQ_RESTORE 11
#define DIRECT_SIZE_FAULT_ADDRESS_READ 9
#define DIRECT_SIZE_ADDRESS_SPACE_READ 9
#define DIRECT_RESTORE_CALL 7

#include <vmi/guest.h> /* the direct map's place */

#ifdef __ASSEMBLER__

#include "rom.h"

#include "entry.h"

/* Offsets in struct vmi_trap (vmi/vmi.h). */
#define TRAP_VECTOR 120
#define TRAP_RIP 136
#define TRAP_RSP 160

/* vmi_dispatch with a frame as of a call from the interrupted instruction, so that back-traces go through it. */
.macro DISPATCH
	movq %rsp, %rdi
	pushq TRAP_RIP(%rsp)
	pushq %rbp
	movq %rsp, %rbp
	call vmi_dispatch
	addq $16, %rsp
.endm

#else

#include "rom.h"
#include <vmi/vmi.h>

#endif
#endif
