/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * For the assembler sources of a ROM for the classic interface, VMI 3.0: one line per call says what get_reloc answers.
 *
 *	ROM3_CALL number, symbol	clients call the symbol
 *	ROM3_JUMP number, symbol	clients jump to it: for IRET and SYSEXIT only, which never return
 *	ROM3_NOP  number		nothing to do: for calls without result only
 *
 * Numbers are the VMI3_CALL_... of vmi/classic.h. A call without a line is answered NONE: the client keeps its native
 * form. The builder refuses a second answer to a call, IRET or SYSEXIT without one, and groups that are not whole.
 *
 * A ROM is 32-bit code, linked at 0, that runs wherever firmware puts it, on clients that give it no memory: it has no
 * data section, and only PC-relative references are allowed. The address of a symbol:
 *
 *		calll	1f
 *	1:	popl	%ecx
 *		leal	symbol - 1b(%ecx), %ecx
 *
 * The sources define vmi_init and get_reloc. The builder makes the header, whose stubs jump to those two, and at the
 * symbol rom_table, which the linker script defines, one entry of 4 bytes for each call in order of numbers:
 *
 *    0  |   offset in the image   | type | 0 |
 *
 * Each line leaves a record of 8 bytes in .rom.answers, which is not part of the image:
 *
 *    0  |    number     | type  |   0   |  target, from this field on   |
 */
#ifndef VMI_CLASSIC_ROM_H
#define VMI_CLASSIC_ROM_H

#include <vmi/classic.h>

#ifdef __ASSEMBLER__

.macro ROM3_RECORD number, type, target
	.pushsection .rom.answers, "a", @progbits
	.short \number
	.byte \type, 0
	.long \target
	.popsection
.endm

.macro ROM3_CALL number, symbol
	ROM3_RECORD \number, VMI3_RELOCATION_CALL_REL, "\symbol - ."
.endm

.macro ROM3_JUMP number, symbol
	ROM3_RECORD \number, VMI3_RELOCATION_JUMP_REL, "\symbol - ."
.endm

.macro ROM3_NOP number
	ROM3_RECORD \number, VMI3_RELOCATION_NOP, 0
.endm

#endif
#endif
