# SPDX-License-Identifier: MIT
"""The linter: what a ROM's code does, found out from its bytes alone.

program.py has the code as one space; function.py and transfer.py follow what is known of registers and stack through
it; rules/ looks at what came out. What is right and cannot be computed a ROM declares (declarations.py), and every
report prints what it relied on.
"""
