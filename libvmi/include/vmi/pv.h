/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Generated from abi/4.1 by "openvmi abi generate". Do not edit. */
/*
 * One inline function per call. Each use makes a site: the native form in place, its instructions lengthened to fill the
 * site, and a record in .vmi.sites by which the linker finds it. Built with VMI_NO_SITES the native form stands as anyone
 * would write it: the same kernel without the interface, to measure what the interface costs.
 */
#ifndef VMI_PV_H
#define VMI_PV_H

#include <stdint.h>
#include <vmi/abi.h>

#ifdef VMI_NO_SITES
#define VMI_SITE(number, size, native, plain) plain
#else
#define VMI_SITE(number, size, native, plain)		\
	"771: " native "\n"				\
	".pushsection .vmi.sites, \"a\", @progbits\n"	\
	".long 771b - .\n"				\
	".short " #number "\n"				\
	".byte " #size ", 0\n"				\
	".popsection\n"
#endif

/* As an operand it makes the compiler set up its frame before a call hidden in assembler. */
register uint64_t vmi_stack_pointer __asm__("rsp");

int64_t vmi_native_init(uint32_t version, uint64_t native_groups);
uint32_t vmi_native_probe(uint32_t group);
int64_t vmi_native_info(uint32_t item, uint64_t buffer, uint64_t size);
int64_t vmi_native_vcpu_init(uint32_t vcpu, uint64_t block);
uint32_t vmi_native_irq_pending(void);
int64_t vmi_native_trap_table_set(uint64_t gates, uint32_t count);
int64_t vmi_native_syscall_entry_set(uint64_t handler, uint64_t native);
int64_t vmi_native_kernel_stack_set(uint64_t top);
void vmi_native_sysret(void);
int64_t vmi_native_descriptors_set(uint32_t first, uint64_t descriptors, uint32_t count);
int64_t vmi_native_tls_set(uint64_t fs_base, uint64_t gs_base);
void vmi_native_cpuid(uint32_t leaf, uint32_t subleaf, uint64_t registers);
int64_t vmi_native_msr_read(uint32_t msr, uint64_t value);
int64_t vmi_native_msr_write(uint32_t msr, uint64_t value);
void vmi_native_fpu_trap_set(uint32_t on);
int64_t vmi_native_pte_set_batch(uint64_t updates, uint32_t count);
int64_t vmi_native_page_table_add(uint64_t page, uint32_t level);
int64_t vmi_native_page_table_remove(uint64_t page, uint32_t level);
int64_t vmi_native_tlb_flush_others(uint64_t vcpus, uint64_t address);
uint64_t vmi_native_clock_read(void);
uint64_t vmi_native_clock_frequency(void);
uint64_t vmi_native_wall_clock_read(void);
uint64_t vmi_native_stolen_time_read(void);
int64_t vmi_native_timer_set(uint64_t deadline);
int64_t vmi_native_timer_cancel(void);
int64_t vmi_native_event_bind(uint32_t source, uint32_t vector);
int64_t vmi_native_event_mask(uint32_t source);
int64_t vmi_native_event_unmask(uint32_t source);
int64_t vmi_native_event_ack(uint32_t source);
int64_t vmi_native_event_send(uint32_t source);
int64_t vmi_native_vcpu_start(uint32_t vcpu, uint64_t start);
int64_t vmi_native_vcpu_stop(void);
int64_t vmi_native_ipi_send(uint64_t vcpus);
int64_t vmi_native_console_write(uint64_t buffer, uint64_t size);
int64_t vmi_native_console_read(uint64_t buffer, uint64_t size);
void vmi_native_shutdown(uint32_t reason, uint32_t code);
int64_t vmi_native_memory_balloon(uint64_t pages, uint32_t count, uint32_t give);
int64_t vmi_native_suspend_prepare(void);
int64_t vmi_native_suspend(uint64_t resume);
void vmi_native_trace_mark(uint32_t mark, uint64_t value);
void vmi_native_crash_report(uint64_t report);
int64_t vmi_native_random_read(uint64_t buffer, uint64_t size);

/* Init: First call after linking, once, on the boot VCPU with interrupts disabled. Tells the ROM which groups
 * stay native, so that the hypervisor keeps their state where native code looks for it. NOT_SUPPORTED when
 * the hypervisor cannot run a guest that leaves one of these groups native; INVALID when the major version
 * differs or the minor one is newer than the ROM's. */
static inline int64_t pv_init(uint32_t version, uint64_t native_groups)
{
	int64_t result;
	__asm__ volatile(VMI_SITE(0x0000, 5, "call vmi_native_init",
			      "call vmi_native_init")
		     : "=a"(result), "+D"(version), "+S"(native_groups), "+r"(vmi_stack_pointer)
		     : 
		     : "r10", "r11", "r8", "r9", "rcx", "rdx", "cc", "memory");
	return result;
}

/* Probe: The revision of a group, 0 when it is absent. Cannot fail, whatever the argument, and gives the same
 * answer as long as the guest runs on this hypervisor. */
static inline uint32_t pv_probe(uint32_t group)
{
	uint32_t result;
	__asm__ volatile(VMI_SITE(0x0001, 5, "call vmi_native_probe",
			      "call vmi_native_probe")
		     : "=a"(result), "+D"(group), "+r"(vmi_stack_pointer)
		     : 
		     : "r10", "r11", "r8", "r9", "rcx", "rdx", "rsi", "cc", "memory");
	return result;
}

