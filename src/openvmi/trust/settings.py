# SPDX-License-Identifier: MIT
"""What a user asks of every ROM: table [trust] of config.toml in the user's folder (:mod:`openvmi.trust.home`)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from attrs import frozen

from openvmi.abi.names import LicenceClass
from openvmi.errors import BadFileError, UsageError
from openvmi.trust import home

FILE = "config.toml"
SIZE_LIMIT = 64 << 10
#: What a policy asks a ROM's licence to be at least.
POLICIES = {"any": LicenceClass.UNKNOWN, "osi": LicenceClass.OSI, "gpl": LicenceClass.GPL}


@frozen
class Settings:
    """Without a file: any licence, signed or not."""

    licence: LicenceClass = LicenceClass.UNKNOWN  #: lowest class that will do
    signed: bool = False  #: whether the signature must be good, by a trusted key
    path: Path | None = None  #: where it says so


def read() -> Settings:
    """The user's settings. Raises :class:`UsageError` for a file that says something else: nothing is guessed.

    :class:`RefusedError` for one that others can write: they could ask for less.
    """
    from openvmi.trust import guarded

    path = home.config() / FILE
    if guarded.absent(path):
        return Settings()
    trust = _table(path)
    licence, signed = trust.pop("licence", "any"), trust.pop("signed", False)
    if trust:
        raise UsageError(f"{path}: [trust] has the unknown key {next(iter(trust))!r:.80}; known are licence and signed")
    if not isinstance(licence, str) or licence not in POLICIES:
        raise UsageError(f"{path}: [trust] licence = {licence!r:.80}, expected one of {', '.join(POLICIES)}")
    if not isinstance(signed, bool):
        raise UsageError(f"{path}: [trust] signed = {signed!r:.80}, expected true or false")
    return Settings(POLICIES[licence], signed, path)


def _table(path: Path) -> dict[str, Any]:
    import tomllib

    from openvmi.trust import guarded

    try:
        guarded.check_folder(path.parent, "the configuration", private=False, above=False)
        real = Path(os.path.realpath(path))  # a link is as good as the folder that it is in
        data = tomllib.loads(guarded.read(real, SIZE_LIMIT, "configuration", private=False).decode())
    except BadFileError as error:
        raise UsageError(str(error)) from error
    except (ValueError, RecursionError) as error:  # also what is not UTF-8, or too deep
        raise UsageError(f"{path}: not TOML: {str(error)[:200]}; correct it or remove it") from error
    trust = data.pop("trust", {})
    if data:
        raise UsageError(f"{path}: unknown {next(iter(data))!r:.80}; the one table of this file is [trust]")
    if not isinstance(trust, dict):
        raise UsageError(f"{path}: trust is {trust!r:.80}, expected the table [trust]")
    return trust
