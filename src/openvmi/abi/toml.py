# SPDX-License-Identifier: MIT
"""TOML in which every value is asked for by name and type, so that a wrong one is found and named.

A definition may be anybody's: files, lists and numbers have bounds, texts show on a terminal as what they are.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from attrs import frozen

from openvmi.errors import AbiError, BadFileError, UsageError
from openvmi.files import read_bounded

_T = TypeVar("_T", str, int, bool)
_REQUIRED: Any = object()
_FILE_LIMIT = 64 << 10  #: bytes; the longest of a released version has 16,000
_LIST_LIMIT = 256  #: entries
_BITS = 64  #: of a number, without its sign
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

    def integers(self, key: str, default: Any = _REQUIRED) -> tuple[int, ...]:
        """A list of whole numbers."""
        return tuple(self._checked(f"{key}[{index}]", value, int)
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
            raise AbiError(f"{self.file}: {self._path(key)} is {_shown(value)}; expected {_KINDS[kind]}")
        if problem := _bound_that_is_broken(value):
            raise AbiError(f"{self.file}: {self._path(key)} {problem}")
        return value

    def _path(self, key: str) -> str:
        name = key if key.isprintable() else _shown(key)
        return f"{self.where}.{name}" if self.where else name


def _bound_that_is_broken(value: Any) -> str:
    """What is wrong with a value of the right kind; empty: nothing."""
    if isinstance(value, list | dict) and len(value) > _LIST_LIMIT:
        return f"has {len(value)} entries; expected at most {_LIST_LIMIT}"
    if isinstance(value, int) and value.bit_length() > _BITS:
        return f"has {value.bit_length()} bits; expected at most {_BITS}"
    for text in value if isinstance(value, dict) else [value] if isinstance(value, str) else []:
        if not text.replace("\n", " ").isprintable():
            return f"has {_shown(text)}; expected characters that can be printed"
    return ""


def _shown(value: Any) -> str:
    try:
        return f"{value!r:.40}"
    except (ValueError, RecursionError):  # a number of too many digits; too deep
        return "nothing that can be shown"


def read(path: Path) -> Table:
    """A whole file. Raises :class:`AbiError` when it cannot be read, is too large, or is not TOML."""
    try:
        return Table(path, "", tomllib.loads(read_bounded(path, _FILE_LIMIT).decode()))
    except (UsageError, BadFileError) as error:
        raise AbiError(f"{error}; an interface definition has this file, and it is one of text") from error
    except (ValueError, RecursionError) as error:  # also a number of too many digits; too deep
        raise AbiError(f"{path}: not TOML: {str(error)!r:.200}") from error
