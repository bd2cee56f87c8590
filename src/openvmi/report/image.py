# SPDX-License-Identifier: MIT
"""A boot image for people and as JSON."""

from __future__ import annotations

from typing import Any

from openvmi.guest.image import GuestImage
from openvmi.iso import BootImage


def describe(image: BootImage, guest: GuestImage) -> dict[str, Any]:
    """What was written, and what is in it."""
    return {"path": str(image.path), "bytes": image.size, "guest": guest.name, "guest_sha256": guest.sha256,
            "command": image.command}


def line(image: BootImage) -> str:
    """The same as text."""
    return f"{image.path}: {image.size} bytes, for a CD or a USB stick; GRUB does: {image.command}"
