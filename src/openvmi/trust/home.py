# SPDX-License-Identifier: MIT
"""Where the user's own files are: what they decided (:func:`config`) and what was found out here (:func:`state`).

As in the XDG Base Directory Specification 0.8: a variable with a path that is not absolute is not looked at.
"""

from __future__ import annotations

import os
from pathlib import Path

from openvmi.errors import UsageError

_NAME = "openvmi"


def config() -> Path:
    """The folder of the user's configuration and keys; it may not exist. As :func:`state`."""
    return _folder("OPENVMI_CONFIG", "XDG_CONFIG_HOME", ".config")


def state() -> Path:
    """The folder of what openvmi found out and keeps. Raises :class:`UsageError` where there is no home folder."""
    return _folder("OPENVMI_STATE", "XDG_STATE_HOME", ".local/state")


def _folder(own: str, shared: str, below: str) -> Path:
    if chosen := os.environ.get(own):
        return Path(chosen).absolute()
    if (base := os.environ.get(shared, "")).startswith("/"):
        return Path(base, _NAME)
    try:
        return Path.home() / below / _NAME
    except RuntimeError as error:
        raise UsageError(f"no home folder for {below}/{_NAME}: {error}; set HOME, or {own} to a folder") from error
