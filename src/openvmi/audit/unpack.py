# SPDX-License-Identifier: MIT
"""Compressed kernel modules: xz and gzip by Python itself, zstd where a library for it is installed.

Nothing grows beyond a limit, whatever the compressed bytes say.
"""

from __future__ import annotations

import io
import lzma
import zlib
from collections.abc import Callable
from importlib import import_module

from openvmi.errors import BadFileError, UnavailableError
from openvmi.files import READ_LIMIT

_MEMORY = 128 << 20  # bytes that a dictionary may take
_XZ, _GZIP, _ZSTD = b"\xfd7zXZ\0", b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


def form(data: bytes) -> str:
    """How these bytes are compressed, by their beginning; empty when they are not."""
    return next((name for start, name in ((_XZ, "xz"), (_GZIP, "gzip"), (_ZSTD, "zstd")) if data.startswith(start)), "")


def unpack(data: bytes, limit: int = READ_LIMIT) -> bytes:
    """What is in them. :class:`BadFileError` when they are damaged or hold more than `limit` bytes;
    :class:`UnavailableError` when a library is missing."""
    kind = form(data)
    try:
        unpacked = {"xz": _xz, "gzip": _gzip, "zstd": _zstd}[kind](data, limit + 1)
    except (lzma.LZMAError, zlib.error, EOFError, ValueError) as error:
        raise BadFileError(f"what is compressed by {kind} cannot be unpacked: {error}; the file is damaged") from error
    if len(unpacked) > limit:
        raise BadFileError(f"more than {limit} bytes are compressed in it by {kind}; is it the right file?")
    return unpacked


def _xz(data: bytes, limit: int) -> bytes:
    decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MEMORY)
    found = decoder.decompress(data, limit)
    if not decoder.eof and len(found) < limit:
        raise EOFError("it ends too early")
    return found


def _gzip(data: bytes, limit: int) -> bytes:
    decoder = zlib.decompressobj(zlib.MAX_WBITS | 16)
    found = decoder.decompress(data, limit)
    if not decoder.eof and len(found) < limit:
        raise EOFError("it ends too early")
    return found


def _zstd(data: bytes, limit: int) -> bytes:
    return _zstd_reader()(data, limit)


def _zstd_reader() -> Callable[[bytes, int], bytes]:
    try:
        standard = import_module("compression.zstd")  # Python 3.14
    except ImportError:
        pass
    else:
        def read(data: bytes, limit: int) -> bytes:
            try:
                return standard.ZstdDecompressor().decompress(data, limit)
            except standard.ZstdError as error:
                raise ValueError(error) from error

        return read
    try:
        package = import_module("zstandard")
    except ImportError:
        raise UnavailableError("it is compressed by zstd, and no library for that is installed: pip install zstandard, "
                               "or unpack it first: zstd -d FILE") from None

    def read_by_package(data: bytes, limit: int) -> bytes:
        try:
            return package.ZstdDecompressor(max_window_size=_MEMORY).stream_reader(io.BytesIO(data)).read(limit)
        except package.ZstdError as error:
            raise ValueError(error) from error

    return read_by_package
