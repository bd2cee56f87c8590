# SPDX-License-Identifier: MIT
"""The first moments of the command, before its modules are loaded."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from openvmi.status import Status

#: Says when Python itself has started: what happens before is not ours.
COMMAND = [sys.executable, "-c", "import os; from openvmi.cli.entry import main; os.write(2, b'ready\\n'); main()",
           "run", "hostile", "--append", "hostile.do=spin"]


@pytest.mark.parametrize("milliseconds", [1, 10, 30, 60, 120, 250])
def test_an_early_interrupt_is_silent(milliseconds: int) -> None:
    with subprocess.Popen(COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None and process.stderr.readline() == b"ready\n"
        time.sleep(milliseconds / 1000)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=10)
    assert process.returncode in (Status.INTERRUPTED, -signal.SIGINT)
    assert b"Traceback" not in told
