# SPDX-License-Identifier: MIT
"""Loads interface definitions (folders of TOML files) of every generation, and checks that they are consistent."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from openvmi import resources
from openvmi.abi import classic_reader, classic_rules, reader, rules
from openvmi.abi.classic_model import ClassicInterface
from openvmi.abi.model import Interface
from openvmi.abi.toml import read
from openvmi.errors import AbiError, UsageError

CURRENT = "4.1"
CLASSIC = "3.0"
_VERSION = re.compile(r"[0-9]+\.[0-9]+")


def versions() -> list[str]:
    """Every version of the interface that is kept, oldest first."""
    found = [p.name for p in resources.abi_folder().iterdir()
             if _VERSION.fullmatch(p.name) and (p / "interface.toml").is_file()]
    return sorted(found, key=lambda name: tuple(map(int, name.split("."))))


@cache
def definition(version: str) -> Interface | ClassicInterface:
    """The definition of a released version, of whatever generation.

    Raises :class:`UsageError` for a version that is not kept and :class:`AbiError` for a definition that is wrong.
    """
    if version not in versions():
        raise UsageError(f"there is no VMI {version}; known are {', '.join(reversed(versions()))}")
    return load(resources.abi_folder() / version)


def interface(version: str = CURRENT) -> Interface:
    """The definition of a version with sites (4.x). Raises as :func:`definition` does."""
    found = definition(version)
    if not isinstance(found, Interface):
        raise UsageError(f"VMI {version} is a classic interface; expected a version from 4.0 on")
    return found


def classic() -> ClassicInterface:
    """The definition of the classic interface. Raises as :func:`definition` does."""
    found = definition(CLASSIC)
    assert isinstance(found, ClassicInterface)
    return found


def load(folder: Path) -> Interface | ClassicInterface:
    """Reads and checks one definition folder. Raises :class:`AbiError` for whatever is wrong with it."""
    head = read(folder / "interface.toml")
    major = head.table("interface").get("major", int)
    found: Interface | ClassicInterface
    if major == 3:
        found = classic_reader.interface(folder, head)
    elif major == 4:
        found = reader.interface(folder, head)
    else:
        raise AbiError(f"{head.file}: interface.major is {major}; expected 3 or 4")
    check(found, str(folder))
    return found


def check(abi: Interface | ClassicInterface, where: str = "definition") -> None:
    """Raises :class:`AbiError` naming the first rule of the interface that the definition breaks."""
    for problem in problems(abi):
        raise AbiError(f"{where}: {problem}")


def problems(abi: Interface | ClassicInterface) -> Iterator[str]:
    """Yields every broken rule as a sentence."""
    return rules.problems(abi) if isinstance(abi, Interface) else classic_rules.problems(abi)
