# SPDX-License-Identifier: MIT
"""What the hypervisor and its ROM share: the numbers of roms/emu/private.h, which explains them."""

EMU_PORT = 0x56
EMU_DELIVER_PORT = 0x57
EMU_IRET = 0xE001

# The ROM's part of the VCPU block.
EMU_FLAGS = 0
EMU_FLAGS_HIGH = 1
EMU_FAULT_ADDRESS = 8
EMU_USER_GS = 16
EMU_PAGE_ROOT = 24
EMU_VCPU_SIZE = 32

EMU_HIGH_IF = 0x02
EMU_HIGH_WAITING = 0x80
