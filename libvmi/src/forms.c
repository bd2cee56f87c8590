/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Generated from abi/4.1 by "openvmi abi generate". Do not edit. */
/* What each site holds before it is patched: the linker compares with this before it writes. */
#include "link.h"

#include <vmi/pv.h>

const struct vmi_form vmi_forms[] = {
	{ 0x0000, 5, 0, 0, 1, VMI_FORM_CALL, {}, (const void *)vmi_native_init },
	{ 0x0001, 5, 0, 0, 1, VMI_FORM_CALL, {}, (const void *)vmi_native_probe },
	{ 0x0002, 5, 0, 0, 1, VMI_FORM_CALL, {}, (const void *)vmi_native_info },
	{ 0x0003, 5, 0, 0, 1, VMI_FORM_CALL, {}, (const void *)vmi_native_vcpu_init },
	{ 0x0100, 15, 0, 0, 0, VMI_FORM_CODE, { 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0xfa }, 0 },
	{ 0x0101, 15, 0, 0, 0, VMI_FORM_CODE, { 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0xfb }, 0 },
	{ 0x0102, 16, 0, 0, 1, VMI_FORM_CODE, { 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x9c, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x58 }, 0 },
	{ 0x0103, 22, 0, 0, 0, VMI_FORM_CODE, { 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x0f, 0xba, 0xe7, 0x09, 0x73, 0x09, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0xfb }, 0 },
	{ 0x0104, 20, 0, 0, 1, VMI_FORM_CODE, { 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x9c, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x58, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0xfa }, 0 },
	{ 0x0105, 5, 0, 0, 0, VMI_FORM_CODE, { 0x2e, 0xfb, 0x2e, 0x2e, 0xf4 }, 0 },
	{ 0x0106, 15, 0, 1, 1, VMI_FORM_CALL, {}, (const void *)vmi_native_irq_pending },
	{ 0x0200, 5, 0, 0, 1, VMI_FORM_CALL, {}, (const void *)vmi_native_trap_table_set },
	{ 0x0201, 5, 0, 0, 1, VMI_FORM_CALL, {}, (const void *)vmi_native_syscall_entry_set },
	{ 0x0202, 5, 0, 0, 1, VMI_FORM_CALL, {}, (const void *)vmi_native_kernel_stack_set },
	{ 0x0203, 12, 1, 0, 0, VMI_FORM_CODE, { 0xf6, 0x44, 0x24, 0x08, 0x02, 0x74, 0x03, 0x0f, 0x01, 0xf8, 0x48, 0xcf }, 0 },
	{ 0x0204, 5, 1, 0, 0, VMI_FORM_JUMP, {}, (const void *)vmi_native_sysret },
	{ 0x0205, 9, 0, 0, 1, VMI_FORM_CODE, { 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x0f, 0x20, 0xd0 }, 0 },
	{ 0x0206, 5, 0, 0, 1, VMI_FORM_CALL, {}, (const void *)vmi_native_descriptors_set },
	{ 0x0207, 5, 0, 0, 1, VMI_FORM_CALL, {}, (const void *)vmi_native_tls_set },
	{ 0x0208, 5, 0, 0, 0, VMI_FORM_CALL, {}, (const void *)vmi_native_cpuid },
	{ 0x0209, 5, 0, 0, 1, VMI_FORM_CALL, {}, (const void *)vmi_native_msr_read },
	{ 0x020a, 5, 0, 0, 1, VMI_FORM_CALL, {}, (const void *)vmi_native_msr_write },
	{ 0x020b, 5, 0, 0, 0, VMI_FORM_CALL, {}, (const void *)vmi_native_fpu_trap_set },
	{ 0x0300, 9, 0, 0, 0, VMI_FORM_CODE, { 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x0f, 0x22, 0xdf }, 0 },
	{ 0x0301, 9, 0, 0, 1, VMI_FORM_CODE, { 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x0f, 0x20, 0xd8 }, 0 },
	{ 0x0302, 7, 0, 0, 0, VMI_FORM_CODE, { 0x48, 0x89, 0xb7, 0x00, 0x00, 0x00, 0x00 }, 0 },
	{ 0x0303, 5, 0, 0, 1, VMI_FORM_CALL, {}, (const void *)vmi_native_pte_set_batch },
	{ 0x0304, 7, 0, 0, 0, VMI_FORM_CODE, { 0x48, 0x89, 0xb7, 0x00, 0x00, 0x00, 0x00 }, 0 },
	{ 0x0305, 5, 0, 0, 1, VMI_FORM_CODE, { 0x2e, 0x2e, 0x48, 0x89, 0xf8 }, 0 },
	{ 0x0306, 5, 0, 0, 1, VMI_FORM_CODE, { 0x2e, 0x2e, 0x48, 0x89, 0xf8 }, 0 },
	{ 0x0307, 5, 0, 0, 1, VMI_FORM_CALL, {}, (const void *)vmi_native_page_table_add },
	{ 0x0308, 5, 0, 0, 1, VMI_FORM_CALL, {}, (const void *)vmi_native_page_table_remove },
	{ 0x0309, 9, 0, 0, 0, VMI_FORM_CODE, { 0x2e, 0x0f, 0x20, 0xd8, 0x2e, 0x2e, 0x0f, 0x22, 0xd8 }, 0 },
	{ 0x030a, 9, 0, 0, 0, VMI_FORM_CODE, { 0x2e, 0x2e, 0x0f, 0x01, 0xbf, 0x00, 0x00, 0x00, 0x00 }, 0 },
	{ 0x030b, 5, 0, 0, 1, VMI_FORM_CALL, {}, (const void *)vmi_native_tlb_flush_others },
	{ 0x030c, 5, 0, 0, 0, VMI_FORM_CODE, { 0x0f, 0x1f, 0x44, 0x00, 0x00 }, 0 },
	{ 0x030d, 5, 0, 0, 0, VMI_FORM_CODE, { 0x0f, 0x1f, 0x44, 0x00, 0x00 }, 0 },
	{ 0x0400, 5, 0, 0, 1, VMI_FORM_CALL, {}, (const void *)vmi_native_clock_read },
	{ 0x0401, 5, 0, 0, 1, VMI_FORM_CALL, {}, (const void *)vmi_native_clock_frequency },
	{ 0x0402, 5, 0, 0, 1, VMI_FORM_CALL, {}, (const void *)vmi_native_wall_clock_read },
	{ 0x0403, 5, 0, 0, 1, VMI_FORM_CALL, {}, (const void *)vmi_native_stolen_time_read },
	{ 0x0404, 5, 0, 0, 1, VMI_FORM_CALL, {}, (const void *)vmi_native_timer_set },
	{ 0x0405, 5, 0, 0, 1, VMI_FORM_CALL, {}, (const void *)vmi_native_timer_cancel },
	{ 0x0500, 5, 0, 0, 1, VMI_FORM_CALL, {}, (const void *)vmi_native_event_bind },
	{ 0x0501, 5, 0, 0, 1, VMI_FORM_CALL, {}, (const void *)vmi_native_event_mask },
	{ 0x0502, 5, 0, 0, 1, VMI_FORM_CALL, {}, (const void *)vmi_native_event_unmask },
	{ 0x0503, 5, 0, 0, 1, VMI_FORM_CALL, {}, (const void *)vmi_native_event_ack },
	{ 0x0504, 5, 0, 0, 1, VMI_FORM_CALL, {}, (const void *)vmi_native_event_send },
	{ 0x0600, 5, 0, 0, 1, VMI_FORM_CALL, {}, (const void *)vmi_native_vcpu_start },
	{ 0x0601, 5, 0, 0, 1, VMI_FORM_CALL, {}, (const void *)vmi_native_vcpu_stop },
	{ 0x0602, 8, 0, 0, 1, VMI_FORM_CODE, { 0x65, 0x8b, 0x04, 0x25, 0x30, 0x00, 0x00, 0x00 }, 0 },
	{ 0x0603, 5, 0, 0, 1, VMI_FORM_CALL, {}, (const void *)vmi_native_ipi_send },
	{ 0x0604, 5, 0, 0, 0, VMI_FORM_CODE, { 0x2e, 0x2e, 0x2e, 0xf3, 0x90 }, 0 },
	{ 0x0700, 5, 0, 0, 1, VMI_FORM_CALL, {}, (const void *)vmi_native_console_write },
	{ 0x0701, 5, 0, 0, 1, VMI_FORM_CALL, {}, (const void *)vmi_native_console_read },
	{ 0x0702, 5, 0, 0, 0, VMI_FORM_CALL, {}, (const void *)vmi_native_shutdown },
	{ 0x0703, 5, 0, 0, 1, VMI_FORM_CALL, {}, (const void *)vmi_native_memory_balloon },
	{ 0x0800, 5, 0, 0, 1, VMI_FORM_CALL, {}, (const void *)vmi_native_suspend_prepare },
	{ 0x0801, 5, 0, 0, 1, VMI_FORM_CALL, {}, (const void *)vmi_native_suspend },
	{ 0x0900, 5, 0, 0, 0, VMI_FORM_CALL, {}, (const void *)vmi_native_trace_mark },
	{ 0x0901, 5, 0, 0, 0, VMI_FORM_CODE, { 0x0f, 0x1f, 0x44, 0x00, 0x00 }, 0 },
	{ 0x0902, 5, 0, 0, 0, VMI_FORM_CALL, {}, (const void *)vmi_native_crash_report },
	{ 0x0a00, 5, 0, 1, 1, VMI_FORM_CALL, {}, (const void *)vmi_native_random_read },
};
const unsigned vmi_form_count = sizeof(vmi_forms) / sizeof(vmi_forms[0]);
_Static_assert(sizeof(vmi_forms) / sizeof(vmi_forms[0]) <= VMI_FORM_LIMIT, "VMI_FORM_LIMIT in link.h is too small");

