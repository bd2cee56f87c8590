/* SPDX-License-Identifier: MIT */
/* One group of checks, native.do=NAME. Exit status: how many failed. */
#include "native.h"
#include <vmi/guest.h>

VMI_GUEST(VMI_GUEST_LICENCE, VMI_PROFILE_PAGED);

extern char shadow_nop_at[], shadow_loop_at[], shadow_halt_at[], return_refused[];
void shadow_nop(void), shadow_loop(void), shadow_halt(void), shadow_cli(void);
unsigned load_word(word *from, word fs);
void return_by(const struct vmi_frame *frame), sysret_to(word rip);
extern word word_operand;
extern char user_start[], user_end[], user_state[], user_state_end[], user_int[], user_int3[], user_trace[], user_trace_at[],
	user_call[], user_call_at[], user_give_turn[], user_no_calls[], user_deaf[], user_forged[];

int failures;

void equal(const char *what, word found, word expected)
{
	if (found != expected)
		vmi_print("FAILED %s: found %lx, expected %lx\n", what, found, expected);
	failures += found != expected;
}

/* ---- privileged instructions ---- */

#define READ(register) ({ word value_; __asm__ volatile("movq %%" register ", %0" : "=r"(value_)); value_; })
#define WRITE(register, value) __asm__ volatile("movq %0, %%" register : : "r"((word)(value)) : "memory")

/* Not inline: in a function with an instruction that no disassembler knows, PUSHFQ may show the host's flag. */
__attribute__((noinline)) static word flags(void)
{
	word value;

	__asm__ volatile("pushfq; popq %0" : "=r"(value));
	return value & VMI_FLAG_IF;
}

static word rdmsr(uint32_t number)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(number));
	return (word)high << 32 | low;
}

static void wrmsr(uint32_t number, word value)
{
	__asm__ volatile("wrmsr" : : "c"(number), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}

static word gs(void)
{
	word value;

	__asm__ volatile("rdgsbase %0" : "=r"(value));
	return value;
}

static void check_instructions(void)
{
	word root = READ("cr3"), before = gs(), value;
	uint32_t low, high;

	equal("cr0", READ("cr0"), 0x80050033);
	WRITE("cr3", root);
	equal("cr3", READ("cr3"), root);
	equal("cr4", READ("cr4"), 0x106a0);
	WRITE("cr4", 0x106a0);
	WRITE("cr2", 0x77);
	equal("cr2", READ("cr2"), 0x77);
	WRITE("cr8", 0);
	equal("cr8", READ("cr8"), 0);
	WRITE("dr3", 0x1122);
	equal("dr3", READ("dr3"), 0x1122);
	__asm__ volatile("movq %0, %%r12; movq %%r12, %%cr2" : : "r"(0x99ul) : "r12");
	__asm__ volatile("movq %%cr2, %%r9; movq %%r9, %0" : "=r"(value) : : "r9");
	equal("cr2 by r9", value, 0x99);
	__asm__ volatile("sti");
	equal("sti", flags(), VMI_FLAG_IF);
	__asm__ volatile(".byte 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e; cli");
	equal("cli of 15 bytes", flags(), 0);
	wrmsr(KERNEL_GS_BASE, 0x100009abc);
	__asm__ volatile("swapgs; rdgsbase %0; swapgs" : "=r"(value));
	equal("swapgs", value, 0x100009abc);
	equal("and back", gs(), before);
	equal("KERNEL_GS_BASE", rdmsr(KERNEL_GS_BASE), 0x100009abc);
	equal("GS_BASE", rdmsr(GS_BASE), before);
	wrmsr(FS_BASE, 0x7f0012345000);
	__asm__ volatile("rdfsbase %0" : "=r"(value));
	equal("FS_BASE", value, 0x7f0012345000);
	equal("EFER", rdmsr(EFER), 0xd01);
	wrmsr(EFER, 0xd01);
	equal("APIC_BASE", rdmsr(0x1b), 0xfee00900);
	equal("PAT", rdmsr(0x277), 0x0007040600070406);
	wrmsr(TSC_AUX, 5);
	equal("TSC_AUX", rdmsr(TSC_AUX), 5);
	wrmsr(CSTAR, 0x1234);
	equal("CSTAR", rdmsr(CSTAR), 0x1234);
	equal("TSC", rdmsr(0x10) - __builtin_ia32_rdtsc() > ODD, 1);
	WRITE("cr0", 0x8005003b);
	equal("TS", READ("cr0"), 0x8005003b);
	__asm__ volatile("clts");
	equal("clts", READ("cr0"), 0x80050033);
	__asm__ volatile("lmsw %w0" : : "r"(0xb));
	equal("lmsw", READ("cr0"), 0x8005003b);
	__asm__ volatile("clts; lldt %w0; invlpg %1; wbinvd; invd" : : "r"(0), "m"(failures) : "memory");
	__asm__ volatile("movl $0x21, %%edx; movq $-1, %%rax; inb %%dx, %%al; movq %%rax, %0" : "=r"(value) : : "rax", "rdx");
	equal("a byte of a port", value, ~0ul);
	__asm__ volatile("movq $-1, %%rax; inl $0x99, %%eax; movq %%rax, %0" : "=r"(value) : : "rax");
	equal("32 bits of a port", value, 0xffffffff);
	__asm__ volatile("movq $0x1111222233334444, %%rax; inw $0x99, %%ax; movq %%rax, %0" : "=r"(value) : : "rax");
	equal("16 bits of a port", value, 0x111122223333ffff);
	__asm__ volatile("cpuid" : "=a"(low), "=b"(high) : "a"(0x40000000) : "rcx", "rdx");
	equal("cpuid", high, 0x6e65704f);
}

static void check_operands(void)
{
	wrmsr(FS_BASE, 0x10000);
	equal("forms of address", load_word(&word_operand, 0x10000), 9);
}

/* ---- what a processor refuses ---- */

static unsigned refusals;
static word refused_error, skip;

static void on_refusal(struct vmi_trap *trap)
{
	refusals++;
	refused_error = trap->error;
	trap->frame.rip = skip ? trap->frame.rip + skip : trap->rdx;
}

#define REFUSED(size, instruction, ...) do {						\
	skip = size;									\
	refused_error = 1;								\
	__asm__ volatile(instruction : : __VA_ARGS__ : "memory", "cc");			\
	equal(instruction, refusals, ++expected_);					\
	equal(instruction ", error", refused_error, 0);					\
} while (0)

