# SPDX-License-Identifier: MIT
"""The contract as an executable: the kit's tests, run on a hypervisor with a ROM, and what came of each."""
