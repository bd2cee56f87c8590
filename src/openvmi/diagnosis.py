# SPDX-License-Identifier: MIT
"""What of the toolkit works on this machine, and what to do about the rest."""

from __future__ import annotations

import platform
from importlib import util
from pathlib import Path

from attrs import frozen

import openvmi
from openvmi import hypervisors, resources
from openvmi.hypervisors.base import Availability, default_rom_path
from openvmi.toolchain import Toolchain


@frozen
class HypervisorState:
    """One hypervisor: whether it can be used here, and whether its ROM is there."""

    name: str
    summary: str
    availability: Availability
    rom: Path | None  #: where its ROM is or would be; None: it has none
    rom_built: bool


@frozen
class Diagnosis:
    """Everything that `openvmi doctor` tells."""

    versions: dict[str, str]  #: component -> version
    compiler: Availability
    guests: tuple[str, ...]  #: names of the built guests
    hypervisors: tuple[HypervisorState, ...]
    signatures: Availability = Availability(True)

    @property
    def usable(self) -> bool:
        """Whether a guest can run at all."""
        return any(h.availability.usable for h in self.hypervisors)


def diagnose() -> Diagnosis:
    """Looks; changes nothing."""
    return Diagnosis(
        versions={"openvmi": openvmi.__version__, "Python": platform.python_version(),
                  "machine": f"{platform.system()} {platform.machine()}"},
        compiler=_compiler(),
        guests=tuple(sorted(path.stem for path in resources.built("guests").glob("*.elf"))),
        hypervisors=tuple(_state(name) for name in hypervisors.names()),
        signatures=_signatures(),
    )


def _compiler() -> Availability:
    if util.find_spec("ziglang") is None:
        return Availability(False, "The compiler is not installed; only building ROMs and guests needs it.",
                            "Run: pip install 'openvmi[build]'")
    return Availability(True, versions=dict([Toolchain.version().split(" ", 1)]))


def _signatures() -> Availability:
    if util.find_spec("cryptography") is None:
        return Availability(False, "The package cryptography is not installed; without it no ROM counts as signed.",
                            "Run: pip install 'openvmi[sign]'")
    from importlib.metadata import version

    return Availability(True, versions={"cryptography": version("cryptography")})


def _state(name: str) -> HypervisorState:
    hypervisor = hypervisors.get(name)
    rom = default_rom_path(hypervisor)
    return HypervisorState(name, hypervisor.summary, hypervisor.available(), rom, rom is not None and rom.is_file())
