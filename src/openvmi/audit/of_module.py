# SPDX-License-Identifier: MIT
"""A Linux kernel module: the answers."""

from __future__ import annotations

from typing import Any

from openvmi.audit import idents
from openvmi.audit.blob import Finding, Judged, Kind, Mark, count, some
from openvmi.audit.elf import MACHINES, Elf
from openvmi.audit.modinfo import THIS_MODULE, Module, read
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

#: Imports by which a module reaches code or symbols that nobody exported to it -> what it can do with them. Linux
#: include/linux/kprobes.h, ftrace.h, livepatch.h, kallsyms.h, set_memory.h; arch/x86/include/asm/text-patching.h.
_REACHES = {
    "register_kprobe": "puts probes into any function", "register_kprobes": "puts probes into any function",
    "register_kretprobe": "puts probes into any function", "register_ftrace_function": "hooks traced functions",
    "ftrace_set_filter_ip": "hooks traced functions", "klp_enable_patch": "replaces functions of the kernel",
    "kallsyms_lookup_name": "looks up symbols that are not exported", "text_poke": "writes kernel code",
    "text_poke_bp": "writes kernel code", "set_memory_rw": "makes code writable",
    "set_memory_x": "makes data executable",
}


def judge(elf: Elf, path_name: str) -> Judged:
    """Reads and answers. Raises :class:`BadFileError`."""
    module = read(elf)
    name = module.first("name") or path_name
    rows = (
        Row(PRIVILEGE, Answer.YES, (
            f"section {THIS_MODULE}: the module loader links it into the running kernel",
            f"{count(module.code_size, 'byte')} of code in {count(module.code_sections, 'section')}",
            f"vermagic: {module.first('vermagic') or 'none'}")),
        Row(COPIED, Answer.YES, (f"the loader copies all that is marked ALLOC: {count(module.memory_size, 'byte')}",)),
        Row(ADDRESS_SPACE, Answer.YES, (
            "it goes to memory that the kernel allocates",
            f"{count(module.relocations, 'relocation')} fit it to its place")),
        _back(module),
        _into(module),
        *_licence(module),
    )
    return Judged(Kind.MODULE, name, rows, _facts(elf, module), tuple(_findings(module)))


def _back(module: Module) -> Row:
    if not module.imports:
        return Row(HOOKS_BACK, Answer.NO, ("no undefined symbol: it names nothing of the kernel's",))
    names = sorted(module.imports, key=lambda name: (name.startswith("_"), name))
    evidence = [f"imports {count(len(names), 'symbol')}: {some(names)}"]
    if module.first("depends"):
        evidence.append(f"some of other modules: {module.first('depends')}")
    evidence += [f"{name}: {what}" for name, what in _reaches(module)]
    return Row(HOOKS_BACK, Answer.YES, tuple(evidence))


def _into(module: Module) -> Row:
    evidence = []
    if module.entries:
        evidence.append(f"the kernel calls {' and '.join(module.entries)}")
    if module.exports:
        only = sum(gpl for _, gpl in module.exports)
        names = some([name for name, _ in module.exports])
        evidence.append(f"exports {count(len(module.exports), 'symbol')}, {only:,} of them to GPL-compatible modules "
                        f"only: {names}")
    if module.all("alias"):
        evidence.append(f"loaded for {count(len(module.all('alias')), 'device or name', 'devices or names')} (alias)")
    if module.all("parm"):
        evidence.append(f"{count(len(module.all('parm')), 'parameter')}")
    if module.entries or module.exports:
        return Row(HOOKS_INTO, Answer.YES, tuple(evidence))
    none = "neither init_module nor an exported symbol: nothing in it is ever called"
    return Row(HOOKS_INTO, Answer.NO, (none, *evidence))


