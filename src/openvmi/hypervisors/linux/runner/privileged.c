/* SPDX-License-Identifier: MIT */
/*
 * Privileged instructions of a native guest's kernel: each faults in ring 3, and is done here on the virtual processor.
 * What a processor would refuse in ring 0 is refused too: general protection in the guest.
 */
#include "internal.h"
#include "native.h"

#define CR0_FIXED 0x80050033ul /* PG AM WP NE ET MP PE */
#define CR0_TS 8ul
#define CR4_REQUIRED 0x20ul /* PAE */
#define CR4_ALLOWED 0x107fful

static uint64_t cr4 = 0x106a0; /* FSGSBASE OSXMMEXCPT OSFXSR PGE PAE */
static uint64_t debug_registers[8];

static uint64_t cr0(void) { return CR0_FIXED | (native_fpu_trap ? CR0_TS : 0); }

/* ---- operands ---- */

/* 16 bits, register or memory. */
static bool word_operand(struct context *context, const struct instruction *in, uint16_t *word)
{
	*word = (uint16_t)*general(context, in->rm);
	return !in->memory || guest_read(in->address, word, sizeof *word);
}

/* ---- tables ---- */

static bool load_table(const struct instruction *in, struct table_register *table)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) from;

	if (!in->memory || !guest_read(in->address, &from, sizeof from) || !canonical(from.base))
		return false;
	*table = (struct table_register){from.base, from.limit};
	return true;
}

/* A present 64-bit task state, available or busy (Intel SDM volume 3, section 8.2.3). */
static bool load_task(struct context *context, const struct instruction *in)
{
	uint16_t selector;
	uint32_t place;
	uint64_t raw[2];

	if (!word_operand(context, in, &selector))
		return false;
	place = selector & ~7u;
	if (!selector || selector & 4 || place + sizeof raw - 1 > native_gdt.limit ||
	    !guest_read(native_gdt.base + place, raw, sizeof raw) || (raw[0] >> 40 & 0x9d) != 0x89)
		return false;
	native_task = (raw[0] >> 16 & 0xffffff) | (raw[0] >> 32 & 0xff000000) | raw[1] << 32;
	return true;
}

static const char *of_tables(struct context *context, const struct instruction *in)
{
	uint16_t selector;

	switch (in->reg & 7) {
	case 2:
		return word_operand(context, in, &selector) && !selector ? "native lldt" : NULL;
	case 3:
		return load_task(context, in) ? "native ltr" : NULL;
	default:
		return NULL;
	}
}

static void swap_bases(void)
{
	uint64_t base = kernel.area->gs_base;

	kernel.area->gs_base = native_kernel_gs;
	native_kernel_gs = base;
}

static const char *of_system(struct context *context, const struct instruction *in)
{
	uint16_t word;

	switch (in->reg & 7) {
	case 2:
		return load_table(in, &native_gdt) ? "native lgdt" : NULL;
	case 3:
		return load_table(in, &native_idt) ? "native lidt" : NULL;
	case 6:
		if (!word_operand(context, in, &word))
			return NULL;
		native_fpu_trap = word & CR0_TS;
		return "native lmsw";
	case 7:
		if (in->memory) {
			space_flush_page(in->address);
			return "native invlpg";
		}
		if (in->rm & 7)
			return NULL;
		swap_bases();
		return "native swapgs";
	default:
		return NULL;
	}
}

/* ---- control, debug and model-specific registers ---- */

static const char *read_control(uint32_t number, uint64_t *value)
{
	switch (number) {
	case 0:
		*value = cr0();
		return "native mov cr0";
	case 2:
		*value = fault_address;
		return "native mov cr2";
	case 3:
		*value = space_root();
		return "native mov cr3";
	case 4:
		*value = cr4;
		return "native mov cr4";
	case 8:
		*value = 0;
		return "native mov cr8";
	default:
		return NULL;
	}
}

static const char *write_control(uint32_t number, uint64_t value)
{
	switch (number) {
	case 0:
		if ((value & ~CR0_TS) != CR0_FIXED)
			return NULL;
		native_fpu_trap = value & CR0_TS;
		return "native mov cr0";
	case 2:
		set_fault_address(value);
		return "native mov cr2";
	case 3: /* one that is no memory maps nothing, and the next instruction is not there */
		space_set(value & PTE_ADDRESS);
		return "native mov cr3";
	case 4:
		if (!(value & CR4_REQUIRED) || value & ~CR4_ALLOWED)
			return NULL;
		cr4 = value;
		space_flush();
		return "native mov cr4";
	case 8:
		return value ? NULL : "native mov cr8";
	default:
		return NULL;
	}
}

/* Kept, and of no effect. */
static const char *debug_register(uint32_t number, uint64_t *value, bool write)
{
	static const char *const names[LENGTH(debug_registers)] = {
		"native mov dr0", "native mov dr1", "native mov dr2", "native mov dr3",
		"native mov dr4", "native mov dr5", "native mov dr6", "native mov dr7",
	};

	if (number >= LENGTH(debug_registers))
		return NULL;
	if (write)
		debug_registers[number] = *value;
	else
		*value = debug_registers[number];
	return names[number];
}

static const char *read_msr(struct context *context)
{
	uint64_t value;

	if (msr_read((uint32_t)context->rcx, &value) != VMI_SUCCESS)
		return NULL;
	context->rax = (uint32_t)value;
	context->rdx = value >> 32;
	return "native rdmsr";
}

