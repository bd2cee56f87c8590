/* SPDX-License-Identifier: MIT */
/* Model-specific registers (Intel SDM volume 4). Those that a call replaces exist only in a native guest. */
#include "native.h"

#define MSR_TSC 0x10
#define MSR_APIC_BASE 0x1b
#define MSR_PAT 0x277
#define MSR_EFER 0xc0000080
#define MSR_STAR 0xc0000081
#define MSR_LSTAR 0xc0000082
#define MSR_CSTAR 0xc0000083
#define MSR_FLAG_MASK 0xc0000084
#define MSR_FS_BASE 0xc0000100
#define MSR_GS_BASE 0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102
#define MSR_TSC_AUX 0xc0000103

#define EFER 0xd01 /* SCE LME LMA NXE */
#define APIC_BASE 0xfee00900 /* enabled, boot processor */

static uint64_t pat = 0x0007040600070406;

/* ---- of a native guest: the processor's own ---- */

/* A register that keeps what is written; null for others. */
static uint64_t *native_word(uint32_t number)
{
	static uint64_t star, cstar, tsc_aux; /* without effect: selectors are fixed, RDTSCP reads the host's */

	switch (number) {
	case MSR_PAT:
		return &pat;
	case MSR_STAR:
		return &star;
	case MSR_LSTAR:
		return &native_lstar;
	case MSR_CSTAR:
		return &cstar;
	case MSR_FLAG_MASK:
		return &native_flag_mask;
	case MSR_FS_BASE:
		return (uint64_t *)(uintptr_t)&kernel.area->fs_base;
	case MSR_GS_BASE:
		return (uint64_t *)(uintptr_t)&kernel.area->gs_base;
	case MSR_KERNEL_GS_BASE:
		return &native_kernel_gs;
	case MSR_TSC_AUX:
		return &tsc_aux;
	default:
		return NULL;
	}
}

static bool is_address(uint32_t number)
{
	return number == MSR_LSTAR || number == MSR_CSTAR || (number >= MSR_FS_BASE && number <= MSR_KERNEL_GS_BASE);
}

static int64_t native_read(uint32_t number, uint64_t *value)
{
	const volatile uint64_t *word = native_word(number);

	if (number == MSR_TSC)
		*value = __builtin_ia32_rdtsc();
	else if (number == MSR_APIC_BASE)
		*value = APIC_BASE;
	else if (number == MSR_EFER)
		*value = EFER;
	else if (word)
		*value = *word;
	else
		return VMI_NOT_SUPPORTED;
	return VMI_SUCCESS;
}

static int64_t native_write(uint32_t number, uint64_t value)
{
	volatile uint64_t *word = native_word(number);

	if (number == MSR_EFER)
		return value == EFER ? VMI_SUCCESS : VMI_INVALID;
	if (!word || (is_address(number) && !canonical(value)))
		return VMI_INVALID;
	*word = value;
	return VMI_SUCCESS;
}

/* ---- both ---- */

int64_t msr_read(uint32_t number, uint64_t *value)
{
	uint64_t fs, gs;

	if (native())
		return native_read(number, value);
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

	if (native())
		return native_write(number, value);
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
