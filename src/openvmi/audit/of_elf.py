# SPDX-License-Identifier: MIT
"""An ELF file: a kernel module has its own reader; here are kernels, programs, libraries and objects."""

from __future__ import annotations

from typing import Any, Literal

from openvmi.audit import elf as reader
from openvmi.audit import modinfo, of_module
from openvmi.audit.blob import Judged, Kind, count, some
from openvmi.audit.elf import Elf, string
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
from openvmi.guest.notes import OWNER

_EBPF = 247
_NEEDED, _NEEDED_LIMIT = 1, 1024  # tag of a dynamic entry, and how many are read
_LOAD, _NOTE_SEGMENT = 1, 4
_SHT_DYNAMIC, _SHT_NOTE = 6, 7
_UPPER = 1 << 63  # addresses that a 64-bit kernel keeps for itself
_NOTE_LIMIT, _NOTES_LIMIT = 256, 1 << 16  # bytes of a name, of all in one place
_OWNER_LIMIT = 16


def judge(data: bytes, path_name: str) -> Judged:
    """Reads and answers. Raises :class:`BadFileError`."""
    elf = reader.parse(data)
    if modinfo.is_module(elf):
        return of_module.judge(elf, path_name)
    notes = _notes(elf)
    needed, interpreter = _needed(elf), _interpreter(elf)
    kernel = _kernel(elf, notes)
    facts: dict[str, Any] = {
        "machine": reader.MACHINES.get(elf.machine, f"machine {elf.machine}"), "bits": elf.bits,
        "type": reader.TYPES.get(elf.type, f"type {elf.type}"), "entry": elf.entry, "sections": len(elf.sections),
        "interpreter": interpreter, "needed": needed, "imports": _undefined(elf), "notes": notes,
        "compiler": _comments(elf), "symbols": elf.section(".symtab") is not None,
    }
    if kernel:
        rows = _of_kernel(kernel)
    elif interpreter or needed:
        rows = _of_process(interpreter, needed)
    elif elf.machine == _EBPF:
        rows = _of_ebpf(elf)
    else:
        rows = _of_others(facts["type"], facts["imports"])
    what = "kernel" if kernel else "eBPF program" if elf.machine == _EBPF else facts["type"]
    facts["role"] = what
    return Judged(Kind.ELF, path_name, (*rows, *_unknown(elf)), facts)


def _kernel(elf: Elf, notes: list[str]) -> str:
    """Why this is a kernel; empty for what is none."""
    if OWNER.rstrip(b"\0").decode() in notes:
        return "notes of OpenVMI: a guest kernel, which asks for a ROM"
    if "Xen" in notes and not _interpreter(elf):
        return "notes of Xen: a guest kernel"
    loaded = [segment for segment in elf.segments if segment.type == _LOAD]
    if elf.type == reader.EXECUTABLE and elf.bits == 64 and any(segment.virtual >= _UPPER for segment in loaded):
        return "it loads at addresses that only a kernel has"
    return ""


def _of_kernel(why: str) -> tuple[Row, ...]:
    itself = "it is the kernel itself"
    return (
        Row(PRIVILEGE, Answer.YES, (why, itself)),
        Row(COPIED, Answer.NO, (f"{itself}: a boot loader or hypervisor loads it",)),
        Row(ADDRESS_SPACE, Answer.YES, (itself,)), Row(HOOKS_BACK, Answer.NO, (f"{itself}: it hooks into no other",)),
        Row(HOOKS_INTO, Answer.NO, (f"{itself}: no other hooks into it",)),
    )


def _of_process(interpreter: str, needed: list[str]) -> tuple[Row, ...]:
    why = f"its segments ask for the interpreter {interpreter}" if interpreter else f"it needs {some(needed)}"
    process = f"{why}: code of a process, whose privilege is a user's"
    return (
        Row(PRIVILEGE, Answer.NO, (process,)), Row(COPIED, Answer.NO, ("it is mapped into a process",)),
        Row(ADDRESS_SPACE, Answer.NO, ("it is mapped into a process",)),
        Row(HOOKS_BACK, Answer.NO, ("a process reaches the kernel by system calls only",)),
        Row(HOOKS_INTO, Answer.NO, ("the kernel starts it and delivers signals, and calls nothing in it",)),
    )


