# SPDX-License-Identifier: MIT
"""A ROM of either generation of the interface: the answers."""

from __future__ import annotations

from collections import Counter
from typing import Any

from openvmi.abi.layouts import RomCapsule
from openvmi.abi.names import CAPSULE_MAGIC, Call, LicenceClass, LinkKind
from openvmi.audit import idents
from openvmi.audit.blob import Finding, Judged, Kind, Mark, count, some
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
    Row,
)
from openvmi.classic.image import ClassicRom
from openvmi.errors import BuildError
from openvmi.rom import capsule_checks, checks
from openvmi.rom import licence as expressions
from openvmi.rom.capsule import Capsule
from openvmi.rom.image import RomImage

#: A client of the classic interface takes these and no others (arch/x86/kernel/vmi_32.c of Linux 2.6.32).
_CLASSIC_LICENCES = ("GPL", "GPL v2")
_REFUSED = "no guest is given it, forced or not"


def judge(data: bytes, path_name: str) -> Judged:
    """Reads and answers for a ROM of the current interface. Raises :class:`BadRomError`."""
    rom = RomImage.parse(data, path_name, checks.SOURCE | checks.CLAIMS)
    kinds = Counter(LinkKind(call.kind) for call in rom.calls)
    source = _source(rom)
    open_row, third, findings = _licence(rom, source)
    rows = (
        Row(PRIVILEGE, Answer.YES, (
            f"{count(len(rom.text), 'byte')} of text, which run with the privilege of the kernel's own code, whatever "
            "the hypervisor gives that",)),
        _copied(rom, kinds),
        Row(ADDRESS_SPACE, Answer.YES, (
            "text and data are mapped in the window, addresses that the kernel keeps for a ROM beside its own code",)),
        _back(rom),
        Row(HOOKS_INTO, Answer.YES, (f"the call table answers {count(len(rom.calls), 'call')}: "
                                     + ", ".join(f"{number} {kind.name}" for kind, number in sorted(kinds.items())),)),
        third, Row(IP, Answer.UNKNOWN, ("what its owner thinks of it is not in the file",)), source, open_row,
    )
    facts: dict[str, Any] = {
        "name": rom.name, "version": rom.version, "hypervisor": rom.hypervisor,
        "interface": f"{rom.header.major}.{rom.header.minor}", "licence": rom.licence,
        "licence_class": rom.licence_class.name.lower(), "text_bytes": len(rom.text),
        "calls": {kind.name.lower(): number for kind, number in sorted(kinds.items())},
        "capsule_bytes": rom.descriptor.capsule_size, "signature_bytes": rom.descriptor.signature_size,
        "pci": {"vendor": rom.pci.vendor, "device": rom.pci.device},
    }
    if not rom.descriptor.signature_size:
        findings.append(Finding(Mark.UNSIGNED, "no signature in it"))
    return Judged(Kind.ROM, f"{rom.name} {rom.version}", rows, facts, tuple(findings))


def _copied(rom: RomImage, kinds: Counter[LinkKind]) -> Row:
    text = "its text is not: whoever brings the ROM maps it"
    if not kinds[LinkKind.INLINE]:
        return Row(COPIED, Answer.NO, (text,))
    size = sum(call.size for call in rom.calls if call.kind == LinkKind.INLINE)
    return Row(COPIED, Answer.PART, (
        text, f"recipes for {count(kinds[LinkKind.INLINE], 'call')}, {count(size, 'byte')} in all, are written into "
              "the kernel's call sites"))


def _back(rom: RomImage) -> Row:
    evidence = ["it names no symbol of a kernel's: what it knows of one, the kernel gives it as arguments of calls"]
    if rom.call(Call.TRAP_TABLE_SET):
        evidence.append("TrapTableSet: it enters the kernel at the handlers that the kernel announces")
    return Row(HOOKS_BACK, Answer.NO, tuple(evidence))


def _licence(rom: RomImage, source: Row) -> tuple[Row, Row, list[Finding]]:
    said = f"licence {rom.licence}, class {rom.licence_class.name.lower()}"
    try:
        found = expressions.parse(rom.licence, rom.path).kind
    except BuildError:
        return (Row(OPEN, Answer.UNKNOWN, (said, "that is no SPDX expression")),
                Row(THIRD_PARTY, Answer.UNKNOWN, (said,)),
                [Finding(Mark.MISLABELLED, f"licence {rom.licence!r:.80} is no SPDX expression: {_REFUSED}")])
    findings = []
    honest = found is rom.licence_class
    if not honest:
        findings.append(Finding(Mark.MISLABELLED,
                                f"{said}, and the class of that licence is {found.name.lower()}: {_REFUSED}"))
    lowest = min(found, rom.licence_class)
    if lowest < LicenceClass.OSI:
        taints = ": a guest that takes it is tainted with P" if honest else ""
        findings.append(Finding(Mark.PROPRIETARY, said + taints))
    answer = {LicenceClass.UNKNOWN: Answer.UNKNOWN, LicenceClass.PROPRIETARY: Answer.NO}.get(lowest, Answer.YES)
    whole = ("its source is there to look: openvmi rom rebuild",) if source.answer is Answer.YES else ()
    if answer is Answer.YES:
        third = Row(THIRD_PARTY, Answer.NO, (said, *whole, "that licence leaves no room for it"), claimed=True)
    else:
        third = Row(THIRD_PARTY, Answer.UNKNOWN, (said,))
    return Row(OPEN, answer, (said,), claimed=answer is not Answer.UNKNOWN), third, findings


