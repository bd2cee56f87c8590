# SPDX-License-Identifier: MIT
"""Benchmarks that count: the same kernel with code for a hypervisor compiled in, and through that one's ROM."""
