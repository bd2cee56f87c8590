# SPDX-License-Identifier: MIT
"""Base of the generated structure classes: fixed little-endian layouts, packed and unpacked by offset."""

from __future__ import annotations

import struct
from typing import Any, ClassVar, Self

import attrs


class Layout:
    """A binary structure. Subclasses (generated) give SIZE, FORMAT and, per field, (name, offset, array length)."""

    SIZE: ClassVar[int]
    FORMAT: ClassVar[struct.Struct]
    FIELDS: ClassVar[tuple[tuple[str, int, int], ...]]

    def pack(self) -> bytes:
        """The structure's SIZE bytes. struct.error when a value does not fit its field."""
        values: list[Any] = []
        for name, _, count in self.FIELDS:
            value = getattr(self, name)
            if count and not isinstance(value, bytes):
                values += value
            else:
                values.append(value)
        return self.FORMAT.pack(*values)

    @classmethod
    def unpack(cls, data: bytes, offset: int = 0) -> Self:
        """Reads SIZE bytes at `offset`. ValueError when they are not all there."""
        if offset < 0 or offset + cls.SIZE > len(data):
            raise ValueError(f"{cls.__name__} needs {cls.SIZE} bytes at {offset:#x}; there are {len(data)} in all")
        raw = iter(cls.FORMAT.unpack_from(data, offset))
        values: dict[str, Any] = {}
        for field in attrs.fields(cls):  # type: ignore[arg-type]
            count = field.metadata.get("count", 0)
            values[field.name] = tuple(next(raw) for _ in range(count)) if count else next(raw)
        return cls(**values)


def offset_of(layout: type[Layout], name: str) -> int:
    """Byte offset of a field."""
    for field, offset, _ in layout.FIELDS:
        if field == name:
            return offset
    raise KeyError(name)
