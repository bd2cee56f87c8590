# SPDX-License-Identifier: MIT
"""A ROM built again from its own source, and compared with itself."""
