# SPDX-License-Identifier: MIT
"""What the licence idents of Linux modules mean to the kernel.

Sources: the comment above MODULE_LICENSE in Linux include/linux/module.h; license_is_gpl_compatible in
include/linux/license.h; set_license in kernel/module/main.c, which takes the first `license=` of .modinfo up to its
NUL, and taints with P for one that is not in the list, or none.
"""

from __future__ import annotations

#: Ident -> what it says, for those that the kernel takes as compatible with its own licence.
COMPATIBLE = {
    "GPL": "GPL version 2, only or any later",
    "GPL v2": "GPL version 2, only or any later; the same as GPL, for history's sake",
    "GPL and additional rights": "GPL version 2 and more rights",
    "Dual BSD/GPL": "GPL version 2 or a BSD licence",
    "Dual MIT/GPL": "GPL version 2 or the MIT licence",
    "Dual MPL/GPL": "GPL version 2 or the Mozilla licence",
}
PROPRIETARY = "Proprietary"
SOURCE = "include/linux/license.h of Linux"


def compatible(ident: str) -> bool:
    """Whether the kernel takes it as compatible with the GPL."""
    return ident in COMPATIBLE
