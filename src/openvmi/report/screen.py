# SPDX-License-Identifier: MIT
"""Rich's console for stdout, less its own way to end the process."""

from __future__ import annotations

from rich.console import Console


class Screen(Console):
    """Leaves it to the command line what happens when the reader of stdout has left."""

    def __init__(self) -> None:
        super().__init__(highlight=False)

    def on_broken_pipe(self) -> None:
        """Called by rich while it handles the BrokenPipeError, which goes on from here."""
        raise  # noqa: PLE0704
