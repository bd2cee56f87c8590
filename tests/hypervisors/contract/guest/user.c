/* SPDX-License-Identifier: MIT */
/* User mode: going there, and all that comes back. */
#include "contract.h"

enum { CARRY = 1, PARITY = 4, ADJUST = 0x10, ZERO = 0x40, SIGN = 0x80, TRAP_FLAG = 0x100, DIRECTION = 0x400, OVERFLOW = 0x800 };
#define STATUS (CARRY | PARITY | ADJUST | ZERO | SIGN | DIRECTION | OVERFLOW)
#define KERNEL_ADDRESS ((uint64_t)vmi_image_start)

static struct vmi_trap call, trapped, event_trap;
static volatile unsigned calls, traps, events;
static struct space space;

static uint64_t *data(void)
{
	return vmi_direct(space.data);
}

static void on_system_call(struct vmi_trap *trap)
{
	call = *trap;
	calls++;
	if (trap->rax == CALL_EXIT)
		leave(trap->rdi);
	trap->rax = ~trap->rax;
}

int64_t user_run(uint64_t rip, uint64_t argument)
{
	const struct registers registers = { .rdi = argument };

	return user_enter(rip, 0x202, &registers);
}

int64_t user_enter(uint64_t rip, uint64_t rflags, const struct registers *registers)
{
	const struct vmi_frame frame = {
		.rip = rip, .cs = vmi_boot->user_cs, .rflags = rflags, .rsp = USER_STACK + PAGE, .ss = vmi_boot->user_ss,
	};

	vmi_handle(VMI_SYSCALL, on_system_call);
	return enter(&frame, registers);
}

static uint64_t pattern(unsigned i)
{
	return 0x0123456789abcdef * (2 * i + 1);
}

static struct registers patterns(void)
{
	struct registers result;

	for (unsigned i = 0; i < REGISTERS; i++)
		(&result.rax)[i] = pattern(i);
	return result;
}

/* Which of the 15 registers differ, a bit each. */
static uint64_t differ(const struct vmi_trap *trap, const struct registers *expected)
{
	uint64_t result = 0;

	for (unsigned i = 0; i < REGISTERS; i++)
		result |= (uint64_t)((&trap->rax)[i] != (&expected->rax)[i]) << i;
	return result;
}

#define RCX_R11 (1 << 2 | 1 << 10)

/* ---- system calls ---- */

static void system_calls(void)
{
	struct registers registers = patterns();

	calls = 0;
	equal("a user program ends with its result", user_run(PROGRAM(program_exit), 4321), 4321);
	equal("a system call is one", calls, 1);
	equal("program_call comes back by a breakpoint",
	      user_enter(PROGRAM(program_call), 0x202, &registers), TRAPPED + 3);
	equal("a system call has the user's registers but RCX and R11", differ(&call, &registers) & ~RCX_R11, 0);
	equal("the saved RIP is the one after SYSCALL", call.frame.rip, PROGRAM(program_call_end));
	equal("the saved RSP is the user's", call.frame.rsp, USER_STACK + PAGE);
	equal("the saved CS is user mode's", call.frame.cs & 3, 3);
	equal("the saved RFLAGS says enabled", call.frame.rflags & VMI_FLAG_IF, VMI_FLAG_IF);
	registers.rax = ~registers.rax;
	equal("SysRet gives back every register but RCX and R11", differ(&caught.trap, &registers) & ~RCX_R11, 0);
	equal("SysRet goes on after SYSCALL", caught.trap.frame.rip, PROGRAM(program_call_end) + 1);
	equal("SysRet gives back RSP", caught.trap.frame.rsp, USER_STACK + PAGE);
	equal("SysRet gives back the interrupt flag", caught.trap.frame.rflags & VMI_FLAG_IF, VMI_FLAG_IF);
	registers = patterns();
	user_enter(PROGRAM(program_call), 0x202 | CARRY | ZERO | OVERFLOW, &registers);
	equal("SysRet gives back the status flags", caught.trap.frame.rflags & STATUS, CARRY | ZERO | OVERFLOW);
	user_enter(PROGRAM(program_call), 2, &registers);
	equal("a system call with interrupts disabled says so", call.frame.rflags & VMI_FLAG_IF, 0);
	equal("SysRet to interrupts disabled keeps them so", caught.trap.frame.rflags & VMI_FLAG_IF, 0);
	calls = 0;
	registers = (struct registers){ .rdi = 1000 };
	equal("1,000 system calls come back", user_enter(PROGRAM(program_many), 0x202, &registers), 0);
	equal("1,000 system calls are as many, and one to end", calls, 1001);
}

