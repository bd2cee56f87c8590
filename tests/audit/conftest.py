# SPDX-License-Identifier: MIT
"""Modules of the distribution, and such as no distribution has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from openvmi.audit import unpack
from openvmi.toolchain import FREESTANDING, Toolchain
from tests import system
from tests.audit import packages

Make = Callable[..., Path]


@pytest.fixture(scope="session")
def modules() -> list[Path]:
    """All modules of the distribution's kernel for clouds: some 1,100, which are fetched once."""
    try:
        folder = packages.unpacked("linux-image-cloud-amd64", r"linux-image-[0-9].*")
    except packages.CannotError as error:
        if system.must_have():
            pytest.fail(str(error), pytrace=False)
        system.NOT_TESTED.append(f"modules of a distribution's kernel: {error}")
        pytest.skip(str(error))
    for path in list(folder.rglob("*.ko.xz")):  # binutils reads none of those
        path.with_suffix("").write_bytes(unpack.unpack(path.read_bytes()))
        path.unlink()
    found = sorted((folder / "lib" / "modules").rglob("*.ko"))
    assert len(found) > 500
    return found


@pytest.fixture(scope="session")
def make_module(top: Path, tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Compiles data/module.c with some macros: a module as far as its file goes."""
    toolchain, folder = Toolchain(top / "build" / "cache"), tmp_path_factory.mktemp("modules")

    def make(name: str, **macros: str) -> Path:
        output = folder / f"{name}.ko"
        if not output.exists():
            given = [f"-D{key}={value}" for key, value in macros.items()]
            toolchain.compile(Path(__file__).parent / "data" / "module.c", output,
                              (*FREESTANDING, f'-DNAME="{name}"', *given))
        return output

    return make
