# SPDX-License-Identifier: MIT
"""Rich's console, less its own way to end the process."""

from __future__ import annotations

from rich.console import Console


class Screen(Console):
    """Leaves it to the command line what happens when the reader has left. On stdout, unless it says otherwise."""

    def __init__(self, width: int | None = None, to_stderr: bool = False) -> None:
        super().__init__(highlight=False, width=width, stderr=to_stderr)

    def on_broken_pipe(self) -> None:
        """Called by rich while it handles the BrokenPipeError, which goes on from here."""
        raise  # noqa: PLE0704