static uint64_t seen_stack;
static int seen_enabled;

static void on_call_look(struct vmi_trap *trap)
{
	seen_stack = (uint64_t)(trap + 1);
	seen_enabled = !!(pv_irq_save() & VMI_FLAG_IF);
	leave(0);
}

/* Frame at the very top of the kernel stack, whatever leads there. */
static void stacks(void)
{
	static uint8_t other[8192] __attribute__((aligned(16)));
	const struct registers registers = { 0 };
	const struct vmi_frame frame = {
		.rip = PROGRAM(program_exit), .cs = vmi_boot->user_cs, .rflags = 0x202, .rsp = USER_STACK + PAGE,
		.ss = vmi_boot->user_ss,
	};

	vmi_handle(VMI_SYSCALL, on_call_look);
	enter(&frame, &registers);
	equal("a system call arrives at the end of the kernel stack", seen_stack, KERNEL_STACK_TOP);
	equal("a system call arrives with interrupts disabled", seen_enabled, 0);
	user_run(PROGRAM(program_ud2), 0);
	equal("an exception of user mode arrives at the end of the kernel stack",
	      caught.stack + sizeof(caught.trap), KERNEL_STACK_TOP);
	equal("an exception of user mode arrives with interrupts disabled", caught.enabled, 0);
	user_run(PROGRAM(program_read), 0);
	equal("one with error code arrives at the end of the kernel stack",
	      caught.stack + sizeof(caught.trap), KERNEL_STACK_TOP);
	for (uint64_t wrong = 1; wrong < 16; wrong++)
		each(pv_kernel_stack_set((uint64_t)(other + sizeof(other)) - wrong) == VMI_INVALID, wrong);
	all("KernelStackSet of a misaligned address is INVALID");
	equal("KernelStackSet succeeds", pv_kernel_stack_set((uint64_t)(other + sizeof(other))), 0);
	user_run(PROGRAM(program_ud2), 0);
	equal("the next exception arrives at the new stack", caught.stack + sizeof(caught.trap), (uint64_t)(other + sizeof(other)));
	vmi_handle(VMI_SYSCALL, on_call_look);
	enter(&frame, &registers);
	equal("the next system call arrives at the new stack", seen_stack, (uint64_t)(other + sizeof(other)));
	pv_kernel_stack_set(KERNEL_STACK_TOP);
}

/* ---- returns by Iret ---- */

static struct registers change;
static uint64_t change_rip, change_rsp;

/* The first time it goes back, perhaps with other values. */
static void on_breakpoint(struct vmi_trap *trap)
{
	trapped = *trap;
	if (traps++)
		leave(TRAPPED + 3);
	if (change_rip) {
		memcpy(trap, &change, sizeof(change));
		trap->frame.rip = change_rip;
		trap->frame.rsp = change_rsp;
	}
}

