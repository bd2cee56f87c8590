/* SPDX-License-Identifier: MIT */
/*
 * Linking: what the ROM answers becomes this kernel's operations, with the reactions of the real client to each answer
 * (facts, section 3), its BUGs included. The questions come in its order (section 15).
 */
#include "client.h"

extern const void *const natives[VMI3_CALL_COUNT]; /* native.S */
const void *ops[VMI3_CALL_COUNT];
uint8_t answers[VMI3_CALL_COUNT];
int vmi_timer;
static uint32_t first_answer[VMI3_CALL_COUNT];
static unsigned questions, changed;

const char *const call_names[VMI3_CALL_COUNT] = {
	"CPUID", "WRMSR", "RDMSR", "SetGDT", "SetLDT", "SetIDT", "SetTR", "GetGDT", "GetLDT", "GetIDT", "GetTR",
	"WriteGDTEntry", "WriteLDTEntry", "WriteIDTEntry", "UpdateKernelStack", "SetCR0", "SetCR2", "SetCR3", "SetCR4",
	"GetCR0", "GetCR2", "GetCR3", "GetCR4", "WBINVD", "SetDR", "GetDR", "RDPMC", "RDTSC", "CLTS", "EnableInterrupts",
	"DisableInterrupts", "GetInterruptMask", "SetInterruptMask", "IRET", "SYSEXIT", "Halt", "Reboot", "Shutdown",
	"SetPxE", "SetPxELong", "UpdatePxE", "UpdatePxELong", "MachineToPhysical", "PhysicalToMachine", "AllocatePage",
	"ReleasePage", "InvalPage", "FlushTLB", "SetLinearMapping", "INL", "INB", "INW", "INSL", "INSB", "INSW", "OUTL",
	"OUTB", "OUTW", "OUTSL", "OUTSB", "OUTSW", "SetIOPLMask", "SetInitialAPState", "APICWrite", "APICRead", "IODelay",
	"GetCycleFrequency", "GetCycleCounter", "SetAlarm", "CancelAlarm", "GetWallclockTime", "WallclockUpdated",
	"SetCallbacks", "SetLazyMode",
};

enum how { FILL, WRAP, GET, NON_PAE = 0x10, PAE_ONLY = 0x20, WITH_APIC = 0x40, WITH_SMP = 0x80 };

/* 66, 33 and 34 have questions of their own at the end. Where 62 to 64 come is not known. */
static const struct question {
	uint8_t number, how;
} asked[] = {
	{ 0, WRAP }, { 28, FILL }, { 25, FILL }, { 24, FILL }, { 19, FILL }, { 20, FILL }, { 21, FILL }, { 22, FILL },
	{ 15, FILL }, { 16, FILL }, { 17, FILL }, { 18, FILL }, { 31, FILL }, { 32, FILL }, { 30, FILL }, { 29, FILL },
	{ 23, FILL }, { 27, FILL }, { 6, WRAP }, { 4, WRAP }, { 3, FILL }, { 5, FILL }, { 7, FILL }, { 9, FILL }, { 10, FILL },
	{ 12, WRAP }, { 11, WRAP }, { 13, WRAP }, { 14, WRAP }, { 61, FILL }, { 65, FILL }, { 73, WRAP }, { 47, WRAP },
	{ 46, FILL }, { 38, GET | NON_PAE }, { 40, GET | NON_PAE }, { 39, GET | PAE_ONLY }, { 41, GET | PAE_ONLY }, { 44, GET },
	{ 45, GET }, { 48, WRAP }, { 62, WRAP | WITH_SMP }, { 64, FILL | WITH_APIC }, { 63, FILL | WITH_APIC },
	{ 63, FILL | WITH_APIC },
}, /* The real client asks none of these; a kernel on top of this core may use them. */
extra[] = {
	{ 1, GET }, { 2, GET }, { 8, GET }, { 26, GET }, { 36, GET }, { 37, GET }, { 42, GET }, { 43, GET }, { 49, GET },
	{ 50, GET }, { 51, GET }, { 52, GET }, { 53, GET }, { 54, GET }, { 55, GET }, { 56, GET }, { 57, GET }, { 58, GET },
	{ 59, GET }, { 60, GET }, { 72, GET },
};

static void empty(void)
{
}

uint64_t call_checked(const char *who, const void *function, uint32_t eax, uint32_t edx, uint32_t ecx, uint32_t word1,
		      uint32_t word2)
{
	const uint32_t words[2] = { word1, word2 };
	struct registers r = { .eax = eax, .edx = edx, .ecx = ecx, .ebx = 0x11111111, .esi = 0x22222222, .edi = 0x33333333,
			       .ebp = 0x44444444 };
	uint16_t ds, fs, gs;

	__asm__ volatile("movw %%ds, %0; movw %%fs, %1; movw %%gs, %2; pushfl; popl %3"
			 : "=r"(ds), "=r"(fs), "=r"(gs), "=r"(r.eflags));
	r.eflags |= 0xd5; /* the arithmetic flags are anything */
	call_registers(function, &r, words);
	this_cpu()->eflags = r.eflags;
	if (r.ebx == 0x11111111 && r.esi == 0x22222222 && r.edi == 0x33333333 && r.ebp == 0x44444444 && !r.esp &&
	    !(r.eflags & FLAG_DF) && r.ds == ds && r.es == KERNEL_DS && r.fs == fs && r.gs == gs && r.ss == KERNEL_DS)
		return (uint64_t)r.edx << 32 | r.eax;
	failed++;
	print("FAIL convention/%s: ebx %x esi %x edi %x ebp %x, esp off by %d, eflags %x ds %x es %x fs %x gs %x ss %x\n", who, r.ebx,
	      r.esi, r.edi, r.ebp, r.esp, r.eflags, r.ds, r.es, r.fs, r.gs, r.ss);
	return (uint64_t)r.edx << 32 | r.eax;
}