const struct vmi_group_facts vmi_groups[VMI_GROUP_COUNT] = {
	{ "base", 1, 0, 0 },
	{ "irq", 2, 1, 1u << VMI_GROUP_TRAP },
	{ "trap", 1, 1, 1u << VMI_GROUP_IRQ },
	{ "mmu", 1, 1, 0 },
	{ "time", 1, 1, 1u << VMI_GROUP_EVENT },
	{ "event", 1, 1, 1u << VMI_GROUP_TIME },
	{ "smp", 1, 1, 0 },
	{ "sys", 1, 1, 0 },
	{ "suspend", 1, 1, 0 },
	{ "debug", 1, 1, 0 },
	{ "random", 1, 1, 0 },
};

/* Bit per group that a profile contains, inherited ones included; indexed by profile number. */
const uint32_t vmi_profiles[] = {
	0,
	1u << VMI_GROUP_BASE | 1u << VMI_GROUP_IRQ | 1u << VMI_GROUP_TRAP | 1u << VMI_GROUP_TIME | 1u << VMI_GROUP_EVENT | 1u << VMI_GROUP_SYS, /* base */
	1u << VMI_GROUP_BASE | 1u << VMI_GROUP_IRQ | 1u << VMI_GROUP_TRAP | 1u << VMI_GROUP_TIME | 1u << VMI_GROUP_EVENT | 1u << VMI_GROUP_SYS | 1u << VMI_GROUP_MMU, /* paged */
	1u << VMI_GROUP_BASE | 1u << VMI_GROUP_IRQ | 1u << VMI_GROUP_TRAP | 1u << VMI_GROUP_TIME | 1u << VMI_GROUP_EVENT | 1u << VMI_GROUP_SYS | 1u << VMI_GROUP_MMU | 1u << VMI_GROUP_SMP, /* smp */
	1u << VMI_GROUP_BASE | 1u << VMI_GROUP_IRQ | 1u << VMI_GROUP_TRAP | 1u << VMI_GROUP_TIME | 1u << VMI_GROUP_EVENT | 1u << VMI_GROUP_SYS | 1u << VMI_GROUP_MMU | 1u << VMI_GROUP_SMP | 1u << VMI_GROUP_SUSPEND | 1u << VMI_GROUP_DEBUG, /* full */
};
