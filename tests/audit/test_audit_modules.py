# SPDX-License-Identifier: MIT
"""Kernel modules: what is read agrees with kmod, binutils and pyelftools, and what is made of it is as claimed."""

from __future__ import annotations

import re
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from openvmi.audit import elf, modinfo, read
from openvmi.audit.blob import Blob, Kind, Mark
from openvmi.audit.idents import COMPATIBLE
from openvmi.audit.modinfo import Module
from openvmi.audit.table import QUESTIONS, contradicted
from openvmi.errors import BadFileError
from tests.fuzz import elves

Make = Callable[..., Path]
_TRUNCATIONS = 60


@pytest.fixture(scope="module")
def read_modules(modules: list[Path]) -> dict[Path, Module]:
    return {path: modinfo.read(elf.parse(path.read_bytes())) for path in modules}


def _run(*command: str | Path) -> str:
    return subprocess.run(command, capture_output=True, text=True, errors="replace", check=True, timeout=120).stdout


def _modinfo(paths: list[Path]) -> dict[Path, list[tuple[str, str]]]:
    """What kmod's modinfo says of each; continued lines are left out."""
    found: dict[Path, list[tuple[str, str]]] = {}
    entries: list[tuple[str, str]] = []
    for line in _run("/sbin/modinfo", *paths).split("\n"):
        match = re.match(r"([\w.-]+):(?: +(.*))?$", line)
        if match and match[1] == "filename":
            entries = found.setdefault(Path(match[2]), [])
        elif match:
            entries.append((match[1], match[2] or ""))
    return found


@pytest.mark.needs("/sbin/modinfo")
def test_agrees_with_modinfo(read_modules: dict[Path, Module]) -> None:
    """Licences, dependencies, version, origin, signer: of every module."""
    said = _modinfo(list(read_modules))
    assert said.keys() == read_modules.keys()
    signed = 0
    for path, module in read_modules.items():
        entries = said[path]
        for key in ("license", "author", "alias", "depends", "vermagic", "intree", "name", "firmware", "srcversion"):
            theirs = [value.strip() for name, value in entries if name == key]
            assert [value.partition("\n")[0].strip() for value in module.all(key)] == theirs, (path, key)
        theirs_of = dict(entries)
        assert (module.signature is not None) == ("sig_id" in theirs_of), path
        if module.signature:
            signed += 1
            ours = module.signature
            assert (ours.kind, ours.signer, ours.key, ours.hash, ours.problem) == (
                theirs_of["sig_id"], theirs_of["signer"], theirs_of["sig_key"], theirs_of["sig_hashalgo"], ""), path
    assert signed


@pytest.mark.needs("readelf")
def test_agrees_with_nm(read_modules: dict[Path, Module]) -> None:
    """Imports and exports of every module, by binutils."""
    name, imports, exports = Path(), set[str](), set[str]()
    for line in [*_run("nm", *read_modules).split("\n"), ":"]:
        if line.endswith(":"):
            if name in read_modules:
                module = read_modules[name]
                assert set(module.imports) == imports and {export for export, _ in module.exports} == exports, name
            name, imports, exports = Path(line[:-1]), set(), set()
        elif match := re.match(r"(?:[0-9a-f]+)? +(\w) (.+)$", line):
            if match[1] in "Uwv":
                imports.add(match[2])
            elif match[2].startswith("__ksymtab_"):
                exports.add(match[2].removeprefix("__ksymtab_"))
    assert sum(len(module.exports) for module in read_modules.values()) > 1000


@pytest.mark.needs("readelf")
def test_sections_agree_with_readelf(modules: list[Path]) -> None:
    for path in modules[::100]:
        lines = re.findall(r"^ +\[ *(\d+)\] (\S*) +(?:[A-Z0-9_]+) +[0-9a-f]{16} ([0-9a-f]+) ([0-9a-f]+)",
                           _run("readelf", "-SW", path), re.MULTILINE)
        ours = elf.parse(path.read_bytes()).sections
        assert [(s.index, s.name, s.offset, s.size) for s in ours] == [
            (int(number), name, int(offset, 16), int(size, 16)) for number, name, offset, size in lines], path


