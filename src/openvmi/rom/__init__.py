# SPDX-License-Identifier: MIT
"""ROM images: the format, the builder, and what can be said about one."""
