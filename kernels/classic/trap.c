/* SPDX-License-Identifier: MIT */
/* Descriptor tables of this kernel, and its traps. An exception that nobody waits for ends the run with its registers. */
#include "client.h"

struct cpu cpus[2] __attribute__((aligned(4096)));
uint64_t idt[256] __attribute__((aligned(8)));
handler handlers[256];

/* Flags: bits 8 to 23 of the high word, as in 0xc9a for 32-bit code with a limit in pages. */
uint64_t segment(uint32_t base, uint32_t limit, uint32_t flags)
{
	uint32_t low = (base & 0xffff) << 16 | (limit & 0xffff);
	uint32_t high = (base & 0xff000000) | (flags & 0xf00) << 12 | (limit & 0xf0000) | (flags & 0xff) << 8 | (base >> 16 & 0xff);

	return (uint64_t)high << 32 | low;
}

uint64_t gate(void *address, unsigned flags)
{
	uint32_t to = (uint32_t)address;

	return (uint64_t)((to & 0xffff0000) | flags << 8) << 32 | KERNEL_CS << 16 | (to & 0xffff);
}

void gdt_prepare(struct cpu *cpu)
{
	cpu->self = cpu;
	cpu->number = (uint32_t)(cpu - cpus);
	cpu->gdt[KERNEL_CS / 8] = segment(0, 0xfffff, 0xc9b);
	cpu->gdt[KERNEL_DS / 8] = segment(0, 0xfffff, 0xc93);
	cpu->gdt[USER_CS / 8] = segment(0, 0xfffff, 0xcfb);
	cpu->gdt[USER_DS / 8] = segment(0, 0xfffff, 0xcf3);
	cpu->gdt[TSS_SELECTOR / 8] = segment((uint32_t)&cpu->tss, sizeof(cpu->tss) - 1, 0x089);
	cpu->gdt[CPU_SELECTOR / 8] = segment((uint32_t)cpu, sizeof(*cpu) - 1, 0x493);
	cpu->tss.esp0 = (uint32_t)(cpu->trap_stack + sizeof(cpu->trap_stack));
	cpu->tss.ss0 = KERNEL_DS;
	cpu->tss.bitmap = sizeof(cpu->tss);
}

void traps_init(void)
{
	struct table table = { sizeof(cpus[0].gdt) - 1, (uint32_t)cpus[0].gdt };

	gdt_prepare(&cpus[0]);
	__asm__ volatile("lgdtl %0\n\t"
			 "ljmpl %1, $1f\n"
			 "1:\tmovl %2, %%ds; movl %2, %%es; movl %2, %%ss\n\t"
			 "movl %3, %%fs; movl %4, %%gs\n\t"
			 "lldt %w4\n\t"
			 "ltr %w5"
			 : : "m"(table), "i"(KERNEL_CS), "r"(KERNEL_DS), "r"(CPU_SELECTOR), "r"(0), "r"(TSS_SELECTOR) : "memory");
	for (unsigned i = 0; i < 256; i++)
		idt[i] = gate(trap_stubs + 16 * i, i == SYSTEM_CALL || i == 3 ? 0xee : 0x8e);
	table = (struct table){ sizeof(idt) - 1, (uint32_t)idt };
	__asm__ volatile("lidtl %0" : : "m"(table) : "memory");
}

unsigned attempt(void (*code)(uint32_t), uint32_t argument)
{
	return try_call(code, argument) ? 1 + this_cpu()->caught.vector : 0;
}

static uint32_t read_cr2(void)
{
	uint32_t value;

	__asm__ volatile("movl %%cr2, %0" : "=r"(value));
	return value;
}

_Noreturn static void unexpected(const struct trap *trap)
{
	int user = trap->cs & 3 || trap->eflags & 1 << 17;

	if (trap->eip == IRET_POISON || trap->eip == SYSEXIT_POISON)
		print("FAIL link/%s: the site was not patched and its operation is poison\n",
		      trap->eip == IRET_POISON ? "IRET" : "SYSEXIT");
	print("unexpected trap %u on processor %u, error 0x%x, CR2 0x%x\n", trap->vector, this_cpu()->number, trap->error,
	      read_cr2());
	print(" eip %x:%08x eflags %08x esp %08x\n", trap->cs & 0xffff, trap->eip, trap->eflags,
	      user ? trap->esp : (uint32_t)&trap->esp);
	print(" eax %08x ebx %08x ecx %08x edx %08x\n", trap->eax, trap->ebx, trap->ecx, trap->edx);
	print(" esi %08x edi %08x ebp %08x ds %x es %x fs %x gs %x\n", trap->esi, trap->edi, trap->ebp, trap->ds & 0xffff,
	      trap->es & 0xffff, trap->fs & 0xffff, trap->gs & 0xffff);
	for (unsigned i = 0; !user && i < 12; i++)
		print("%s%08x", i ? " " : " stack ", (&trap->esp)[i]);
	print("\n");
	die("an exception that nobody waited for");
}

regparm3 void trap(struct trap *trap);
regparm3 void trap(struct trap *trap)
{
	struct cpu *cpu = this_cpu();

	if (handlers[trap->vector]) {
		handlers[trap->vector](trap);
		return;
	}
	if (trap->vector >= 32 || !cpu->landing || trap->vector == 8)
		unexpected(trap);
	cpu->caught = *trap;
	cpu->caught_address = read_cr2();
	trap->eip = (uint32_t)try_landing;
	trap->ds = trap->es = KERNEL_DS;
	trap->eflags &= ~0x10100u; /* no RF, no TF */
}