def _of_ebpf(elf: Elf) -> tuple[Row, ...]:
    programs = [s.name for s in elf.sections if s.flags & reader.EXEC and s.size]
    return (
        Row(PRIVILEGE, Answer.YES, (
            "machine eBPF: the kernel runs it after its verifier has", f"programs: {some(programs) or 'none'}")),
        Row(COPIED, Answer.YES, ("bpf(2) copies and may compile it",)),
        Row(ADDRESS_SPACE, Answer.YES, ("it runs in memory that the kernel allocates",)),
        Row(HOOKS_BACK, Answer.PART, ("it calls helpers that the kernel offers to its kind of program",)),
        Row(HOOKS_INTO, Answer.YES, ("what it is attached to calls it; a section's name says what that is",)),
    )


def _of_others(kind: str, imports: list[str]) -> tuple[Row, ...]:
    why = f"{kind}, without interpreter, libraries or a module's sections: nothing in it says what loads it"
    back = ("no undefined symbol; what it is given while it runs is not in the file",)
    if imports:
        back = (f"{count(len(imports), 'undefined symbol')}: {some(imports)}; of what, is for a linker to say",)
    return (
        Row(PRIVILEGE, Answer.UNKNOWN, (why,)), Row(COPIED, Answer.UNKNOWN, (why,)),
        Row(ADDRESS_SPACE, Answer.UNKNOWN, (why,)), Row(HOOKS_BACK, Answer.UNKNOWN, back),
        Row(HOOKS_INTO, Answer.UNKNOWN, (why,)),
    )


def _unknown(elf: Elf) -> tuple[Row, ...]:
    text = elf.content("license").partition(b"\0")[0][:_NOTE_LIMIT].decode("utf-8", "backslashreplace")
    licence = f"section license: {text!r}" if text and elf.machine == _EBPF else \
        "an ELF file has no place for a licence"
    rows: tuple[tuple[Question, str], ...] = (
        (THIRD_PARTY, "whose code it is has no place in the format"),
        (IP, "what its owner thinks of it is not in the file"),
        (SOURCE, "no source in it; debug information names files, and does not hold them"), (OPEN, licence),
    )
    return tuple(Row(which, Answer.UNKNOWN, (why,)) for which, why in rows)


def _interpreter(elf: Elf) -> str:
    found = next((s for s in elf.segments if s.type == reader.INTERPRETER), None)
    return string(elf.data[found.offset:found.offset + found.file_size], 0) if found else ""


def _needed(elf: Elf) -> list[str]:
    table = next((s for s in elf.sections if s.type == _SHT_DYNAMIC), None)
    if table is None or table.link >= len(elf.sections):
        return []
    strings, content, width = elf.content(elf.sections[table.link]), elf.content(table), elf.bits // 8
    order: Literal["little", "big"] = "little" if elf.little else "big"
    found: list[str] = []
    for at in range(0, len(content) - 2 * width + 1, 2 * width):
        tag = int.from_bytes(content[at:at + width], order)
        if tag == 0 or len(found) == _NEEDED_LIMIT:
            break
        if tag == _NEEDED:
            found.append(string(strings, int.from_bytes(content[at + width:at + 2 * width], order)))
    return found


def _undefined(elf: Elf) -> list[str]:
    return reader.undefined(elf, reader.SYMTAB if elf.type == reader.RELOCATABLE else reader.DYNSYM)


def _notes(elf: Elf) -> list[str]:
    """Owners of the notes, each once."""
    owners: dict[str, None] = {}
    order: Literal["little", "big"] = "little" if elf.little else "big"
    ranges = [(s.offset, s.size) for s in elf.sections if s.type == _SHT_NOTE]
    ranges += [(s.offset, s.file_size) for s in elf.segments if s.type == _NOTE_SEGMENT]
    for start, length in dict.fromkeys(ranges):
        content, at = elf.data[start:start + min(length, _NOTES_LIMIT)], 0
        while at + 12 <= len(content):
            name, size = (int.from_bytes(content[at + i:at + i + 4], order) for i in (0, 4))
            if name > _NOTE_LIMIT:
                break
            owners[content[at + 12:at + 12 + name].rstrip(b"\0").decode("utf-8", "backslashreplace")] = None
            at += 12 + (name + 3 & ~3) + (size + 3 & ~3)
    return list(owners)[:_OWNER_LIMIT]


def _comments(elf: Elf) -> list[str]:
    entries = elf.content(".comment")[:1 << 16].split(b"\0")
    return [text.decode("utf-8", "backslashreplace")[:_NOTE_LIMIT] for text in dict.fromkeys(entries) if text][:16]
