# SPDX-License-Identifier: MIT
"""What tests of more than one part share."""

from __future__ import annotations

import os
import shutil
import tempfile
from itertools import count
from pathlib import Path

import pytest

from tests import system

TOP = Path(__file__).resolve().parent.parent
_NEEDS = "needs"
_SKIPPED = pytest.StashKey[dict[str, int]]()
_HOME = pytest.StashKey[str]()
_COUNT = count()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{_NEEDS}(*tools): what must be installed, as in tools/system-packages.txt")
    config.stash[_SKIPPED] = {}
    # Tests neither see nor touch what the user has decided, nor do programs that they start.
    config.stash[_HOME] = tempfile.mkdtemp(prefix="openvmi-tests.")
    for name in ("CONFIG", "STATE"):
        os.environ[f"OPENVMI_{name}"] = os.path.join(config.stash[_HOME], name.lower())


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """A missing tool is a failure where it could have been installed, and a skip that is told at the end elsewhere.

    What one test finds out about a ROM is not known in another.
    """
    os.environ["OPENVMI_STATE"] = os.path.join(item.config.stash[_HOME], f"state-{next(_COUNT)}")
    missing = {tool for marker in item.iter_markers(_NEEDS) for tool in marker.args if not system.there(tool)}
    if not missing:
        return
    packages = " ".join(sorted(system.packages()[tool] for tool in missing))
    reason = f"needs {' and '.join(sorted(missing))}; on Debian and Ubuntu: apt install {packages}"
    if system.must_have():
        pytest.fail(f"{reason}; or run tools/system-packages", pytrace=False)
    skipped = item.config.stash[_SKIPPED]
    skipped[packages] = skipped.get(packages, 0) + 1
    pytest.skip(reason)


def pytest_unconfigure(config: pytest.Config) -> None:
    """The last lines of all, behind pytest's own summary."""
    shutil.rmtree(config.stash[_HOME], ignore_errors=True)
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    for packages, number in config.stash[_SKIPPED].items():
        terminal.write_line(f"NOT TESTED: {number} tests skipped, because these packages are not installed: {packages}",
                            red=True, bold=True)
    for what in system.NOT_TESTED:
        terminal.write_line(f"NOT TESTED: {what}", red=True, bold=True)


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
