# SPDX-License-Identifier: MIT
"""The TOML files that anybody may write: of ROMs of both kinds, guests, back-ends, known failures.

First byte: which."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path

from openvmi.classic import definition as classic
from openvmi.conformance import expected
from openvmi.errors import OpenVmiError
from openvmi.guest import definition as guest
from openvmi.rom import definition as rom
from openvmi.rom import toml

ALLOWED = (OpenVmiError,)
LIMIT = 1024
_TOP = Path(__file__).resolve().parents[3]
_FOLDER = Path(tempfile.mkdtemp(prefix="openvmi-fuzz-"))
atexit.register(shutil.rmtree, _FOLDER, ignore_errors=True)
_READERS = ((toml.FILE, rom.read), (toml.FILE, classic.read), (guest.FILE, guest.read),
            (guest.BACKEND_FILE, guest.read_backend), (toml.FILE, toml.interface),
            (expected.FILE.name, lambda folder: expected.load(folder / expected.FILE.name)))


def seeds() -> list[bytes]:
    """The project's own, cut to what they name as sources here."""
    for name in ("calls.S", "main.c", "user.S", "rom.lds"):
        (_FOLDER / name).touch()
    files = [(0, "roms/emu/rom.toml"), (0, "roms/template/rom.toml"), (0, "roms/xen/rom.toml"),
             (1, "roms/classic/rom.toml"), (2, "kernels/hello/guest.toml"), (2, "kernels/classic-bench/guest.toml"),
             (3, "contrib/xen-direct/backend.toml")]
    found = [bytes([which]) + (_TOP / name).read_bytes()[:LIMIT - 1] for which, name in files]
    found.append(b'\5[[expected]]\nplace = "bare*"\ntest = "conform/a/b~c"\nreason = "none"\n')
    found.append(b'\1[rom]\ninterface = "3.0"\nname = "a"\ndescription = "b"\nversion = "1.0"\nhypervisor = "c"\n'
                 b'licence = "MIT OR GPL-2.0-only"\nscript = "rom.lds"\nsources = ["calls.S"]\n')
    return found


def run(data: bytes) -> None:
    """Reads one."""
    name, read = _READERS[data[0] % len(_READERS) if data else 0]
    (_FOLDER / name).write_bytes(data[1:])
    read(_FOLDER)
