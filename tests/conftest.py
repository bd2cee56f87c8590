# SPDX-License-Identifier: MIT
"""What tests of more than one part share."""

from __future__ import annotations

from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def top() -> Path:
    """The top of the source tree."""
    return TOP


@pytest.fixture(scope="session")
def tiny_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real guest of a few instructions, compiled, with symbols."""
    from openvmi.guest.build import build

    output = tmp_path_factory.mktemp("tiny") / "tiny.elf"
    build(TOP / "tests" / "guest" / "data" / "tiny", output, TOP / "build" / "cache")
    return output
