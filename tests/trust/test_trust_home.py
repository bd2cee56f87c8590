# SPDX-License-Identifier: MIT
"""Where the user's files are looked for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from openvmi.trust import home


@pytest.mark.parametrize(("variables", "config", "state"), [
    ({"OPENVMI_CONFIG": "/c", "OPENVMI_STATE": "/s", "XDG_CONFIG_HOME": "/x", "HOME": "/h"}, "/c", "/s"),
    ({"XDG_CONFIG_HOME": "/x", "XDG_STATE_HOME": "/y", "HOME": "/h"}, "/x/openvmi", "/y/openvmi"),
    ({"XDG_CONFIG_HOME": "not/absolute", "XDG_STATE_HOME": "", "HOME": "/h"},
     "/h/.config/openvmi", "/h/.local/state/openvmi"),
])
def test_order(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], config: str, state: str) -> None:
    for name in ("OPENVMI_CONFIG", "OPENVMI_STATE", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert (home.config(), home.state()) == (Path(config), Path(state))


def test_tests_have_a_home_of_their_own() -> None:
    for folder in (home.config(), home.state()):
        assert "openvmi-tests." in str(folder)
        assert not folder.is_relative_to(os.path.expanduser("~/.config"))
