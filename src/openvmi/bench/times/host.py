# SPDX-License-Identifier: MIT
"""The kernel's arithmetic as a process of the host."""

from __future__ import annotations

import subprocess
from pathlib import Path

from openvmi.bench.times.lines import Lines, parse
from openvmi.errors import OpenVmiError


def run(program: Path, timeout: float) -> Lines:
    """One run. :class:`OpenVmiError` when it does not end well within `timeout` seconds."""
    try:
        done = subprocess.run([program, "arithmetic"], capture_output=True, stdin=subprocess.DEVNULL, timeout=timeout)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise OpenVmiError(f"{program} cannot be run: {error}") from error
    if done.returncode:
        raise OpenVmiError(f"{program} ended with status {done.returncode}; build it again: make build")
    return parse(done.stdout)
