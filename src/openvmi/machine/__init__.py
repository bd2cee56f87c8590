# SPDX-License-Identifier: MIT
"""What hypervisors share: guest memory, page tables, and the state in which a guest is entered."""
