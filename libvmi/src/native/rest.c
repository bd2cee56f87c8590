/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Native forms of the calls that have nothing to do on a PC with one processor, or nothing to say. */
#include "../link.h"
#include "native.h"

int64_t vmi_native_init(uint32_t version, uint64_t native_groups)
{
	(void)native_groups;
	return version >> 16 == VMI_MAJOR ? 0 : VMI_INVALID;
}

uint32_t vmi_native_probe(uint32_t group)
{
	if (group >= VMI_GROUP_COUNT || group == VMI_GROUP_SMP || group == VMI_GROUP_SUSPEND ||
	    (group == VMI_GROUP_RANDOM && !vmi_native_has_random()))
		return 0;
	return vmi_groups[group].revision;
}

int64_t vmi_native_info(uint32_t item, uint64_t buffer, uint64_t size)
{
	char name[sizeof(vmi_boot->hypervisor) + 1] = { 0 };

	if (item > VMI_INFO_ROM_VERSION)
		return VMI_INVALID;
	if (item != VMI_INFO_HYPERVISOR)
		return 0;
	memcpy(name, vmi_boot->hypervisor, sizeof(vmi_boot->hypervisor));
	if (size > strlen(name))
		size = strlen(name);
	memcpy((void *)buffer, name, size);
	return size;
}

int64_t vmi_native_pte_set_batch(uint64_t updates, uint32_t count)
{
	const struct vmi_pte_update *update = (const void *)updates;

	if (count > VMI_BATCH_LIMIT)
		return VMI_INVALID;
	for (uint32_t i = 0; i < count; i++, update++)
		*(volatile uint64_t *)update->entry = update->value;
	return count;
}

int64_t vmi_native_page_table_add(uint64_t page, uint32_t level)
{
	return page % 4096 || level < 1 || level > 4 ? VMI_INVALID : 0;
}

int64_t vmi_native_page_table_remove(uint64_t page, uint32_t level)
{
	uint64_t root;

	__asm__ volatile("movq %%cr3, %0" : "=r"(root));
	return page == root ? VMI_BUSY : vmi_native_page_table_add(page, level);
}

int64_t vmi_native_tlb_flush_others(uint64_t vcpus, uint64_t address)
{
	(void)address;
	return vcpus & ~1ull ? VMI_INVALID : 0;
}

int64_t vmi_native_vcpu_start(uint32_t vcpu, uint64_t start)
{
	(void)vcpu, (void)start;
	return VMI_NOT_SUPPORTED;
}

int64_t vmi_native_vcpu_stop(void)
{
	return VMI_NOT_SUPPORTED;
}

int64_t vmi_native_ipi_send(uint64_t vcpus)
{
	(void)vcpus;
	return VMI_NOT_SUPPORTED;
}

int64_t vmi_native_memory_balloon(uint64_t pages, uint32_t count, uint32_t give)
{
	(void)pages, (void)count, (void)give;
	return VMI_NOT_SUPPORTED;
}

int64_t vmi_native_suspend_prepare(void)
{
	return VMI_NOT_SUPPORTED;
}

int64_t vmi_native_suspend(uint64_t resume)
{
	(void)resume;
	return VMI_NOT_SUPPORTED;
}

void vmi_native_trace_mark(uint32_t mark, uint64_t value)
{
	(void)mark, (void)value;
}

/* Nobody listens; the host finds it in memory afterwards. */
void vmi_native_crash_report(uint64_t report)
{
	vmi_link_state.crash_report = report;
}
