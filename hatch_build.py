# SPDX-License-Identifier: MIT
"""Puts what the installed package needs beside its code: the interface definition and all that is built."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


def _rom_files(name: str, about: dict[str, Any]) -> list[str]:
    """What a folder of roms builds: a ROM of its name, or one for each variant; beside it a boot shim if it has one."""
    return [f"{variant}.rom" for variant in about.get("variant", (name,))] + [f"{name}.shim"] * ("shim" in about)


def _guest_files(name: str, about: dict[str, Any]) -> list[str]:
    """What a folder of kernels builds: an ELF file, if it names no other format. conform/mmu is called conform-mmu."""
    return [f"{name.replace('/', '-')}.{about.get('guest', {}).get('format', 'elf')}"]


#: Folder of sources, its definition file, folder of the results in build and in the package, the results' names.
_BUILT = (("roms", "rom.toml", "roms", _rom_files), ("kernels", "guest.toml", "guests", _guest_files))


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
        for folder, definition, results, files in _BUILT:
            names = sorted(path.parent.relative_to(top / folder).as_posix()
                           for pattern in ("*", "*/*") for path in (top / folder).glob(f"{pattern}/{definition}"))
            if not names:
                missing.append(f"anything in {folder}")
            for name in names:
                about = tomllib.loads((top / folder / name / definition).read_text(encoding="utf-8"))
                for file in files(name, about):
                    built = top / "build" / results / file
                    included[str(built)] = f"openvmi/_data/{results}/{file}"
                    if not built.is_file():
                        missing.append(str(built.relative_to(top)))
        for runner in sorted(top.glob("src/openvmi/hypervisors/*/runner")):  # programs that run guests
            built = top / "build" / "runner" / runner.parent.name
            included[str(built)] = f"openvmi/_data/runner/{built.name}"
            if not built.is_file():
                missing.append(str(built.relative_to(top)))
        for program in sorted(path.parent.name for path in top.glob("benchmarks/*/program.c")):  # compared with kernels
            built = top / "build" / "programs" / program
            included[str(built)] = f"openvmi/_data/programs/{program}"
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
