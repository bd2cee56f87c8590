# SPDX-License-Identifier: MIT
"""Rules for a source capsule, of ROMs of both generations.

Each takes the part and the image offset where it starts; a rule may rely on the ones before it. Who only runs a ROM
asks for the header alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from openvmi.abi import names
from openvmi.abi.layout import offset_of
from openvmi.abi.layouts import RomCapsule
from openvmi.abi.names import CAPSULE_LIMIT, CapsuleKind
from openvmi.errors import BadFileError
from openvmi.rom.finding import DAMAGED, MISBUILT, Finding

if TYPE_CHECKING:
    from openvmi.rom.capsule import Capsule
    from openvmi.rom.image import RomImage


def part_header(part: bytes, at: int) -> Iterator[Finding]:
    """The structure is there, and the part is as long as it says."""
    if len(part) < RomCapsule.SIZE:
        yield Finding(f"a capsule of {len(part)} bytes", at, f"at least {RomCapsule.SIZE}")
        return
    head = RomCapsule.unpack(part)
    if head.magic != names.CAPSULE_MAGIC:
        yield Finding(f"capsule magic {head.magic:#x}", at, f"{names.CAPSULE_MAGIC:#x}")
    if not RomCapsule.SIZE <= head.size <= len(part):
        yield Finding(f"capsule size {head.size}", at + offset_of(RomCapsule, "size"),
                      f"{RomCapsule.SIZE} to the part's {len(part)}")
    elif head.size + head.contents_size != len(part):
        yield Finding(f"{head.contents_size} bytes of capsule contents", at + offset_of(RomCapsule, "contents_size"),
                      f"the {len(part) - head.size} that are there")
    if head.kind not in set(CapsuleKind):
        yield Finding(f"capsule of kind {head.kind}", at + offset_of(RomCapsule, "kind"),
                      " or ".join(str(kind.value) for kind in CapsuleKind))
    if not 0 < head.tar_size <= CAPSULE_LIMIT:
        yield Finding(f"a capsule's tar of {head.tar_size} bytes", at + offset_of(RomCapsule, "tar_size"),
                      f"1 to {CAPSULE_LIMIT}")


def part_contents(capsule: Capsule, at: int) -> Iterator[Finding]:
    """An address, or the tar of the size and digest that are said, which nobody needs more memory to find out for."""
    from openvmi.rom.capsule import bad_url

    if capsule.url is not None:
        if reason := bad_url(capsule.url):
            yield Finding(f"source address {capsule.url!r:.80}", at + RomCapsule.SIZE, reason.removeprefix("expected "))
        return
    try:
        _ = capsule.tar
    except BadFileError as error:
        found, _, rest = str(error).partition(", expected ")
        yield Finding(f"source capsule: {found}", at, rest.partition("; ")[0], DAMAGED)


def part_tar(capsule: Capsule, at: int) -> Iterator[Finding]:
    """An embedded tar is canonical: nothing in it can be extracted to a wrong place."""
    from openvmi.rom import capsule_tar

    if capsule.url is not None:
        return
    try:
        capsule_tar.read(capsule.tar)
    except capsule_tar.TarProblem as problem:
        yield Finding(f"source capsule: {problem.found}", at, problem.expected, MISBUILT)


def _of_image(rule: Callable[[RomImage, bytes, int], Iterator[Finding]]) -> Callable[[RomImage], Iterator[Finding]]:
    def check(image: RomImage) -> Iterator[Finding]:
        if size := image.descriptor.capsule_size:
            yield from rule(image, image.part(image.descriptor.capsule, size), image.descriptor.capsule)

    check.__name__, check.__doc__ = rule.__name__, rule.__doc__
    return check


@_of_image
def header(image: RomImage, part: bytes, at: int) -> Iterator[Finding]:
    """As :func:`part_header`."""
    yield from part_header(part, at)


@_of_image
def contents(image: RomImage, part: bytes, at: int) -> Iterator[Finding]:
    """As :func:`part_contents`."""
    assert image.capsule
    yield from part_contents(image.capsule, at)


@_of_image
def tar(image: RomImage, part: bytes, at: int) -> Iterator[Finding]:
    """As :func:`part_tar`."""
    assert image.capsule
    yield from part_tar(image.capsule, at)
