# SPDX-License-Identifier: MIT
"""The interface as data: loading it, and everything generated from it."""