def test_symbols_agree_with_pyelftools(modules: list[Path]) -> None:
    for path in modules[::40]:
        with open(path, "rb") as file:
            table = ELFFile(file).get_section_by_name(".symtab")
            assert isinstance(table, SymbolTableSection)
            theirs = [(s.name, s["st_value"], s["st_shndx"]) for s in table.iter_symbols() if s["st_name"]]
        special = {"SHN_UNDEF": 0, "SHN_ABS": 0xFFF1, "SHN_COMMON": 0xFFF2}
        ours = [(s.name, s.value, s.section) for s in elf.parse(path.read_bytes()).symbols()]
        assert ours == [(name, value, special.get(index, index)) for name, value, index in theirs], path


def test_every_module_of_the_distribution(modules: list[Path]) -> None:
    """All of them claim the GPL, are signed and in tree; the answers say so and no more."""
    for path in modules:
        blob = read.judge(path.read_bytes(), str(path))
        assert blob.kind is Kind.MODULE and [row.question for row in blob.rows] == list(QUESTIONS)
        assert blob.name.replace("-", "_") == path.name.partition(".")[0].replace("-", "_")
        assert set(blob.facts["modinfo"]["license"]) <= set(COMPATIBLE)
        text = {row.question.key: row.text for row in blob.rows}
        assert text["kernel_privilege"] == text["copied"] == text["address_space"] == text["hooks_into"] == "YES"
        assert text["open_source"] == "YES, it claims" and text["third_party"] == "NO, it claims"
        assert text["source_available"] == text["significant_ip"] == "cannot be known from the bytes"
        assert {finding.mark for finding in blob.findings} <= {Mark.DIFFERENT, Mark.PATCHES}


def _blob(path: Path) -> Blob:
    return read.audit(path)


def _marks(blob: Blob) -> set[Mark]:
    return {finding.mark for finding in blob.findings}


def _text(blob: Blob, key: str) -> str:
    return next(row.text for row in blob.rows if row.question.key == key)


def test_proprietary(make_module: Make) -> None:
    """No package of the distribution has such a module; this one is compiled."""
    blob = _blob(make_module("closed", LICENCE='"Proprietary"', IMPORT="printk"))
    assert _text(blob, "open_source") == "NO, it claims" and _text(blob, "hooks_back") == "YES"
    assert _text(blob, "third_party") == "cannot be known from the bytes"
    assert _marks(blob) == {Mark.PROPRIETARY, Mark.OUT_OF_TREE, Mark.UNSIGNED, Mark.NO_VERSIONS}
    assert not contradicted(blob.rows)["EVIL"]
    assert blob.facts["imports"] == ["printk"] and blob.facts["entries"] == ["init_module"]


def test_no_licence_and_one_that_the_kernel_does_not_know(make_module: Make) -> None:
    unlicensed, other = _blob(make_module("unlicensed")), _blob(make_module("other", LICENCE='"MIT"', INTREE="1"))
    assert Mark.UNLICENSED in _marks(unlicensed) and Mark.PROPRIETARY in _marks(other)
    for blob in (unlicensed, other):
        assert _text(blob, "open_source") == "cannot be known from the bytes"
    assert Mark.OUT_OF_TREE not in _marks(other) and _text(other, "hooks_back") == "NO"


def test_text_behind_a_nul(make_module: Make) -> None:
    """The kernel sees GPL; what is behind it is told."""
    blob = _blob(make_module("hidden", LICENCE=r'"GPL\0for files in the \"/closed\" folder only"'))
    assert Mark.HIDDEN in _marks(blob) and blob.facts["modinfo"]["license"] == ["GPL"]
    assert blob.facts["hidden"] == ['for files in the "/closed" folder only']
    assert _text(blob, "open_source") == "cannot be known from the bytes"


def test_what_reaches_other_code(make_module: Make) -> None:
    blob = _blob(make_module("reaching", LICENCE='"GPL"', IMPORT="register_kprobe"))
    [finding] = [finding for finding in blob.findings if finding.mark is Mark.PATCHES]
    assert finding.text == "register_kprobe: puts probes into any function"


def test_exports(make_module: Make) -> None:
    blob = _blob(make_module("wrapper", LICENCE='"GPL"', EXPORTED="wrapped_printk", IMPORT="printk"))
    assert blob.facts["exports"] == [{"name": "wrapped_printk", "gpl_only": True}]


