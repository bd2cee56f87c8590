# SPDX-License-Identifier: MIT
"""How long things take where the processor is the guest's own: the figures of the hypervisor linux, in one run.

    build       the program of the host that rows are compared with, from benchmarks/times
    lines       what kernel and program print
    guest       the kernel: its rows, its start, its processes' memory
    host        the program as a process of this Linux
    uml         the same as process 1 of user-mode Linux, where that is installed
    figures     rows and bars
    measure     all of it
"""
