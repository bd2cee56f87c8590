# SPDX-License-Identifier: MIT
"""Which ROM images were rebuilt identically from their own source, here, by this user.

One empty file for each image, named by the SHA-256 of the image less its signature: a ROM is what it was when it is
signed. Who can write there can start guests as this user anyway, so nothing in it is signed.
"""

from __future__ import annotations

from pathlib import Path

from openvmi.files import write_atomically
from openvmi.rom import signed
from openvmi.rom.image import RomImage
from openvmi.trust import home


def folder() -> Path:
    """Where the records are; it may not exist."""
    return home.state() / "rebuilt"


def known(rom: RomImage) -> bool:
    """Whether this image was rebuilt identically, signed or not."""
    return _record(rom).is_file()


def remember(rom: RomImage) -> None:
    """Records that it was."""
    folder().mkdir(parents=True, exist_ok=True)
    write_atomically(_record(rom), b"")


def _record(rom: RomImage) -> Path:
    return folder() / signed.detach(rom).sha256