def _patched(data: bytes, offset: int, layout: str, value: int) -> bytes:
    out = bytearray(data)
    struct.pack_into(layout, out, offset, value)
    return bytes(out)


@pytest.mark.parametrize(("offset", "layout", "value", "says"), [
    (4, "<B", 9, "class and byte order"), (5, "<B", 0, "class and byte order"),
    (0x28, "<Q", 1 << 40, "section headers"), (0x3A, "<H", 40, "section headers"),
    (0x3C, "<H", 0xFFF0, "section headers"), (0x3E, "<H", 0xFFF0, "section headers"),
    (0x38, "<H", 3, "program headers"),
])
def test_damaged_headers(make_module: Make, offset: int, layout: str, value: int, says: str) -> None:
    data = _patched(make_module("closed", LICENCE='"Proprietary"', IMPORT="printk").read_bytes(), offset, layout, value)
    with pytest.raises(BadFileError, match=says):
        elf.parse(data)
    assert read.judge(data, "x.ko").damaged


def test_sections_that_leave_the_file(make_module: Make) -> None:
    data = make_module("closed", LICENCE='"Proprietary"', IMPORT="printk").read_bytes()
    table = struct.unpack_from("<Q", data, 0x28)[0]
    with pytest.raises(BadFileError, match="section 1 covers"):
        elf.parse(_patched(data, table + 64 + 0x20, "<Q", 1 << 40))


def test_truncated_anywhere(modules: list[Path]) -> None:
    """Nothing but an answer or a clear message."""
    smallest = min(modules, key=lambda path: path.stat().st_size).read_bytes()
    headers = struct.unpack_from("<Q", smallest, 0x28)[0]  # the last of the file, but for the signature
    for size in range(0, headers, headers // _TRUNCATIONS):
        blob = read.judge(smallest[:size], "x.ko")
        assert blob.problem and not blob.rows
    assert _marks(read.judge(smallest[:-1], "x.ko")) == {Mark.UNSIGNED}


@pytest.mark.parametrize(("cut", "readable"), [(0, False), (1, False), (12, True), (20, False), (300, True)])
def test_a_signature_that_is_damaged(modules: list[Path], cut: int, readable: bool) -> None:
    """It stays a module; the signature is told as what it is."""
    data = modules[0].read_bytes()
    marker = b"~Module signature appended~\n"
    assert data.endswith(marker)
    trailer = len(data) - len(marker) - 12
    size = struct.unpack_from(">I", data, trailer + 8)[0]
    broken = _patched(data, trailer - size + cut, "<B", 0xFF)
    blob = read.judge(broken, "x.ko")
    found = blob.facts["signature"]
    assert found["bytes"] == size and bool(found["problem"]) is (Mark.DISORDER in _marks(blob)) is not readable
    longer = read.judge(_patched(data, trailer + 8, ">I", len(data)), "x.ko")
    assert longer.facts["signature"]["problem"] == f"{len(data)} bytes said, {trailer} there"


@pytest.mark.parametrize(("info", "imports", "limits", "says"), [
    (b"license=" + b"x" * 200 + b"\0", (), {"_INFO_LIMIT": 100}, "modinfo has 209 bytes"),
    (b"license=GPL\0", ("a", "b", "c"), {"UNDEFINED_LIMIT": 2}, "more than 2 undefined symbols"),
    (b"license=GPL\0", ("a", "b", "c"), {"SYMBOL_LIMIT": 3}, "has 5 symbols, at most 3"),
    (b"license=GPL\0", (), {"_SECTION_LIMIT": 3}, "7 section headers"),
])
def test_more_than_there_can_be(info: bytes, imports: tuple[str, ...], limits: dict[str, int], says: str,
                                monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds on what a file can make the reader hold."""
    data = elves.module(info, imports)
    assert not read.judge(data, "m.ko").problem
    for name, value in limits.items():
        monkeypatch.setattr(modinfo if hasattr(modinfo, name) else elf, name, value)
    assert says in read.judge(data, "m.ko").problem


def test_evidence_is_cut() -> None:
    blob = read.judge(elves.module(b"license=" + b"x" * 5000 + b"\0", ()), "m.ko")
    assert max(len(line) for row in blob.rows for line in row.evidence) < 1100
