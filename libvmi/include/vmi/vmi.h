/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * libvmi, the guest's side of VMI. A kernel defines VMI_GUEST(...) and vmi_main(); libvmi enters it with traps working,
 * interrupts disabled, and every pv_ call doing what this hypervisor wants.
 */
#ifndef VMI_VMI_H
#define VMI_VMI_H

#include <stddef.h>
#include <stdint.h>
#include <vmi/abi.h>
#include <vmi/layout.h>
#include <vmi/pv.h>

/* ---- start ---- */

extern const struct vmi_boot_info *vmi_boot;
extern char vmi_image_start[], vmi_image_end[], vmi_window[];

/* The kernel's. Its return value is the guest's exit status, 0 to 63. */
int vmi_main(void);

/* Value of NAME=VALUE on the command line, up to the next space, copied and terminated; 0: not there or too long. */
int vmi_option(const char *name, char *value, size_t size);

/* The address at which guest-physical memory is mapped for good. */
static inline void *vmi_direct(uint64_t gpa)
{
	return (void *)(vmi_boot->direct_map + gpa);
}

/* Guest-physical address of something in the direct map, or in the kernel's own segments. */
uint64_t vmi_physical(const void *address);

/* ---- what the kernel was linked to ---- */

/* Read by the host after the run under this name, so the layout is fixed: ten u32, one u64. */
struct vmi_link_state {
	uint32_t magic; /* VMI_LINK_MAGIC once linking is over, linked or native */
	uint32_t taint; /* VMI_TAINT_ bits */
	uint32_t sites;
	uint32_t native, nop, inlined, call, jump; /* sites by what was done */
	uint32_t refused; /* 0, or which gate refused */
	uint32_t reserved;
	uint64_t crash_report; /* guest-virtual, struct vmi_crash_report; 0: none, or handed over by call */
};
#define VMI_LINK_MAGIC 0x4b4e4c56
extern struct vmi_link_state vmi_link_state;

/* Revision of a group as found at link time: by the ROM, natively, or 0 for absent. Cached. */
unsigned vmi_revision(unsigned group);
/* Whether the group's sites were linked to a ROM or compiled-in back-end. */
int vmi_is_linked(unsigned group);
const char *vmi_group_name(unsigned group);

/* ---- pv_ops: what is done at the sites of each call, by index in vmi_forms ---- */

struct pv_op {
	uint8_t kind; /* VMI_LINK_; native unless a ROM or back-end says otherwise */
	uint8_t size; /* bytes of code, for VMI_LINK_INLINE */
	uint16_t relocation_count;
	const uint8_t *code;
	const struct vmi_rom_reloc *relocations; /* of code; to the ROM window */
	uint64_t target; /* for VMI_LINK_CALL and VMI_LINK_JUMP */
};

/*
 * A back-end compiled into the kernel, for one that wants no ROM on a hypervisor that it knows by itself. Takes
 * precedence over a ROM when its detect() says yes.
 */
struct vmi_backend {
	const char *name;
	uint64_t groups; /* bit per group that it implements, completely */
	int (*detect)(const struct vmi_boot_info *boot);
	const struct pv_backend_op {
		uint16_t call;
		struct pv_op op;
	} *ops;
	size_t op_count;
};
#define VMI_BACKEND(backend) \
	static const struct vmi_backend *const backend##_record \
	__attribute__((used, section(".vmi.backends"))) = &(backend)

/* ---- traps, events and system calls ---- */

/* Registers of the interrupted context as the entry code left them, lowest address first. */
struct vmi_trap {
	uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15;
	uint64_t vector; /* VMI_SYSCALL for a system call */
	uint64_t error;
	struct vmi_frame frame;
};
#define VMI_VECTORS 64
#define VMI_SYSCALL VMI_VECTORS

typedef void (*vmi_handler)(struct vmi_trap *trap);

/* Sets the handler of a vector below VMI_VECTORS, or of VMI_SYSCALL; returns the one before. */
vmi_handler vmi_handle(unsigned vector, vmi_handler handler);

static inline int vmi_from_user(const struct vmi_trap *trap)
{
	return (trap->frame.cs & 3) == 3;
}

/* Leaves for user mode on the stack given; the kernel stack set last is where user mode comes back. Never returns. */
_Noreturn void vmi_enter_user(uint64_t rip, uint64_t rsp, uint64_t argument);

/* ---- console and end ---- */

/* Knows %s %c %d %u %x %p with l, width and 0. */
void vmi_print(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same into a buffer: the length, cut to size - 1; always terminated. */
size_t vmi_text(char *to, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Reports a crash with the state in trap (or none) and ends the guest. */
_Noreturn void vmi_panic(const struct vmi_trap *trap, const char *format, ...) __attribute__((format(printf, 2, 3)));
_Noreturn void vmi_shutdown(unsigned reason, unsigned code);

/* ---- what a freestanding compiler may call ---- */

void *memcpy(void *to, const void *from, size_t size);
void *memset(void *to, int value, size_t size);
void *memmove(void *to, const void *from, size_t size);
int memcmp(const void *a, const void *b, size_t size);
size_t strlen(const char *text);
int strcmp(const char *a, const char *b);

#endif
