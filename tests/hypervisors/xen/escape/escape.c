/* SPDX-License-Identifier: MIT */
/* escape.at=: address in hexadecimal, of the kernel's, to which user mode jumps over and over while timer events come. */
#include "common.h"
#include <vmi/guest.h>

VMI_GUEST(VMI_GUEST_LICENCE, VMI_PROFILE_PAGED);

#define USER_CODE 0x400000ul
#define USER_STACK 0x600000ul

/* Xen takes a deadline nearer than 50 us for one that has passed. */
enum { TIMER_VECTOR = 32, EVENTS = 20000, NS = 60000, SPREAD = 20000 };

/* In the user's stack: the frame by which it goes there, and one that takes the kernel where user mode wants it. */
enum { THERE = 0x400, FORGED = 0x800 };

extern char user_start[], user_end[];

static uint8_t kernel_stack[8192] __attribute__((aligned(16)));
static uint64_t at, random = 1;
static unsigned fired, hits;

static void escaped(void)
{
	vmi_panic(0, "user mode has chosen what the kernel executes");
}

static void on_page_fault(struct vmi_trap *trap)
{
	if (!vmi_from_user(trap) || trap->frame.rip != at)
		vmi_panic(trap, "page fault at %lx", pv_fault_address_read());
	trap->frame.rip = USER_CODE;
	trap->frame.rsp = USER_STACK + THERE;
}

static void on_timer(struct vmi_trap *trap)
{
	if (!vmi_from_user(trap))
		vmi_panic(trap, "an event of user mode came with a frame that user mode has made");
	hits += trap->frame.rip == at;
	pv_event_ack(VMI_SOURCE_TIMER);
	if (++fired == EVENTS)
		leave_user(0);
	random = random * 6364136223846793005 + 1442695040888963407; /* Knuth's MMIX */
	pv_timer_set(pv_clock_read() + NS + (random >> 40) % SPREAD);
}

static uint64_t hexadecimal(const char *text)
{
	uint64_t value = 0;

	for (; *text; text++)
		value = value << 4 | (*text <= '9' ? *text - '0' : *text - 'a' + 10);
	return value;
}

int vmi_main(void)
{
	uint64_t root, code, stack;
	struct vmi_frame *there, *forged;
	char text[20];

	if (!vmi_option("escape.at", text, sizeof(text)))
		return 63;
	at = hexadecimal(text);
	space_init();
	root = space_create();
	code = page_alloc();
	stack = page_alloc();
	memcpy(vmi_direct(code), user_start, user_end - user_start);
	page_map(root, USER_CODE, code, PRESENT | USER);
	page_map(root, USER_STACK, stack, PRESENT | WRITABLE | USER | NO_EXECUTE);
	there = (struct vmi_frame *)((uint8_t *)vmi_direct(stack) + THERE);
	forged = (struct vmi_frame *)((uint8_t *)vmi_direct(stack) + FORGED);
	*there = (struct vmi_frame){
		.rip = at, .cs = vmi_boot->user_cs, .rflags = 0x202, .rsp = USER_STACK + FORGED, .ss = vmi_boot->user_ss,
	};
	*forged = (struct vmi_frame){
		.rip = (uint64_t)escaped, .cs = vmi_boot->kernel_cs, .rflags = 0x202,
		.rsp = (uint64_t)(kernel_stack + sizeof(kernel_stack) / 2), .ss = vmi_boot->kernel_ss,
	};
	vmi_handle(14, on_page_fault);
	vmi_handle(TIMER_VECTOR, on_timer);
	pv_event_bind(VMI_SOURCE_TIMER, TIMER_VECTOR);
	pv_kernel_stack_set((uint64_t)(kernel_stack + sizeof(kernel_stack)));
	pv_address_space_set(root);
	pv_timer_set(0);
	run_user(USER_CODE, USER_STACK + THERE, 0);
	vmi_print("%u events, %u of them there\n", fired, hits);
	return !hits;
}
