/* SPDX-License-Identifier: MIT */
/* The smallest guest: notes, a site of each kind, and nothing that works. Only ever parsed. */
#include <vmi/asm.h>

.macro NOTE type
	.pushsection .note.OpenVMI, "a", @note
	.long 8, 4f - 3f, \type
	.asciz "OpenVMI"
3:
.endm
.macro NOTE_END
4:
	.balign 4
	.popsection
.endm

NOTE VMI_NOTE_VERSION
	.short VMI_MAJOR, VMI_MINOR
	.long VMI_PROFILE_BASE
NOTE_END
NOTE VMI_NOTE_GROUPS
	.byte VMI_GROUP_DEBUG, 1
	.short 0
NOTE_END
NOTE VMI_NOTE_ENTRY
	.quad start
NOTE_END
NOTE VMI_NOTE_WINDOW
	.quad window
NOTE_END
NOTE VMI_NOTE_DIRECT_MAP
	.quad 0x80000000
NOTE_END
NOTE VMI_NOTE_LICENCE
	.ascii VMI_GUEST_LICENCE
NOTE_END
NOTE VMI_NOTE_SITES
	.quad sites_start, sites_end
NOTE_END

	.text
	.globl start
	.type start, @function
start:
	VMI_IRQ_DISABLE
	VMI_INIT
	VMI_LAZY_ENTER
	VMI_SYS_RET
	.size start, . - start

	.globl vmi_native_init
	.type vmi_native_init, @function
vmi_native_init:
vmi_native_sysret:
	ret
	.size vmi_native_init, . - vmi_native_init

	.data
	.quad 0x1122334455667788
	.bss
	.space 8192