static void returns(void)
{
	struct registers registers = patterns();
	vmi_handler before = vmi_handle(3, on_breakpoint);

	equal("program_breakpoints comes back by its second breakpoint",
	      user_enter(PROGRAM(program_breakpoints), 0x202 | STATUS, &registers), TRAPPED + 3);
	equal("two breakpoints are two traps", traps, 2);
	equal("Iret to user mode keeps every register", differ(&trapped, &registers), 0);
	equal("Iret to user mode keeps RSP", trapped.frame.rsp, USER_STACK + PAGE);
	equal("Iret to user mode keeps the status flags", trapped.frame.rflags & STATUS, STATUS);
	equal("the saved RIP is the one after INT3", trapped.frame.rip, PROGRAM(program_breakpoints) + 2);
	traps = 0;
	for (unsigned i = 0; i < REGISTERS; i++)
		(&change.rax)[i] = ~pattern(i);
	change_rip = PROGRAM(program_breakpoints) + 1;
	change_rsp = USER_STACK + 0x128;
	user_enter(PROGRAM(program_breakpoints), 0x202, &registers);
	equal("Iret to user mode takes every register from the handler", differ(&trapped, &change), 0);
	equal("Iret to user mode takes RSP from the handler", trapped.frame.rsp, change_rsp);
	change_rip = 0;
	traps = 0;
	user_enter(PROGRAM(program_breakpoints), 2, &registers);
	equal("an exception with interrupts disabled says so", trapped.frame.rflags & VMI_FLAG_IF, 0);
	traps = 1;
	user_enter(PROGRAM(program_breakpoints), 0x202, &registers);
	equal("an exception with interrupts enabled says so", trapped.frame.rflags & VMI_FLAG_IF, VMI_FLAG_IF);
	equal("Iret to user mode takes every register from the frame's maker", differ(&trapped, &registers), 0);
	vmi_handle(3, before);
}

/* Loads a page that a handler maps. */
static uint64_t wanted, wanted_entry, wanted_value;

static void on_page_fault(struct vmi_trap *trap)
{
	if (!vmi_from_user(trap) || pv_fault_address_read() != wanted || !wanted_value)
		leave(-1);
	pv_pte_set(wanted_entry, wanted_value);
	wanted_value = 0;
	traps++;
}

static void on_demand(void)
{
	vmi_handler before = vmi_handle(14, on_page_fault);
	uint64_t page = page_alloc();

	traps = 0;
	*(uint64_t *)vmi_direct(page) = 0x5150;
	wanted = USER_DATA + PAGE;
	wanted_entry = entry_of(space.root, wanted, PRESENT | WRITABLE | USER);
	wanted_value = pv_pte_make(page | PRESENT | USER | NO_EXECUTE);
	equal("a page mapped by the page-fault handler is there when user mode goes on",
	      user_run(PROGRAM(program_read), wanted), 0x5150);
	equal("mapping it took one fault", traps, 1);
	pv_pte_set(wanted_entry, 0);
	pv_tlb_flush();
	vmi_handle(14, before);
}

/* ---- faults ---- */

static void fault(const char *sentence, const char *program, uint64_t address, uint64_t error, uint64_t unknown)
{
	uint64_t result = user_run(PROGRAM(program), address);

	each(result == TRAPPED + 14, result);
	each((caught.trap.error & ~unknown) == (error & ~unknown), caught.trap.error | 0x10000);
	each(caught.address == address, caught.address);
	each((caught.trap.frame.cs & 3) == 3, caught.trap.frame.cs);
	all(sentence);
}

static void faults(void)
{
	enum { P = 1, W = 2, U = 4, I = 16 };
	uint64_t block;

	__asm__("movq %%gs:0, %0" : "=r"(block));
	fault("reading an unmapped page", program_read, USER_DATA + PAGE, U, 0);
	fault("writing an unmapped page", program_write, USER_DATA + PAGE, W | U, 0);
	fault("executing an unmapped page", program_jump, USER_DATA + PAGE, U | I, 0);
	fault("writing a read-only page", program_write, USER_CODE + 0x800, P | W | U, 0);
	fault("executing a page with NX", program_jump, USER_DATA, P | U | I, 0);
	fault("reading the kernel", program_read, KERNEL_ADDRESS, U, P);
	fault("writing the kernel", program_write, (uint64_t)&space, W | U, P);
	fault("executing the kernel", program_jump, KERNEL_ADDRESS, U, P | I);
	fault("reading the direct map", program_read, (uint64_t)vmi_direct(space.data), U, P);
	fault("writing the direct map", program_write, (uint64_t)vmi_direct(space.data), W | U, P);
	fault("reading a page table", program_read, (uint64_t)vmi_direct(space.root), U, P);
	fault("reading the VCPU block", program_read, block, U, P);
	fault("reading the window", program_read, (uint64_t)vmi_window, U, P);
	fault("writing the window", program_write, (uint64_t)vmi_window + VMI_WINDOW_DATA, W | U, P);
	equal("a non-canonical address raises general protection", user_run(PROGRAM(program_read), 1ull << 60), TRAPPED + 13);
	equal("writing a writable page does not fault", user_run(PROGRAM(program_write), USER_DATA), USER_DATA);
	equal("what user mode wrote is there", data()[0], 0x1234);
}

