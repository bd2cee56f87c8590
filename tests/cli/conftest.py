# SPDX-License-Identifier: MIT
"""The command line in this process, on a fake hypervisor."""

from __future__ import annotations

import pytest
from fakes import FakeHypervisor

from openvmi import hypervisors
from openvmi.errors import UsageError


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeHypervisor:
    """The only hypervisor that there is."""
    only = FakeHypervisor()

    def get(name: str) -> FakeHypervisor:
        if name != only.name:
            raise UsageError(f"there is no hypervisor {name!r}; known are {only.name}")
        return only

    monkeypatch.setattr(hypervisors, "names", lambda: [only.name])
    monkeypatch.setattr(hypervisors, "get", get)
    return only


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> dict[str, FakeHypervisor]:
    """What a test puts here is what there is."""
    there: dict[str, FakeHypervisor] = {}
    monkeypatch.setattr(hypervisors, "names", lambda: sorted(there))
    monkeypatch.setattr(hypervisors, "get", there.__getitem__)
    return there