/* Info: Writes a text (ASCII, not terminated) and returns its length in bytes, cut to the room given. INVALID
 * for an unknown item. */
static inline int64_t pv_info(uint32_t item, uint64_t buffer, uint64_t size)
{
	int64_t result;
	__asm__ volatile(VMI_SITE(0x0002, 5, "call vmi_native_info",
			      "call vmi_native_info")
		     : "=a"(result), "+D"(item), "+S"(buffer), "+d"(size), "+r"(vmi_stack_pointer)
		     : 
		     : "r10", "r11", "r8", "r9", "rcx", "cc", "memory");
	return result;
}

/* VcpuInit: Makes the block the GS base of this VCPU in the kernel and initialises the ROM's part of it; the
 * kernel's part is not touched. Once per VCPU, on it, before any call of another group, with interrupts
 * disabled; they stay disabled. INVALID when the block is not aligned, not canonical, or the VCPU number is
 * not this VCPU's. */
static inline int64_t pv_vcpu_init(uint32_t vcpu, uint64_t block)
{
	int64_t result;
	__asm__ volatile(VMI_SITE(0x0003, 5, "call vmi_native_vcpu_init",
			      "call vmi_native_vcpu_init")
		     : "=a"(result), "+D"(vcpu), "+S"(block), "+r"(vmi_stack_pointer)
		     : 
		     : "r10", "r11", "r8", "r9", "rcx", "rdx", "cc", "memory");
	return result;
}

/* IrqDisable: Clears the virtual interrupt flag: no event is delivered until it is set again. */
static inline void pv_irq_disable(void)
{
	__asm__ volatile(VMI_SITE(0x0100, 15, ".byte 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e; cli",
			      "cli")
		     : 
		     : 
		     : "cc", "memory");
}

/* IrqEnable: Sets the virtual interrupt flag. Events that are pending and not masked are delivered before it
 * returns; natively the instruction behind it may come first. Nobody may rely on that shadow of STI: use Halt
 * for enable-and-wait. */
static inline void pv_irq_enable(void)
{
	__asm__ volatile(VMI_SITE(0x0101, 15, ".byte 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e; sti",
			      "sti")
		     : 
		     : 
		     : "cc", "memory");
}

/* IrqSave: Returns the virtual interrupt flag in the place it has in RFLAGS: bit 9 (FLAG_IF) set means
 * enabled. The other bits are unspecified. */
static inline uint64_t pv_irq_save(void)
{
	uint64_t result;
	__asm__ volatile(VMI_SITE(0x0102, 16, ".byte 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e; pushfq; .byte 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e; popq %%rax",
			      "pushfq; popq %%rax")
		     : "=a"(result)
		     : 
		     : "cc", "memory");
	return result;
}

/* IrqRestore: Goes back to the state that the flags describe. Called with interrupts disabled; so flags
 * without FLAG_IF change nothing and flags with it act as IrqEnable. (The native form avoids POPF, which does
 * nothing silently where the kernel does not run at ring 0.) */
static inline void pv_irq_restore(uint64_t flags)
{
	__asm__ volatile(VMI_SITE(0x0103, 22, ".byte 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e; btl $9, %%edi; jnc 773f; .byte 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e; sti; 773:",
			      "btl $9, %%edi; jnc 773f; sti; 773:")
		     : 
		     : "D"(flags)
		     : "cc", "memory");
}

/* IrqSaveDisable: IrqSave followed by IrqDisable. */
static inline uint64_t pv_irq_save_disable(void)
{
	uint64_t result;
	__asm__ volatile(VMI_SITE(0x0104, 20, ".byte 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e; pushfq; .byte 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e; popq %%rax; .byte 0x2e, 0x2e, 0x2e, 0x2e, 0x2e; cli",
			      "pushfq; popq %%rax; cli")
		     : "=a"(result)
		     : 
		     : "cc", "memory");
	return result;
}

/* Halt: Sets the virtual interrupt flag and waits until an event was delivered, atomically: an event that
 * becomes pending before or during the call ends the wait. Returns with interrupts enabled after the handler
 * returned. */
static inline void pv_halt(void)
{
	__asm__ volatile(VMI_SITE(0x0105, 5, ".byte 0x2e; sti; .byte 0x2e, 0x2e; hlt",
			      "sti; hlt")
		     : 
		     : 
		     : "cc", "memory");
}

/* IrqPending: 1 when enabling interrupts now would deliver an event, 0 when it would not; changes nothing.
 * For a kernel that runs with interrupts disabled and opens them only where something waits. 0 is certain of
 * all that this VCPU has raised by calls; what comes from outside, a deadline too, may show only when the
 * call is repeated. 1 may also mean that something came which only enabling finds out to be nothing; and it
 * is the answer where nothing can be known, as with this group native and group event not. */
static inline uint32_t pv_irq_pending(void)
{
	uint32_t result;
	__asm__ volatile(VMI_SITE(0x0106, 15, ".byte 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0xe8; .long vmi_native_irq_pending - . - 4",
			      "call vmi_native_irq_pending")
		     : "=a"(result)
		     : 
		     : "cc", "memory");
	return result;
}