static void instructions(void)
{
	static const struct {
		char *program;
		unsigned vector, size; /* size: of the instruction, for a trap */
		const char *sentence;
	} list[] = {
		{ program_ud2, 6, 0, "UD2 in user mode" }, { program_cli, 13, 0, "CLI in user mode" },
		{ program_sti, 13, 0, "STI in user mode" }, { program_hlt, 13, 0, "HLT in user mode" },
		{ program_in, 13, 0, "IN in user mode" }, { program_out, 13, 0, "OUT in user mode" },
		{ program_cr3, 13, 0, "reading CR3 in user mode" }, { program_rdmsr, 13, 0, "RDMSR in user mode" },
		{ program_clts, 13, 0, "CLTS in user mode" }, { program_divide, 0, 0, "dividing by zero in user mode" },
		{ program_int3, 3, 1, "INT3 in user mode" }, { program_iretq, 13, 10, "IRETQ to a null CS in user mode" },
	};

	for (unsigned i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		uint64_t result = user_run(PROGRAM(list[i].program), 0);

		each(result == TRAPPED + list[i].vector, result);
		each(caught.trap.frame.rip == PROGRAM(list[i].program) + list[i].size, caught.trap.frame.rip);
		each((caught.trap.frame.cs & 3) == 3, 0);
		all(list[i].sentence);
	}
	equal("INT of a vector without GATE_USER raises general protection", user_run(PROGRAM(program_int), 0), TRAPPED + 13);
	/* The vector above: QEMU's TCG has it at another place than processors. */
	equal("its error code is that of a gate", caught.trap.error & 7, 2);
	user_run(PROGRAM(program_popf), 0);
	equal("POPF in user mode does not change the interrupt flag", caught.trap.frame.rflags & VMI_FLAG_IF, VMI_FLAG_IF);
	user_enter(PROGRAM(program_popf), 0x202 | TRAP_FLAG, &(struct registers){ 0 });
	equal("a single step raises vector 1", caught.trap.vector, 1);
	equal("a single step is one instruction", caught.trap.frame.rip, PROGRAM(program_popf) + 2);
}

/* ---- events ---- */

static void on_event(struct vmi_trap *trap)
{
	event_trap = *trap;
	seen_stack = (uint64_t)(trap + 1);
	events++;
	pv_event_ack(VMI_SOURCE_SOFT);
}

static void on_tick(struct vmi_trap *trap)
{
	event_trap = *trap;
	seen_stack = (uint64_t)(trap + 1);
	events++;
	pv_event_ack(VMI_SOURCE_TIMER);
	if (events < 10)
		pv_timer_set(pv_clock_read() + 100000);
	else
		data()[1] = 1;
}

