/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * For the assembler sources of a ROM: one line per call says what the guest's linker shall do at its sites.
 *
 *	ROM_NATIVE number		leave the native form (as does saying nothing)
 *	ROM_NOP    number		nothing to do here
 *	ROM_CALL   number, symbol	call the ROM text
 *	ROM_JUMP   number, symbol	jump to the ROM text
 *	ROM_RECIPE number		the instructions up to ROM_END go into the site
 *	ROM_END
 *
 * Numbers are the VMI_CALL_... of vmi/abi.h. A recipe may refer to symbols in .text (rel32), in .data or .bss (rel32),
 * and to the ROM's part of the VCPU block as %gs:rom_vcpu + offset; the builder turns these into the relocations of the
 * format and refuses any other. Text is mapped read-only at a place unknown at build time: it must be position
 * independent, with data at its fixed distance.
 *
 * Each line leaves a record in .vmi.calls:
 *
 *    0  |    number     | kind  |   0   |  target, from this field on   |
 *    8  |         recipe size           |
 */
#ifndef VMI_ROM_H
#define VMI_ROM_H

#include <vmi/asm.h>

#ifdef __ASSEMBLER__

.macro ROM_RECORD number, kind, target, size
	.pushsection .vmi.calls, "a", @progbits
	.short \number
	.byte \kind, 0
	.long \target
	.long \size
	.popsection
.endm

.macro ROM_NATIVE number
	ROM_RECORD \number, VMI_LINK_NATIVE, 0, 0
.endm

.macro ROM_NOP number
	ROM_RECORD \number, VMI_LINK_NOP, 0, 0
.endm

.macro ROM_CALL number, symbol
	ROM_RECORD \number, VMI_LINK_CALL, "\symbol - .", 0
.endm

.macro ROM_JUMP number, symbol
	ROM_RECORD \number, VMI_LINK_JUMP, "\symbol - .", 0
.endm

.macro ROM_RECIPE number
	ROM_RECORD \number, VMI_LINK_INLINE, "881f - .", "882f - 881f"
	.pushsection .vmi.recipes, "a", @progbits
881:
.endm

.macro ROM_END
882:
	.popsection
.endm

#endif
#endif