/* TrapTableSet: Sets the handlers of the vectors named; the others keep theirs. All gates are taken or none:
 * INVALID, for a count over 256 or an entry that is not canonical, and FAULT, or the page fault in its place,
 * change nothing. Where a vector is named twice, the last one counts. A handler farther than 2 GiB from any
 * byte of the ROM window, where code with sites cannot be, is open: it may be INVALID. Handlers are entered
 * on the kernel stack with the architectural frame (frame), below it an error code for the vectors that have
 * one (8, 10-14, 17, 21, 29, 30), with interrupts disabled and the GS base the kernel's. From kernel mode the
 * stack is the interrupted one, from user mode the one of KernelStackSet. The low two bits of the saved CS
 * are 3 for user mode and something else for the kernel, those above its low 16 are unspecified; bit 9 of the
 * saved RFLAGS is the virtual interrupt flag. The table is copied; the memory is the guest's again. A vector
 * without handler that occurs ends the guest as a crash. INT3 and INT 0x80 of the kernel reach their handlers
 * with GATE_USER and without, and INT 0x80 may clear the upper half of RAX. So does another INT n where the
 * processor tells the hypervisor its vector as Intel has it; where it does not, general protection comes
 * instead, with the error code that it tells (bits 0 to 2 are 2). What INT n does for a vector that has an
 * error code is open. gate.native is the entry for a hypervisor or processor that pushes the frame itself but
 * leaves the GS base as it was. */
static inline int64_t pv_trap_table_set(uint64_t gates, uint32_t count)
{
	int64_t result;
	__asm__ volatile(VMI_SITE(0x0200, 5, "call vmi_native_trap_table_set",
			      "call vmi_native_trap_table_set")
		     : "=a"(result), "+D"(gates), "+S"(count), "+r"(vmi_stack_pointer)
		     : 
		     : "r10", "r11", "r8", "r9", "rcx", "rdx", "cc", "memory");
	return result;
}

/* SyscallEntrySet: Sets where SYSCALL from 64-bit user mode arrives: on the kernel stack, frame complete,
 * interrupts disabled, RCX and R11 destroyed, every other register the user's. The saved RIP is the
 * instruction after SYSCALL. INVALID when either entry is not canonical; system calls then arrive where they
 * did. How far off the handler may be is as for TrapTableSet. */
static inline int64_t pv_syscall_entry_set(uint64_t handler, uint64_t native)
{
	int64_t result;
	__asm__ volatile(VMI_SITE(0x0201, 5, "call vmi_native_syscall_entry_set",
			      "call vmi_native_syscall_entry_set")
		     : "=a"(result), "+D"(handler), "+S"(native), "+r"(vmi_stack_pointer)
		     : 
		     : "r10", "r11", "r8", "r9", "rcx", "rdx", "cc", "memory");
	return result;
}

/* KernelStackSet: The stack on which traps, events and system calls from user mode arrive on this VCPU, from
 * now on. It must be mapped in every address space in which user mode runs. INVALID when it is not aligned or
 * not canonical; the stack is then the one before. */
static inline int64_t pv_kernel_stack_set(uint64_t top)
{
	int64_t result;
	__asm__ volatile(VMI_SITE(0x0202, 5, "call vmi_native_kernel_stack_set",
			      "call vmi_native_kernel_stack_set")
		     : "=a"(result), "+D"(top), "+r"(vmi_stack_pointer)
		     : 
		     : "r10", "r11", "r8", "r9", "rcx", "rdx", "rsi", "cc", "memory");
	return result;
}

/* FaultAddressRead: The address of the last page fault on this VCPU. Valid until the next page fault. */
static inline uint64_t pv_fault_address_read(void)
{
	uint64_t result;
	__asm__ volatile(VMI_SITE(0x0205, 9, ".byte 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e; movq %%cr2, %%rax",
			      "movq %%cr2, %%rax")
		     : "=a"(result)
		     : 
		     : "cc", "memory");
	return result;
}

/* DescriptorsSet: Sets the segment descriptors that a guest may have of its own (for 32-bit user code and its
 * thread areas). Slot n has the selector boot_info.descriptor_base + 8n. Allowed are zero (not present) and
 * present code or data segments of privilege 3; anything else is INVALID and changes nothing. A hypervisor
 * may have no 64-bit code, conforming code or 16-bit segments there: NOT_SUPPORTED, and nothing is changed. */
static inline int64_t pv_descriptors_set(uint32_t first, uint64_t descriptors, uint32_t count)
{
	int64_t result;
	__asm__ volatile(VMI_SITE(0x0206, 5, "call vmi_native_descriptors_set",
			      "call vmi_native_descriptors_set")
		     : "=a"(result), "+D"(first), "+S"(descriptors), "+d"(count), "+r"(vmi_stack_pointer)
		     : 
		     : "r10", "r11", "r8", "r9", "rcx", "cc", "memory");
	return result;
}

/* TlsSet: The segment bases that user mode sees from the next return to it. They belong to the VCPU, not to
 * the address space: a kernel sets them when it switches threads. INVALID for a non-canonical address. */
static inline int64_t pv_tls_set(uint64_t fs_base, uint64_t gs_base)
{
	int64_t result;
	__asm__ volatile(VMI_SITE(0x0207, 5, "call vmi_native_tls_set",
			      "call vmi_native_tls_set")
		     : "=a"(result), "+D"(fs_base), "+S"(gs_base), "+r"(vmi_stack_pointer)
		     : 
		     : "r10", "r11", "r8", "r9", "rcx", "rdx", "cc", "memory");
	return result;
}

