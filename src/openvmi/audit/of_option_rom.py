# SPDX-License-Identifier: MIT
"""An option ROM of any vendor, and a lone FCode program: the answers."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from openvmi.audit import option_rom, pe
from openvmi.audit.blob import Finding, Judged, Kind, Mark
from openvmi.audit.option_rom import CODE_TYPES, EFI, OPEN_FIRMWARE, X86, FCode, Image
from openvmi.audit.table import (
    ADDRESS_SPACE,
    COPIED,
    HOOKS_BACK,
    HOOKS_INTO,
    IP,
    OPEN,
    PRIVILEGE,
    SOURCE,
    THIRD_PARTY,
    Answer,
    Question,
    Row,
)

_DISPLAY = 3  # base class of a PCI device
_TEXTS, _TEXT_LIMIT = 5, 96
_TELLING = re.compile(rb"Copyright|\([Cc]\) (?:19|20)\d\d|Open Source|GNU |GPL|[Ll]icen[cs]e|https?://")
_WIDE = re.compile(rb"(?:[ -~]\0){8,}")
_SEARCHED = 1 << 20  # bytes

Said = tuple[Answer, str]


def judge(data: bytes, path_name: str) -> Judged:
    """Reads and answers. Raises :class:`BadFileError`."""
    images = option_rom.parse(data)
    texts = _texts(data)
    named = next((image.product for image in images if image.product), path_name)
    size = sum(image.size for image in images)
    facts: dict[str, Any] = {"images": [_image(image) for image in images], "texts": texts,
                             "bytes_behind": len(data) - size}
    makers = [f"manufacturer: {image.manufacturer}, product: {image.product}" for image in images if image.manufacturer]
    rows = (*(_combined(question, images, ask) for question, ask in _ASKED), *_unknown([*makers, *texts]))
    findings = [Finding(Mark.DISORDER, f"image at {i.offset:#x}: {i.problem}") for i in images if i.problem]
    findings += [
        Finding(Mark.DISORDER, f"image at {i.offset:#x}: its bytes do not add up to 0, so firmware does not run it")
        for i in images if i.type == X86 and not i.sum_right]
    return Judged(Kind.OPTION_ROM, named, rows, facts, tuple(findings))


def judge_fcode(data: bytes, path_name: str) -> Judged:
    """The same for an FCode program that is in no ROM."""
    program = option_rom.fcode(data)
    image, texts = Image(0, len(data), OPEN_FIRMWARE, data, fcode=program), _texts(data)
    rows = (*(_combined(question, (image,), ask) for question, ask in _ASKED), *_unknown(texts))
    findings = () if program.sum_right else (Finding(Mark.DISORDER, "its bytes do not add up to its checksum"),)
    return Judged(Kind.FCODE, path_name, rows, {"fcode": _fcode(program), "texts": texts}, findings)


def _combined(question: Question, images: tuple[Image, ...], ask: Callable[[Image], Said]) -> Row:
    """What holds for all images is the answer; else it depends on which of them firmware takes."""
    said = [(image, *ask(image)) for image in images]
    answers = {answer for _, answer, _ in said}
    evidence = tuple(f"{_what(image)}: {why}" if len(images) > 1 else why for image, _, why in said)
    return Row(question, answers.pop() if len(answers) == 1 else Answer.MAYBE, evidence)


def _what(image: Image) -> str:
    return f"{CODE_TYPES.get(image.type, f'code type {image.type}')} image at {image.offset:#x}"


def _runtime(image: Image) -> bool:
    return image.pe is not None and image.pe.subsystem == pe.RUNTIME_DRIVER


def _kind(image: Image) -> str:
    assert image.pe
    return pe.SUBSYSTEMS.get(image.pe.subsystem, f"EFI subsystem {image.pe.subsystem}")


def _privilege(image: Image) -> Said:
    if image.type == X86:
        return Answer.MAYBE, ("firmware runs it in real mode, at full privilege, before there is a kernel; one that "
                              "calls it does so in virtual 8086 mode, real mode or an emulator")
    if image.type == EFI and image.pe:
        when = "also under the kernel, which calls it" if _runtime(image) else "before there is a kernel"
        return Answer.YES, f"{_kind(image)}: firmware runs it in ring 0, {when}"
    if image.type == OPEN_FIRMWARE:
        return Answer.NO, "FCode: the firmware's interpreter runs it"
    return Answer.UNKNOWN, image.problem or "a kind of code that is not known here"


def _copied(image: Image) -> Said:
    if image.type in CODE_TYPES:
        return Answer.NO, "firmware copies it to its own memory"
    return Answer.UNKNOWN, "a kind of code that is not known here"


def _address_space(image: Image) -> Said:
    if image.type == X86:
        return Answer.MAYBE, ("it lies at physical 0xc0000 to 0xdffff, which a kernel's map of low memory shows; "
                              "whether that is its address space the proposal left open, too")
    if image.type == EFI and image.pe:
        if _runtime(image):
            return Answer.YES, "EFI runtime driver: the kernel maps it, and tells it where (SetVirtualAddressMap)"
        return Answer.NO, f"{_kind(image)}: its memory is given up when the kernel takes over (ExitBootServices)"
    if image.type == OPEN_FIRMWARE:
        return Answer.NO, "FCode: in the firmware's dictionary"
    return Answer.UNKNOWN, image.problem or "a kind of code that is not known here"


def _back(image: Image) -> Said:
    if image.type in (X86, OPEN_FIRMWARE) or (image.type == EFI and image.pe):
        return Answer.NO, "nothing in the format names anything of a kernel's; what it is given, firmware gives it"
    return Answer.UNKNOWN, image.problem or "a kind of code that is not known here"


def _into(image: Image) -> Said:
    if image.type == X86:
        vectors = f"; it announces {' and '.join(image.vectors)}" if image.vectors else ""
        if image.device_class >> 16 == _DISPLAY:
            return Answer.MAYBE, f"a display's: a kernel may call its interrupt 0x10 to set modes{vectors}"
        return Answer.MAYBE, f"interrupts that it takes over are there for whoever uses the BIOS{vectors}"
    if image.type == EFI and image.pe:
        if _runtime(image):
            return Answer.YES, "EFI runtime driver: runtime services may lead to it"
        return Answer.NO, f"{_kind(image)}: boot loaders call it; it is gone when the kernel takes over"
    if image.type == OPEN_FIRMWARE:
        return Answer.MAYBE, "the properties and methods that it makes in the device tree are for the kernel, too"
    return Answer.UNKNOWN, image.problem or "a kind of code that is not known here"


_ASKED: tuple[tuple[Question, Callable[[Image], Said]], ...] = (
    (PRIVILEGE, _privilege), (COPIED, _copied), (ADDRESS_SPACE, _address_space), (HOOKS_BACK, _back),
    (HOOKS_INTO, _into),
)


def _unknown(texts: list[str]) -> tuple[Row, ...]:
    said = tuple(f"it says: {text}" for text in texts)
    no_place = ("the format has no place for a licence", *said)
    return (Row(THIRD_PARTY, Answer.UNKNOWN, no_place),
            Row(IP, Answer.UNKNOWN, ("what its owner thinks of it is not in the file",)),
            Row(SOURCE, Answer.UNKNOWN, ("the format has no place for source, or a digest of it", *said)),
            Row(OPEN, Answer.UNKNOWN, no_place))


def _texts(data: bytes) -> list[str]:
    """Texts about licence, owner or origin: a hint where to ask, and no answer. Compressed code shows none."""
    searched = data[:_SEARCHED]
    wide = b"\n".join(found[0][::2] for found in _WIDE.finditer(searched))
    found: dict[str, None] = {}
    for line in re.findall(rb"[ -~]{8,}", searched) + wide.split(b"\n"):
        if _TELLING.search(line):
            found[line.decode("ascii")[:_TEXT_LIMIT].strip()] = None
    return list(found)[:_TEXTS]


def _fcode(program: FCode) -> dict[str, Any]:
    return {"start": program.start, "length": program.length, "sum_right": program.sum_right}


def _image(image: Image) -> dict[str, Any]:
    return {
        "offset": image.offset, "size": image.size, "code": CODE_TYPES.get(image.type, f"type {image.type}"),
        "pci": None if image.vendor is None else {
            "vendor": image.vendor, "device": image.device, "class": image.device_class},
        "sum_right": image.sum_right, "manufacturer": image.manufacturer, "product": image.product,
        "vectors": list(image.vectors), "compressed": image.compressed,
        "efi": image.pe and {
            "machine": pe.MACHINES.get(image.pe.machine, f"machine {image.pe.machine:#x}"), "subsystem": _kind(image),
            "sections": list(image.pe.sections), "code_bytes": image.pe.code_size, "image_bytes": image.pe.image_size,
            "signed": bool(image.pe.certificates),
        },
        "fcode": _fcode(image.fcode) if image.fcode else None, "problem": image.problem,
    }
