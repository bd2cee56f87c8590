# SPDX-License-Identifier: MIT
"""The first moments of the command, before its modules are loaded."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from openvmi.status import Status

COMMAND = [sys.executable, "-c", "from openvmi.cli.entry import main; main()", "run", "hostile",
           "--append", "hostile.do=spin"]


@pytest.mark.parametrize("milliseconds", [15, 30, 60, 120, 250])
def test_an_early_interrupt_is_silent(milliseconds: int) -> None:
    with subprocess.Popen(COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        time.sleep(milliseconds / 1000)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=10)
    assert process.returncode in (Status.INTERRUPTED, -signal.SIGINT)
    # Python itself may still be starting; what is ours never shows a traceback.
    assert b"openvmi" not in told or b"Traceback" not in told
