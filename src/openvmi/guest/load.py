# SPDX-License-Identifier: MIT
"""A kernel's file, whichever of the two kinds it is."""

from __future__ import annotations

from pathlib import Path

from openvmi.files import read_bounded
from openvmi.guest import image
from openvmi.guest.image import GuestImage
from openvmi.guest.linux import LinuxImage, is_linux

Guest = GuestImage | LinuxImage


def load(path: Path) -> Guest:
    """Reads and checks a guest or a bzImage, told apart by their bytes. Raises as their own functions do."""
    data = read_bounded(path, what="guest")
    return LinuxImage.parse(data, str(path)) if is_linux(data) else image.parse(data, str(path))
