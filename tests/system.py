# SPDX-License-Identifier: MIT
"""Which programs and files of the system the tests can use; what has them is in tools/system-packages.txt."""

from __future__ import annotations

import glob
import os
import shlex
import shutil
from functools import cache
from pathlib import Path

#: What else could not be tested, and why: told at the end of all.
NOT_TESTED: list[str] = []

_LIST = Path(__file__).parents[1] / "tools" / "system-packages.txt"


@cache
def packages() -> dict[str, str]:
    """Program, folder beside one of PATH, or pattern for files -> Debian package, as a shell wants it."""
    lines = [line.split() for line in _LIST.read_text().splitlines() if line and not line.startswith("#")]
    return {what: shlex.quote(package) for what, package in lines}


def there(what: str) -> bool:
    """Whether it is installed. :class:`KeyError` for what is not in the list."""
    assert packages()[what]
    if what.startswith("/"):
        return bool(glob.glob(what))
    if "/" in what:
        return any((Path(folder) / ".." / what).exists() for folder in os.get_exec_path())
    return shutil.which(what) is not None


def must_have() -> bool:
    """Whether nothing may be missing: in CI, and where tools/system-packages could have installed it."""
    return os.environ.get("CI") == "true" or (os.geteuid() == 0 and shutil.which("apt-get") is not None)
