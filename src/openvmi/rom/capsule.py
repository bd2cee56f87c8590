# SPDX-License-Identifier: MIT
"""The source capsule of a ROM: struct rom_capsule and what stands behind it.

Everything is bounded, whatever the bytes say: the tar by CAPSULE_LIMIT while it is being decompressed, the memory for
that by :data:`_MEMORY`.
"""

from __future__ import annotations

import hashlib
import lzma
import re
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from attrs import field, frozen

from openvmi.abi import names
from openvmi.abi.layouts import RomCapsule
from openvmi.abi.names import CAPSULE_LIMIT, CapsuleKind
from openvmi.errors import BadFileError, UsageError
from openvmi.rom import capsule_tar

URL_LIMIT = 2048  #: bytes of an address
#: Fixed, so that the same tar gives the same bytes with the same library.
_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "dict_size": CAPSULE_LIMIT}]
_MEMORY = 32 << 20  #: bytes that decompressing may take
_URL = re.compile(r"https?://[!-~]+")
_DAMAGED = "get the ROM again"


@frozen
class Capsule:
    """What a ROM says about its source. `sha256` of the tar, in hexadecimal; `contents` the xz stream or the address.

    From bytes of others only by :meth:`unpack`.
    """

    kind: CapsuleKind
    tar_size: int
    sha256: str
    contents: bytes = field(repr=False)

    @classmethod
    def embedded(cls, tar: bytes) -> Capsule:
        """One that has the tar in it."""
        return cls(CapsuleKind.EMBEDDED, len(tar), hashlib.sha256(tar).hexdigest(),
                   lzma.compress(tar, lzma.FORMAT_XZ, lzma.CHECK_CRC32, filters=_FILTERS))

    @classmethod
    def at(cls, url: str, tar: bytes) -> Capsule:
        """One that says where the tar can be had. :class:`UsageError` for an address that it cannot have."""
        if reason := bad_url(url):
            raise UsageError(f"{url!r:.200}: {reason}")
        return cls(CapsuleKind.URL, len(tar), hashlib.sha256(tar).hexdigest(), url.encode("ascii"))

    @classmethod
    def unpack(cls, part: bytes) -> Capsule:
        """Reads a part that :func:`openvmi.rom.capsule_checks.header` finds in order."""
        head = RomCapsule.unpack(part)
        return cls(CapsuleKind(head.kind), head.tar_size, head.sha256.hex(),
                   part[head.size:head.size + head.contents_size])

    def pack(self) -> bytes:
        """The structure and what stands behind it."""
        return RomCapsule(
            magic=names.CAPSULE_MAGIC, size=RomCapsule.SIZE, kind=self.kind, tar_size=self.tar_size,
            contents_size=len(self.contents), sha256=bytes.fromhex(self.sha256),
        ).pack() + self.contents

    @property
    def url(self) -> str | None:
        """Where the tar can be had; None when it is here."""
        return self.contents.decode("latin-1") if self.kind == CapsuleKind.URL else None

    @cached_property
    def tar(self) -> bytes:
        """The embedded tar, its size and digest checked. :class:`BadFileError` when they are not as said."""
        return self.checked(_decompress(self.contents, self.tar_size))

    def checked(self, tar: bytes) -> bytes:
        """The tar itself, if it is the one that this is about. :class:`BadFileError` when it is not."""
        if len(tar) != self.tar_size:
            raise BadFileError(f"a tar of {len(tar)} bytes, expected {self.tar_size} as the ROM says; {_DAMAGED}")
        if (found := hashlib.sha256(tar).hexdigest()) != self.sha256:
            raise BadFileError(f"a tar with SHA-256 {found}, expected {self.sha256} as the ROM says; {_DAMAGED}")
        return tar

    def files(self, tar: bytes | None = None) -> dict[str, bytes]:
        """The files in the capsule, or in the tar that it is about. :class:`BadFileError` as above."""
        tar = self.tar if tar is None else self.checked(tar)
        try:
            return capsule_tar.read(tar)
        except capsule_tar.TarProblem as problem:
            raise BadFileError(f"{problem} in the capsule's tar; {_DAMAGED}") from problem


def describe(capsule: Capsule | None) -> dict[str, Any] | None:
    """What a ROM says about its source, as plain data that JSON can hold."""
    if capsule is None:
        return None
    return {
        "kind": capsule.kind.name.lower(), "url": capsule.url, "tar_size": capsule.tar_size, "sha256": capsule.sha256,
        "size": len(capsule.contents),
    }


def said(about: dict[str, Any] | None) -> str:
    """The same in a line for people."""
    if about is None:
        return "none"
    digest = f"SHA-256 {about['sha256'][:16]}..."
    if about["url"]:
        return f"{about['url']} ({about['tar_size']:,} bytes, {digest})"
    return f"with the ROM, {about['size']:,} bytes for {about['tar_size']:,} ({digest})"


def bad_url(url: str) -> str:
    """What an address would have to be; empty when it is."""
    try:
        parts = urlsplit(url) if _URL.fullmatch(url) and len(url) <= URL_LIMIT else None
    except ValueError:  # an IPv6 address that is none
        parts = None
    if parts is None or not parts.hostname or "@" in parts.netloc:
        return f"expected an address http:// or https:// of printable ASCII, at most {URL_LIMIT} bytes, no user name"
    return ""


def _decompress(stream: bytes, size: int) -> bytes:
    """One whole xz stream of at most `size` bytes, and nothing behind it."""
    decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MEMORY)
    try:
        # One byte more than there may be: so more is noticed, and never made.
        tar = decoder.decompress(stream, max_length=size + 1)
    except lzma.LZMAError as error:
        raise BadFileError(f"an xz stream that cannot be read ({error}), expected a whole one; {_DAMAGED}") from error
    if len(tar) > size:
        raise BadFileError(f"a tar of more than {size} bytes, expected as many as the ROM says; {_DAMAGED}")
    if not decoder.eof:
        raise BadFileError(f"an xz stream that ends early, expected a whole one; {_DAMAGED}")
    if decoder.unused_data:
        raise BadFileError(f"{len(decoder.unused_data)} bytes behind the xz stream, expected none; {_DAMAGED}")
    return tar
