# SPDX-License-Identifier: MIT
"""A PC made by QEMU, for every hypervisor that needs one.

    installation    which QEMU is here, and whether it is new enough
    process         a QEMU process that belongs to this one: memory, files, console, and no orphan (machine/lifeline)
    control         the QEMU Machine Protocol (QMP)
    session         one run: console, time limit, pause, stop, and how it ended
    registers       the processor as QEMU prints it

Everything here needs Linux: memory and files go to QEMU by memfd, so that nothing is left on disk.
"""
