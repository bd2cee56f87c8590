/* SPDX-License-Identifier: MIT */
/* The console: a stream socket. Output goes straight to it; input is fetched by I into a ring that M empties. */
#include "vcpu.h"
#include "sys.h"

#define SYS_recvfrom 45
#define MSG_DONTWAIT 0x40
#define MSG_NOSIGNAL 0x4000
#define POLLOUT 4
#define PATIENCE_MS 5000 /* for a reader that is there but does not read */

static uint8_t ring_bytes[INPUT_SIZE];
static uint32_t head, tail; /* I writes at head, M reads at tail; both count on */
static uint8_t bytes[VMI_CONSOLE_LIMIT];

int64_t console_write(uint64_t buffer, uint64_t size)
{
	struct {
		int32_t fd;
		int16_t events, revents;
	} wait = {CONSOLE_FD, POLLOUT, 0};
	uint64_t done = 0;

	if (size > sizeof bytes)
		return VMI_INVALID;
	if (!guest_read(buffer, bytes, size))
		return VMI_FAULT;
	while (done < size) {
		long sent = sys(SYS_sendto, CONSOLE_FD, bytes + done, size - done, MSG_DONTWAIT | MSG_NOSIGNAL, NULL, 0);

		if (sent >= 0)
			done += (uint64_t)sent;
		else if (sent == -EAGAIN) {
			if (sys(SYS_poll, &wait, 1, PATIENCE_MS) == 0)
				break;
		} else if (sent != -EINTR)
			return (int64_t)size; /* no reader any more */
	}
	return (int64_t)done;
}

int64_t console_read(uint64_t buffer, uint64_t size)
{
	uint32_t end, count = 0;

	if (size > sizeof bytes)
		return VMI_INVALID;
	/* All of the room must be there, so that nothing is taken and then lost. */
	if (!guest_read(buffer, bytes, size) || !guest_write(buffer, bytes, size))
		return VMI_FAULT;
	end = __atomic_load_n(&head, __ATOMIC_ACQUIRE);
	while (count < size && tail + count != end) {
		bytes[count] = ring_bytes[(tail + count) % INPUT_SIZE];
		count++;
	}
	if (count && !guest_write(buffer, bytes, count))
		return VMI_FAULT;
	__atomic_store_n(&tail, tail + count, __ATOMIC_RELEASE);
	return count;
}

bool console_has_room(void) { return head - __atomic_load_n(&tail, __ATOMIC_ACQUIRE) < INPUT_SIZE; }

bool console_receive(void)
{
	uint32_t used = head - __atomic_load_n(&tail, __ATOMIC_ACQUIRE), at = head % INPUT_SIZE;
	uint32_t room = INPUT_SIZE - used < INPUT_SIZE - at ? INPUT_SIZE - used : INPUT_SIZE - at;
	long got = sys(SYS_recvfrom, CONSOLE_FD, ring_bytes + at, room, MSG_DONTWAIT, NULL, NULL);

	if (got > 0)
		__atomic_store_n(&head, head + (uint32_t)got, __ATOMIC_RELEASE);
	return got > 0 || got == -EAGAIN || got == -EINTR;
}
