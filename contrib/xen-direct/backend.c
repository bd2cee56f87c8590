/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What is done at the sites of each call, and the calls that are in no hurry. */
#include "direct.h"

/* Here, in assembler. */
extern const uint8_t direct_irq_disable[], direct_irq_save[], direct_irq_save_disable[], direct_irq_pending[],
	direct_irq_restore[],
	direct_fault_address_read[], direct_address_space_read[];
void direct_iret(void), direct_sys_ret(void), irq_enable(void), halt(void),
	msr_read(void), msr_write(void), direct_address_space_set(void), direct_pte_set(void),
	direct_pte_set_batch(void), direct_pte_update_deferred(void),
	direct_pte_make(void), direct_pte_read(void), direct_tlb_flush(void), direct_tlb_flush_page(void),
	direct_lazy_enter(void), direct_lazy_leave(void), clock_read(void), timer_set(void),
	direct_event_ack(void), direct_event_send(void), vcpu_yield(void);

/* processor.c */
int64_t direct_trap_table_set(const struct vmi_trap_gate *gate, uint32_t count),
	direct_syscall_entry_set(uint64_t handler), direct_kernel_stack_set(uint64_t top),
	direct_descriptors_set(uint32_t first, const uint64_t *descriptors, uint32_t count),
	direct_tls_set(uint64_t fs_base, uint64_t gs_base);
void direct_fpu_trap_set(uint32_t on);

/* The ROM's. */
int64_t init(uint32_t version, uint64_t native_groups), event_bind(uint32_t source, uint32_t vector),
	info(uint32_t item, char *buffer, uint64_t size), vcpu_init(uint32_t number, uint64_t block);
uint32_t probe(uint32_t group);
int64_t page_table_add(uint64_t page, uint32_t level), page_table_remove(uint64_t page, uint32_t level),
	tlb_flush_others(uint64_t vcpus), timer_cancel(void), event_mask(uint32_t source), event_unmask(uint32_t source),
	vcpu_invalid(void), ipi_send(uint64_t vcpus), console_read(char *buffer, uint64_t size), memory_balloon(void);
uint64_t clock_frequency(void), wall_clock_read(void), stolen_time_read(void);

static int64_t direct_event_bind(uint32_t source, uint32_t vector)
{
	return vector < VMI_VECTORS ? event_bind(source, vector) : VMI_NOT_SUPPORTED;
}

/* There is no ROM to have a name or version. */
static int64_t info_without_rom(uint32_t item, char *buffer, uint64_t size)
{
	return item == VMI_INFO_ROM || item == VMI_INFO_ROM_VERSION ? 0 : info(item, buffer, size);
}

/* The call in direct_irq_restore: its distance is known to the linker, but not as a constant to the compiler. */
static struct vmi_rom_reloc restore_call = { .kind = VMI_RELOC_TEXT, .offset = DIRECT_RESTORE_CALL };

static int detect(const struct vmi_boot_info *boot)
{
	restore_call.addend = (uint64_t)irq_enable - (uint64_t)vmi_window - 4;
	return !memcmp(boot->hypervisor, "xen", 4) && boot->direct_map == VMI_GUEST_DIRECT_MAP &&
	       handover(XEN_HANDOVER_MAGIC) == XEN_HANDOVER_VALID;
}

