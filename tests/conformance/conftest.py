# SPDX-License-Identifier: MIT
"""The kernel with everything that can come of a test, and its subject."""

from __future__ import annotations

from pathlib import Path

import pytest

from openvmi.conformance import tests
from openvmi.conformance.tests import Subject
from openvmi.guest.build import build


@pytest.fixture(scope="session")
def wrong(top: Path, tmp_path_factory: pytest.TempPathFactory) -> Subject:
    """tests/conformance/guest, built."""
    output = tmp_path_factory.mktemp("wrong") / "conform-wrong.elf"
    build(Path(__file__).parent / "guest", output, top / "build" / "cache")
    found = tests.read(output)
    assert found
    return found
