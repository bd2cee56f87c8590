/* SPDX-License-Identifier: MIT */
/* Return from interrupts, call 33, to the kernel, to user mode and to virtual 8086 mode; SYSEXIT, call 34. */
#include "subjects.h"

#define FLAG_VM 0x20000
#define V86_SEGMENT 0x100 /* its linear address, 0x1000, has a page of its own */
enum { SYSENTER_CS = 0x174, SYSENTER_ESP, SYSENTER_EIP };

struct trap user_trap;
static uint32_t v86_segments[4];

static void on_system_call(struct trap *trap)
{
	user_trap = *trap;
	if (trap->cs & 3)
		leave_user(trap->eax);
}

/* An invalid instruction of virtual 8086 mode; ES, DS, FS, GS lie above SS. */
static void on_v86(struct trap *trap)
{
	if (!(trap->eflags & FLAG_VM))
		die("invalid instruction at 0x%x", trap->eip);
	user_trap = *trap;
	memcpy(v86_segments, &trap->ss + 1, sizeof(v86_segments));
	leave_user(0x8086);
}

void user_init(void)
{
	uint32_t code;

	handlers[SYSTEM_CALL] = on_system_call;
	if (entry_of(USER_CODE, 0))
		return;
	code = page_alloc();
	memcpy(linear(code), program_start, (unsigned)(program_end - program_start));
	page_map(USER_CODE, code | PRESENT | USER);
	page_map(USER_STACK, page_alloc() | PRESENT | WRITABLE | USER);
}

uint32_t to_user(uint32_t eip)
{
	const uint32_t frame[9] = { eip, USER_CS, 2 | FLAG_IF, USER_STACK_TOP, USER_DS, 0, 0, 0, 0 };

	return enter_user(frame);
}

static void to_kernel(void)
{
	static const uint32_t flags[] = { 0x002, 0x8d7, 0x202, 0xad7, 0x240202 };
	unsigned before;

	for (unsigned i = 0; i < COUNT(flags); i++) {
		const uint32_t words[2] = { flags[i], 0 };
		struct registers r = { 1, 2, 3, 4, 5, 6, 7, 2, 0, 0, 0, 0, 0, 0, 0 };

		call_registers(iret_here, &r, words);
		each((r.eflags & 0x240ad7) == flags[i], r.eflags);
		each(r.eax == 1 && r.ebx == 2 && r.ecx == 3 && r.edx == 4 && r.esi == 5 && r.edi == 6 && r.ebp == 7 && !r.esp, i);
	}
	all("IRET to the kernel loads EFLAGS and changes no register");
	before = irq0_count;
	make_pending();
	{
		const uint32_t words[2] = { 2 | FLAG_IF, 0 };
		struct registers r = { .eflags = 2 };

		call_registers(iret_here, &r, words);
	}
	equal("what waited comes when IRET enables", irq0_count, before + 1);
	equal("before the next instruction", irq0_last.eip, (uint32_t)iret_target);
	__asm__ volatile("int3");
	check("a trap comes back through it", 1);
}

static void on_breakpoint(struct trap *trap)
{
	(void)trap;
}

/* ---- frames that the processor refuses ---- */

enum { FAULTED = 0x7000, LDT_CODE = 0x07, LDT_DATA = 0x0f, LDT_BASED = 0x17, LDT_SHORT = 0x1f, LDT_READ_ONLY = 0x27,
       LDT_ABSENT = 0x2f, LDT_KERNEL = 0x37 };

static uint64_t ldt[8] __attribute__((aligned(8)));

static void on_fault(struct trap *trap)
{
	if (!(trap->cs & 3))
		die("vector %u at 0x%x: a return to user mode faults in the kernel, far from any fix-up", trap->vector, trap->eip);
	user_trap = *trap;
	leave_user(FAULTED + trap->vector);
}

static uint32_t with_segments(uint32_t eip, uint32_t cs, uint32_t ss)
{
	const uint32_t frame[9] = { eip, cs, 2 | FLAG_IF, USER_STACK_TOP, ss, 0, 0, 0, 0 };

	return enter_user(frame);
}

