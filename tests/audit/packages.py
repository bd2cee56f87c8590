# SPDX-License-Identifier: MIT
"""Files of the distribution's packages, without installing these: fetched by apt, taken apart by dpkg-deb, kept in
build/packages, which may be deleted."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

CACHE = Path(__file__).resolve().parents[2] / "build" / "packages"
_SECONDS = 600.0


class CannotError(Exception):
    """There is no such package here."""


def unpacked(meta: str, pattern: str) -> Path:
    """Folder with the files of the package on which `meta` depends and whose name matches. :class:`CannotError`."""
    if not all(map(shutil.which, ("apt-get", "apt-cache", "dpkg-deb"))):
        raise CannotError("needs apt and dpkg-deb, which are not here")
    try:
        name = _name(meta, pattern)
        folder = CACHE / name
        if not folder.is_dir():
            _fetch(name, folder)
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", None) or ""
        raise CannotError(f"{meta} cannot be fetched: {error} {said.strip()[-300:]}") from error
    return folder


def _name(meta: str, pattern: str) -> str:
    for attempt in range(2):
        found = re.findall(r"^  Depends: (\S+)$", _run("apt-cache", "depends", meta, check=False), re.MULTILINE)
        matching = [name for name in found if re.fullmatch(pattern, name)]
        if matching:
            return matching[0]
        if not attempt:  # a fresh system has no lists
            _run("apt-get", "update", "-qq", check=False)
    raise OSError(f"{meta} depends on nothing like {pattern}")


def _fetch(name: str, folder: Path) -> None:
    scratch = CACHE / f".{name}.{os.getpid()}"
    (scratch / "files").mkdir(parents=True)
    try:
        try:
            _run("apt-get", "download", name, folder=scratch)
        except subprocess.CalledProcessError:  # lists that are older than what the server has
            _run("apt-get", "update", "-qq", check=False)
            _run("apt-get", "download", name, folder=scratch)
        (package,) = scratch.glob("*.deb")
        _run("dpkg-deb", "-x", str(package), str(scratch / "files"))
        (scratch / "files").rename(folder)
    finally:
        shutil.rmtree(scratch)


def _run(*command: str, folder: Path | None = None, check: bool = True) -> str:
    return subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=check,
                          timeout=_SECONDS).stdout
