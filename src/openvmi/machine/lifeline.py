# SPDX-License-Identifier: MIT
"""Starting a process that cannot outlive this one, however this one ends, nor can what it starts in its turn.

The usual means, PR_SET_PDEATHSIG, is not used: it fires when the *thread* that started the process ends, and setting
it runs Python between fork and exec. Instead, the process inherits the reading end of a pipe whose owner it is, with
SIGKILL as the signal that the kernel sends when something happens there (fcntl(2), F_SETSIG). Only this process has the
writing end, and never writes: when it is gone, for whatever reason, the kernel closes the pipe and sends the signal.

The owner can be named only when there is a process. Until then it is a shell that waits for one line before it becomes
the program, and ends when there will be none.

The process leads a process group of its own. The group is the owner, and is killed as a whole: children that stay in it
end, too.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack, suppress

_WAIT_THEN_BECOME = 'read -r go && exec "$@" </dev/null'
_LEAST = 16  #: the pipe's number in the process is at least that, so that it has the low ones for itself


class Lifeline:
    """A started process and what ties it to this one. :meth:`close` kills it if it is still there."""

    def __init__(self, command: Sequence[str], files: Sequence[int], stderr: int) -> None:
        """Starts a program by its path; `files` are descriptors that it inherits under the same numbers.

        What it writes goes to the descriptor `stderr`. It has a session of its own: Ctrl-C in a terminal is for this
        process to handle. It must not close what it does not know, for the pipe is among that. Raises :class:`OSError`
        when nothing can be started; a program that is not there is the shell's to complain about.
        """
        with ExitStack() as failing:
            low, self._writer = os.pipe()
            failing.callback(os.close, self._writer)
            try:
                reader = fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, _LEAST)
            finally:
                os.close(low)
            try:
                self.process = subprocess.Popen(
                    ["/bin/sh", "-c", _WAIT_THEN_BECOME, "sh", *command], pass_fds=(reader, *files),
                    stdin=subprocess.PIPE, stdout=stderr, stderr=stderr, start_new_session=True,
                )  # fmt: skip
                failing.callback(self._kill)
                fcntl.fcntl(reader, fcntl.F_SETOWN, -self.process.pid)
                fcntl.fcntl(reader, fcntl.F_SETSIG, signal.SIGKILL)
                fcntl.fcntl(reader, fcntl.F_SETFL, fcntl.fcntl(reader, fcntl.F_GETFL) | os.O_ASYNC)
                assert self.process.stdin
                with self.process.stdin as go:
                    go.write(b"go\n")
            finally:
                os.close(reader)
            failing.pop_all()

    def _kill(self) -> None:
        if self.process.returncode is None:  # until somebody has waited for it, its number is nobody else's
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def close(self) -> None:
        """Ends the process if need be and frees everything. Harmless when repeated."""
        self._kill()
        if self._writer >= 0:
            os.close(self._writer)
            self._writer = -1