static void refuse_return(const char *what, word cs, word ss, word rip)
{
	static struct {
		uint8_t stack[2048]; /* of the handler */
		struct vmi_frame frame;
	} __attribute__((aligned(16))) place;
	unsigned before = refusals;

	place.frame = (struct vmi_frame){ .rip = rip, .cs = cs, .ss = ss, .rflags = 2, .rsp = USER_STACK };
	skip = 0;
	return_by(&place.frame);
	equal(what, refusals, before + 1);
	equal(what, refused_error, 0);
}

static void check_refusals(void)
{
	struct table_register odd = { 0xfff, ODD };
	unsigned expected_ = 0;

	vmi_handle(PROTECTION, on_refusal);
	vmi_handle(OPCODE, on_refusal);
	REFUSED(2, "rdmsr", "c"(0x12345678));
	REFUSED(2, "wrmsr", "c"(0x12345678), "a"(0), "d"(0));
	REFUSED(2, "wrmsr", "c"(LSTAR), "a"(0), "d"(0x80000000));
	REFUSED(2, "wrmsr", "c"(EFER), "a"(0), "d"(0));
	REFUSED(3, "movq %%rax, %%cr0", "a"(0));
	REFUSED(3, "movq %%rax, %%cr4", "a"(0));
	REFUSED(3, "movq %%rax, %%cr4", "a"(0x107fffff));
	REFUSED(4, "movq %%rax, %%cr8", "a"(5));
	REFUSED(3, "ltr %%ax", "a"(0x20));
	REFUSED(3, "ltr %%ax", "a"(0));
	REFUSED(3, "ltr %%ax", "a"(0xfff8));
	REFUSED(3, "lldt %%ax", "a"(8));
	REFUSED(3, "lidt (%%rax)", "a"(NOWHERE));
	REFUSED(3, "lgdt (%%rax)", "a"(ODD));
	REFUSED(3, "lgdt (%%rax)", "a"(&odd));
	REFUSED(2, "lock; cli", "a"(0));
	refuse_return("the kernel's code with a user's stack", 0x08, 0x23, (word)return_refused);
	refuse_return("user code with the kernel's stack", 0x2b, 0x10, USER_CODE);
	refuse_return("user code with no stack", 0x2b, 0, USER_CODE);
	refuse_return("a slot", 0x3b, 0x23, USER_CODE);
	refuse_return("user mode beyond canonical addresses", 0x2b, 0x23, ODD);
	refuse_return("user code of privilege 0", 0x28, 0x20, USER_CODE);
	expected_ = refusals;
	sysret_to(ODD);
	equal("sysretq", refusals, expected_ + 1);
	equal("interrupts are off", flags(), 0);
}

