# SPDX-License-Identifier: MIT
"""Passphrases: from a terminal or a file, never from the command line, which other users can read."""

from __future__ import annotations

import sys
from pathlib import Path

from openvmi.errors import UsageError


def from_file(path: Path) -> bytes:
    """The first line of a file that only its owner can read."""
    from openvmi.trust.guarded import read
    from openvmi.trust.keys import PASSPHRASE_LIMIT

    line = read(path, PASSPHRASE_LIMIT, "passphrase", private=True).split(b"\n", 1)[0].rstrip(b"\r")
    if not line:
        raise UsageError(f"{path}: an empty passphrase; expected one in the first line")
    return line


def asked(prompt: str, twice: bool = False) -> bytes:
    """What is typed, unseen. :class:`UsageError` without a terminal, or when it is not the same twice."""
    from getpass import getpass

    if not (sys.stdin and sys.stdin.isatty()):
        raise UsageError("this key needs a passphrase, and there is no terminal to ask for it; use --passphrase-file")
    found = getpass(prompt)
    if not found or (twice and getpass("Again: ") != found):
        raise UsageError("an empty passphrase, or not the same one twice; try again")
    return found.encode()
