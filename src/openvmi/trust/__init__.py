# SPDX-License-Identifier: MIT
"""What a ROM is allowed to be: by its licence, its signature and its source, and by whose word."""