#define CALL(number, function) { VMI_CALL_##number, { .kind = VMI_LINK_CALL, .target = (uint64_t)(function) } }
#define JUMP(number, function) { VMI_CALL_##number, { .kind = VMI_LINK_JUMP, .target = (uint64_t)(function) } }
#define INLINE(number, bytes) \
	{ VMI_CALL_##number, { .kind = VMI_LINK_INLINE, .size = DIRECT_SIZE_##number, .code = (const uint8_t *)(bytes) } }

static const struct pv_backend_op ops[] = {
	CALL(INIT, init), CALL(PROBE, probe), CALL(INFO, info_without_rom), CALL(VCPU_INIT, vcpu_init),

	INLINE(IRQ_DISABLE, direct_irq_disable), CALL(IRQ_ENABLE, irq_enable),
	INLINE(IRQ_SAVE, direct_irq_save), INLINE(IRQ_SAVE_DISABLE, direct_irq_save_disable),
	INLINE(IRQ_PENDING, direct_irq_pending),
	{ VMI_CALL_IRQ_RESTORE, { .kind = VMI_LINK_INLINE, .size = DIRECT_SIZE_IRQ_RESTORE,
				  .code = (const uint8_t *)direct_irq_restore,
				  .relocation_count = 1, .relocations = &restore_call } },
	CALL(HALT, halt),

	CALL(TRAP_TABLE_SET, direct_trap_table_set), CALL(SYSCALL_ENTRY_SET, direct_syscall_entry_set),
	CALL(KERNEL_STACK_SET, direct_kernel_stack_set), JUMP(IRET, direct_iret), JUMP(SYS_RET, direct_sys_ret),
	INLINE(FAULT_ADDRESS_READ, direct_fault_address_read), CALL(DESCRIPTORS_SET, direct_descriptors_set),
	CALL(TLS_SET, direct_tls_set), CALL(CPUID, cpuid_read), CALL(MSR_READ, msr_read),
	CALL(MSR_WRITE, msr_write), CALL(FPU_TRAP_SET, direct_fpu_trap_set),

	CALL(ADDRESS_SPACE_SET, direct_address_space_set), INLINE(ADDRESS_SPACE_READ, direct_address_space_read),
	CALL(PTE_SET, direct_pte_set), CALL(PTE_SET_BATCH, direct_pte_set_batch),
	CALL(PTE_UPDATE_DEFERRED, direct_pte_update_deferred), CALL(PTE_MAKE, direct_pte_make),
	CALL(PTE_READ, direct_pte_read), CALL(PAGE_TABLE_ADD, page_table_add), CALL(PAGE_TABLE_REMOVE, page_table_remove),
	CALL(TLB_FLUSH, direct_tlb_flush), CALL(TLB_FLUSH_PAGE, direct_tlb_flush_page),
	CALL(TLB_FLUSH_OTHERS, tlb_flush_others), CALL(LAZY_ENTER, direct_lazy_enter), CALL(LAZY_LEAVE, direct_lazy_leave),

	CALL(CLOCK_READ, clock_read), CALL(CLOCK_FREQUENCY, clock_frequency),
	CALL(WALL_CLOCK_READ, wall_clock_read), CALL(STOLEN_TIME_READ, stolen_time_read),
	CALL(TIMER_SET, timer_set), CALL(TIMER_CANCEL, timer_cancel),

	CALL(EVENT_BIND, direct_event_bind), CALL(EVENT_MASK, event_mask), CALL(EVENT_UNMASK, event_unmask),
	CALL(EVENT_ACK, direct_event_ack), CALL(EVENT_SEND, direct_event_send),

	CALL(VCPU_START, vcpu_invalid), CALL(VCPU_STOP, vcpu_invalid), CALL(IPI_SEND, ipi_send),
	CALL(VCPU_YIELD, vcpu_yield),

	CALL(CONSOLE_WRITE, console_write), CALL(CONSOLE_READ, console_read), CALL(SHUTDOWN, shutdown),
	CALL(MEMORY_BALLOON, memory_balloon),
};

static const struct vmi_backend backend = {
	.name = "xen-direct",
	.groups = 1u << VMI_GROUP_BASE | 1u << VMI_GROUP_IRQ | 1u << VMI_GROUP_TRAP | 1u << VMI_GROUP_MMU |
		  1u << VMI_GROUP_TIME | 1u << VMI_GROUP_EVENT | 1u << VMI_GROUP_SMP | 1u << VMI_GROUP_SYS,
	.detect = detect,
	.ops = ops,
	.op_count = sizeof(ops) / sizeof(ops[0]),
};
VMI_BACKEND(backend);