/*
 * Linux finds its fix-up by the address of its own IRET, which the ROM's is not: a frame that a program made by sigreturn
 * has to fault in user mode.
 */
static void refused(void)
{
	static const struct {
		uint32_t cs, ss, eip;
	} frames[] = {
		{ 3, USER_DS, USER_CODE }, { USER_DS, USER_DS, USER_CODE }, { KERNEL_CS | 3, USER_DS, USER_CODE },
		{ 0xfff3, USER_DS, USER_CODE }, { LDT_DATA, USER_DS, USER_CODE }, { LDT_SHORT, USER_DS, 0x1000 },
		{ LDT_ABSENT, USER_DS, USER_CODE }, { LDT_KERNEL, USER_DS, USER_CODE }, { USER_CS, 3, USER_CODE },
		{ USER_CS, 0, USER_CODE }, { USER_CS, USER_CS, USER_CODE }, { USER_CS, KERNEL_DS | 3, USER_CODE },
		{ USER_CS, LDT_READ_ONLY, USER_CODE }, { USER_CS, 0x78, USER_CODE }, { USER_CS, 0xfffb, USER_CODE },
	};

	for (unsigned i = 0; i < COUNT(frames); i++) {
		uint32_t left = with_segments(frames[i].eip, frames[i].cs, frames[i].ss);

		each(left == FAULTED + 14 && user_trap.eip == 0xfffff000 && user_trap.cs == USER_CS && user_trap.ss == USER_DS,
		     frames[i].cs << 16 | frames[i].ss);
		each(user_trap.esp == USER_STACK_TOP && !(user_trap.eax | user_trap.ebx | user_trap.ecx | user_trap.edx |
							   user_trap.esi | user_trap.edi | user_trap.ebp), i);
	}
	all("a frame that the processor refuses faults in user mode, where nothing is");
}

static void own_segments(void)
{
	handlers[11] = handlers[12] = handlers[13] = handlers[14] = on_fault;
	ldt[LDT_CODE / 8] = segment(0, 0xfffff, 0xcfb);
	ldt[LDT_DATA / 8] = segment(0, 0xfffff, 0xcf3);
	ldt[LDT_BASED / 8] = segment(USER_CODE, 0xfff, 0x4fb);
	ldt[LDT_SHORT / 8] = segment(0, 0xfff, 0x4fb);
	ldt[LDT_READ_ONLY / 8] = segment(0, 0xfffff, 0xcf1);
	ldt[LDT_ABSENT / 8] = segment(0, 0xfffff, 0xc7b);
	ldt[LDT_KERNEL / 8] = segment(0, 0xfffff, 0xc9b);
	this_cpu()->gdt[LDT_SELECTOR / 8] = segment((uint32_t)ldt, sizeof(ldt) - 1, 0x082);
	CALL1(SetLDT, LDT_SELECTOR);
	each(with_segments(PROGRAM(program_int), LDT_CODE, LDT_DATA) == 0x1234, 0);
	each(user_trap.cs == LDT_CODE && user_trap.ss == LDT_DATA, 1);
	each(with_segments(PROGRAM(program_int) - USER_CODE, LDT_BASED, USER_DS) == 0x1234, 2);
	each(user_trap.cs == LDT_BASED && user_trap.ss == USER_DS && user_trap.eip < PAGE, 3);
	each(with_segments(PROGRAM(program_int), USER_CS, LDT_DATA) == 0x1234, 4);
	each(user_trap.cs == USER_CS && user_trap.ss == LDT_DATA, 5);
	all("IRET goes to segments of a program's own");
	if (paravirtualized)
		refused(); /* natively the fix-up is the kernel's */
	CALL1(SetLDT, 0);
	handlers[11] = handlers[12] = handlers[13] = handlers[14] = 0;
}

