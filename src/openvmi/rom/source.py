# SPDX-License-Identifier: MIT
"""The source that comes with a ROM, or that it names: read, listed, extracted."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from openvmi.abi.names import CAPSULE_LIMIT
from openvmi.classic.image import ClassicRom
from openvmi.errors import BadFileError, UsageError
from openvmi.files import read_bounded
from openvmi.rom import capsule_tar
from openvmi.rom.image import RomImage


def tar_of(rom: RomImage | ClassicRom, given: Path | None) -> bytes:
    """The tar of a ROM's source: the one in the image, or a file, which must be the one that the image names.

    A ROM that says nothing about its source takes any. :class:`UsageError` when there is none, :class:`BadFileError`
    for a wrong one.
    """
    capsule = rom.capsule
    if given is not None:
        tar = read_bounded(given, CAPSULE_LIMIT, "tar")
        try:
            return capsule.checked(tar) if capsule else tar
        except BadFileError as error:
            raise BadFileError(f"{given}: {error}") from error
    if capsule is None:
        raise UsageError(f"{rom.path}: the ROM carries no source and does not say where it is; "
                         "if you have its tar, name it with --source TAR")
    if capsule.url is not None:
        raise UsageError(f"{rom.path}: its source is at {capsule.url} (SHA-256 {capsule.sha256}, {capsule.tar_size} "
                         "bytes); get that file and name it with --source TAR")
    return capsule.tar


def files_of(tar: bytes, where: str) -> dict[str, bytes]:
    """What is in a tar, by name. :class:`BadFileError` for one that is not canonical."""
    try:
        return capsule_tar.read(tar)
    except capsule_tar.TarProblem as problem:
        raise BadFileError(f"{where}: {problem} in the tar of its source; get it again, or ask for a corrected one") \
            from problem


def listing(files: Mapping[str, bytes]) -> list[dict[str, Any]]:
    """Name, bytes and digest of each file."""
    return [{"name": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in sorted(files.items())]


def extract(files: Mapping[str, bytes], target: Path) -> None:
    """Writes the files into a folder that is new or empty: all of them, or none.

    They are written aside and renamed when all are there. `files` is what :func:`files_of` gives, so every name stays
    inside.
    """
    real = Path(os.path.realpath(target))
    if real.exists() and (not real.is_dir() or any(real.iterdir())):
        raise UsageError(f"{target}: there is something already; name a folder that is new or empty")
    if not real.parent.is_dir():
        raise UsageError(f"{target}: no folder {real.parent} to make it in; make that first")
    with tempfile.TemporaryDirectory(prefix=f".{real.name}.", dir=real.parent) as aside:
        fresh = Path(aside, "source")
        write_tree(files, fresh)
        if not real.exists():
            os.rename(fresh, real)
            return
        for entry in sorted(os.listdir(fresh)):  # the folder stays: somebody may be in it
            os.rename(fresh / entry, real / entry)


def write_tree(files: Mapping[str, bytes], folder: Path) -> None:
    """Writes the files into a new folder."""
    folder.mkdir(mode=0o755)
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "xb") as file:
            file.write(data)
