# SPDX-License-Identifier: MIT
"""A boot image, or a folder for a Xen host, for people and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import openvmi
from openvmi.abi.names import LicenceClass
from openvmi.guest.image import GuestImage
from openvmi.iso import BootImage
from openvmi.report import record, taint
from openvmi.rom.image import RomImage
from openvmi.trust.verdict import Verdict

if TYPE_CHECKING:
    from openvmi.hypervisors.xen.host import HostFiles


#: What is said where the image has no ROM.
_NO_ROM = ("no ROM is in it: the guest checks what a machine's firmware offers by itself, and knows of no signature "
           "and no rebuild (U, R)")


def contents(guest: GuestImage, options: str, rom: RomImage | None, verdict: Verdict) -> dict[str, Any]:
    """What goes into an image, and what was said of it then: this is in the image too. `taint` as in a run's record."""
    return {
        "openvmi": openvmi.__version__, "guest": guest.name, "guest_sha256": guest.sha256,
        "guest_licence": guest.licence, "options": options,
        "rom": rom.name if rom else None, "rom_version": rom.version if rom else None,
        "rom_sha256": rom.sha256 if rom else None, "rom_licence": rom.licence if rom else None,
        "rom_licence_class": LicenceClass(rom.licence_class).name if rom else None,
        "taint": taint.letters(verdict.taint) if rom else None,
        "taint_means": taint.meanings(verdict.taint) if rom else _NO_ROM,
        "trust": record.trust(verdict) if rom else None,
    }


def describe(image: BootImage, guest: GuestImage) -> dict[str, Any]:
    """What was written, and what is in it."""
    return {"path": str(image.path), "bytes": image.size, "guest": guest.name, "guest_sha256": guest.sha256,
            "command": image.command}


def line(image: BootImage) -> str:
    """The same as text."""
    return f"{image.path}: {image.size} bytes, for a CD or a USB stick; no ROM in it; GRUB does: {image.command}"


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


def line_xen(files: HostFiles, verdict: Verdict) -> str:
    """The same as text."""
    names = ", ".join(f"{name} ({size} bytes)" for name, size in files.sizes.items())
    return f"{files.folder}: {names}; {taint.sentence(verdict.taint)}; in there, on a Xen host: {files.command}"
