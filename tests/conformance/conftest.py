# SPDX-License-Identifier: MIT
"""The kernel with everything that can come of a test, and its subject."""

from __future__ import annotations

from pathlib import Path

import pytest

from openvmi.conformance import mutants, tests
from openvmi.conformance.tests import Subject
from openvmi.guest.build import build

_VERDICTS = pytest.StashKey[list[mutants.Verdict]]()


@pytest.fixture(scope="session")
def verdicts(pytestconfig: pytest.Config) -> list[mutants.Verdict]:
    """Takes what came of the mutants that were judged; their rates are told at the end."""
    return pytestconfig.stash.setdefault(_VERDICTS, [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """How many mutants the kit has caught."""
    for line in mutants.rates(config.stash.get(_VERDICTS, [])):
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def wrong(top: Path, tmp_path_factory: pytest.TempPathFactory) -> Subject:
    """tests/conformance/guest, built."""
    output = tmp_path_factory.mktemp("wrong") / "conform-wrong.elf"
    build(Path(__file__).parent / "guest", output, top / "build" / "cache")
    found = tests.read(output)
    assert found
    return found
