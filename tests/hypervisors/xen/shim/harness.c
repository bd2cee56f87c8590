/* SPDX-License-Identifier: MIT */
/*
 * The shim's checks as a library for this process: no Xen, no hypercall. A refusal comes back as its text.
 */
#include "shim.h"

#pragma GCC visibility push(default)

const struct start_info *shim_start_info;

static struct plan plan;
static char message[1024];
static void *back[5];

_Noreturn void refuse(const char *format, ...)
{
	__builtin_va_list arguments;

	__builtin_va_start(arguments, format);
	message[shim_format(message, sizeof(message), format, arguments)] = 0;
	__builtin_longjmp(back, 1);
}

/* 0 when everything is accepted. The domain has so many pages, the first `region` of them mapped by Xen. */
const char *shim_check(const uint8_t *start, uint64_t size, uint64_t pages, uint64_t region)
{
	static struct start_info info;
	static struct package package;
	static struct guest guest;
	static struct rom rom;

	package = (struct package){};
	guest = (struct guest){};
	info = (struct start_info){ .pages = pages, .tables = XEN_SHIM_BASE + PAGE, .table_count = 5 };
	shim_start_info = &info;
	if (__builtin_setjmp(back))
		return message;
	package_open(&package, (struct part){ start, size });
	guest_open(&guest, package.guest);
	guest_check_addresses(&guest, pages);
	if (package.rom.start)
		rom_open(&rom, package.rom);
	plan_make(&plan, &guest, region);
	return 0;
}

/* Pages of the pool, of what was accepted last. */
uint64_t shim_pool(void)
{
	return plan.pool_end - plan.pool;
}

#pragma GCC visibility pop

void *memcpy(void *to, const void *from, uint64_t size)
{
	for (uint64_t i = 0; i < size; i++)
		((uint8_t *)to)[i] = ((const uint8_t *)from)[i];
	return to;
}

void *memset(void *to, int value, uint64_t size)
{
	for (uint64_t i = 0; i < size; i++)
		((uint8_t *)to)[i] = value;
	return to;
}

int memcmp(const void *left, const void *right, uint64_t size)
{
	for (uint64_t i = 0; i < size; i++)
		if (((const uint8_t *)left)[i] != ((const uint8_t *)right)[i])
			return 1;
	return 0;
}
