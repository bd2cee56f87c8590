/* SPDX-License-Identifier: MIT */
/*
 * What CPUID says (Intel SDM volume 2, CPUID): the host's processor, which is the guest's, without what only a kernel that
 * has the whole machine could use. A guest that executes the instruction itself sees the host's answers.
 */
#include "vcpu.h"
#include "native.h"

#define HYPERVISOR_LEAF 0x40000000u
#define TIMING_LEAF 0x40000010u /* TSC and local APIC timer frequency in kHz, as VMware gives them */
#define APIC_KHZ 1000000u /* its timer counts nanoseconds */
#define LEAF_1_HYPERVISOR (1u << 31)
#define LEAF_1_APIC (1u << 9)
#define ANY 0xffffffffu

/* A leaf, which of its subleaves exist, and what is kept of each register. */
static const struct {
	uint32_t leaf, subleaves, keep[4];
} kept[] = {
	{0x0, 1, {ANY, ANY, ANY, ANY}},
	/* EBX: not the APIC's number. ECX: not MONITOR VMX SMX EIST TM2 PCID x2APIC TSC-deadline. EDX: not MCE APIC SEP MTRR MCA
	   DS ACPI HTT TM PBE. */
	{0x1, 1, {ANY, 0x0000ff00, ~0x012201e8u, ~0xb8605a80u}},
	{0x2, 1, {ANY, ANY, ANY, ANY}},
	{0x4, 8, {0x000003ff, ANY, ANY, ANY}},
	/* EBX: not SGX SMEP INVPCID RTM PQM PQE SMAP. ECX: not UMIP PKU OSPKE WAITPKG CET LA57 and above but for RDPID. EDX: not those of
	   IBRS and so on. */
	{0x7, 1, {0, ~0x00109c84u, 0x00405f42, 0x0000011c}},
	{0xd, 64, {ANY, ANY, ANY, ANY}},
	{0x80000000, 1, {ANY, ANY, ANY, ANY}},
	{0x80000001, 1, {ANY, 0, 0x002109e1, 0x2c100800}},
	{0x80000002, 1, {ANY, ANY, ANY, ANY}},
	{0x80000003, 1, {ANY, ANY, ANY, ANY}},
	{0x80000004, 1, {ANY, ANY, ANY, ANY}},
	{0x80000005, 1, {ANY, ANY, ANY, ANY}},
	{0x80000006, 1, {ANY, ANY, ANY, ANY}},
	{0x80000007, 1, {0, 0, 0, 1u << 8}}, /* invariant TSC */
	{0x80000008, 1, {0x0000ffff, 0, 0, 0}},
};

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
		registers[0] = native() ? TIMING_LEAF : HYPERVISOR_LEAF;
		registers[1] = 0x6e65704f; /* OpenVMIlinux */
		registers[2] = 0x6c494d56;
		registers[3] = 0x78756e69;
		return;
	}
	if (leaf == TIMING_LEAF && native()) {
		registers[0] = (uint32_t)clock_khz();
		registers[1] = APIC_KHZ;
		return;
	}
	for (uint32_t index = 0; index < LENGTH(kept); index++) {
		uint32_t first[4];

		if (kept[index].leaf != leaf)
			continue;
		host(leaf & 0x80000000, 0, first);
		if (leaf > first[0] || (kept[index].subleaves > 1 && subleaf >= kept[index].subleaves))
			return;
		if (leaf == 7 && subleaf)
			return;
		host(leaf, subleaf, registers);
		for (uint32_t part = 0; part < 4; part++)
			registers[part] &= kept[index].keep[part];
		if (leaf == 1) {
			registers[2] |= LEAF_1_HYPERVISOR;
			registers[3] |= native() ? LEAF_1_APIC : 0;
		}
		if (leaf == 0)
			registers[0] = registers[0] < 0xd ? registers[0] : 0xd;
		if (leaf == 0x80000000)
			registers[0] = registers[0] < 0x80000008 ? registers[0] : 0x80000008;
	}
}
