# SPDX-License-Identifier: MIT
"""Whom the user believes: config()/trusted/FINGERPRINT.pub, and config()/revoked/FINGERPRINT.pub, which always wins.

A file for each key: two programs at once cannot lose each other's decision, and a revocation holds by the name of its
file alone, whatever became of its contents.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

from openvmi.errors import BadFileError, OpenVmiError, RefusedError, UsageError
from openvmi.trust import guarded, home, keys
from openvmi.trust.public import DIGITS, FILE_LIMIT, PublicKey, digits, shown

_WHAT = "trusted keys"
_REVOKED = "revoked keys"


@frozen
class Entry:
    """One key that is trusted or revoked; `problem` says why the entry counts for nothing, or cannot be read."""

    fingerprint: str
    name: str = ""
    key: PublicKey | None = None
    problem: str = ""


def trusted_folder() -> Path:
    """Where those are that are trusted; it may not exist."""
    return home.config() / "trusted"


def revoked_folder() -> Path:
    """The same for those that are revoked."""
    return home.config() / "revoked"


def trust(key: PublicKey, name: str) -> Path:
    """Believes a key from now on; returns its file.

    Raises :class:`RefusedError` for a revoked one, :class:`UsageError` when the key or the name is there already.
    """
    keys.check_name(name)
    if revoked(key.fingerprint):
        raise RefusedError(f"{shown(key.fingerprint)}: this key is revoked, so it cannot be trusted; ask for another "
                           f"one, or, if revoking it was a mistake, delete {revoked_folder() / key.fingerprint}.pub")
    for entry in trusted_all():
        if entry.name == name and entry.fingerprint != key.fingerprint:
            raise UsageError(f"{name!r} is the name of another trusted key, {shown(entry.fingerprint)}; choose another "
                             "with --name, or remove that one")
    guarded.make_folder(trusted_folder(), _WHAT, private=False)
    path = trusted_folder() / f"{key.fingerprint}.pub"
    guarded.create(path, keys.written(key, name), 0o600)
    return path


def trusted(fingerprint: str) -> Entry | None:
    """The entry of a trusted key; None when it is not. :class:`OpenVmiError` for one that must not be believed."""
    path = trusted_folder() / f"{fingerprint}.pub"
    guarded.check_folder(trusted_folder(), _WHAT, private=False)
    try:
        os.lstat(path)
    except FileNotFoundError:
        return None
    name, key = keys.read_written(guarded.read(path, FILE_LIMIT, "trusted key", private=False), str(path))
    if key.fingerprint != fingerprint:
        raise BadFileError(f"{path}: the key {shown(key.fingerprint)} under the name of another one; remove "
                           "the file, and trust the key anew if you do")
    return Entry(fingerprint, name, key)


def trusted_all() -> list[Entry]:
    """All of them, those that must not be believed included."""
    return [_entry(fingerprint) for fingerprint in _fingerprints(trusted_folder(), _WHAT)]


def distrust(fingerprint: str) -> None:
    """Believes a key no longer. :class:`UsageError` when it never was."""
    try:
        (trusted_folder() / f"{fingerprint}.pub").unlink()
    except FileNotFoundError as error:
        raise UsageError(f"{shown(fingerprint)}: this key is not trusted; openvmi key list shows which are") from error


def revoke(fingerprint: str, key: PublicKey | None, name: str, reason: str) -> Path:
    """Never believes a key again; one that nobody has seen yet will do. Returns its file."""
    guarded.make_folder(revoked_folder(), _REVOKED, private=False)
    path = revoked_folder() / f"{fingerprint}.pub"
    head = f"reason: {keys.check_comment(reason)}\n" if reason else ""
    guarded.create(path, head.encode() + (keys.written(key, name) if key else b""), 0o600)
    (trusted_folder() / f"{fingerprint}.pub").unlink(missing_ok=True)
    return path


def revoked(fingerprint: str) -> Entry | None:
    """The entry of a revoked key. Raises :class:`OpenVmiError` when it cannot be told whether it is one."""
    path = revoked_folder() / f"{fingerprint}.pub"
    try:
        os.lstat(path)
    except FileNotFoundError:
        guarded.check_folder(revoked_folder(), _REVOKED, private=False)  # where others can delete one
        return None
    except OSError as error:
        raise UsageError(f"{path}: cannot tell whether this key is revoked: {error.strerror}; check the "
                         "folder") from error
    try:
        name, key = keys.read_written(guarded.read(path, FILE_LIMIT, "revoked key", private=False), str(path))
    except OpenVmiError as error:
        return Entry(fingerprint, problem=str(error))
    return Entry(fingerprint, name, key)


def revoked_all() -> list[Entry]:
    """All of them."""
    return [entry for fingerprint in _fingerprints(revoked_folder(), _REVOKED) if (entry := revoked(fingerprint))]


def _entry(fingerprint: str) -> Entry:
    try:
        return trusted(fingerprint) or Entry(fingerprint, problem="it has just been removed")
    except OpenVmiError as error:
        return Entry(fingerprint, problem=str(error))


def _fingerprints(folder: Path, what: str) -> Iterator[str]:
    guarded.check_folder(folder, what, private=False)
    for path in sorted(folder.glob("*.pub")):
        if len(digits(path.stem)) == DIGITS and digits(path.stem) == path.stem:
            yield path.stem