static const char *write_msr(struct context *context)
{
	uint64_t value = (uint32_t)context->rax | context->rdx << 32;

	return msr_write((uint32_t)context->rcx, value) == VMI_SUCCESS ? "native wrmsr" : NULL;
}

/* ---- ports ---- */

static const char *port(struct context *context, const struct instruction *in)
{
	uint16_t number = (uint16_t)(in->opcode & 8 ? context->rdx : in->immediate);
	uint32_t size = !(in->opcode & 1) ? 1 : in->narrow ? 2 : 4;
	uint64_t mask = size == 4 ? 0xffffffff : (1ul << 8 * size) - 1;

	if (in->opcode & 2) {
		port_write(number, size, (uint32_t)(context->rax & mask));
		return "port out";
	}
	/* A 32-bit result clears the upper half, narrower ones leave the rest. */
	context->rax = (size == 4 ? 0 : context->rax & ~mask) | (port_read(number, size) & mask);
	return "port in";
}

/*
 * ---- what does not fault in ring 3, and was made to ----
 *
 * PUSHFQ is INSB in the image, or a byte that is no instruction; CPUID is OUTSB, or another such byte, and a second one that
 * means nothing. INSB costs a third of the other where a hypervisor below this Linux looks at invalid instructions itself.
 */

enum { PUSHFQ_INVALID = 0x06, PUSHFQ_INSB = 0x6c, CPUID_INVALID = 0x0e, CPUID_OUTSB = 0x6e };

static const char *push_flags(struct context *context, const struct instruction *in)
{
	uint64_t flags = (context->rflags & ~(uint64_t)VMI_FLAG_IF) | (interrupts() ? VMI_FLAG_IF : 0);
	uint64_t place = context->rsp - sizeof flags;
	struct leaf leaf;
	int refused;

	if (in->narrow)
		return NULL;
	if (guest_write(place, &flags, sizeof flags)) {
		context->rsp = place;
		return "native pushfq";
	}
	refused = walk(space_root(), place, ACCESS_WRITE, &leaf);
	context->rip -= in->length;
	kernel_trap(TRAP_PAGE_FAULT, (uint32_t)refused & 0x1f, place);
	return "native pushfq";
}

static const char *identify(struct context *context)
{
	uint32_t registers[4];

	cpuid((uint32_t)context->rax, (uint32_t)context->rcx, registers);
	context->rax = registers[0];
	context->rbx = registers[1];
	context->rcx = registers[2];
	context->rdx = registers[3];
	return "cpuid";
}

static bool in_image(uint64_t address) { return address >= handover.image_start && address < handover.image_end; }

/* RIP is after its first byte. */
static const char *planted(struct context *context, const struct instruction *in)
{
	if (!in_image(context->rip - 1))
		return NULL;
	if (in->opcode == PUSHFQ_INVALID || in->opcode == PUSHFQ_INSB)
		return push_flags(context, in);
	context->rip++;
	return identify(context);
}

/* ---- all of them ---- */

static const char *interrupt_return(struct context *context, const struct instruction *in)
{
	if (!in->wide)
		return NULL;
	if (native_interrupt_return(context))
		return "native iretq";
	context->error = 0; /* the processor has put the selector there */
	return NULL;
}

static const char *perform(struct context *context, const struct instruction *in)
{
	switch (in->opcode) {
	case 0xfa:
		set_interrupts(false);
		return "native cli";
	case 0xfb:
		if (!interrupts())
			native_shadow_begin();
		set_interrupts(true);
		return "native sti";
	case 0xf4:
		kernel_held = true;
		return "native hlt";
	case 0xcf:
		return interrupt_return(context, in);
	case 0xe4: case 0xe5: case 0xe6: case 0xe7: case 0xec: case 0xed: case 0xee: case 0xef:
		return port(context, in);
	case 0x100:
		return of_tables(context, in);
	case 0x101:
		return of_system(context, in);
	case 0x106:
		native_fpu_trap = false;
		return "native clts";
	case 0x107:
		return in->wide && native_system_return(context) ? "native sysretq" : NULL;
	case 0x108:
		return "native invd";
	case 0x109:
		return "native wbinvd";
	case 0x120:
		return read_control(in->reg, general(context, in->rm));
	case 0x121:
		return debug_register(in->reg, general(context, in->rm), false);
	case 0x122:
		return write_control(in->reg, *general(context, in->rm));
	case 0x123:
		return debug_register(in->reg, general(context, in->rm), true);
	case 0x130:
		return write_msr(context);
	case 0x132:
		return read_msr(context);
	case 0x1a2:
		return identify(context);
	case PUSHFQ_INVALID: case PUSHFQ_INSB: case CPUID_INVALID: case CPUID_OUTSB:
		return planted(context, in);
	default:
		return NULL;
	}
}

bool native_emulate(struct context *context)
{
	uint64_t at = context->rip;
	struct instruction in;
	const char *done;

	if (!instruction_at(context, &in) ||
	    (in.opcode == PUSHFQ_INVALID || in.opcode == CPUID_INVALID) != (context->trap == TRAP_OPCODE))
		return false;
	native_shadow_end();
	context->rip += in.length;
	done = perform(context, &in);
	if (!done) {
		context->rip = at;
		return false;
	}
	count_exit(done);
	if (native_user)
		return true;
	if (!native_in_shadow())
		events_after_exit();
	return true;
}
