# SPDX-License-Identifier: MIT
"""The console script. Imports nothing before Ctrl-C is silent: loading the command line takes a moment."""

import signal


def main() -> None:
    """Runs the command line. Until it is loaded, a signal ends the process as it ends any other.

    From then on SIGTERM, and SIGHUP where it is not ignored, unwind it as Ctrl-C does: nothing is left behind.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from openvmi.cli import main as command

    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in ("SIGTERM", "SIGHUP"):  # Windows has no SIGHUP
        if (number := getattr(signal, name, None)) and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)
    command.main()
