# SPDX-License-Identifier: MIT
"""A boot image, or a folder for a Xen host, for people and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openvmi.guest.image import GuestImage
from openvmi.iso import BootImage

if TYPE_CHECKING:
    from openvmi.hypervisors.xen.host import HostFiles


def describe(image: BootImage, guest: GuestImage) -> dict[str, Any]:
    """What was written, and what is in it."""
    return {"path": str(image.path), "bytes": image.size, "guest": guest.name, "guest_sha256": guest.sha256,
            "command": image.command}


def line(image: BootImage) -> str:
    """The same as text."""
    return f"{image.path}: {image.size} bytes, for a CD or a USB stick; GRUB does: {image.command}"


def describe_xen(files: HostFiles, guest: GuestImage) -> dict[str, Any]:
    """What was written, and what the package has by its own account."""
    from openvmi.hypervisors.xen.package import unpack

    package = unpack(files.package)
    return {
        "path": str(files.folder), "files": files.sizes, "guest": guest.name, "guest_sha256": guest.sha256,
        "rom_bytes": len(package.rom) if package.rom is not None else None,
        "options": package.command_line.decode("ascii"),
        "modules": [{"name": name.decode("ascii"), "bytes": len(data)} for name, data in package.modules],
        "command": files.command,
    }  # fmt: skip


def line_xen(files: HostFiles) -> str:
    """The same as text."""
    names = ", ".join(f"{name} ({size} bytes)" for name, size in files.sizes.items())
    return f"{files.folder}: {names}; in there, on a Xen host: {files.command}"
