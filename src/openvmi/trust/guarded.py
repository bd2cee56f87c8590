# SPDX-License-Identifier: MIT
"""Files that decide whom to believe: made whole or not at all, and not read where others could have written them.

Where the system has no owners and modes (Windows), only what it has is checked.
"""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from openvmi.errors import BadFileError, OpenVmiError, RefusedError, UsageError

_PRIVATE = 0o077  #: what nobody else may have of a private file
_WRITABLE = 0o022  #: what nobody else may have of a file that is believed
_FOLDER_MODE = 0o700
_POSIX = hasattr(os, "geteuid")


def read(path: Path, limit: int, what: str, private: bool) -> bytes:
    """The bytes of a regular file of the user's own; a private one must be out of reach for everybody else.

    Raises :class:`UsageError` when it cannot be read, :class:`RefusedError` when others could have seen or written it,
    and :class:`BadFileError` when it is larger than `limit` bytes.
    """
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        if os.path.islink(path):
            raise RefusedError(f"{path}: a symbolic link, expected the {what} itself; name the file that it leads to")
        with open(os.open(path, flags), "rb") as file:
            _check(path, os.fstat(file.fileno()), what, private)
            data = file.read(limit + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"{path}: cannot read this {what}: {reason}; check the path") from error
    if len(data) > limit:
        raise BadFileError(f"{path}: larger than {limit} bytes, the most a {what} may have; is it the right file?")
    return data


def absent(path: Path) -> bool:
    """Whether nothing is there, nor on the way to it that leads elsewhere.

    :class:`UsageError` for a link that leads nowhere: what was decided is then out of sight, say on a disk that is not
    mounted, and not undone.
    """
    nearest = path
    try:
        while not _lies(nearest):
            nearest = nearest.parent
        os.stat(nearest)
    except FileNotFoundError as error:
        raise UsageError(f"{nearest}: a link that leads nowhere, expected {os.path.realpath(nearest)}; restore that, "
                         "or remove the link") from error
    except OSError as error:
        raise UsageError(f"{path}: cannot be looked at: {error.strerror}; check the path") from error
    return nearest != path


def _lies(path: Path) -> bool:
    try:
        os.lstat(path)
    except FileNotFoundError:
        return False
    return True


def check_folder(path: Path, what: str, private: bool, above: bool = True) -> None:
    """The folder of such files, and `above` that the one that it is in: others could put another one in its place.

    Raises as :func:`read`; a folder that is not there is not an error.
    """
    if absent(path):
        return
    try:
        found, outer = os.stat(path), os.stat(path.parent)
    except OSError as error:
        raise UsageError(f"{path}: cannot look into this folder: {error.strerror}; check the path") from error
    if not stat.S_ISDIR(found.st_mode):
        raise BadFileError(f"{path}: expected the folder of {what}; move this file away")
    _modes(path, found, f"folder of {what}", private, "700" if private else "go-w")
    if above:
        _modes(path.parent, outer, "folder of the configuration", False, "go-w")


def make_folder(path: Path, what: str, private: bool) -> None:
    """The folder, made where it is not there yet, for nobody else. Raises as :func:`check_folder`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=_FOLDER_MODE)
        path.mkdir(exist_ok=True, mode=_FOLDER_MODE)
    except OSError as error:
        raise UsageError(f"{path}: cannot make this folder: {error.strerror}; check the path") from error
    check_folder(path, what, private)


def create(path: Path, data: bytes, mode: int) -> None:
    """Makes a file that is not there, whole. :class:`UsageError` when it is, be it a link that leads nowhere."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # O_EXCL, mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, mode)
        os.link(name, path)  # unlike a rename, it never replaces
    except FileExistsError as error:
        raise UsageError(f"{path}: is there already; choose another name, or remove that one first") from error
    except OSError as error:
        raise OpenVmiError(f"{path}: cannot write it: {error.strerror}; check space and permissions") from error
    finally:
        os.unlink(name)


def _check(path: Path, found: os.stat_result, what: str, private: bool) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise UsageError(f"{path}: cannot read this {what}: not a regular file; copy it to one first")
    _modes(path, found, what, private, "600" if private else "go-w")


def _modes(path: Path, found: os.stat_result, what: str, private: bool, command: str) -> None:
    if not _POSIX:
        return
    owners = {os.geteuid()} if private else {os.geteuid(), 0}
    if found.st_uid not in owners:
        raise RefusedError(f"{path}: this {what} belongs to user {found.st_uid}, expected {os.geteuid()}, who reads "
                           "it; make a copy of your own, if you know where it is from")
    if wrong := stat.S_IMODE(found.st_mode) & (_PRIVATE if private else _WRITABLE):
        does = "use" if private and wrong & ~_WRITABLE else "write"
        raise RefusedError(f"{path}: mode {stat.S_IMODE(found.st_mode):04o}, so others can {does} this {what}; if "
                           f"none did, run: chmod {command} '{path}'")
