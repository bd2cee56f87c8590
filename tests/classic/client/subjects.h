/* SPDX-License-Identifier: MIT */
/* What the subjects share. */
#ifndef SUBJECTS_H
#define SUBJECTS_H

#include "client.h"

#define OTHER_DS 0xb8 /* a data segment of another base */

/* irq.c: IRQ0 waits in the interrupt controller, interrupts being off. 0: it did not come within a second. */
int make_pending(void);
void timer_rests(void); /* channel 0 counts nothing */

/* user.c: a page of code and one of stack for user mode; where the copied program is. */
void user_init(void);
#define PROGRAM(name) (USER_CODE + (uint32_t)(name - program_start))
#define USER_STACK_TOP (USER_STACK + PAGE - 16)
extern char program_start[], program_end[], program_int[], program_sysenter[];
extern struct trap user_trap; /* of the last system call of user mode */
regparm3 uint32_t enter_user_sysexit(uint32_t eip, uint32_t esp);
uint32_t to_user(uint32_t eip); /* by IRET, interrupts on there */

/* sites.S: functions around patched sites, for call_registers */
extern const char site_enable[], site_disable[], site_flags[], site_restore[], site_save_off[], enable_and_count[],
	restore_and_count[], iret_here[], iret_target[], other_enable[], other_disable[], other_flags[], other_restore[],
	sysenter_entry[];

static inline uint32_t native_flags(void)
{
	uint32_t flags;

	__asm__ volatile("pushfl; popl %0" : "=r"(flags));
	return flags;
}

/*
 * Calls with a value in every register and compares them by each(): only the interface's flags may change, and EAX where
 * it is the result. EFLAGS afterwards; *value: EAX. The name is for what is printed of a difference.
 */
uint32_t call_leaf(const char *name, const void *function, uint32_t eax, uint32_t eflags, int result, uint32_t *value);

void check_irq(void), check_iret(void), check_sysexit(void), check_cpu(void), check_tables(void), check_mmu(void),
	check_ports(void), check_apic(void), check_time(void), check_alarms(void), check_smp(void), check_wallclock(void),
	check_reboot(void);

#endif
