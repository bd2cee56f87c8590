/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include <vmi/classic-rom.h>

	ROM3_JUMP VMI3_CALL_IRET, leave
	ROM3_JUMP VMI3_CALL_SYSEXIT, leave_fast

	.text
leave:
	iret
leave_fast:
	sti
	sysexit