static void event_in_user_mode(void)
{
	struct registers registers = patterns();
	int64_t result;

	vmi_handle(SOFT_VECTOR, on_event);
	vmi_handle(TIMER_VECTOR, on_tick);
	each(!pv_event_bind(VMI_SOURCE_SOFT, SOFT_VECTOR) && !pv_event_bind(VMI_SOURCE_TIMER, TIMER_VECTOR), 0);
	all("events are bound");
	events = 0;
	each(!pv_event_send(VMI_SOURCE_SOFT), 0);
	each(user_enter(PROGRAM(program_call), 2, &registers) == TRAPPED + 3, 1);
	all("an event is raised while interrupts are disabled in user mode");
	equal("it waits", events, 0);
	result = user_enter(PROGRAM(program_breakpoints), 0x202, &registers);
	each(result == TRAPPED + 3, result);
	each(events == 1, events);
	all("it comes when interrupts are enabled there");
	equal("an event of user mode has its CS", event_trap.frame.cs & 3, 3);
	check("an event of user mode has its RIP",
	      event_trap.frame.rip == PROGRAM(program_breakpoints) || event_trap.frame.rip == PROGRAM(program_breakpoints) + 1);
	equal("an event of user mode has its RSP", event_trap.frame.rsp, USER_STACK + PAGE);
	equal("an event of user mode has its interrupt flag", event_trap.frame.rflags & VMI_FLAG_IF, VMI_FLAG_IF);
	equal("an event of user mode has its registers", differ(&event_trap, &registers), 0);
	equal("an event of user mode arrives at the end of the kernel stack", seen_stack, KERNEL_STACK_TOP);
	equal("user mode has its registers after an event", differ(&caught.trap, &registers), 0);
	events = 0;
	data()[0] = data()[1] = 0;
	pv_timer_set(pv_clock_read() + 100000);
	equal("a program that spins is ended by what the tenth tick writes", user_run(PROGRAM(program_spin), USER_DATA), 0);
	equal("it saw ten ticks", events, 10);
	equal("the ticks came in user mode", event_trap.frame.cs & 3, 3);
	check("it went on in between", data()[0] > 0);
	pv_event_send(VMI_SOURCE_SOFT);
	events = 0;
	pv_irq_enable();
	breathe();
	pv_irq_disable();
	equal("after user mode events come in the kernel", events, 1);
	check("and have the kernel's CS", (event_trap.frame.cs & 3) != 3);
}

/* ---- events at any moment ---- */

static volatile uint64_t interval;
static volatile unsigned beats, user_beats;

static void on_beat(struct vmi_trap *trap)
{
	pv_event_ack(VMI_SOURCE_TIMER);
	beats++;
	user_beats += vmi_from_user(trap);
	if (interval)
		pv_timer_set(pv_clock_read() + interval + beats % 61 * (interval >> 6));
}

static void interrupted(void)
{
	struct registers registers = patterns(), after = registers;
	uint64_t start;

	after.rax = ~registers.rax;
	vmi_handle(TIMER_VECTOR, on_beat);
	pv_event_bind(VMI_SOURCE_TIMER, TIMER_VECTOR);
	beats = user_beats = 0;
	interval = 0;
	pv_irq_enable();
	start = pv_clock_read();
	for (unsigned i = 1; i <= 8; i++) {
		pv_timer_set(0);
		comes(&beats, i);
	}
	interval = (pv_clock_read() - start) / 2;
	beats = 0;
	pv_timer_set(pv_clock_read() + interval);
	for (unsigned i = 0; i < 1500; i++) {
		/* The whole way there and back: Iret, a system call, SysRet, an exception. */
		each(user_enter(PROGRAM(program_call), 0x202, &registers) == TRAPPED + 3, i);
		each(!(differ(&call, &registers) & ~RCX_R11), i | 0x10000);
		each(!(differ(&caught.trap, &after) & ~RCX_R11), i | 0x20000);
		each(call.frame.rflags & VMI_FLAG_IF && caught.trap.frame.rflags & VMI_FLAG_IF, i | 0x30000);
		pv_irq_enable();
	}
	interval = 0;
	pv_irq_disable();
	pv_timer_cancel();
	pv_irq_enable();
	breathe();
	pv_irq_disable();
	check("events come on the way to user mode and back", beats > 10);
	all("they change no register there");
	pv_event_bind(VMI_SOURCE_TIMER, 0);
}

/* ---- frames that are refused ---- */

