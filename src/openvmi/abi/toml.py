# SPDX-License-Identifier: MIT
"""TOML in which every value is asked for by name and type, so that a wrong one is found and named."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from attrs import frozen

from openvmi.errors import AbiError

_T = TypeVar("_T", str, int, bool)
_REQUIRED: Any = object()
_KINDS = {str: "a string", int: "a whole number", bool: "true or false", list: "a list", dict: "a table"}


@frozen
class Table:
    """One table of a file. All methods raise :class:`AbiError` naming file, table and key."""

    file: Path
    where: str  #: path of the table in the file, as `call[3].native`; empty at the top
    data: dict[str, Any]

    def get(self, key: str, kind: type[_T], default: Any = _REQUIRED) -> _T:
        """The value of a key; the default, where there is one, when the key is missing."""
        return self._get(key, kind, default)

    def strings(self, key: str, default: Any = _REQUIRED) -> tuple[str, ...]:
        """A list of strings."""
        return tuple(self._checked(f"{key}[{index}]", value, str)
                     for index, value in enumerate(self._get(key, list, default)))

    def table(self, key: str) -> Table:
        """A table in this one."""
        return Table(self.file, self._path(key), self._get(key, dict, _REQUIRED))

    def tables(self, key: str) -> Iterator[Table]:
        """A list of tables."""
        for index, value in enumerate(self._get(key, list, _REQUIRED)):
            name = f"{key}[{index}]"
            yield Table(self.file, self._path(name), self._checked(name, value, dict))

    def texts(self, *keys: str) -> dict[str, str]:
        """The strings of several keys."""
        return {key: self.get(key, str) for key in keys}

    def numbers(self, *keys: str) -> dict[str, int]:
        """The whole numbers of several keys."""
        return {key: self.get(key, int) for key in keys}

    def only(self, *keys: str) -> Table:
        """This table, which has no other keys than these."""
        for key in self.data:
            if key not in keys:
                raise AbiError(f"{self.file}: {self._path(key)}: unknown key; expected {', '.join(keys)}")
        return self

    def _get(self, key: str, kind: type, default: Any) -> Any:
        if key not in self.data:
            if default is _REQUIRED:
                raise AbiError(f"{self.file}: {self._path(key)} is missing; expected {_KINDS[kind]}")
            return default
        return self._checked(key, self.data[key], kind)

    def _checked(self, key: str, value: Any, kind: type) -> Any:
        if type(value) is not kind:
            raise AbiError(f"{self.file}: {self._path(key)} is {value!r:.40}; expected {_KINDS[kind]}")
        return value

    def _path(self, key: str) -> str:
        return f"{self.where}.{key}" if self.where else key


def read(path: Path) -> Table:
    """A whole file. Raises :class:`AbiError` when it cannot be read or is not TOML."""
    try:
        with path.open("rb") as file:
            return Table(path, "", tomllib.load(file))
    except OSError as error:
        raise AbiError(f"{path}: {error.strerror}; an interface definition has this file") from error
    except (ValueError, RecursionError) as error:  # also a number of too many digits; too deep
        raise AbiError(f"{path}: not TOML: {error}") from error
