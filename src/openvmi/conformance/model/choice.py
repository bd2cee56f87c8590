# SPDX-License-Identifier: MIT
"""Taking every way through code that chooses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Rejected(Exception):
    """This way leads nowhere: what was observed is something else."""


class Choices:
    """The choices along one way. The first time each takes its first option."""

    def __init__(self, path: list[int]) -> None:
        self._path = path
        self._counts: list[int] = []

    def pick(self, options: Sequence[T]) -> T:
        """One of these; another one the next time."""
        depth = len(self._counts)
        if depth == len(self._path):
            self._path.append(0)
        self._counts.append(len(options))
        return options[self._path[depth]]

    def next(self) -> list[int] | None:
        """The path after this one, None when there is no other."""
        path = self._path[: len(self._counts)]
        while path and path[-1] + 1 == self._counts[len(path) - 1]:
            path.pop()
        if not path:
            return None
        path[-1] += 1
        return path


def explore(go: Callable[[Choices], R]) -> Iterator[R]:
    """What comes of each way that is not rejected."""
    path: list[int] | None = []
    while path is not None:
        choices = Choices(path)
        with suppress(Rejected):
            yield go(choices)
        path = choices.next()
