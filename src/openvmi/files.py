# SPDX-License-Identifier: MIT
"""Reading and writing files so that nothing is half there and nothing is unbounded."""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import ExitStack
from pathlib import Path

from openvmi.errors import BadFileError, UsageError

#: No guest, ROM or module is larger; a bound for every read.
READ_LIMIT = 256 << 20


def read_bounded(path: Path, limit: int = READ_LIMIT, what: str = "file") -> bytes:
    """The bytes of a regular file of at most `limit` bytes.

    Raises :class:`UsageError` when it cannot be read and :class:`BadFileError` when it is too large.
    """
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            state = os.fstat(file.fileno())
            if not stat.S_ISREG(state.st_mode):
                raise UsageError(f"{path}: cannot read this {what}: not a regular file; copy it to one first")
            data = b"" if state.st_size > limit else file.read(limit + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"{path}: cannot read this {what}: {reason}; check the path") from error
    if max(state.st_size, len(data)) > limit:
        raise BadFileError(f"{path}: larger than {limit} bytes, the most a {what} may have; is it the right file?")
    return data


def _open_at_once(path: str, flags: int) -> int:
    # Opening a named pipe would wait for a writer, perhaps for ever.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def write_atomically(path: Path, data: bytes) -> None:
    """Writes beside the target, then renames: readers see the old file or the new one, never a part.

    A link is followed. A device or pipe, such as /dev/null, is written to and stays what it is. Raises
    :class:`OSError`, which names the target.
    """
    try:
        _replace(Path(os.path.realpath(path)), data)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def _replace(path: Path, data: bytes) -> None:
    if path.exists() and not path.is_file() and not path.is_dir():
        path.write_bytes(data)
        return
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def write_together(files: dict[Path, bytes]) -> None:
    """All of the files; none when there is no room for all. The last is written last."""
    for path in files:
        path.parent.mkdir(parents=True, exist_ok=True)
    if len(files) == 1:
        for path, data in files.items():
            write_atomically(path, data)
        return
    with ExitStack() as stack:
        staged = {}
        for path, data in files.items():
            real = Path(os.path.realpath(path))
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix=".new.", dir=real.parent))
            staged[real] = Path(folder, real.name)
            write_atomically(staged[real], data)
        for real, source in staged.items():
            os.replace(source, real)
