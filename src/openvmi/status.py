# SPDX-License-Identifier: MIT
"""Exit statuses of the command line: the guest's own below 64, the tool's above."""

from enum import IntEnum

from openvmi.errors import BadFileError, OpenVmiError, RefusedError, UnavailableError, UsageError


class Status(IntEnum):
    """What a status from 64 on means. 0 to 63 is the guest's own."""

    USAGE = 64  #: the command line makes no sense
    BAD_FILE = 65  #: a file's bytes are not what its format demands
    UNAVAILABLE = 69  #: something needed is not installed or not usable here
    CRASH = 120  #: the guest crashed
    REFUSED = 121  #: guest, ROM, hypervisor or policy do not go together
    REBOOT = 122  #: the guest asked for a restart
    TIMEOUT = 124  #: the time limit was reached
    TOOL = 125  #: the tool failed
    INTERRUPTED = 130  #: stopped by the user
    OUTPUT_CLOSED = 141  #: who read the output left; as a shell reports a process that SIGPIPE ended


MEANING = {
    Status.USAGE: "the command makes no sense",
    Status.BAD_FILE: "a file is not what its format demands",
    Status.UNAVAILABLE: "something needed is not installed or not usable here",
    Status.CRASH: "the guest crashed",
    Status.REFUSED: "guest, ROM, hypervisor or policy do not go together",
    Status.REBOOT: "the guest asked for a restart",
    Status.TIMEOUT: "the time limit was reached",
    Status.TOOL: "the tool failed",
    Status.INTERRUPTED: "stopped by the user",
    Status.OUTPUT_CLOSED: "who read the output left",
}

_BY_ERROR: list[tuple[type[OpenVmiError], Status]] = [
    (UsageError, Status.USAGE),
    (BadFileError, Status.BAD_FILE),
    (UnavailableError, Status.UNAVAILABLE),
    (RefusedError, Status.REFUSED),
]


def status_of(error: OpenVmiError) -> Status:
    """The exit status for an error."""
    return next((status for kind, status in _BY_ERROR if isinstance(error, kind)), Status.TOOL)
