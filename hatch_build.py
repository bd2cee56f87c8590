# SPDX-License-Identifier: MIT
"""Puts what the installed package needs beside its code: the interface definition, and the built ROMs and guests."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

#: Folder of sources, its definition file, where the results are, their extension.
_BUILT = (("roms", "rom.toml", "build/roms", ".rom"), ("kernels", "guest.toml", "build/guests", ".elf"))
#: Of the boot shim beside a ROM whose definition has one.
_SHIM = ".shim"


class Hook(BuildHookInterface):
    """Adds the files to a wheel. An editable install finds them in the checkout."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Raises when something is not built: a wheel without it would only fail later."""
        if version == "editable":
            return
        top = Path(self.root)
        included = build_data["force_include"]
        included[str(top / "abi")] = "openvmi/_data/abi"
        missing = []
        for folder, definition, results, extension in _BUILT:
            names = sorted(path.parent.name for path in (top / folder).glob(f"*/{definition}"))
            if not names:
                missing.append(f"anything in {folder}")
            for name in names:
                about = tomllib.loads((top / folder / name / definition).read_text(encoding="utf-8"))
                for suffix in (extension, _SHIM) if "shim" in about else (extension,):
                    built = top / results / f"{name}{suffix}"
                    included[str(built)] = f"openvmi/_data/{folder if folder == 'roms' else 'guests'}/{built.name}"
                    if not built.is_file():
                        missing.append(str(built.relative_to(top)))
        for backend in sorted(top.glob("contrib/*/backend.toml")):  # the benchmark kernel with each
            built = top / "build" / "guests" / f"bench-{backend.parent.name}.elf"
            included[str(built)] = f"openvmi/_data/guests/{built.name}"
            if not built.is_file():
                missing.append(str(built.relative_to(top)))
        if missing:
            raise FileNotFoundError(f"the wheel carries built files, and there is no {', '.join(missing)}; "
                                    "run: make build")