/* Cpuid: What CPUID says of the virtual processor. Unknown leaves give zeros. */
static inline void pv_cpuid(uint32_t leaf, uint32_t subleaf, uint64_t registers)
{
	__asm__ volatile(VMI_SITE(0x0208, 5, "call vmi_native_cpuid",
			      "call vmi_native_cpuid")
		     : "+D"(leaf), "+S"(subleaf), "+d"(registers), "+r"(vmi_stack_pointer)
		     : 
		     : "r10", "r11", "r8", "r9", "rax", "rcx", "cc", "memory");
}

/* MsrRead: Reads a model-specific register. NOT_SUPPORTED, and no exception, where it does not exist or is
 * withheld. */
static inline int64_t pv_msr_read(uint32_t msr, uint64_t value)
{
	int64_t result;
	__asm__ volatile(VMI_SITE(0x0209, 5, "call vmi_native_msr_read",
			      "call vmi_native_msr_read")
		     : "=a"(result), "+D"(msr), "+S"(value), "+r"(vmi_stack_pointer)
		     : 
		     : "r10", "r11", "r8", "r9", "rcx", "rdx", "cc", "memory");
	return result;
}

/* MsrWrite: Writes a model-specific register. NOT_SUPPORTED, and no exception, where it does not exist or is
 * withheld. */
static inline int64_t pv_msr_write(uint32_t msr, uint64_t value)
{
	int64_t result;
	__asm__ volatile(VMI_SITE(0x020a, 5, "call vmi_native_msr_write",
			      "call vmi_native_msr_write")
		     : "=a"(result), "+D"(msr), "+S"(value), "+r"(vmi_stack_pointer)
		     : 
		     : "r10", "r11", "r8", "r9", "rcx", "rdx", "cc", "memory");
	return result;
}

/* FpuTrapSet: While on, user mode's next floating-point or vector instruction raises vector 7 (CR0.TS). A
 * hypervisor may raise it sooner: at a return to user mode, as if the first instruction there had raised it,
 * whatever that is. Whether such instructions of the kernel raise it is the hypervisor's choice. Raising it
 * may turn it off: the handler turns it off all the same. The x87, MMX and SSE registers are one set for
 * kernel and user mode, the VCPU's: no call, trap or return changes them, nor does another address space.
 * Wider ones exist only where Cpuid says that there is XSAVE. */
static inline void pv_fpu_trap_set(uint32_t on)
{
	__asm__ volatile(VMI_SITE(0x020b, 5, "call vmi_native_fpu_trap_set",
			      "call vmi_native_fpu_trap_set")
		     : "+D"(on), "+r"(vmi_stack_pointer)
		     : 
		     : "r10", "r11", "r8", "r9", "rax", "rcx", "rdx", "rsi", "cc", "memory");
}

/* AddressSpaceSet: Switches this VCPU to the address space, and flushes its non-global translations. The new
 * space must map kernel code, stack, VCPU block and ROM window as the old one does. A page that is not an
 * announced root is a guest error: the hypervisor may end the guest. */
static inline void pv_address_space_set(uint64_t root)
{
	__asm__ volatile(VMI_SITE(0x0300, 9, ".byte 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e; movq %%rdi, %%cr3",
			      "movq %%rdi, %%cr3")
		     : 
		     : "D"(root)
		     : "cc", "memory");
}

/* AddressSpaceRead: The root of this VCPU's present address space, as given to AddressSpaceSet or in
 * boot_info.page_root. */
static inline uint64_t pv_address_space_read(void)
{
	uint64_t result;
	__asm__ volatile(VMI_SITE(0x0301, 9, ".byte 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e; movq %%cr3, %%rax",
			      "movq %%cr3, %%rax")
		     : "=a"(result)
		     : 
		     : "cc", "memory");
	return result;
}

/* PteSet: Writes one entry of an announced or not yet announced table, visible to the processor's page walk
 * when it returns. A value that the hypervisor refuses (memory that is not the guest's, a table mapped
 * writable, a large page where bit 3 of EDX, PSE, is 0 in Cpuid's leaf 1) is a guest error: the hypervisor
 * may end the guest. */
static inline void pv_pte_set(uint64_t entry, uint64_t value)
{
	__asm__ volatile(VMI_SITE(0x0302, 7, "%{disp32%} movq %%rsi, (%%rdi)",
			      "movq %%rsi, (%%rdi)")
		     : 
		     : "D"(entry), "S"(value)
		     : "cc", "memory");
}

/* PteSetBatch: PteSet for each update, in order, in one call. The array lies in memory that can be written,
 * and is the hypervisor's until the call returns; then it is what it was. Returns how many were done: all of
 * them, 0 for a count of 0, or fewer when the hypervisor refused the next one. INVALID for a count over
 * BATCH_LIMIT, with nothing done. */
static inline int64_t pv_pte_set_batch(uint64_t updates, uint32_t count)
{
	int64_t result;
	__asm__ volatile(VMI_SITE(0x0303, 5, "call vmi_native_pte_set_batch",
			      "call vmi_native_pte_set_batch")
		     : "=a"(result), "+D"(updates), "+S"(count), "+r"(vmi_stack_pointer)
		     : 
		     : "r10", "r11", "r8", "r9", "rcx", "rdx", "cc", "memory");
	return result;
}

