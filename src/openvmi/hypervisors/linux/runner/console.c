/* SPDX-License-Identifier: MIT */
/*
 * The console: a stream socket. Output of calls goes straight to it, that of the serial port is gathered for a moment, so
 * that not each byte is a call of the host. Input is fetched by I into a ring that M empties.
 */
#include "vcpu.h"
#include "sys.h"

#define SYS_recvfrom 45
#define MSG_DONTWAIT 0x40
#define MSG_NOSIGNAL 0x4000
#define POLLOUT 4
#define PATIENCE_MS 5000 /* for a reader that is there but does not read */
#define GATHERED 1024

static uint8_t ring_bytes[INPUT_SIZE];
static uint32_t head, tail; /* I writes at head, M reads at tail; both count on */
static uint8_t bytes[VMI_CONSOLE_LIMIT];
static uint8_t gathered[GATHERED];
static uint32_t gathered_count; /* M adds; who has claimed them takes them */
static uint32_t claimed;

/* How many of the bytes are gone: all, or those before a reader's patience ended that of the guest. */
static uint64_t send_all(const uint8_t *from, uint64_t size, bool patient)
{
	struct {
		int32_t fd;
		int16_t events, revents;
	} wait = {CONSOLE_FD, POLLOUT, 0};
	uint64_t done = 0;

	while (done < size) {
		long sent = sys(SYS_sendto, CONSOLE_FD, from + done, size - done, MSG_DONTWAIT | MSG_NOSIGNAL, NULL, 0);

		if (sent >= 0)
			done += (uint64_t)sent;
		else if (sent == -EAGAIN) {
			if (!patient || sys(SYS_poll, &wait, 1, PATIENCE_MS) == 0)
				break;
		} else if (sent != -EINTR)
			return size; /* no reader any more */
	}
	return done;
}

int64_t console_write(uint64_t buffer, uint64_t size)
{
	if (size > sizeof bytes)
		return VMI_INVALID;
	if (!guest_read(buffer, bytes, size))
		return VMI_FAULT;
	return (int64_t)send_all(bytes, size, true);
}

bool console_gathered(void) { return __atomic_load_n(&gathered_count, __ATOMIC_ACQUIRE); }

void console_flush(bool patient)
{
	if (!console_gathered() || __atomic_exchange_n(&claimed, 1, __ATOMIC_ACQUIRE))
		return;
	send_all(gathered, __atomic_load_n(&gathered_count, __ATOMIC_ACQUIRE), patient);
	__atomic_store_n(&gathered_count, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&claimed, 0, __ATOMIC_RELEASE);
}

void console_put(uint8_t byte)
{
	if (gathered_count == GATHERED)
		console_flush(true);
	if (gathered_count == GATHERED)
		return; /* the other thread has them, and ends the run */
	gathered[gathered_count] = byte;
	__atomic_store_n(&gathered_count, gathered_count + 1, __ATOMIC_RELEASE);
	output_alarm();
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

bool console_waits(void) { return tail != __atomic_load_n(&head, __ATOMIC_ACQUIRE); }

int console_take(void)
{
	int byte = -1;

	if (console_waits()) {
		byte = ring_bytes[tail % INPUT_SIZE];
		__atomic_store_n(&tail, tail + 1, __ATOMIC_RELEASE);
	}
	return byte;
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