void check_iret(void)
{
	uint32_t v86[9] = { 0, V86_SEGMENT, 2 | FLAG_IF | FLAG_VM, 0xff0, 0x200, 0x1111, 0x2222, 0x3333, 0x4444 }, page;
	unsigned before;

	user_init();
	handlers[3] = on_breakpoint;
	to_kernel();
	equal("IRET goes to user mode", to_user(PROGRAM(program_int)), 0x1234);
	check("with the frame's CS, SS, ESP and EFLAGS", user_trap.cs == USER_CS && user_trap.ss == USER_DS &&
	      user_trap.esp == USER_STACK_TOP && (user_trap.eflags & (FLAG_IF | 0x3000)) == FLAG_IF);
	check("and changes no register", !(user_trap.ebx | user_trap.ecx | user_trap.edx | user_trap.esi | user_trap.edi |
					   user_trap.ebp));
	before = irq0_count;
	check("an interrupt waits", make_pending());
	equal("user mode is reached with an interrupt waiting", to_user(PROGRAM(program_int)), 0x1234);
	equal("it came once", irq0_count, before + 1);
	check("into user mode, before its first instruction", irq0_last.cs == USER_CS && irq0_last.eip == PROGRAM(program_int));
	timer_rests();

	own_segments();
	page = page_alloc();
	memcpy(linear(page), "\x0f\x0b", 2); /* ud2 */
	page_map(0x1000, page | PRESENT | USER);
	handlers[6] = on_v86;
	equal("IRET goes to virtual 8086 mode", enter_user(v86), 0x8086);
	check("with the frame's EIP, CS, ESP, SS", user_trap.eip == v86[0] && user_trap.cs == v86[1] &&
	      user_trap.esp == v86[3] && user_trap.ss == v86[4]);
	check("and ES, DS, FS, GS", !memcmp(v86_segments, v86 + 5, sizeof(v86_segments)));
	handlers[6] = 0;
	page_map(0x1000, 0);
}

/* ---- SYSEXIT ---- */

static void wrmsr(uint32_t index, uint32_t value)
{
	__asm__ volatile("wrmsr" : : "c"(index), "a"(value), "d"(0));
}

void check_sysexit(void)
{
	uint32_t eax = 1, ebx, ecx, edx;
	unsigned before;

	__asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx));
	if (!(edx >> 11 & 1)) {
		print("client: this processor has no SYSENTER\n");
		return;
	}
	user_init();
	wrmsr(SYSENTER_CS, KERNEL_CS);
	wrmsr(SYSENTER_ESP, this_cpu()->tss.esp0);
	wrmsr(SYSENTER_EIP, (uint32_t)sysenter_entry);
	equal("SYSEXIT goes to user mode", enter_user_sysexit(PROGRAM(program_int), USER_STACK_TOP), 0x1234);
	check("with EIP of EDX and ESP of ECX", user_trap.esp == USER_STACK_TOP && user_trap.edx == PROGRAM(program_int));
	check("flat segments of level 3, interrupts on", user_trap.cs == USER_CS && user_trap.ss == USER_DS &&
	      user_trap.eflags & FLAG_IF);
	check("and changes no register", user_trap.ebx == 0x11111111 && user_trap.esi == 0x22222222 &&
	      user_trap.edi == 0x33333333 && user_trap.ebp == 0x44444444);
	equal("SYSENTER comes back", enter_user_sysexit(PROGRAM(program_sysenter), USER_STACK_TOP), 0x5678);
	before = irq0_count;
	check("an interrupt waits", make_pending());
	enter_user_sysexit(PROGRAM(program_int), USER_STACK_TOP);
	equal("it comes once", irq0_count, before + 1);
	check("into user mode, before its first instruction", irq0_last.cs == USER_CS && irq0_last.eip == PROGRAM(program_int));
	for (unsigned i = 0; i < 500; i++)
		each(enter_user_sysexit(PROGRAM(program_sysenter), USER_STACK_TOP) == 0x5678, i);
	all("500 times there and back");
	timer_rests();
}
