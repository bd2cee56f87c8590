/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include <vmi/classic-rom.h>

	ROM3_CALL VMI3_CALL_DisableInterrupts, disable
	ROM3_CALL VMI3_CALL_RDTSC, read_tsc
	ROM3_NOP  VMI3_CALL_IODelay

	.section .more, "ax"
disable:
	cli
	ret
read_tsc:
	rdtsc
	ret
