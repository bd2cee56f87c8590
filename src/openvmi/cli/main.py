# SPDX-License-Identifier: MIT
"""Entry of the command line: runs a verb and turns every error into one message and one exit status."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from io import TextIOWrapper

import typer
from typer.main import get_command

from openvmi import __version__
from openvmi.cli.verbs import Verbs
from openvmi.errors import OpenVmiError
from openvmi.status import Status, status_of

_DEBUG = "OPENVMI_DEBUG"

app = typer.Typer(cls=Verbs, add_completion=False, rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def openvmi(context: typer.Context, version: bool = typer.Option(False, "--version", help="Show the version.")) -> None:
    """One kernel binary for every hypervisor."""
    if version:
        print(f"openvmi {__version__}")
    elif context.invoked_subcommand is None:
        print(context.get_help())


def run(arguments: Sequence[str]) -> int:
    """Runs one command line; returns its exit status. Errors are told on stderr."""
    try:
        command = get_command(app)
        with command.make_context("openvmi", list(arguments)) as context:
            status = command.invoke(context)
        sys.stdout.flush()
        return status or 0
    except typer.Exit as leave:
        return leave.exit_code
    except typer.TyperException as error:
        _tell(f"{error.format_message()} Try --help.")
        return Status.USAGE
    except (KeyboardInterrupt, typer.Abort):
        return Status.INTERRUPTED
    except BrokenPipeError:
        _drop_output()
        return Status.OUTPUT_CLOSED
    except OpenVmiError as error:
        _tell(str(error))
        return status_of(error)
    except OSError as error:
        _trace()
        _drop_output()
        where = f"{error.filename}: " if error.filename else ""
        _tell(f"{where}{error.strerror or error}; the system did not let openvmi do it: check space and permissions")
        return Status.TOOL
    except Exception as error:
        _trace()
        _tell(f"internal error: {type(error).__name__}: {error}; please report it with the output under {_DEBUG}=1")
        return Status.TOOL


def main() -> None:
    """The console script."""
    _open_streams()
    sys.exit(run(sys.argv[1:]))


def _open_streams() -> None:
    """Whatever the caller closed of the three standard streams leads nowhere, but is there.

    Otherwise the next file opened would take its number, and the guest's console would be written into that.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            os.dup2(os.open(os.devnull, os.O_RDWR), number)
            setattr(sys, name, os.fdopen(number, "r" if name == "stdin" else "w", closefd=False))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # else someone has put a file of their own there
            stream.reconfigure(errors="backslashreplace")  # file names need not be text


def _drop_output() -> None:
    """What is still buffered cannot go anywhere; the interpreter would complain about it at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _trace() -> None:
    if os.environ.get(_DEBUG) == "1":
        traceback.print_exc()


def _tell(message: str) -> None:
    from openvmi.report.page import clean  # names of files can hold what a terminal obeys

    print(f"openvmi: {clean(message)}", file=sys.stderr)


if __name__ == "__main__":
    main()
