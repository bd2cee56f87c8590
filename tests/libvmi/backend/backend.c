/* SPDX-License-Identifier: MIT */
#include <vmi/guest.h>
#include <vmi/vmi.h>

VMI_GUEST(VMI_GUEST_LICENCE, VMI_PROFILE_PAGED);

enum { FREQUENCY = 0x12345678 };

static unsigned written;

static int64_t count_and_write(uint64_t buffer, uint64_t size)
{
	written++;
	return vmi_native_console_write(buffer, size);
}

static int detect(const struct vmi_boot_info *boot)
{
	char value[4];

	(void)boot;
	return vmi_option("backend", value, sizeof(value));
}

static const uint8_t load_frequency[] = { 0xb8, 0x78, 0x56, 0x34, 0x12 }; /* mov $FREQUENCY, %eax */

static const struct pv_backend_op ops[] = {
	{ VMI_CALL_CONSOLE_WRITE, { .kind = VMI_LINK_CALL, .target = (uint64_t)count_and_write } },
	{ VMI_CALL_CLOCK_FREQUENCY, { .kind = VMI_LINK_INLINE, .size = 5, .code = load_frequency } },
	{ VMI_CALL_TRACE_MARK, { .kind = VMI_LINK_NOP } },
	{ VMI_CALL_ADDRESS_SPACE_READ, { .kind = VMI_LINK_NOP } }, /* of a group that it does not claim: ignored */
};

static const struct vmi_backend backend = {
	.name = "counter",
	.groups = 1u << VMI_GROUP_SYS | 1u << VMI_GROUP_TIME | 1u << VMI_GROUP_DEBUG,
	.detect = detect,
	.ops = ops,
	.op_count = sizeof(ops) / sizeof(ops[0]),
};
VMI_BACKEND(backend);

int vmi_main(void)
{
	pv_trace_mark(1, 1);
	vmi_print("frequency %lx, root %d, written %u\n", pv_clock_frequency(),
		  pv_address_space_read() == vmi_boot->page_root, written);
	return 0;
}
