/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The wall clock is the real-time clock of the PC (Motorola MC146818 data sheet), which counts seconds and has no
 * century: years below 70 are 20xx. The index port is shared with the client: one that another processor uses at the
 * same moment is spoiled for it, as by any two users without a lock. Ring 0, flat segments, regparm(3), interrupts
 * off inside.
 */
#include <vmi/classic-rom.h>

#define RTC_INDEX 0x70
#define RTC_DATA 0x71
#define RTC_A 0x0a
#define RTC_B 0x0b
#define RTC_A_UPDATING 0x80		/* within 244 us */
#define RTC_B_24_HOURS 2
#define RTC_B_BINARY 4
#define RTC_TIME 0x987420		/* indices, 4 bits each, year to seconds */

#define BYTES 6				/* as they are read: */
#define SECONDS 0
#define MINUTES 1
#define HOURS 2
#define DAY 3
#define MONTH 4
#define YEAR 5

#define UPDATE_LOOKS 0x40000		/* an update takes 2.2 ms */
#define PASSES 16

#define NS_PER_SECOND 1000000000

#define DAYS_TO_1970 25508		/* of 1 January 1970 by the formula below */

	.section .text.first, "ax", @progbits

	ROM3_CALL VMI3_CALL_GetWallclockTime, get_wallclock_time

/* AL: index; EAX: value. */
rtc_read:
	outb	%al, $RTC_INDEX
	xorl	%eax, %eax
	inb	$RTC_DATA, %al
	ret

/* EDI: where the six bytes go, behind an update. EAX, ECX, ESI clobbered. */
rtc_pass:
	movl	$UPDATE_LOOKS, %ecx
1:	movb	$RTC_A, %al
	calll	rtc_read
	testb	$RTC_A_UPDATING, %al
	loopnz	1b
	movl	$RTC_TIME, %esi
	movl	$BYTES, %ecx
2:	movl	%esi, %eax
	andb	$15, %al
	calll	rtc_read
	movb	%al, (%edi)
	incl	%edi
	shrl	$4, %esi
	loop	2b
	ret

/*
 * EDX:EAX: nanoseconds since 1970. On the stack: two passes, EBX: register B, EDX: 1 in the afternoon of a 12-hour
 * clock.
 */
get_wallclock_time:
	pushl	%ebx
	pushl	%esi
	pushl	%edi
	pushfl
	cli
	subl	$16, %esp
	movl	$PASSES, %ebx
1:	movl	%esp, %edi
	calll	rtc_pass
	leal	8(%esp), %edi
	calll	rtc_pass
	movl	(%esp), %eax
	cmpl	8(%esp), %eax			/* no update between, or the seconds differ */
	je	3f
	decl	%ebx
	jnz	1b
3:	movb	$RTC_B, %al
	calll	rtc_read
	movl	%eax, %ebx
	xorl	%edx, %edx
	testb	$RTC_B_24_HOURS, %bl
	jnz	4f
	btrl	$8 * HOURS + 7, (%esp)
	adcl	%edx, %edx
4:	testb	$RTC_B_BINARY, %bl
	jnz	6f
	movl	$BYTES, %ecx
5:	movb	-1(%esp, %ecx), %al		/* two decimal digits to a number */
	aam	$16
	aad	$10
	movb	%al, -1(%esp, %ecx)
	loop	5b
6:	movzbl	HOURS(%esp), %edi
	testb	$RTC_B_24_HOURS, %bl
	jnz	8f
	cmpl	$12, %edi			/* 12, 1, 2 .. 11 */
	jne	7f
	xorl	%edi, %edi
7:	imull	$12, %edx
	addl	%edx, %edi

	/* Years begin in March: days = 365 y + y / 4 + (153 m + 2) / 5 + day - 1; the third is (979 m + 15) / 32. */
8:	movzbl	YEAR(%esp), %eax
	cmpl	$70, %eax
	jae	9f
	addl	$100, %eax
9:	movzbl	MONTH(%esp), %ecx
	subl	$3, %ecx
	jnc	10f
	addl	$12, %ecx
	decl	%eax
10:	imull	$365, %eax, %esi
	shrl	$2, %eax
	addl	%eax, %esi
	imull	$979, %ecx, %ecx
	addl	$15, %ecx
	shrl	$5, %ecx
	addl	%ecx, %esi
	movzbl	DAY(%esp), %eax
	leal	-(DAYS_TO_1970 + 1)(%eax, %esi), %eax
	imull	$24, %eax
	addl	%edi, %eax
	imull	$60, %eax
	movzbl	MINUTES(%esp), %ecx
	addl	%ecx, %eax
	imull	$60, %eax
	movzbl	SECONDS(%esp), %ecx
	addl	%ecx, %eax
	movl	$NS_PER_SECOND, %ecx
	mull	%ecx
	addl	$16, %esp
	popfl
	popl	%edi
	popl	%esi
	popl	%ebx
	ret
