# SPDX-License-Identifier: MIT
"""The small kernels, compiled once, and a way to run one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.hypervisors.emu.cases import Cases, Ran, build, make


@pytest.fixture(scope="session")
def cases(top: Path, tmp_path_factory: pytest.TempPathFactory) -> Cases:
    """All cases."""
    return build(top, tmp_path_factory.mktemp("cases"))


@pytest.fixture
def run(cases: Cases) -> Iterator[Callable[..., Ran]]:
    """Runs a case by name. Its memory can be read until the test ends."""
    with ExitStack() as stack:

        def start(name: str, prepare: Callable[[Any], None] | None = None, **values: Any) -> Ran:
            machine, said = make(cases, name, **values)
            stack.enter_context(machine)
            if prepare:
                prepare(machine)
            outcome = machine.run()
            return Ran(machine, outcome, bytes(said), cases.symbols)

        yield start
