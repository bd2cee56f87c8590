# SPDX-License-Identifier: MIT
"""How a ROM was made: `recipe.json` of its source capsule. What a recipe may ask for is on a list here.

A recipe comes from whoever made the ROM. It chooses among flags that change the code made from the capsule's files, and
nothing else: no flag here names a file, a folder or a program, and none loads anything.
"""

from __future__ import annotations

import json
import re
from typing import Any

from attrs import asdict, field, frozen

from openvmi.errors import BadFileError
from openvmi.rom.about import printable
from openvmi.toolchain import TARGETS, Target

FILE = "recipe.json"
FORMAT = 1
#: Bytes of one, flags of one step, files.
LIMIT, FLAG_LIMIT, FILE_LIMIT = 64 << 10, 64, 1024
PACKAGE = "ziglang"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_VERSION = re.compile(r"[0-9][0-9A-Za-z.+-]{0,31}")
_NAMES = """
    asynchronous-unwind-tables builtin common data-sections exceptions function-sections
    inline inline-functions inline-hint-functions jump-tables merge-all-constants omit-frame-pointer pic pie
    reorder-functions short-enums signed-char stack-protector strict-aliasing strict-overflow threadsafe-statics
    unroll-loops unsigned-char unwind-tables vectorize slp-vectorize wrapv zero-initialized-in-bss
"""
_COMPILE = re.compile("|".join((
    r"-std=(c|gnu)(99|11|17|23|2x)", r"-O[0123sz]", r"-g0?", r"-ffreestanding", r"-fPIC", r"-fPIE",
    r"-fvisibility=(hidden|default)", r"-fno-sanitize=all", rf"-f(no-)?({'|'.join(_NAMES.split())})",
    r"-m(no-)?(mmx|sse|sse2|sse3|ssse3|sse4\.1|sse4\.2|avx|avx2|80387|red-zone|retpoline)",
    r"-mcmodel=(small|kernel|large)", r"-m(cpu|arch|tune)=[a-z0-9_]{1,32}", r"-mstack-alignment=[0-9]{1,2}",
    r"-W(no-)?[a-z][a-z0-9-]{0,63}(=[0-9]{1,4})?", r"-pedantic",
    r"-[DU][A-Za-z_][A-Za-z0-9_]{0,63}(=[A-Za-z0-9_]{0,64})?",
)))
_LINK = re.compile("|".join((
    r"--emit-relocs", r"--no-check-sections", r"--strip-debug", r"--strip-all", r"--gc-sections", r"--no-relax",
    r"--defsym=[A-Za-z_][A-Za-z0-9_]{0,63}=0x[0-9a-f]{1,16}",
)))


@frozen
class Step:
    """Sources to one ELF file. `target` is one of the toolchain's; `compile` and `link` are flags, `script` a name in
    the capsule."""

    target: str
    compile: tuple[str, ...]
    link: tuple[str, ...]
    script: str

    @classmethod
    def of(cls, target: Target, flags: tuple[str, ...], link: tuple[str, ...], script: str) -> Step:
        """With the flags that the target always has."""
        return cls(target.triple, (*target.flags, *flags), link, script)


@frozen
class Recipe:
    """One recipe. Digests are SHA-256 in hexadecimal; `shim` is None without one."""

    tool: str
    interface: str
    version: str  #: of the compiler's package
    variant: str  #: of a classic ROM; else empty
    rom: Step
    shim: Step | None
    inputs: dict[str, str] = field(factory=dict)  #: by name in the capsule
    compiler: dict[str, str] = field(factory=dict)  #: what the compiler brought itself, by name in its package
    outputs: dict[str, str] = field(factory=dict)  #: rom: the image without capsule and signature; shim

    def pack(self) -> bytes:
        """As the capsule has it; the same bytes for the same recipe."""
        about = asdict(self)
        about |= {"format": FORMAT, "compiler": {"package": PACKAGE, "version": self.version, "files": self.compiler}}
        del about["version"]
        return (json.dumps(about, indent=1, sort_keys=True) + "\n").encode("ascii")

    @classmethod
    def unpack(cls, data: bytes, where: str) -> Recipe:
        """Reads one. Raises :class:`BadFileError` for what is none, and for a flag that is not on the list."""
        try:
            about = json.loads(data) if len(data) <= LIMIT else None
        except (ValueError, RecursionError):
            about = None
        if not isinstance(about, dict):
            raise BadFileError(f"{where}: {FILE} is not a JSON object of at most {LIMIT} bytes; get another ROM")
        reader = _Reader(about, where)
        if (found := reader.take("format", int)) != FORMAT:
            raise BadFileError(f"{where}: {FILE} of format {found}, expected {FORMAT}; use a newer openvmi")
        compiler = _Reader(reader.take("compiler", dict), where)
        if (package := compiler.text("package")) != PACKAGE:
            raise BadFileError(f"{where}: {FILE} wants the compiler {package!r}, expected {PACKAGE}; "
                               "no other program is ever run for a recipe")
        version = compiler.text("version")
        if not _VERSION.fullmatch(version):
            raise BadFileError(f"{where}: {FILE} wants {PACKAGE} {version!r}, expected a version")
        shim = reader.take("shim", (dict, type(None)))
        return cls(
            reader.text("tool"), reader.text("interface"), version, reader.text("variant", True),
            _step(reader.take("rom", dict), where), None if shim is None else _step(shim, where),
            reader.digests("inputs"), compiler.digests("files"), reader.digests("outputs"),
        )


class _Reader:
    """The values of one JSON object, each of the type that it must have."""

    def __init__(self, about: dict[str, Any], where: str) -> None:
        self._about, self._where = about, where

    def take(self, name: str, kind: Any) -> Any:
        value = self._about.get(name)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise BadFileError(f"{self._where}: {FILE}: {name} = {value!r:.60}, expected another type of value; "
                               "see the section on source capsules in docs/trust.md")
        return value

    def text(self, name: str, may_be_empty: bool = False) -> str:
        value = self.take(name, str)
        if not printable(value) and not (may_be_empty and not value):
            raise BadFileError(f"{self._where}: {FILE}: {name} = {value!r:.60}, expected a short printable text")
        return value

    def digests(self, name: str) -> dict[str, str]:
        found = self.take(name, dict)
        if len(found) > FILE_LIMIT or not all(
                printable(key, 256) and isinstance(value, str) and _SHA256.fullmatch(value)
                for key, value in found.items()):
            raise BadFileError(f"{self._where}: {FILE}: {name}, expected at most {FILE_LIMIT} names with SHA-256 each")
        return found

    def flags(self, name: str, allowed: re.Pattern[str]) -> tuple[str, ...]:
        found = self.take(name, list)
        if len(found) > FLAG_LIMIT:
            raise BadFileError(f"{self._where}: {FILE}: {len(found)} flags to {name}, expected at most {FLAG_LIMIT}")
        for flag in found:
            if not isinstance(flag, str) or not allowed.fullmatch(flag):
                raise BadFileError(f"{self._where}: {FILE}: flag {flag!r:.80} to {name}, expected one of those that a "
                                   "recipe may have; see the section on source capsules in docs/trust.md")
        return tuple(found)


def _step(about: dict[str, Any], where: str) -> Step:
    reader = _Reader(about, where)
    target = reader.text("target")
    if target not in TARGETS:
        raise BadFileError(f"{where}: {FILE}: target {target!r}, expected one of {', '.join(TARGETS)}")
    return Step(target, reader.flags("compile", _COMPILE), reader.flags("link", _LINK), reader.text("script"))
