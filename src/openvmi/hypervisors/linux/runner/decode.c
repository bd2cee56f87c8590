/* SPDX-License-Identifier: MIT */
/*
 * The few instructions of K that are done for it (Intel SDM volume 2, chapter 2 and appendix A). The bytes are the guest's,
 * and may be others than those that faulted: all that follows from it is that others are done.
 */
#include "internal.h"
#include "native.h"

#define LONGEST 15

enum { NONE, MODRM, MODRM_WORD, BYTE, REFUSED }; /* what follows the opcode; WORD: 32 bits, or 16 with the prefix */

static uint32_t kind_of(uint32_t opcode)
{
	switch (opcode) {
	case 0xfa: case 0xfb: case 0xf4: case 0xcf: /* CLI STI HLT IRET */
	case 0xec: case 0xed: case 0xee: case 0xef: /* IN, OUT by DX */
	case 0x06: case 0x6c: case 0x0e: case 0x6e: /* what PUSHFQ and CPUID were made */
	case 0x106: case 0x107: case 0x108: case 0x109: /* CLTS SYSRET INVD WBINVD */
	case 0x130: case 0x132: case 0x1a2: /* WRMSR RDMSR CPUID */
		return NONE;
	case 0xe4: case 0xe5: case 0xe6: case 0xe7: /* IN, OUT */
		return BYTE;
	case 0x100: case 0x101: /* LLDT LTR; LGDT LIDT LMSW INVLPG SWAPGS */
	case 0x120: case 0x121: case 0x122: case 0x123: /* MOV of control and debug registers */
	case 0x89: case 0x8b: /* MOV */
		return MODRM;
	case 0xc7: /* MOV */
		return MODRM_WORD;
	default:
		return REFUSED;
	}
}

struct reader {
	uint8_t bytes[LONGEST];
	uint32_t size, at;
	bool short_; /* it went on where nothing could be read */
};

static uint64_t take(struct reader *reader, uint32_t size)
{
	uint64_t value = 0;

	if (size > reader->size - reader->at) {
		reader->short_ = true;
		return 0;
	}
	memcpy(&value, reader->bytes + reader->at, size);
	reader->at += size;
	return value;
}

/* As far as there is code: the page after it need not be there. */
static void fetch(struct reader *reader, uint64_t rip)
{
	uint32_t inside = PAGE_SIZE - (rip & (PAGE_SIZE - 1));

	reader->size = LONGEST;
	if (guest_read(rip, reader->bytes, LONGEST))
		return;
	reader->size = inside < LONGEST && guest_read(rip, reader->bytes, inside) ? inside : 0;
}

uint64_t *general(struct context *context, uint32_t number)
{
	uint64_t *const places[16] = {
		&context->rax, &context->rcx, &context->rdx, &context->rbx, &context->rsp, &context->rbp, &context->rsi, &context->rdi,
		&context->r8,  &context->r9,  &context->r10, &context->r11, &context->r12, &context->r13, &context->r14, &context->r15,
	};

	return places[number & 15];
}

static uint64_t value_of(const struct context *context, uint32_t number)
{
	return *general((struct context *)(uintptr_t)context, number);
}

static int64_t extended(uint64_t value, uint32_t bits) { return (int64_t)(value << (64 - bits)) >> (64 - bits); }

struct prefixes {
	uint8_t rex, segment;
	bool narrow, address32;
};

static uint32_t opcode_of(struct reader *reader, struct prefixes *prefixes)
{
	uint32_t byte;

	for (;;) {
		byte = (uint32_t)take(reader, 1);
		switch (byte) {
		case 0x66:
			prefixes->narrow = true;
			continue;
		case 0x67:
			prefixes->address32 = true;
			continue;
		case 0x64: case 0x65: /* FS GS; the others mean nothing in 64-bit mode */
			prefixes->segment = (uint8_t)byte;
			continue;
		case 0x26: case 0x2e: case 0x36: case 0x3e: case 0xf0: case 0xf2: case 0xf3:
			continue;
		default:
			break;
		}
		break;
	}
	if ((byte & 0xf0) == 0x40) {
		prefixes->rex = (uint8_t)byte;
		byte = (uint32_t)take(reader, 1);
	}
	return byte == 0x0f ? 0x100 | (uint32_t)take(reader, 1) : byte;
}

/* ModRM, SIB and displacement. Relative to RIP the address is still that of the end of the operand. */
static bool operand(struct reader *reader, const struct prefixes *prefixes, const struct context *context,
		    struct instruction *in)
{
	uint32_t modrm = (uint32_t)take(reader, 1), base = modrm & 7;
	uint32_t mode = (in->opcode & ~3u) == 0x120 ? 3 : modrm >> 6; /* control and debug registers: whatever it says */
	uint64_t address = 0;
	bool relative = false;

	in->reg = (modrm >> 3 & 7) | (prefixes->rex & 4 ? 8 : 0);
	in->rm = base | (prefixes->rex & 1 ? 8 : 0);
	in->memory = mode != 3;
	if (mode == 3)
		return false;
	if (base == 4) {
		uint32_t sib = (uint32_t)take(reader, 1), index = (sib >> 3 & 7) | (prefixes->rex & 2 ? 8 : 0);

		base = sib & 7;
		if (index != 4)
			address = value_of(context, index) << (sib >> 6);
		if (base == 5 && mode == 0)
			address += (uint64_t)extended(take(reader, 4), 32);
		else
			address += value_of(context, base | (prefixes->rex & 1 ? 8 : 0));
	} else if (base == 5 && mode == 0) {
		address = (uint64_t)extended(take(reader, 4), 32);
		relative = true;
	} else {
		address = value_of(context, in->rm);
	}
	if (mode)
		address += (uint64_t)(mode == 1 ? extended(take(reader, 1), 8) : extended(take(reader, 4), 32));
	in->address = address;
	return relative;
}

bool instruction_at(const struct context *context, struct instruction *in)
{
	struct reader reader = {.at = 0};
	struct prefixes prefixes = {0};
	bool relative = false;
	uint32_t kind;

	fetch(&reader, context->rip);
	memset(in, 0, sizeof *in);
	in->opcode = opcode_of(&reader, &prefixes);
	in->wide = prefixes.rex & 8;
	in->narrow = prefixes.narrow && !in->wide;
	kind = kind_of(in->opcode);
	if (kind == REFUSED)
		return false;
	if (kind == MODRM || kind == MODRM_WORD)
		relative = operand(&reader, &prefixes, context, in);
	if (kind == BYTE)
		in->immediate = take(&reader, 1);
	else if (kind == MODRM_WORD)
		in->immediate = take(&reader, in->narrow ? 2 : 4);
	if (reader.short_)
		return false;
	in->length = reader.at;
	if (relative)
		in->address += context->rip + in->length;
	if (prefixes.segment)
		in->address += prefixes.segment == 0x64 ? kernel.area->fs_base : kernel.area->gs_base;
	if (prefixes.address32)
		in->address = (uint32_t)in->address;
	return true;
}
