/* SPDX-License-Identifier: MIT */
/*
 * Tries escape.do=DEED with escape.at=HEX, in the kernel or with escape.user=1 in user mode; then looks whether anything
 * is where nothing may be, which shows too that the mode still works.
 */
#include "common.h"
#include <vmi/guest.h>

VMI_GUEST(VMI_GUEST_LICENCE, VMI_PROFILE_PAGED);

#define USER_CODE 0x400000ul
#define USER_STACK 0x600000ul
#define NOWHERE 0x50000000ul /* UNMAPPED of deeds.S */
#define WINDOW 0x30000000ul  /* for `map` */
#define UPPER 0xffff900000000000ul

extern char deeds_start[], deeds_end[], attempt_over[];
void attempt(const char *code, uint64_t at);

#define DEEDS(_)                                                                                                      \
	_(read) _(write) _(syscall) _(int80) _(sysenter) _(far) _(gadget_write) _(gadget_mmap) _(gadget_mmap_secret)  \
	_(gadget_munmap) _(gadget_munmap_secret) _(scribble) _(turn) _(context) _(fpstate) _(return) _(return_mxcsr)  \
	_(return_bits) _(return_header) _(return_size) _(return_end) _(return_misaligned) _(return_none)              \
	_(return_nowhere) _(cpuid) _(spin)
#define DECLARE(name) extern char deed_##name[];
#define ENTRY(name) { #name, deed_##name },
DEEDS(DECLARE)

static const struct {
	const char *name, *code;
} deeds[] = { DEEDS(ENTRY) };

static uint8_t kernel_stack[8192] __attribute__((aligned(16)));
static int in_user;

static void on_trap(struct vmi_trap *trap)
{
	uint64_t address = trap->vector == 14 ? pv_fault_address_read() : 0;

	vmi_print("%s trap %lu error %lx address %lx\n", vmi_from_user(trap) ? "user" : "kernel", trap->vector,
		  trap->error, address);
	if (vmi_from_user(trap))
		leave_user(0);
	trap->frame.rip = (uint64_t)attempt_over;
}

static void on_system_call(struct vmi_trap *trap)
{
	vmi_print("user call %lu\n", trap->rax);
	leave_user(0);
}

static uint64_t hexadecimal(const char *text)
{
	uint64_t value = 0;

	for (; *text; text++)
		value = value << 4 | (uint64_t)(*text <= '9' ? *text - '0' : *text - 'a' + 10);
	return value;
}

static void try(const char *code, uint64_t at)
{
	if (in_user)
		run_user(USER_CODE + (uint64_t)(code - deeds_start), USER_STACK + PAGE, at);
	else
		attempt(code, at);
}

static void prepare_user(void)
{
	uint64_t root = space_create(), code = page_alloc(), stack = page_alloc();

	if (deeds_end - deeds_start > (int64_t)PAGE)
		vmi_panic(0, "the deeds are more than a page");
	memcpy(vmi_direct(code), deeds_start, (size_t)(deeds_end - deeds_start));
	page_map(root, USER_CODE, code, PRESENT | USER);
	page_map(root, USER_STACK, stack, PRESENT | WRITABLE | USER | NO_EXECUTE);
	pv_kernel_stack_set((uint64_t)(kernel_stack + sizeof(kernel_stack)));
	pv_address_space_set(root);
}

int vmi_main(void)
{
	char name[32], text[20];
	uint64_t at, inside;

	if (!vmi_option("escape.do", name, sizeof(name)) || !vmi_option("escape.at", text, sizeof(text)))
		return 63;
	at = hexadecimal(text);
	in_user = vmi_option("escape.user", text, sizeof(text));
	space_init();
	for (unsigned vector = 0; vector < 32; vector++)
		vmi_handle(vector, on_trap);
	vmi_handle(VMI_SYSCALL, on_system_call);
	if (in_user)
		prepare_user();
	if (!strcmp(name, "map")) { /* the page at guest-physical `at`, for whoever tries */
		inside = at & (PAGE - 1);
		page_map(pv_address_space_read(), WINDOW, at - inside,
			 PRESENT | WRITABLE | NO_EXECUTE | (in_user ? USER : 0));
		at = WINDOW + inside;
		memcpy(name, "read", 5);
	}
	for (unsigned i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++) {
		if (strcmp(name, deeds[i].name))
			continue;
		try(deeds[i].code, at);
		if (vmi_option("escape.refer", text, sizeof(text))) /* the ROM leaves such a return to the monitor */
			run_user(UPPER, USER_STACK + PAGE, 0);
		try(deed_read, NOWHERE);
		vmi_print("end\n");
		return 0;
	}
	return 62;
}
