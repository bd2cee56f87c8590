/* SPDX-License-Identifier: MIT */
#include <vmi/guest.h>
#include <vmi/vmi.h>

#ifndef FLAGS
#define FLAGS 0
#endif

VMI_GUEST(VMI_GUEST_LICENCE, VMI_PROFILE_PAGED);
VMI_POLICY(VMI_LICENCE_GPL, FLAGS);

int vmi_main(void)
{
	vmi_print("taint %x\n", vmi_link_state.taint);
	if (vmi_option("crash", (char[4]){ 0 }, 4))
		vmi_panic(0, "asked for");
	return 0;
}