static void enter_badly(uint64_t frame)
{
	const struct registers registers = { 0 };

	enter((const struct vmi_frame *)frame, &registers);
}

static void refused(const char *sentence, struct vmi_frame frame)
{
	uint64_t before = pv_address_space_read(), block = 0;
	unsigned count = caught.count, exception = attempt(enter_badly, (uint64_t)&frame);

	/* In the kernel, or as if the target context had raised it: which one is the processor's choice. */
	each(caught.trap.vector == 13 && caught.count == count + 1, exception);
	each(caught.stack > (uint64_t)vmi_image_start && caught.stack < (uint64_t)vmi_image_end, caught.stack);
	__asm__ volatile("movq %%gs:0, %0" : "=r"(block));
	each(block && *(uint64_t *)block == block, 2);
	each(pv_address_space_read() == before, 3);
	all(sentence);
}

static void bad_frames(void)
{
	struct vmi_frame good = {
		.rip = PROGRAM(program_exit), .cs = vmi_boot->user_cs, .rflags = 0x202, .rsp = USER_STACK + PAGE,
		.ss = vmi_boot->user_ss,
	}, bad = good;

	bad.rip = 1ull << 60;
	refused("Iret to a RIP that is not canonical raises general protection", bad);
	bad = good;
	bad.ss = 0xfff8 | 3;
	refused("Iret with an SS that does not exist raises general protection", bad);
	bad = good;
	bad.cs = 0xfff8 | 3;
	refused("Iret with a CS that does not exist raises general protection", bad);
	equal("user mode works after frames that were refused", user_run(PROGRAM(program_exit), 77), 77);
}

/* ---- segment bases ---- */

static void bases(void)
{
	uint64_t *words = data();

	for (unsigned i = 0; i < 8; i++)
		words[32 + i] = 0xb0 + i;
	equal("TlsSet succeeds", pv_tls_set(USER_DATA + 0x100, USER_DATA + 0x108), 0);
	each(!user_run(PROGRAM(program_bases), USER_DATA), 0);
	each(words[0] == 0xb0 && words[1] == 0xb1, words[0] << 8 | words[1]);
	all("user mode sees the bases of TlsSet");
	each(words[2] == 0xb0 && words[3] == 0xb1, words[2] << 8 | words[3]);
	all("user mode sees them after a system call");
	pv_tls_set(USER_DATA + 0x110, USER_DATA + 0x118);
	user_run(PROGRAM(program_bases), USER_DATA);
	each(words[0] == 0xb2 && words[1] == 0xb3, words[0] << 8 | words[1]);
	all("user mode sees other bases after another TlsSet");
	equal("TlsSet of an FS base that is not canonical is INVALID", pv_tls_set(1ull << 60, USER_DATA), VMI_INVALID);
	equal("TlsSet of a GS base that is not canonical is INVALID", pv_tls_set(USER_DATA, 1ull << 60), VMI_INVALID);
	user_run(PROGRAM(program_bases), USER_DATA);
	each(words[0] == 0xb2 && words[1] == 0xb3, words[0] << 8 | words[1]);
	all("TlsSet that is INVALID changes nothing");
	pv_event_send(VMI_SOURCE_SOFT);
	user_run(PROGRAM(program_bases), USER_DATA);
	each(words[0] == 0xb2 && words[1] == 0xb3, words[0] << 8 | words[1]);
	all("user mode has its bases after an event");
	equal("TlsSet of 0 and of a kernel address succeeds", pv_tls_set(0, KERNEL_ADDRESS), 0);
	pv_tls_set(0, 0);
}

void check_user(void)
{
	uint64_t kernel_root = pv_address_space_read();

	space = space_new();
	pv_address_space_set(space.root);
	system_calls();
	stacks();
	returns();
	on_demand();
	faults();
	instructions();
	event_in_user_mode();
	interrupted();
	bases();
	check_user_tables(&space);
	bad_frames();
	pv_address_space_set(kernel_root);
	space_delete(&space);
}
