# SPDX-License-Identifier: MIT
"""Where the files that belong to the toolkit are: in a checkout, or inside an installed package.

An installed wheel carries `abi`, the built ROMs and the built guests under `openvmi/_data`; a checkout has `abi` at
its top and builds into `build`.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_DATA = _PACKAGE / "_data"


def checkout() -> Path | None:
    """The top of the source tree when the package runs from one, else None."""
    top = _PACKAGE.parent.parent
    return top if (top / "abi").is_dir() and (top / "pyproject.toml").is_file() else None


def abi_folder() -> Path:
    """The folder with one folder per version of the interface."""
    top = checkout()
    return top / "abi" if top else _DATA / "abi"


def built(kind: str) -> Path:
    """The folder of built files of a kind: `roms` or `guests`. It may not exist in a fresh checkout."""
    top = checkout()
    return top / "build" / kind if top else _DATA / kind
