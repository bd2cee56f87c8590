# SPDX-License-Identifier: MIT
"""What a builder does with the source of a ROM: into the image, elsewhere, or nowhere."""

from __future__ import annotations

from pathlib import Path

from attrs import frozen

import openvmi
from openvmi.abi.names import CapsuleKind
from openvmi.errors import BuildError, UsageError
from openvmi.rom import capsule_tar, recipe
from openvmi.rom.capsule import Capsule
from openvmi.rom.inputs import Inputs
from openvmi.rom.recipe import Recipe

TOOL = f"openvmi {openvmi.__version__}"


@frozen
class Form:
    """`kind` None: no source. `url` for the one that is elsewhere, `tar` for where to write that, beside the ROM unless
    given."""

    kind: CapsuleKind | None = CapsuleKind.EMBEDDED
    url: str = ""
    tar: Path | None = None

    def capsule(self, inputs: Inputs, how: Recipe) -> tuple[bytes, bytes]:
        """The part of the image, empty for none, and the tar. :class:`BuildError` for files that a tar cannot have."""
        tar = tar_of(inputs, how)
        if self.kind is None:
            return b"", tar
        made = Capsule.at(self.url, tar) if self.kind == CapsuleKind.URL else Capsule.embedded(tar)
        return made.pack(), tar

    def beside(self, rom: Path, tar: bytes) -> dict[Path, bytes]:
        """The file of the tar, where one is written."""
        if self.kind != CapsuleKind.URL:
            return {}
        path = self.tar or rom.with_suffix(".tar")
        if path == rom:
            raise UsageError(f"{rom}: the ROM and the tar of its source; give the ROM a name that ends in .rom")
        return {path: tar}


EMBED = Form()


def tar_of(inputs: Inputs, how: Recipe) -> bytes:
    """The canonical tar of a capsule. :class:`BuildError` for files that it cannot have."""
    try:
        return capsule_tar.write(inputs.files | {recipe.FILE: how.pack()})
    except capsule_tar.TarProblem as problem:
        raise BuildError(f"the source capsule: {problem}; rename or split the file, or build with --no-source") \
            from problem
