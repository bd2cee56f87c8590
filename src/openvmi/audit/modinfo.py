# SPDX-License-Identifier: MIT
"""A Linux kernel module's facts: what its sections and symbols say.

What the sections mean: Linux include/linux/module.h, moduleparam.h, export.h, scripts/mod/modpost.c, kernel/module.
"""

from __future__ import annotations

from attrs import frozen

from openvmi.audit import appended
from openvmi.audit.appended import Signature
from openvmi.audit.elf import ALLOC, EXEC, NAME_LIMIT, REL, RELA, RELOCATABLE, UNDEFINED, Elf, undefined
from openvmi.errors import BadFileError

#: The module's own struct module; the loader takes nothing for a module that has none.
THIS_MODULE = ".gnu.linkonce.this_module"
_INFO, _VERSIONS = ".modinfo", "__versions"
_INFO_LIMIT, _VERSIONS_LIMIT, _EXPORT_LIMIT = 4 << 20, 8 << 20, 1 << 16
_VERSION_SIZE = 64  # struct modversion_info: a CRC of the machine's long, then the name
_EXPORT, _GPL = "__ksymtab_", "_gpl"
_ENTRIES = ("init_module", "cleanup_module")
#: Sections by which the kernel, when it loads a module, changes that module's own code.
_SELF_PATCHED = (".altinstructions", "__jump_table", ".static_call_sites", "__mcount_loc", ".retpoline_sites",
                 ".return_sites", ".parainstructions", ".smp_locks")


@frozen
class Module:
    """What a module says about itself and what it is linked with."""

    info: tuple[tuple[str, str], ...]
    hidden: tuple[str, ...]  #: strings of .modinfo without a name: behind a NUL in the value before
    imports: tuple[str, ...]
    exports: tuple[tuple[str, bool], ...]  #: name, whether for GPL-compatible modules only
    entries: tuple[str, ...]
    versions: tuple[str, ...]  #: imports whose checksum is recorded
    code_sections: int
    code_size: int
    memory_size: int
    relocations: int
    patched: tuple[str, ...]
    debug: tuple[str, ...]
    signature: Signature | None

    def all(self, key: str) -> tuple[str, ...]:
        """Every value of an entry of .modinfo."""
        return tuple(value for name, value in self.info if name == key)

    def first(self, key: str) -> str:
        """The first value, which is the one that the kernel looks at; empty without."""
        return next((value for name, value in self.info if name == key), "")


def is_module(elf: Elf) -> bool:
    """Whether a loader would take it for a module of Linux."""
    return elf.type == RELOCATABLE and elf.section(THIS_MODULE) is not None


def read(elf: Elf) -> Module:
    """Reads one. Raises :class:`BadFileError`."""
    info, hidden = _info(elf.content(_INFO))
    imports, exports, entries = _symbols(elf)
    code = [s for s in elf.sections if s.flags & (ALLOC | EXEC) == ALLOC | EXEC]
    return Module(
        info, hidden, imports, exports, entries, _versions(elf), len(code), sum(s.size for s in code),
        sum(s.size for s in elf.sections if s.flags & ALLOC),
        sum(s.size // (24 if s.type == RELA else 16) if elf.bits == 64 else s.size // (12 if s.type == RELA else 8)
            for s in elf.sections if s.type in (REL, RELA)),
        tuple(name for name in _SELF_PATCHED if elf.section(name)),
        tuple(name for name in (".BTF", ".debug_info") if elf.section(name)),
        appended.find(elf.data),
    )


def _info(content: bytes) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    if len(content) > _INFO_LIMIT:
        raise BadFileError(f"{_INFO} has {len(content)} bytes, expected {_INFO_LIMIT} at most; the file is damaged")
    pairs: list[tuple[str, str]] = []
    hidden: list[str] = []
    for entry in content.split(b"\0"):
        if not entry:
            continue
        text = entry.decode("utf-8", "backslashreplace")
        name, equals, value = text.partition("=")
        if equals:
            pairs.append((name, value))
        else:
            hidden.append(text)
    return tuple(pairs), tuple(hidden)


def _symbols(elf: Elf) -> tuple[tuple[str, ...], tuple[tuple[str, bool], ...], tuple[str, ...]]:
    exports: dict[str, bool] = {}
    entries: dict[str, None] = {}
    for symbol in elf.symbols():
        if symbol.section == UNDEFINED:
            continue
        if symbol.name.startswith(_EXPORT) and symbol.section < len(elf.sections):
            # The section tells the kind: modpost sorts __ksymtab+NAME and __ksymtab_gpl+NAME into one of two.
            section = elf.sections[symbol.section].name
            if section.startswith("__ksymtab"):
                exports[symbol.name.removeprefix(_EXPORT)] = section.partition("+")[0].endswith(_GPL)
                if len(exports) > _EXPORT_LIMIT:
                    raise BadFileError(f"more than {_EXPORT_LIMIT} exports; the file is damaged")
        elif symbol.name in _ENTRIES:
            entries[symbol.name] = None
    return tuple(undefined(elf)), tuple(sorted(exports.items())), tuple(sorted(entries, reverse=True))


def _versions(elf: Elf) -> tuple[str, ...]:
    content, size = elf.content(_VERSIONS), _VERSION_SIZE
    long = elf.bits // 8
    if len(content) > _VERSIONS_LIMIT:
        raise BadFileError(f"{_VERSIONS} has {len(content)} bytes, expected {_VERSIONS_LIMIT} at most; the file is "
                           "damaged")
    return tuple(
        content[at + long:at + size].partition(b"\0")[0][:NAME_LIMIT].decode("utf-8", "backslashreplace")
        for at in range(0, len(content) - size + 1, size)
    )
