# SPDX-License-Identifier: MIT
"""A Linux kernel's file for people and as JSON."""

from __future__ import annotations

from typing import Any

from openvmi.guest.linux import LinuxImage

_BITS = {None: "not said (boot protocol before 2.12)", False: "32 bits", True: "64 bits"}


def describe(image: LinuxImage) -> dict[str, Any]:
    """Everything that the header says."""
    return {
        "path": image.path, "name": image.name, "sha256": image.sha256, "bytes": len(image.data),
        "format": "bzimage", "protocol": protocol(image), "kernel_version": image.version or None,
        "is_64bit": image.is_64bit, "setup_bytes": image.setup_size, "command_line_limit": image.command_line_limit,
        "initrd_end": image.initrd_end,
    }


def lines(image: LinuxImage) -> list[str]:
    """The same as text."""
    return [
        f"{image.path}: bzImage, boot protocol {protocol(image)}, {len(image.data)} bytes",
        f"sha256       {image.sha256}",
        f"version      {image.version or 'not said'}",
        f"processor    {_BITS[image.is_64bit]}",
        f"command line {image.command_line_limit} bytes at most",
        f"initrd       ends at {image.initrd_end:#x} at most",
    ]


def protocol(image: LinuxImage) -> str:
    """Such as 2.06."""
    return f"{image.protocol[0]}.{image.protocol[1]:02}"
