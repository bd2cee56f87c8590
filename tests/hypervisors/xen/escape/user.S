/* SPDX-License-Identifier: MIT */
	.section .rodata
	.globl user_start, user_end
/* By IRETQ, between which and the next instruction the emulator lets interrupts in; a jump it does not leave in time. */
user_start:
	iretq
user_end:
