/* SPDX-License-Identifier: MIT */
/* Model-specific registers (Intel SDM volume 4). Those that a call replaces do not exist. */
#include "vcpu.h"

#define MSR_TSC 0x10
#define MSR_PAT 0x277
#define MSR_EFER 0xc0000080
#define MSR_FS_BASE 0xc0000100
#define MSR_KERNEL_GS_BASE 0xc0000102
#define MSR_TSC_AUX 0xc0000103

#define EFER 0xd01 /* SCE LME LMA NXE */

static uint64_t pat = 0x0007040600070406;

int64_t msr_read(uint32_t number, uint64_t *value)
{
	uint64_t fs, gs;

	user_bases(&fs, &gs);
	switch (number) {
	case MSR_TSC:
		*value = __builtin_ia32_rdtsc();
		return VMI_SUCCESS;
	case MSR_PAT:
		*value = pat;
		return VMI_SUCCESS;
	case MSR_EFER:
		*value = EFER;
		return VMI_SUCCESS;
	case MSR_FS_BASE:
		*value = fs;
		return VMI_SUCCESS;
	case MSR_KERNEL_GS_BASE:
		*value = gs;
		return VMI_SUCCESS;
	default: /* TSC_AUX among them: RDTSCP reads the host's */
		return VMI_NOT_SUPPORTED;
	}
}

int64_t msr_write(uint32_t number, uint64_t value)
{
	uint64_t fs, gs;

	user_bases(&fs, &gs);
	switch (number) {
	case MSR_PAT: /* kept, and of no effect: memory is the host's */
		pat = value;
		return VMI_SUCCESS;
	case MSR_EFER:
		return value == EFER ? VMI_SUCCESS : VMI_INVALID;
	case MSR_TSC:
		return VMI_INVALID;
	case MSR_FS_BASE:
	case MSR_KERNEL_GS_BASE:
		if (!canonical(value))
			return VMI_INVALID;
		set_user_bases(number == MSR_FS_BASE ? value : fs, number == MSR_FS_BASE ? gs : value);
		return VMI_SUCCESS;
	default:
		return VMI_NOT_SUPPORTED;
	}
}