/* ---- events ---- */

static unsigned events;
static word event_rip, continue_at;

static void apic(unsigned reg, uint32_t value) { *(volatile uint32_t *)vmi_direct(APIC + reg) = value; }

static void on_event(struct vmi_trap *trap)
{
	events++;
	event_rip = trap->frame.rip;
	if (continue_at)
		trap->frame.rip = continue_at;
	trap->frame.rflags &= ~(word)VMI_FLAG_IF;
	apic(0xb0, 0);
}

static void expect_event(const char *what, void (*code)(void), const char *at, word next)
{
	events = 0;
	continue_at = next;
	apic(0x300, 0x40000 | EVENT);
	code();
	__asm__ volatile("cli");
	equal(what, events, !!at);
	equal(what, at ? event_rip : 0, (word)at);
}

static void check_shadow(void)
{
	vmi_handle(EVENT, on_event);
	apic(0xf0, 0x1ff);
	equal("version of the interrupt controller", *(volatile uint32_t *)vmi_direct(APIC + 0x30), 0x50014);
	expect_event("STI and CLI: none", shadow_cli, 0, 0);
	__asm__ volatile("sti; nop; cli");
	equal("it waited", events, 1);
	expect_event("behind the instruction after STI", shadow_nop, shadow_nop_at, 0);
	expect_event("an instruction that is its own next", shadow_loop, shadow_loop_at, (word)shadow_loop_at + 2);
	expect_event("STI and HLT", shadow_halt, shadow_halt_at, 0);
	events = continue_at = 0;
	__asm__ volatile("sti; nop");
	apic(0x300, 0x40000 | EVENT);
	equal("enabled: at once", events, 1);
	__asm__ volatile("cli");
}

/* ---- user mode ---- */

uint8_t kernel_stack[8192] __attribute__((aligned(16)));
static struct vmi_trap last;
static word bases[2];

static void on_user(struct vmi_trap *trap)
{
	last = *trap;
	__asm__ volatile("rdfsbase %0" : "=r"(bases[0]));
	bases[1] = rdmsr(KERNEL_GS_BASE); /* libvmi has exchanged them */
	__asm__ volatile("clts");
	leave_user(1);
}

static void prepare_user(void)
{
	word root, code, stack;

	space_init();
	root = space_create();
	code = page_alloc();
	stack = page_alloc();
	memcpy(vmi_direct(code), user_start, user_end - user_start);
	page_map(root, USER_CODE, code, PRESENT | USER);
	page_map(root, USER_STACK, stack, PRESENT | WRITABLE | USER | NO_EXECUTE);
	pv_kernel_stack_set((word)(kernel_stack + sizeof(kernel_stack)));
	pv_address_space_set(root);
	for (unsigned vector = 0; vector < 64; vector++)
		vmi_handle(vector, on_user);
	vmi_handle(VMI_SYSCALL, on_user);
}

static word user_place(const char *code) { return USER_CODE + (word)(code - user_start); }

static void user(const char *what, const char *code, unsigned vector, word error, const char *at)
{
	memset(&last, 0, sizeof(last));
	run_user(user_place(code), USER_STACK + PAGE, 0);
	equal(what, last.vector, vector);
	equal(what, last.error, error);
	equal(what, last.frame.rip, user_place(at));
	equal(what, last.frame.cs, 0x2b);
	equal(what, last.frame.ss, 0x23);
	equal(what, last.frame.rflags & VMI_FLAG_IF, VMI_FLAG_IF);
	equal(what, (word)__builtin_frame_address(0) - (word)kernel_stack > sizeof(kernel_stack), 1);
}

