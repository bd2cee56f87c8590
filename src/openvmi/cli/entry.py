# SPDX-License-Identifier: MIT
"""The console script. Imports nothing before Ctrl-C is silent: loading the command line takes a moment."""

import signal


def main() -> None:
    """Runs the command line. Until it is loaded, SIGINT ends the process as it ends any other."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from openvmi.cli import main as command

    signal.signal(signal.SIGINT, signal.default_int_handler)
    command.main()