def _source(rom: RomImage) -> Row:
    part = rom.part(rom.descriptor.capsule, rom.descriptor.capsule_size)
    if len(part) < RomCapsule.SIZE:
        return Row(SOURCE, Answer.NO, ("no capsule in it: the place for its source is empty",))
    return _capsule(part)


def _capsule(part: bytes) -> Row:
    """What a capsule says, once it is found to be what it says."""
    problem = next(capsule_checks.part_header(part, 0), None)
    if problem is None:
        found = Capsule.unpack(part)
        problem = next(capsule_checks.part_contents(found, 0), None) or next(capsule_checks.part_tar(found, 0), None)
    if problem:
        return Row(SOURCE, Answer.UNKNOWN, (f"a capsule that is not in order: {problem.found}",))
    if found.url is not None:
        return Row(SOURCE, Answer.YES, (
            f"the capsule names {found.url}, and the digest of what is there: SHA-256 {found.sha256}",
            "whether it is still there is not in the file"), claimed=True)
    return Row(SOURCE, Answer.YES, (
        f"the capsule: {count(len(found.contents), 'byte')} for a tar of {found.tar_size:,}, SHA-256 {found.sha256}",
        "openvmi rom source unpacks it, openvmi rom rebuild shows whether this image comes from it"))


def judge_classic(data: bytes, path_name: str) -> Judged:
    """Reads and answers for a ROM of the classic interface. Raises :class:`BadRomError`."""
    rom = ClassicRom.read(data, path_name)
    top = rom.header.virtual_top
    said = f"licence {rom.licence!r}" if rom.licence is not None else "no licence"
    free = rom.licence in _CLASSIC_LICENCES
    third = Row(THIRD_PARTY, Answer.NO, (said, "that licence leaves no room for it"), claimed=True) if free else \
        Row(THIRD_PARTY, Answer.UNKNOWN, (said,))
    rows = (
        Row(PRIVILEGE, Answer.YES, ("the kernel calls it in its own ring, which VMI_Init may change",)),
        Row(COPIED, Answer.NO, ("firmware copies it to physical 0xc0000 to 0xdffff, and the kernel uses it there",)),
        Row(ADDRESS_SPACE, Answer.MAYBE, (
            "it is called where the kernel's map of low memory shows it",
            f"virtual_top {top:#x}: " + ("what is above belongs to the hypervisor, and calls may lead there" if top else
                                         "it asks for no addresses at the top"))),
        Row(HOOKS_BACK, Answer.NO, ("it names no symbol of a kernel's: what it knows of one, the kernel gives it",)),
        Row(HOOKS_INTO, Answer.YES, ("the kernel calls VMI_Init, VMI_GetRelocationInfo and what the latter answers",)),
        third, Row(IP, Answer.UNKNOWN, ("what its owner thinks of it is not in the file",)),
        _behind(data) or Row(SOURCE, Answer.UNKNOWN, ("the format has no place for source, or a digest of it",)),
        Row(OPEN, Answer.YES if free else Answer.UNKNOWN, (said, f"clients take {some(_CLASSIC_LICENCES)}"),
            claimed=free),
    )
    findings = [Finding(Mark.DISORDER, str(finding)) for finding in rom.findings]
    if not rom.licence:
        findings.append(Finding(Mark.UNLICENSED, "no licence: clients do not take it"))
    elif not idents.compatible(rom.licence):
        findings.append(Finding(Mark.PROPRIETARY, f"{said}: clients do not take it"))
    facts: dict[str, Any] = {
        "interface": "{}.{}".format(*rom.api), "licence": rom.licence, "manufacturer": rom.manufacturer,
        "product": rom.product,
        "version": "{}.{}".format(*rom.rom_version) if rom.pci else None, "virtual_top": top,
        "pci": {"vendor": rom.pci.vendorID, "device": rom.pci.deviceID} if rom.pci else None,
    }
    return Judged(Kind.CLASSIC_ROM, rom.product or path_name, rows, facts, tuple(findings))


def _behind(data: bytes) -> Row | None:
    """A capsule behind the image that the header's length tells."""
    part = data[data[2] * 512:]
    if len(part) < RomCapsule.SIZE:
        return None
    return None if RomCapsule.unpack(part).magic != CAPSULE_MAGIC else _capsule(part)