/* PteUpdateDeferred: As PteSet, but between LazyEnter and LazyLeave the update may wait: reading the entry
 * may give the old value, and it is done at the latest when LazyLeave, or any Tlb call on this VCPU, returns.
 * Outside lazy mode it is PteSet. The updates of one entry are done in the order of their calls, be it this
 * one, PteSet or PteSetBatch: an earlier one that waits never comes after a later one. */
static inline void pv_pte_update_deferred(uint64_t entry, uint64_t value)
{
	__asm__ volatile(VMI_SITE(0x0304, 7, "%{disp32%} movq %%rsi, (%%rdi)",
			      "movq %%rsi, (%%rdi)")
		     : 
		     : "D"(entry), "S"(value)
		     : "cc", "memory");
}

/* PteMake: The opaque value for an entry with this address and these flags (Intel SDM volume 3, section 4.5).
 * A value without the present bit is returned unchanged. Bits 9-11 and 53-58 are the guest's and are kept; 52
 * and 59-62 are 0. GLOBAL is a wish that may be dropped. */
static inline uint64_t pv_pte_make(uint64_t native)
{
	uint64_t result;
	__asm__ volatile(VMI_SITE(0x0305, 5, ".byte 0x2e, 0x2e; movq %%rdi, %%rax",
			      "movq %%rdi, %%rax")
		     : "=a"(result)
		     : "D"(native)
		     : "cc", "memory");
	return result;
}

/* PteRead: The inverse of PteMake, with the accessed and dirty bits that the processor has set since. */
static inline uint64_t pv_pte_read(uint64_t value)
{
	uint64_t result;
	__asm__ volatile(VMI_SITE(0x0306, 5, ".byte 0x2e, 0x2e; movq %%rdi, %%rax",
			      "movq %%rdi, %%rax")
		     : "=a"(result)
		     : "D"(value)
		     : "cc", "memory");
	return result;
}

/* PageTableAdd: Announces a page as a page table of that level, with the entries it now has. Before an entry
 * of the next level, or AddressSpaceSet, refers to it. BUSY when it already is one, INVALID when the page is
 * not the guest's memory, both where account is kept of tables. */
static inline int64_t pv_page_table_add(uint64_t page, uint32_t level)
{
	int64_t result;
	__asm__ volatile(VMI_SITE(0x0307, 5, "call vmi_native_page_table_add",
			      "call vmi_native_page_table_add")
		     : "=a"(result), "+D"(page), "+S"(level), "+r"(vmi_stack_pointer)
		     : 
		     : "r10", "r11", "r8", "r9", "rcx", "rdx", "cc", "memory");
	return result;
}

/* PageTableRemove: Takes the announcement back; the page is ordinary memory again. Nothing refers to it any
 * more: BUSY for the root in use, and for what another table refers to where that is known. */
static inline int64_t pv_page_table_remove(uint64_t page, uint32_t level)
{
	int64_t result;
	__asm__ volatile(VMI_SITE(0x0308, 5, "call vmi_native_page_table_remove",
			      "call vmi_native_page_table_remove")
		     : "=a"(result), "+D"(page), "+S"(level), "+r"(vmi_stack_pointer)
		     : 
		     : "r10", "r11", "r8", "r9", "rcx", "rdx", "cc", "memory");
	return result;
}

/* TlbFlush: Flushes the non-global translations of this VCPU. Completes deferred updates first. */
static inline void pv_tlb_flush(void)
{
	__asm__ volatile(VMI_SITE(0x0309, 9, ".byte 0x2e; movq %%cr3, %%rax; .byte 0x2e, 0x2e; movq %%rax, %%cr3",
			      "movq %%cr3, %%rax; movq %%rax, %%cr3")
		     : 
		     : 
		     : "rax", "cc", "memory");
}

/* TlbFlushPage: Flushes this VCPU's translation of one page, global ones too. Completes deferred updates
 * first. */
static inline void pv_tlb_flush_page(uint64_t address)
{
	__asm__ volatile(VMI_SITE(0x030a, 9, ".byte 0x2e, 0x2e; %{disp32%} invlpg (%%rdi)",
			      "invlpg (%%rdi)")
		     : 
		     : "D"(address)
		     : "cc", "memory");
}

/* TlbFlushOthers: Flushes on other VCPUs, and returns when they have done it. INVALID for a VCPU that was
 * never started. */
static inline int64_t pv_tlb_flush_others(uint64_t vcpus, uint64_t address)
{
	int64_t result;
	__asm__ volatile(VMI_SITE(0x030b, 5, "call vmi_native_tlb_flush_others",
			      "call vmi_native_tlb_flush_others")
		     : "=a"(result), "+D"(vcpus), "+S"(address), "+r"(vmi_stack_pointer)
		     : 
		     : "r10", "r11", "r8", "r9", "rcx", "rdx", "cc", "memory");
	return result;
}

/* LazyEnter: Begins lazy mode on this VCPU: PteUpdateDeferred may wait. Does not nest. No event handler runs
 * lazy: the ROM completes updates before it delivers one. */
