/* SPDX-License-Identifier: MIT */
/*
 * What CPUID says (Intel SDM volume 2, CPUID): the host's processor, which is the guest's, without what only a kernel that
 * has the whole machine could use, and without registers that do not travel between the processes of kernel and user mode:
 * no XSAVE, and nothing that needs it. The instruction itself says the same where the host can have it fault; elsewhere it
 * says what the host's processor has.
 */
#include "vcpu.h"
#include "sys.h"

#define HYPERVISOR_LEAF 0x40000000u
#define TIMING_LEAF 0x40000010u /* TSC and local APIC timer frequency in kHz, as VMware gives them */
#define LEAF_1_HYPERVISOR (1u << 31)
#define LEAF_1_XSAVE 0x3c001000u /* FMA XSAVE OSXSAVE AVX F16C */
#define LEAF_7_AVX 0xdc230020u	 /* AVX2; F DQ IFMA PF ER CD BW VL of AVX-512 */
#define ANY 0xffffffffu
#define SUBLEAVES 8
#define HIGHEST 7
#define EXTENDED 0x80000000u
#define HIGHEST_EXTENDED 0x80000008u
#define SIZE 2 /* of the instruction, 0f a2 */
#define ARCH_SET_CPUID 0x1012 /* asm/prctl.h */

/* A leaf, how many subleaves it has (0: that is not looked at), and what is kept of each register. */
static const struct {
	uint32_t leaf, subleaves, keep[4];
} kept[] = {
	{0x0, 0, {ANY, ANY, ANY, ANY}},
	/* EBX: not the APIC's number. ECX: not MONITOR VMX SMX EIST TM2 PCID x2APIC TSC-deadline, FMA XSAVE AVX F16C. EDX: not
	   MCE APIC SEP MTRR MCA DS ACPI HTT TM PBE. */
	{0x1, 0, {ANY, 0x0000ff00, ~(0x012201e8u | LEAF_1_XSAVE), ~0xb8605a80u}},
	{0x2, 0, {ANY, ANY, ANY, ANY}},
	{0x4, SUBLEAVES, {0x000003ff, ANY, ANY, ANY}},
	/* EBX: not SGX SMEP INVPCID RTM PQM MPX PQE SMAP, AVX2 and AVX-512. ECX: GFNI RDPID. EDX: FSRM. */
	{0x7, 1, {0, ~(0x0010dc84u | LEAF_7_AVX), 0x00400100, 0x00000010}},
	{0x80000000, 0, {ANY, ANY, ANY, ANY}},
	{0x80000001, 0, {ANY, 0, 0x000001e1, 0x2c100800}}, /* ECX: not XOP FMA4 TBM */
	{0x80000002, 0, {ANY, ANY, ANY, ANY}},
	{0x80000003, 0, {ANY, ANY, ANY, ANY}},
	{0x80000004, 0, {ANY, ANY, ANY, ANY}},
	{0x80000005, 0, {ANY, ANY, ANY, ANY}},
	{0x80000006, 0, {ANY, ANY, ANY, ANY}},
	{0x80000007, 0, {0, 0, 0, 1u << 8}}, /* invariant TSC */
	{0x80000008, 0, {0x0000ffff, 0, 0, 0}},
};

static uint32_t answers[LENGTH(kept)][SUBLEAVES][4];

static void host(uint32_t leaf, uint32_t subleaf, uint32_t registers[4])
{
	__asm__ volatile("cpuid"
			 : "=a"(registers[0]), "=b"(registers[1]), "=c"(registers[2]), "=d"(registers[3])
			 : "0"(leaf), "2"(subleaf));
}

void cpuid(uint32_t leaf, uint32_t subleaf, uint32_t registers[4])
{
	for (uint32_t index = 0; index < 4; index++)
		registers[index] = 0;
	if (leaf == HYPERVISOR_LEAF) {
		registers[0] = HYPERVISOR_LEAF;
		registers[1] = 0x6e65704f; /* OpenVMIlinux */
		registers[2] = 0x6c494d56;
		registers[3] = 0x78756e69;
		return;
	}
	for (uint32_t index = 0; index < LENGTH(kept); index++) {
		if (kept[index].leaf != leaf || (kept[index].subleaves && subleaf >= kept[index].subleaves))
			continue;
		for (uint32_t part = 0; part < 4; part++)
			registers[part] = answers[index][kept[index].subleaves ? subleaf : 0][part];
		return;
	}
}

void cpuid_ask(void)
{
	uint32_t first[4] = {0};

	for (uint32_t index = 0; index < LENGTH(kept); index++) {
		uint32_t leaf = kept[index].leaf;

		if (leaf == 0 || leaf == EXTENDED)
			host(leaf, 0, first); /* the highest of those that follow */
		for (uint32_t subleaf = 0; leaf <= first[0] && (!subleaf || subleaf < kept[index].subleaves); subleaf++) {
			uint32_t *registers = answers[index][subleaf];

			host(leaf, subleaf, registers);
			for (uint32_t part = 0; part < 4; part++)
				registers[part] &= kept[index].keep[part];
			if (leaf == 1)
				registers[2] |= LEAF_1_HYPERVISOR;
			if (leaf == 0 && registers[0] > HIGHEST)
				registers[0] = HIGHEST;
			if (leaf == EXTENDED && registers[0] > HIGHEST_EXTENDED)
				registers[0] = HIGHEST_EXTENDED;
		}
	}
}

void cpuid_fault(void) { sys(SYS_arch_prctl, ARCH_SET_CPUID, 0); }

/* Not what its kernel could read there: it executed it. */
static bool at_instruction(uint64_t address)
{
	static const uint8_t code[SIZE] = {0x0f, 0xa2};

	for (uint32_t i = 0; i < SIZE; i++) {
		const uint8_t *byte;
		struct leaf leaf;

		if (walk(space_root(), address + i, ACCESS_EXECUTE | (current == &kernel ? 0 : ACCESS_USER), &leaf))
			return false;
		byte = ram_at(leaf.physical, 1);
		if (!byte || *byte != code[i])
			return false;
	}
	return true;
}

bool cpuid_emulate(struct context *context)
{
	uint32_t registers[4];

	if (!at_instruction(context->rip))
		return false;
	count_exit("cpuid instruction");
	cpuid((uint32_t)context->rax, (uint32_t)context->rcx, registers);
	context->rax = registers[0];
	context->rbx = registers[1];
	context->rcx = registers[2];
	context->rdx = registers[3];
	context->rip += SIZE;
	return true;
}
