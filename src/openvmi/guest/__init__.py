# SPDX-License-Identifier: MIT
"""Guest kernels: reading their images, and building them."""