static inline void pv_lazy_enter(void)
{
	__asm__ volatile(VMI_SITE(0x030c, 5, ".byte 0x0f, 0x1f, 0x44, 0x00, 0x00",
			      "")
		     : 
		     : 
		     : "cc", "memory");
}

/* LazyLeave: Completes what waits and ends lazy mode. Harmless outside it. */
static inline void pv_lazy_leave(void)
{
	__asm__ volatile(VMI_SITE(0x030d, 5, ".byte 0x0f, 0x1f, 0x44, 0x00, 0x00",
			      "")
		     : 
		     : 
		     : "cc", "memory");
}

/* ClockRead: Nanoseconds of virtual time since a fixed moment before the guest started. Never goes back on
 * one VCPU. */
static inline uint64_t pv_clock_read(void)
{
	uint64_t result;
	__asm__ volatile(VMI_SITE(0x0400, 5, "call vmi_native_clock_read",
			      "call vmi_native_clock_read")
		     : "=a"(result), "+r"(vmi_stack_pointer)
		     : 
		     : "r10", "r11", "r8", "r9", "rcx", "rdi", "rdx", "rsi", "cc", "memory");
	return result;
}

/* ClockFrequency: Ticks per second of the counter behind ClockRead: its resolution. At least 1,000,000. */
static inline uint64_t pv_clock_frequency(void)
{
	uint64_t result;
	__asm__ volatile(VMI_SITE(0x0401, 5, "call vmi_native_clock_frequency",
			      "call vmi_native_clock_frequency")
		     : "=a"(result), "+r"(vmi_stack_pointer)
		     : 
		     : "r10", "r11", "r8", "r9", "rcx", "rdi", "rdx", "rsi", "cc", "memory");
	return result;
}

/* WallClockRead: Nanoseconds since 1970-01-01 00:00 UTC, to the second or better. */
static inline uint64_t pv_wall_clock_read(void)
{
	uint64_t result;
	__asm__ volatile(VMI_SITE(0x0402, 5, "call vmi_native_wall_clock_read",
			      "call vmi_native_wall_clock_read")
		     : "=a"(result), "+r"(vmi_stack_pointer)
		     : 
		     : "r10", "r11", "r8", "r9", "rcx", "rdi", "rdx", "rsi", "cc", "memory");
	return result;
}

/* StolenTimeRead: Nanoseconds for which this VCPU wanted to run and did not. 0 where the hypervisor does not
 * know. */
static inline uint64_t pv_stolen_time_read(void)
{
	uint64_t result;
	__asm__ volatile(VMI_SITE(0x0403, 5, "call vmi_native_stolen_time_read",
			      "call vmi_native_stolen_time_read")
		     : "=a"(result), "+r"(vmi_stack_pointer)
		     : 
		     : "r10", "r11", "r8", "r9", "rcx", "rdi", "rdx", "rsi", "cc", "memory");
	return result;
}

/* TimerSet: Raises the source TIMER on this VCPU once, not before the deadline. Replaces an earlier deadline.
 * One in the past raises it at once. */
static inline int64_t pv_timer_set(uint64_t deadline)
{
	int64_t result;
	__asm__ volatile(VMI_SITE(0x0404, 5, "call vmi_native_timer_set",
			      "call vmi_native_timer_set")
		     : "=a"(result), "+D"(deadline), "+r"(vmi_stack_pointer)
		     : 
		     : "r10", "r11", "r8", "r9", "rcx", "rdx", "rsi", "cc", "memory");
	return result;
}

/* TimerCancel: Forgets the deadline. A TIMER event that is pending already stays pending. */
static inline int64_t pv_timer_cancel(void)
{
	int64_t result;
	__asm__ volatile(VMI_SITE(0x0405, 5, "call vmi_native_timer_cancel",
			      "call vmi_native_timer_cancel")
		     : "=a"(result), "+r"(vmi_stack_pointer)
		     : 
		     : "r10", "r11", "r8", "r9", "rcx", "rdi", "rdx", "rsi", "cc", "memory");
	return result;
}

/* EventBind: Delivers the source at the vector, unmasked, on this VCPU. BUSY when the vector has another
 * source; NOT_SUPPORTED for a source that does not exist here; both change nothing. A source bound to nothing
 * stays pending. Whatever the vector, 0 too, the call unmasks the source, and ends the handling of a delivery
 * that was not acknowledged, as EventAck does. What is pending moves with its source: it never comes at a
 * vector that the source has left, which needs no handler then. */
static inline int64_t pv_event_bind(uint32_t source, uint32_t vector)
{
	int64_t result;
	__asm__ volatile(VMI_SITE(0x0500, 5, "call vmi_native_event_bind",
			      "call vmi_native_event_bind")
		     : "=a"(result), "+D"(source), "+S"(vector), "+r"(vmi_stack_pointer)
		     : 
		     : "r10", "r11", "r8", "r9", "rcx", "rdx", "cc", "memory");
	return result;
}

/* EventMask: Holds the source back: it may become pending but is not delivered. */
static inline int64_t pv_event_mask(uint32_t source)
{
	int64_t result;
	__asm__ volatile(VMI_SITE(0x0501, 5, "call vmi_native_event_mask",
			      "call vmi_native_event_mask")
		     : "=a"(result), "+D"(source), "+r"(vmi_stack_pointer)
		     : 
		     : "r10", "r11", "r8", "r9", "rcx", "rdx", "rsi", "cc", "memory");
	return result;
}