uint64_t invoke(unsigned number, uint32_t eax, uint32_t edx, uint32_t ecx, uint32_t word1, uint32_t word2)
{
	if (!ops[number])
		die("call %u %s: there is no such operation", number, call_names[number]);
	return call_checked(call_names[number], ops[number], eax, edx, ecx, word1, word2);
}

uint64_t ask(unsigned number)
{
	uint64_t answer = call_checked("get_reloc", rom->get_reloc, number, 0x5a5a5a5a, 0xa5a5a5a5, 0x77777777, 0x88888888);

	questions++;
	return answer & 0xffffffffffull; /* EIP, type; the rest is reserved */
}

int from_rom(unsigned number)
{
	return ops[number] != natives[number] && ops[number] != (void *)empty;
}

_Noreturn static void bug(unsigned number, unsigned type)
{
	print("FAIL link/%s: answer %u where the client takes none of that kind\n", call_names[number], type);
	die("BUG: call %u, relocation %u", number, type);
}

static void take(unsigned number, enum how how)
{
	uint64_t answer = ask(number);
	unsigned type = (unsigned)(answer >> 32);
	const void *eip = (void *)(uint32_t)answer;

	if (first_answer[number] && first_answer[number] != (uint32_t)answer)
		changed++;
	first_answer[number] = (uint32_t)answer;
	answers[number] = (uint8_t)type;
	if (type == VMI3_RELOCATION_CALL_REL)
		ops[number] = eip;
	else if (type == VMI3_RELOCATION_JUMP_REL && how != FILL)
		bug(number, type);
	else if (type == VMI3_RELOCATION_NOP && how == FILL)
		ops[number] = empty;
	else if (type != VMI3_RELOCATION_NONE && type != VMI3_RELOCATION_NOP)
		print("VMI: unknown relocation %u for call %u\n", type, number);
}

static int wanted(enum how how)
{
	return !(how & (pae ? NON_PAE : PAE_ONLY)) && !(how & WITH_SMP && !option("smp")) &&
	       !(how & WITH_APIC && option("noapic"));
}

void link_native(void)
{
	memcpy(ops, natives, sizeof(ops));
}

static void link_timer(void)
{
	if (ask(VMI3_CALL_GetCycleFrequency) >> 32 == VMI3_RELOCATION_NONE)
		return;
	answers[VMI3_CALL_GetCycleFrequency] = (uint8_t)(ask(VMI3_CALL_GetCycleFrequency) >> 32);
	ops[VMI3_CALL_GetCycleFrequency] = (void *)(uint32_t)ask(VMI3_CALL_GetCycleFrequency);
	vmi_timer = 1;
	for (unsigned i = VMI3_CALL_GetCycleCounter; i <= VMI3_CALL_WallclockUpdated; i++)
		take(i, GET);
	for (unsigned i = VMI3_CALL_GetCycleCounter; i <= VMI3_CALL_GetWallclockTime; i++) {
		if (ops[i])
			continue;
		print("FAIL link/%s: no function, and the timer calls it without a test\n", call_names[i]);
		die("call %u %s through a null pointer", i, call_names[i]);
	}
}

void link_rom(void)
{
	for (unsigned i = 0; i < COUNT(asked); i++)
		if (wanted(asked[i].how))
			take(asked[i].number, asked[i].how & 0xf);
	link_timer();
	take(VMI3_CALL_Halt, FILL);
	ops[VMI3_CALL_SYSEXIT] = (void *)SYSEXIT_POISON;
	ops[VMI3_CALL_IRET] = (void *)IRET_POISON;
	answers[VMI3_CALL_SYSEXIT] = (uint8_t)(ask(VMI3_CALL_SYSEXIT) >> 32);
	answers[VMI3_CALL_IRET] = (uint8_t)(ask(VMI3_CALL_IRET) >> 32);
	patch_sites();
	if (pae && answers[VMI3_CALL_SetPxELong] == VMI3_RELOCATION_CALL_REL && !from_rom(VMI3_CALL_UpdatePxELong)) {
		print("FAIL link/UpdatePxELong: no function, and SetPxELong is one: it is called without a test\n");
		die("call 41 UpdatePxELong through a null pointer");
	}
	for (unsigned i = 0; i < COUNT(extra); i++)
		take(extra[i].number, extra[i].how);
	print("client: %u questions asked\n", questions);
	subject("link");
	equal("every question has one answer", changed, 0);
	for (unsigned i = VMI3_CALL_COUNT; i < VMI3_CALL_COUNT + 200; i++)
		each(ask(i) >> 32 == VMI3_RELOCATION_NONE, i);
	each(ask(0x80000000) >> 32 == VMI3_RELOCATION_NONE, 0x80000000);
	each(ask(0xffffffff) >> 32 == VMI3_RELOCATION_NONE, 0xffffffff);
	all("numbers without a call are answered NONE");
}
