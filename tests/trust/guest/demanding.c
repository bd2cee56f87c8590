/* SPDX-License-Identifier: MIT */
/* Says that it runs; that it does is all there is to see. */
#include <vmi/vmi.h>
#include <vmi/guest.h>

VMI_GUEST("MIT", VMI_PROFILE_BASE);
VMI_POLICY(VMI_LICENCE_UNKNOWN, VMI_POLICY_SIGNED);

int vmi_main(void)
{
	vmi_print("demanding: runs\n");
	return 0;
}
