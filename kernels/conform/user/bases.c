/* SPDX-License-Identifier: MIT */
/* TlsSet. */
#include "user.h"

on_stack stack_tls_set;

enum { WORDS = 32, FIRST = 0xb0 }; /* in the data page: eight words at 0x100, FIRST on */
#define AT(word) (USER_DATA + 8 * (WORDS + (word)))

/* A space whose words are there. */
static void begin(void)
{
	user_space();
	for (unsigned i = 0; i < 8; i++)
		user_data()[WORDS + i] = FIRST + i;
}

/* Whether user mode sees these words by FS and GS, in `data`; then a system call, then again. */
static int sees(const uint64_t *data, uint64_t fs, uint64_t gs)
{
	user_run(PROGRAM(program_bases), USER_DATA);
	return data[0] == FIRST + fs && data[1] == FIRST + gs && data[2] == FIRST + fs && data[3] == FIRST + gs;
}

USER_TEST(TLS_SET, POSITIVE, user_mode_sees_its_bases)
{
	const uint64_t *data;

	begin();
	data = user_data();
	same("it succeeds", pv_tls_set(AT(0), AT(1)), 0);
	same("a program uses them", user_run(PROGRAM(program_bases), USER_DATA), 0);
	same("FS", data[0], FIRST);
	same("GS", data[1], FIRST + 1);
	same("FS after a system call", data[2], FIRST);
	same("GS after a system call", data[3], FIRST + 1);
	pv_tls_set(AT(2), AT(3));
	expect("others after another call", sees(data, 2, 3));
}

static void on_event(struct vmi_trap *trap)
{
	(void)trap;
	pv_event_ack(VMI_SOURCE_SOFT);
}

USER_TEST(TLS_SET, POSITIVE, user_mode_has_its_bases_after_an_event)
{
	begin();
	vmi_handle(SOFT_VECTOR, on_event);
	pv_event_bind(VMI_SOURCE_SOFT, SOFT_VECTOR);
	pv_tls_set(AT(2), AT(3));
	pv_event_send(VMI_SOURCE_SOFT);
	expect("it has", sees(user_data(), 2, 3));
}

TEST_FRUGAL(TLS_SET, tls_set, 0, 0, 0)

USER_TEST(TLS_SET, BOUNDARY, the_bases_are_the_vcpus_not_the_address_spaces)
{
	struct space second;
	uint64_t *data;

	begin();
	second = space_new();
	data = vmi_direct(second.data);
	for (unsigned i = 0; i < 8; i++)
		data[WORDS + i] = FIRST + i;
	pv_tls_set(AT(4), AT(5));
	pv_address_space_set(second.root);
	expect("another one sees them", sees(data, 4, 5));
	pv_tls_set(AT(6), AT(7));
	begin();
	expect("and the first what was set there", sees(user_data(), 6, 7));
	pv_address_space_set(boot_root);
	space_delete(&second);
}

USER_TEST(TLS_SET, BOUNDARY, every_canonical_address_is_a_base)
{
	const uint64_t bases[] = { 0, KERNEL_ADDRESS, (1ull << 47) - 1, (uint64_t)-1 << 47, UINT64_MAX };

	begin();
	for (unsigned i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
		each(!pv_tls_set(0, bases[i]), i);
		each(user_run(PROGRAM(program_exit), 5) == 5, i | 0x10);
		each(!pv_tls_set(bases[i], 0), i | 0x20);
		each(user_run(PROGRAM(program_exit), 6) == 6, i | 0x30);
	}
	all("user mode runs with it");
	pv_tls_set(AT(0), AT(1));
	expect("another one works after it", sees(user_data(), 0, 1));
}

USER_TEST(TLS_SET, HOSTILE, an_address_that_is_not_canonical_is_invalid_and_changes_nothing)
{
	static const uint64_t addresses[] = { 1ull << 60, NOT_CANONICAL, 1ull << 47, ((uint64_t)-1 << 47) - 1 };

	begin();
	pv_tls_set(AT(2), AT(3));
	for (unsigned i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		each(pv_tls_set(addresses[i], USER_DATA) == VMI_INVALID, i);
		each(pv_tls_set(USER_DATA, addresses[i]) == VMI_INVALID, i | 0x10);
	}
	all("of FS or of GS");
	expect("user mode sees what it did", sees(user_data(), 2, 3));
}
