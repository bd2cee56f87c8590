# SPDX-License-Identifier: MIT
"""The devices of a PC, as far as the native drivers of libvmi use them."""
