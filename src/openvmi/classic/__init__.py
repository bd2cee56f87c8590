# SPDX-License-Identifier: MIT
"""The classic interface, VMI 3.0: ROMs for the 32-bit clients of Linux 2.6.21 to 2.6.36, and what those kernels say."""
