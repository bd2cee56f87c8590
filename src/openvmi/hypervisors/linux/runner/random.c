/* SPDX-License-Identifier: MIT */
/* Random bytes: the host's. */
#include "vcpu.h"
#include "sys.h"

#define GRND_NONBLOCK 1

int64_t random_read(uint64_t buffer, uint64_t size)
{
	uint8_t bytes[VMI_RANDOM_LIMIT];
	long got;

	if (size > sizeof bytes)
		return VMI_INVALID;
	/* Up to 256 bytes no signal cuts it short (getrandom(2)); a host that has none yet gives none. */
	got = size ? sys(SYS_getrandom, bytes, size, GRND_NONBLOCK) : 0;
	if (got < 0)
		got = 0;
	return guest_write(buffer, bytes, (uint64_t)got) ? got : VMI_FAULT;
}
