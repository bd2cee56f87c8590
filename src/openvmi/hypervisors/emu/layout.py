# SPDX-License-Identifier: MIT
"""Where the hypervisor's own pages are: far above guest memory, and mapped into the guest's ROM window.

     window offset   guest-physical   what                 the guest may
     0x0000          0xF0000000       ROM text, 2 pages    read, execute
     0x2000          0xF0002000       ROM data             read, write
     0x3000          0xF0003000       descriptor table     read
"""

from openvmi.abi import names
from openvmi.hypervisors.emu import segments
from openvmi.machine.boot import Platform, WindowPage
from openvmi.units import PAGE_SIZE, Gpa

NAME = "emu"
ROM_TEXT = Gpa(0xF000_0000)
ROM_DATA = Gpa(0xF000_2000)
TABLE = Gpa(0xF000_3000)
TABLE_OFFSET = names.WINDOW_DATA + names.DATA_LIMIT  #: in the window

#: Pages that a guest has no business with: start, size, what they are.
PROTECTED = (
    (ROM_TEXT, names.TEXT_LIMIT, "the ROM's text"),
    (ROM_DATA, names.DATA_LIMIT, "the ROM's data"),
    (TABLE, PAGE_SIZE, "the hypervisor's descriptor table"),
)

PLATFORM = Platform(
    name=NAME,
    kernel_cs=segments.KERNEL_CS,
    kernel_ss=segments.KERNEL_SS,
    user_cs=segments.USER_CS,
    user_ss=segments.USER_SS,
    descriptor_base=segments.SLOT_BASE,
    window=(
        WindowPage(0, ROM_TEXT, executable=True),
        WindowPage(PAGE_SIZE, Gpa(ROM_TEXT + PAGE_SIZE), executable=True),
        WindowPage(names.WINDOW_DATA, ROM_DATA, writable=True),
        WindowPage(TABLE_OFFSET, TABLE),
    ),
    pc=True,
)