/* EventUnmask: Lets the source through again. If it is pending and interrupts are enabled it is delivered
 * before this returns. */
static inline int64_t pv_event_unmask(uint32_t source)
{
	int64_t result;
	__asm__ volatile(VMI_SITE(0x0502, 5, "call vmi_native_event_unmask",
			      "call vmi_native_event_unmask")
		     : "=a"(result), "+D"(source), "+r"(vmi_stack_pointer)
		     : 
		     : "r10", "r11", "r8", "r9", "rcx", "rdx", "rsi", "cc", "memory");
	return result;
}

/* EventAck: Ends the handling of one delivery. Until then the same source is not delivered again. Called by
 * every event handler, once. CONSOLE is raised when input arrives, not while it waits: its handler reads
 * until there is none. */
static inline int64_t pv_event_ack(uint32_t source)
{
	int64_t result;
	__asm__ volatile(VMI_SITE(0x0503, 5, "call vmi_native_event_ack",
			      "call vmi_native_event_ack")
		     : "=a"(result), "+D"(source), "+r"(vmi_stack_pointer)
		     : 
		     : "r10", "r11", "r8", "r9", "rcx", "rdx", "rsi", "cc", "memory");
	return result;
}

/* EventSend: Raises one of the guest's own sources on this VCPU. Delivered before it returns when interrupts
 * are enabled. */
static inline int64_t pv_event_send(uint32_t source)
{
	int64_t result;
	__asm__ volatile(VMI_SITE(0x0504, 5, "call vmi_native_event_send",
			      "call vmi_native_event_send")
		     : "=a"(result), "+D"(source), "+r"(vmi_stack_pointer)
		     : 
		     : "r10", "r11", "r8", "r9", "rcx", "rdx", "rsi", "cc", "memory");
	return result;
}

/* VcpuStart: Starts a stopped VCPU in 64-bit kernel mode, interrupts disabled, at the entry, stack and
 * address space given, argument in RDI. Its first call is VcpuInit. The structure may be reused when this
 * returns. BUSY when it runs already. */
static inline int64_t pv_vcpu_start(uint32_t vcpu, uint64_t start)
{
	int64_t result;
	__asm__ volatile(VMI_SITE(0x0600, 5, "call vmi_native_vcpu_start",
			      "call vmi_native_vcpu_start")
		     : "=a"(result), "+D"(vcpu), "+S"(start), "+r"(vmi_stack_pointer)
		     : 
		     : "r10", "r11", "r8", "r9", "rcx", "rdx", "cc", "memory");
	return result;
}

/* VcpuStop: Stops the calling VCPU; returns only on failure. It may be started again. INVALID on the last
 * running one. */
static inline int64_t pv_vcpu_stop(void)
{
	int64_t result;
	__asm__ volatile(VMI_SITE(0x0601, 5, "call vmi_native_vcpu_stop",
			      "call vmi_native_vcpu_stop")
		     : "=a"(result), "+r"(vmi_stack_pointer)
		     : 
		     : "r10", "r11", "r8", "r9", "rcx", "rdi", "rdx", "rsi", "cc", "memory");
	return result;
}

/* VcpuId: The number of this VCPU, as given to VcpuInit. */
static inline uint32_t pv_vcpu_id(void)
{
	uint32_t result;
	__asm__ volatile(VMI_SITE(0x0602, 8, "movl %%gs:48, %%eax",
			      "movl %%gs:48, %%eax")
		     : "=a"(result)
		     : 
		     : "cc", "memory");
	return result;
}

/* IpiSend: Raises the source IPI on each of these VCPUs. INVALID for one that was never started, with nothing
 * sent. One's own is delivered before it returns when interrupts are enabled. */
static inline int64_t pv_ipi_send(uint64_t vcpus)
{
	int64_t result;
	__asm__ volatile(VMI_SITE(0x0603, 5, "call vmi_native_ipi_send",
			      "call vmi_native_ipi_send")
		     : "=a"(result), "+D"(vcpus), "+r"(vmi_stack_pointer)
		     : 
		     : "r10", "r11", "r8", "r9", "rcx", "rdx", "rsi", "cc", "memory");
	return result;
}

/* VcpuYield: A hint that this VCPU waits for another one. */
static inline void pv_vcpu_yield(void)
{
	__asm__ volatile(VMI_SITE(0x0604, 5, ".byte 0x2e, 0x2e, 0x2e; pause",
			      "pause")
		     : 
		     : 
		     : "cc", "memory");
}

/* ConsoleWrite: Writes bytes to the console, unchanged, and returns how many were taken. Waits for no reader
 * that is not there. Needs no Init, so that a guest can say why it will not run here. */
static inline int64_t pv_console_write(uint64_t buffer, uint64_t size)
{
	int64_t result;
	__asm__ volatile(VMI_SITE(0x0700, 5, "call vmi_native_console_write",
			      "call vmi_native_console_write")
		     : "=a"(result), "+D"(buffer), "+S"(size), "+r"(vmi_stack_pointer)
		     : 
		     : "r10", "r11", "r8", "r9", "rcx", "rdx", "cc", "memory");
	return result;
}