def _licence(module: Module) -> tuple[Row, ...]:
    claims = module.all("license")
    no_ident = "not among the idents that are compatible with the GPL"
    said = [f"modinfo license={claim}: {idents.COMPATIBLE.get(claim, no_ident)} ({idents.SOURCE})"
            for claim in dict.fromkeys(claims)]
    said += [f"behind a NUL, where the kernel does not look: {text!r:.80}" for text in module.hidden]
    tree = "intree=Y: built with the kernel's own tree" if module.first("intree") else \
        "no intree: not built with the kernel's own tree"
    free = bool(claims) and all(map(idents.compatible, claims)) and not module.hidden
    no_source = ["no source in it, and no address of it"]
    if module.first("srcversion"):
        no_source.append(f"srcversion={module.first('srcversion')}: a digest to compare sources with")
    firmware = module.all("firmware")
    third = [*said, tree]
    if firmware:
        third.append(f"asks for {count(len(firmware), 'firmware file')}, which are not in it: {some(firmware)}")
    if free:
        return (Row(THIRD_PARTY, Answer.NO, (*third, "that licence leaves no room for it"), claimed=True), _ip(),
                Row(SOURCE, Answer.UNKNOWN, (*no_source, "its licence obliges whoever distributes it")),
                Row(OPEN, Answer.YES, (*said, tree), claimed=True))
    unknown = said or ["no licence in .modinfo: the kernel takes it as proprietary"]
    proprietary = idents.PROPRIETARY in claims
    return (Row(THIRD_PARTY, Answer.UNKNOWN, (*(said or unknown), *third[len(said):])), _ip(),
            Row(SOURCE, Answer.UNKNOWN, tuple(no_source)),
            Row(OPEN, Answer.NO if proprietary else Answer.UNKNOWN, tuple(unknown), claimed=proprietary))


def _ip() -> Row:
    return Row(IP, Answer.UNKNOWN, ("what its owner thinks of it is not in the file",))


def _reaches(module: Module) -> list[tuple[str, str]]:
    return [(name, _REACHES[name]) for name in module.imports if name in _REACHES]


def _findings(module: Module) -> list[Finding]:
    found = []
    claims = module.all("license")
    if module.hidden:
        found.append(Finding(
            Mark.HIDDEN, f"license={module.first('license')} and, behind a NUL, {module.hidden[0]!r:.80}"))
    bad = [claim for claim in claims if not idents.compatible(claim)]
    if bad:
        found.append(Finding(Mark.PROPRIETARY, f"license={bad[0]:.80}: loading it taints the kernel with P"))
    if not claims:
        found.append(Finding(Mark.UNLICENSED, "no license= in .modinfo: loading it taints the kernel with P"))
    reaches = _reaches(module)
    if module.first("livepatch"):
        reaches.insert(0, ("livepatch=Y", "replaces functions of the kernel"))
    if reaches:
        found.append(Finding(Mark.PATCHES, "; ".join(f"{name}: {what}" for name, what in reaches)))
    if len(set(claims)) > 1:
        found.append(Finding(Mark.DIFFERENT, f"{', '.join(dict.fromkeys(claims))}; the kernel looks at the first"))
    if not module.first("intree"):
        found.append(Finding(Mark.OUT_OF_TREE, "no intree in .modinfo: loading it taints the kernel with O"))
    if module.signature is None:
        found.append(Finding(
            Mark.UNSIGNED, "no signature behind it: loading it taints a kernel that checks them with E, or is refused"))
    elif module.signature.problem:
        found.append(Finding(Mark.DISORDER, f"its signature: {module.signature.problem}"))
    if module.imports and not module.versions and "modversions" in module.first("vermagic"):
        found.append(Finding(Mark.NO_VERSIONS, "vermagic says modversions, and there are none in __versions"))
    return found


def _facts(elf: Elf, module: Module) -> dict[str, Any]:
    signature = module.signature
    info: dict[str, list[str]] = {}
    for key, value in module.info:
        info.setdefault(key, []).append(value)
    return {
        "machine": MACHINES.get(elf.machine, f"machine {elf.machine}"),
        "bits": elf.bits,
        "modinfo": info,
        "hidden": list(module.hidden),
        "imports": list(module.imports),
        "exports": [{"name": name, "gpl_only": gpl} for name, gpl in module.exports],
        "entries": list(module.entries),
        "versions": len(module.versions),
        "sections": len(elf.sections),
        "code_bytes": module.code_size,
        "memory_bytes": module.memory_size,
        "relocations": module.relocations,
        "patched_by_kernel": list(module.patched),
        "debug": list(module.debug),
        "signature": signature and {
            "kind": signature.kind, "bytes": signature.size, "signer": signature.signer, "key": signature.key,
            "hash": signature.hash, "problem": signature.problem, "verified": False,
        },
    }
