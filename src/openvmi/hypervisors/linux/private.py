# SPDX-License-Identifier: MIT
"""What ROM, runner and this package share: the numbers of roms/linux/private.h, which explains them, that are used."""

LNX_USERS = 0x7FE0_0000_0000
LNX_AREA_SIZE = 0x10000
LNX_USER_LIMIT = 63

LNX_KERNEL_CS = 0x30
LNX_KERNEL_SS = 0x28
LNX_USER_CS = 0x33
LNX_USER_SS = 0x2B
LNX_DESCRIPTORS = 0x07
