# SPDX-License-Identifier: MIT
"""What the build hook puts into a wheel, and that it refuses to make one without the built files."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A source tree with one ROM and one guest, both built."""
    for name in ("abi/4.0/interface.toml", "roms/one/rom.toml", "kernels/two/guest.toml", "build/roms/one.rom",
                 "build/guests/two.elf"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    return tmp_path


def included(top: Path, root: Path, version: str = "standard") -> dict[str, str]:
    """What the hook adds to a wheel built from `root`."""
    spec = importlib.util.spec_from_file_location("hatch_build", top / "hatch_build.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    data: dict[str, Any] = {"force_include": {}}
    module.Hook(str(root), {}, None, None, "", "wheel").initialize(version, data)
    return data["force_include"]


def test_includes(top: Path, tree: Path) -> None:
    assert included(top, tree) == {
        str(tree / "abi"): "openvmi/_data/abi",
        str(tree / "build/roms/one.rom"): "openvmi/_data/roms/one.rom",
        str(tree / "build/guests/two.elf"): "openvmi/_data/guests/two.elf",
    }


def test_includes_boot_shims(top: Path, tree: Path) -> None:
    (tree / "roms/one/rom.toml").write_text("[shim]\n")
    with pytest.raises(FileNotFoundError, match=r"there is no build/roms/one.shim; run: make build"):
        included(top, tree)
    (tree / "build/roms/one.shim").touch()
    assert included(top, tree)[str(tree / "build/roms/one.shim")] == "openvmi/_data/roms/one.shim"


def test_includes_every_variant_of_a_rom(top: Path, tree: Path) -> None:
    (tree / "roms/one/rom.toml").write_text("[variant.one-small]\n[variant.one-large]\n")
    for variant in ("one-small", "one-large"):
        with pytest.raises(FileNotFoundError, match=rf"build/roms/{variant}\.rom.*; run: make build"):
            included(top, tree)
        (tree / f"build/roms/{variant}.rom").touch()
    found = [name for name in included(top, tree).values() if name.endswith(".rom")]
    assert found == ["openvmi/_data/roms/one-small.rom", "openvmi/_data/roms/one-large.rom"]


def test_includes_kernels_of_other_formats(top: Path, tree: Path) -> None:
    (tree / "kernels/two/guest.toml").write_text('[guest]\nformat = "bzimage"\n')
    with pytest.raises(FileNotFoundError, match=r"there is no build/guests/two\.bzimage; run: make build"):
        included(top, tree)
    (tree / "build/guests/two.bzimage").touch()
    found = included(top, tree)
    assert found[str(tree / "build/guests/two.bzimage")] == "openvmi/_data/guests/two.bzimage"
    assert str(tree / "build/guests/two.elf") not in found


def test_includes_kernels_in_folders_of_folders(top: Path, tree: Path) -> None:
    (tree / "kernels/kit/three").mkdir(parents=True)
    (tree / "kernels/kit/three/guest.toml").touch()
    with pytest.raises(FileNotFoundError, match=r"there is no build/guests/kit-three\.elf; run: make build"):
        included(top, tree)
    (tree / "build/guests/kit-three.elf").touch()
    assert included(top, tree)[str(tree / "build/guests/kit-three.elf")] == "openvmi/_data/guests/kit-three.elf"


def test_includes_the_benchmark_with_each_backend(top: Path, tree: Path) -> None:
    (tree / "contrib/one").mkdir(parents=True)
    (tree / "contrib/one/backend.toml").touch()
    with pytest.raises(FileNotFoundError, match=r"there is no build/guests/bench-one\.elf; run: make build"):
        included(top, tree)
    (tree / "build/guests/bench-one.elf").touch()
    assert included(top, tree)[str(tree / "build/guests/bench-one.elf")] == "openvmi/_data/guests/bench-one.elf"


def test_includes_programs_that_run_guests(top: Path, tree: Path) -> None:
    (tree / "src/openvmi/hypervisors/three/runner").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match=r"there is no build/runner/three; run: make build"):
        included(top, tree)
    (tree / "build/runner").mkdir()
    (tree / "build/runner/three").touch()
    assert included(top, tree)[str(tree / "build/runner/three")] == "openvmi/_data/runner/three"


def test_includes_programs_that_kernels_are_compared_with(top: Path, tree: Path) -> None:
    (tree / "benchmarks/four").mkdir(parents=True)
    (tree / "benchmarks/four/program.c").touch()
    with pytest.raises(FileNotFoundError, match=r"there is no build/programs/four; run: make build"):
        included(top, tree)
    (tree / "build/programs").mkdir()
    (tree / "build/programs/four").touch()
    assert included(top, tree)[str(tree / "build/programs/four")] == "openvmi/_data/programs/four"


def test_editable_needs_nothing(top: Path, tmp_path: Path) -> None:
    assert included(top, tmp_path, "editable") == {}


@pytest.mark.parametrize("name", ["build/roms/one.rom", "build/guests/two.elf"])
def test_refuses_without_a_built_file(top: Path, tree: Path, name: str) -> None:
    (tree / name).unlink()
    with pytest.raises(FileNotFoundError, match=rf"there is no {name}; run: make build"):
        included(top, tree)


def test_refuses_a_tree_without_kernels(top: Path, tree: Path) -> None:
    (tree / "kernels/two/guest.toml").unlink()
    with pytest.raises(FileNotFoundError, match="anything in kernels"):
        included(top, tree)