static void check_user(void)
{
	word value, handlers = rdmsr(LSTAR);

	prepare_user();
	pv_tls_set(0x1111, 0x2222);
	__asm__ volatile("movq %0, %%xmm3" : : "r"(0x3333ul));
	user("the state of user mode", user_state, BREAKPOINT, 0, user_state_end);
	equal("its FS base", last.r8, 0x1111);
	equal("its GS base", last.r9, 0x2222);
	equal("its vector register", last.r10, 0x3333);
	equal("FS base afterwards", bases[0], 0x4444);
	equal("GS base afterwards", bases[1], 0x5555);
	__asm__ volatile("movq %%xmm3, %0" : "=r"(value));
	equal("the kernel has its vector register", value, 0x7777);
	user("INT that is not for user mode", user_int, PROTECTION, UNUSED * 8 + 2, user_int);
	user("INT that is", user_int3, BREAKPOINT, 0, user_int3 + 2);
	user("a step", user_trace, 1, 0, user_trace_at);
	user("a system call", user_call, VMI_SYSCALL, 0, user_call_at);
	equal("its number", last.rax, 0x1234);
	wrmsr(LSTAR, 0);
	user("without a handler", user_call, OPCODE, 0, user_call_at - 2);
	wrmsr(LSTAR, handlers);
	WRITE("cr0", 0x8005003b);
	user("TS: before the first instruction", user_state, NO_FPU, 0, user_state);
	user("and no more", user_state, BREAKPOINT, 0, user_state_end);
}

/* User mode that damages its own process gets a general protection fault, within seconds. */
static void check_damage(void)
{
	static const struct {
		const char *name, *code;
	} deeds[] = { { "turn", user_give_turn }, { "calls", user_no_calls }, { "deaf", user_deaf } };

	prepare_user();
	for (unsigned i = 0; i < 3; i++) {
		if (deeds[i].code == user_deaf) { /* nobody looks for one that only spins */
			pv_event_bind(VMI_SOURCE_TIMER, 40);
			pv_timer_set(pv_clock_read() + 10000000);
		}
		memset(&last, 0, sizeof(last));
		run_user(user_place(deeds[i].code), USER_STACK + PAGE, 0);
		equal(deeds[i].name, last.vector, PROTECTION);
		equal(deeds[i].name, last.frame.cs, 0x2b);
	}
	pv_event_bind(VMI_SOURCE_TIMER, 0);
	run_user(user_place(user_forged), USER_STACK + PAGE, 0);
	equal("a forged stop", last.vector, OPCODE);
	equal("its code segment", last.frame.cs, 0x2b);
	equal("its stack segment", last.frame.ss, 0x23);
	equal("its address", last.frame.rip, 0);
	equal("its flags", last.frame.rflags, USER_FLAGS);
	equal("its stack", last.frame.rsp, (word)kernel_stack);
	user("the next one", user_int3, BREAKPOINT, 0, user_int3 + 2);
}

static void check_halt(void)
{
	__asm__ volatile("cli; hlt");
}

/* CLI and STI, and an empty loop, in counts of the time-stamp counter. */
static void check_time(void)
{
	enum { TURNS = 20000 };
	word start = __builtin_ia32_rdtsc();

	for (unsigned i = 0; i < TURNS; i++)
		__asm__ volatile("sti; cli" : : : "memory");
	vmi_print("%lu pairs %lu counts\n", (word)TURNS, (word)__builtin_ia32_rdtsc() - start);
}

static const struct {
	const char *name;
	void (*run)(void);
} groups[] = {
	{ "instructions", check_instructions }, { "operands", check_operands }, { "refusals", check_refusals },
	{ "shadow", check_shadow }, { "user", check_user }, { "damage", check_damage }, { "double", check_double },
	{ "triple", check_triple }, { "not-a-gate", check_not_a_gate }, { "odd-gate", check_odd_gate },
	{ "no-task", check_no_task }, { "device-stack", check_device_stack }, { "device-tables", check_tables_of_device },
	{ "device", check_device }, { "device-code", check_device_code }, { "halt", check_halt }, { "time", check_time },
};

int vmi_main(void)
{
	char name[32];

	if (!vmi_option("native.do", name, sizeof(name)))
		return 62;
	__asm__ volatile("cli");
	for (unsigned i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		if (!strcmp(name, groups[i].name)) {
			groups[i].run();
			vmi_print("end\n");
			return failures;
		}
	}
	return 63;
}
