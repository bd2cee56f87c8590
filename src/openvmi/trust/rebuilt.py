# SPDX-License-Identifier: MIT
"""Which ROM images were rebuilt identically from their own source, here, by this user.

One empty file for each image, named by the SHA-256 of the image less its signature: a ROM is what it was when it is
signed. Only the user can write there, who can start guests anyway; so nothing in it is signed.
"""

from __future__ import annotations

import os
from pathlib import Path

from openvmi.errors import OpenVmiError
from openvmi.files import write_atomically
from openvmi.rom import signed
from openvmi.rom.image import RomImage
from openvmi.trust import home

_WHAT = "records of rebuilds"


def folder() -> Path:
    """Where the records are; it may not exist."""
    return home.state() / "rebuilt"


def known(rom: RomImage) -> bool:
    """Whether this image was rebuilt identically, signed or not. Records that others could have made do not count."""
    try:
        os.lstat(_record(rom))
        from openvmi.trust import guarded

        guarded.check_folder(folder(), _WHAT, private=False)
    except (OSError, OpenVmiError):
        return False
    return True


def remember(rom: RomImage) -> None:
    """Records that it was. Raises as :func:`guarded.make_folder`."""
    from openvmi.trust import guarded

    guarded.make_folder(folder(), _WHAT, private=False)
    write_atomically(_record(rom), b"")


def _record(rom: RomImage) -> Path:
    return folder() / signed.detach(rom).sha256
