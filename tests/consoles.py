# SPDX-License-Identifier: MIT
"""What tests give a machine as its console."""

from __future__ import annotations

from collections.abc import Callable


def at_first(deed: Callable[[], object]) -> Callable[[bytes], None]:
    """Does it at the guest's first output, once: a guest's output comes in any number of pieces, also after its end."""
    left = [deed]

    def take(data: bytes) -> None:
        if left:
            left.pop()()

    return take
