# SPDX-License-Identifier: MIT
"""A back-end compiled into the kernel, chosen at run time."""

from __future__ import annotations

from pathlib import Path

import pytest

from openvmi.guest import build
from openvmi.guest.image import GuestImage
from tests.libvmi.boot import boot, rom


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> GuestImage:
    """The kernel of tests/libvmi/backend."""
    folder = tmp_path_factory.mktemp("backend")
    return build.build(Path(__file__).parent / "backend", folder / "backend.elf", folder / "work")


def test_without_its_word_the_kernel_links_to_the_rom(kernel: GuestImage) -> None:
    result = boot(kernel, rom())
    assert "ROM emu" in result.console and "written 0" in result.console
    assert "frequency 3b9aca00" in result.console


@pytest.mark.parametrize("with_rom", [True, False])
def test_with_it_the_back_end_comes_before_any_rom(kernel: GuestImage, with_rom: bool) -> None:
    result = boot(kernel, rom() if with_rom else None, options="backend")
    assert result.outcome.code == 0
    assert "back-end counter" in result.console and "frequency 12345678, root 1" in result.console
    assert "written 0" not in result.console
    assert result.link.call and result.link.inline == 1 and result.link.nop == 1
    assert result.link.taint == 0


def test_vmi_off_is_stronger(kernel: GuestImage) -> None:
    assert "written 0" in boot(kernel, rom(), options="backend vmi=off").console


def test_its_groups_can_be_disabled(kernel: GuestImage) -> None:
    result = boot(kernel, rom(), options="backend vmi.disable=sys")
    assert "written 0" in result.console and "frequency 12345678" in result.console
