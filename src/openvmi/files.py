# SPDX-License-Identifier: MIT
"""Reading and writing files so that nothing is half there and nothing is unbounded."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from openvmi.errors import BadFileError, UsageError

#: No guest, ROM or module is larger; a bound for every read.
READ_LIMIT = 256 << 20


def read_bounded(path: Path, limit: int = READ_LIMIT, what: str = "file") -> bytes:
    """The bytes of a regular file of at most `limit` bytes.

    Raises :class:`UsageError` when it cannot be read and :class:`BadFileError` when it is too large.
    """
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise UsageError(f"{path}: cannot read this {what}: {error.strerror}; check the path") from error
    if len(data) > limit:
        raise BadFileError(f"{path}: larger than {limit} bytes, the most a {what} may have; is it the right file?")
    return data


def write_atomically(path: Path, data: bytes) -> None:
    """Writes beside the target, then renames: readers see the old file or the new one, never a part."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