/* ConsoleRead: Takes waiting input and returns how many bytes; 0 when there is none. Never waits. All of the
 * room must be there to be written, however little waits: FAULT, or the page fault in its place, takes no
 * input, and the next call finds it. */
static inline int64_t pv_console_read(uint64_t buffer, uint64_t size)
{
	int64_t result;
	__asm__ volatile(VMI_SITE(0x0701, 5, "call vmi_native_console_read",
			      "call vmi_native_console_read")
		     : "=a"(result), "+D"(buffer), "+S"(size), "+r"(vmi_stack_pointer)
		     : 
		     : "r10", "r11", "r8", "r9", "rcx", "rdx", "cc", "memory");
	return result;
}

/* Shutdown: Ends the guest, all VCPUs. Does not return. A code above 63 is taken as 63; an unknown reason as
 * CRASH. Needs no Init. */
static inline void pv_shutdown(uint32_t reason, uint32_t code)
{
	__asm__ volatile(VMI_SITE(0x0702, 5, "call vmi_native_shutdown",
			      "call vmi_native_shutdown")
		     : "+D"(reason), "+S"(code), "+r"(vmi_stack_pointer)
		     : 
		     : "r10", "r11", "r8", "r9", "rax", "rcx", "rdx", "cc", "memory");
}

/* MemoryBalloon: Gives pages back to the hypervisor (their contents are lost and they must not be touched) or
 * asks for such pages again (zeroed). Returns how many were done, in order. */
static inline int64_t pv_memory_balloon(uint64_t pages, uint32_t count, uint32_t give)
{
	int64_t result;
	__asm__ volatile(VMI_SITE(0x0703, 5, "call vmi_native_memory_balloon",
			      "call vmi_native_memory_balloon")
		     : "=a"(result), "+D"(pages), "+S"(count), "+d"(give), "+r"(vmi_stack_pointer)
		     : 
		     : "r10", "r11", "r8", "r9", "rcx", "cc", "memory");
	return result;
}

/* SuspendPrepare: Asks whether a suspend can happen now and stops new events. BUSY while VCPUs other than the
 * caller run. */
static inline int64_t pv_suspend_prepare(void)
{
	int64_t result;
	__asm__ volatile(VMI_SITE(0x0800, 5, "call vmi_native_suspend_prepare",
			      "call vmi_native_suspend_prepare")
		     : "=a"(result), "+r"(vmi_stack_pointer)
		     : 
		     : "r10", "r11", "r8", "r9", "rcx", "rdi", "rdx", "rsi", "cc", "memory");
	return result;
}

/* Suspend: Saves guest memory and the resume point and ends the guest here. The next hypervisor enters the
 * resume point as section 6 of the design enters a guest: boot information in RDI, sites native, nothing
 * announced. Returns only on failure. */
static inline int64_t pv_suspend(uint64_t resume)
{
	int64_t result;
	__asm__ volatile(VMI_SITE(0x0801, 5, "call vmi_native_suspend",
			      "call vmi_native_suspend")
		     : "=a"(result), "+D"(resume), "+r"(vmi_stack_pointer)
		     : 
		     : "r10", "r11", "r8", "r9", "rcx", "rdx", "rsi", "cc", "memory");
	return result;
}

/* TraceMark: Records a mark with time and, where known, the number of guest instructions so far. */
static inline void pv_trace_mark(uint32_t mark, uint64_t value)
{
	__asm__ volatile(VMI_SITE(0x0900, 5, "call vmi_native_trace_mark",
			      "call vmi_native_trace_mark")
		     : "+D"(mark), "+S"(value), "+r"(vmi_stack_pointer)
		     : 
		     : "r10", "r11", "r8", "r9", "rax", "rcx", "rdx", "cc", "memory");
}

/* DebugBreak: Stops for a debugger if one is attached; otherwise does nothing. */
static inline void pv_debug_break(void)
{
	__asm__ volatile(VMI_SITE(0x0901, 5, ".byte 0x0f, 0x1f, 0x44, 0x00, 0x00",
			      "")
		     : 
		     : 
		     : "cc", "memory");
}

/* CrashReport: Hands over the state of a crash before Shutdown(CRASH). Returns. */
static inline void pv_crash_report(uint64_t report)
{
	__asm__ volatile(VMI_SITE(0x0902, 5, "call vmi_native_crash_report",
			      "call vmi_native_crash_report")
		     : "+D"(report), "+r"(vmi_stack_pointer)
		     : 
		     : "r10", "r11", "r8", "r9", "rax", "rcx", "rdx", "rsi", "cc", "memory");
}

/* RandomRead: Writes bytes that nobody can foretell, good enough for keys, and returns how many: all that
 * were asked for, or fewer, even none, while the source has no more; asking again is right. Touches nothing
 * behind what it returns. Never waits. NOT_SUPPORTED without a source, where Probe says that the group is
 * absent. (A host that was told to repeat a run exactly gives the same bytes in each.) */
static inline int64_t pv_random_read(uint64_t buffer, uint64_t size)
{
	int64_t result;
	__asm__ volatile(VMI_SITE(0x0a00, 5, "call vmi_native_random_read",
			      "call vmi_native_random_read")
		     : "=a"(result), "+D"(buffer), "+S"(size), "+r"(vmi_stack_pointer)
		     : 
		     : "r10", "r11", "r8", "r9", "rcx", "rdx", "cc", "memory");
	return result;
}

#endif
