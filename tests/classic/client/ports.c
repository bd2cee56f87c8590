/* SPDX-License-Identifier: MIT */
/* Port calls, 49 to 60. Scratch registers of QEMU's PC: CMOS bytes, and the host bridge's configuration space. */
#include "subjects.h"

enum { CMOS = 0x70, BYTE = 0x5a, ADDRESS = 0xcf8, DATA = 0xcfc };
#define HOST_BRIDGE 0x80000000u
#define SCRATCH 0xf0u /* of it: 32 bits without meaning */

static uint32_t buffer[6];

/* String forms: registers by hand, for EDI and ESI move on. 1: as they should. */
static int string(unsigned call, uint32_t port, void *at, unsigned count, unsigned size, int out)
{
	static const uint32_t words[2];
	struct registers r = { .eax = 0xa, .ebx = 0xb, .ecx = count, .edx = port, .esi = out ? (uint32_t)at : 5,
			       .edi = out ? 6 : (uint32_t)at, .ebp = 7, .eflags = 2 };
	uint32_t end = (uint32_t)at + count * size;

	call_registers(ops[call], &r, words);
	return r.ebx == 0xb && r.ebp == 7 && !r.esp && (out ? r.esi == end && r.edi == 6 : r.edi == end && r.esi == 5);
}

static void single(void)
{
	CALL2(OUTB, BYTE, CMOS);
	CALL2(OUTB, 0xffffff3c, CMOS + 1);
	outb(CMOS, BYTE);
	equal("OUTB", inb(CMOS + 1), 0x3c);
	equal("INB", (uint8_t)CALL2(INB, 0, CMOS + 1), 0x3c);
	CALL2(OUTL, HOST_BRIDGE, ADDRESS);
	equal("OUTL and INL reach the host bridge", (uint32_t)CALL2(INL, 0, DATA), 0x12378086);
	equal("INW", (uint16_t)CALL2(INW, 0, DATA), 0x8086);
	equal("INW of the other half", (uint16_t)CALL2(INW, 0, DATA + 2), 0x1237);
	outl(ADDRESS, HOST_BRIDGE | SCRATCH);
	CALL2(OUTL, 0x11223344, DATA);
	equal("OUTL", inl(DATA), 0x11223344);
	CALL2(OUTW, 0xffff5566, DATA);
	equal("OUTW writes 16 bits", inl(DATA), 0x11225566);
	CALL2(OUTB, 0xffffff77, DATA + 3);
	equal("OUTB writes 8 bits", inl(DATA), 0x77225566);
}

static void strings(void)
{
	static const uint8_t bytes[] = { 1, 2, 3 };
	static const uint16_t words[] = { 0x1111, 0x2222, 0x3344 };
	static const uint32_t longs[] = { 0x11111111, 0x22222222, 0x99aabbcc };

	each(string(VMI3_CALL_OUTSB, DATA, (void *)bytes, 3, 1, 1), 0);
	each((inl(DATA) & 0xff) == 3, 1);
	each(string(VMI3_CALL_OUTSW, DATA, (void *)words, 3, 2, 1), 2);
	each((inl(DATA) & 0xffff) == 0x3344, 3);
	each(string(VMI3_CALL_OUTSL, DATA, (void *)longs, 3, 4, 1), 4);
	each(inl(DATA) == 0x99aabbcc, 5);
	all("OUTSB, OUTSW, OUTSL write each value");
	memset(buffer, 0x55, sizeof(buffer));
	each(string(VMI3_CALL_INSB, DATA, buffer, 3, 1, 0), 0);
	each(buffer[0] == 0x55cccccc, buffer[0]);
	each(string(VMI3_CALL_INSW, DATA, buffer, 3, 2, 0), 2);
	each(buffer[0] == 0xbbccbbcc && buffer[1] == 0x5555bbcc, buffer[1]);
	each(string(VMI3_CALL_INSL, DATA, buffer, 3, 4, 0), 4);
	each(buffer[0] == 0x99aabbcc && buffer[2] == 0x99aabbcc && buffer[3] == 0x55555555, buffer[2]);
	each(string(VMI3_CALL_INSL, DATA, buffer + 3, 0, 4, 0), 6);
	each(buffer[3] == 0x55555555, 7);
	all("INSB, INSW, INSL read each value");
}

void check_ports(void)
{
	single();
	strings();
}
