# SPDX-License-Identifier: MIT
"""ROMs built again from their own source: the same bytes for honest ones, an account of the rest, and no way out."""

from __future__ import annotations

import hashlib
import json
import lzma
import os
import resource
import shutil
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from openvmi import confined, resources
from openvmi.classic import build as classic_builder
from openvmi.classic.definition import read as read_classic
from openvmi.classic.image import ClassicRom
from openvmi.cli.rom import app
from openvmi.errors import BadFileError, BuildError, RefusedError, UnavailableError
from openvmi.rebuild import parts
from openvmi.rebuild.code import Code, compare
from openvmi.rebuild.run import Outcome, rebuild
from openvmi.rom import capsule_tar, recipe
from openvmi.rom.build import build
from openvmi.rom.capsule import Capsule
from openvmi.rom.emit import contents_of, emit
from openvmi.rom.form import Form
from openvmi.rom.image import RomImage
from openvmi.rom.load import load
from openvmi.toolchain import Toolchain
from openvmi.trust import rebuilt
from openvmi.trust.signature import sign

pytestmark = pytest.mark.skipif(not confined.available(), reason="no Landlock here")

Sources = Callable[..., Path]
Change = Callable[[dict[str, Any]], object]
TOP = resources.checkout()
assert TOP is not None
SECRET = "a secret of whoever rebuilds"
LIMIT = 5.0  # seconds that a rebuild may take, of the processor, with nothing cached


def _all() -> list[str]:
    return sorted([*(path.parent.name for path in (TOP / "roms").glob("*/rom.toml") if path.parent.name != "classic"),
                   *(variant.name for variant in read_classic(TOP / "roms" / "classic").variants)])


def _build(name: str, folder: Path, output: Path, work: Path) -> None:
    if not name.startswith("classic"):
        build(folder, output, work)
        return
    about = read_classic(folder)
    variant, = (variant for variant in about.variants if variant.name == name)
    classic_builder.build(about, variant, output, work)


@pytest.mark.parametrize("name", _all())
def test_every_rom_of_this_repository(name: str, tmp_path: Path) -> None:
    """From two folders, with a cold cache and a warm one, and from its own source."""
    folder = TOP / "roms" / ("classic" if name.startswith("classic") else name)
    elsewhere = Path(shutil.copytree(folder, tmp_path / "some where" / "else"))
    outputs = [tmp_path / place / f"{name}.rom" for place in "abc"]
    for where, output, cache in zip((folder, folder, elsewhere), outputs, ("cold", "cold", "other"), strict=True):
        _build(name, where, output, tmp_path / cache)  # the second finds the cache warm
    files = [{path.name: path.read_bytes() for path in output.parent.iterdir()} for output in outputs]
    assert files[0] == files[1] == files[2] and (f"{name}.shim" in files[0]) == (name == "xen")
    rom = load(outputs[0])
    assert rom.capsule
    begun = [sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    outcome = rebuild(rom, rom.capsule.tar)
    ended = [sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    assert outcome.identical and outcome.confined and outcome.notes == ()
    assert outcome.rebuilt == outcome.sha256 == hashlib.sha256(outputs[0].read_bytes()).hexdigest()
    assert sum(ended) - sum(begun) < LIMIT


def _again(image: RomImage, files: dict[str, bytes] | None = None, how: Change | None = None,
           unconfined: bool = False, **changes: Any) -> Outcome:
    """Rebuilds an image whose source or parts were changed."""
    return rebuild(*_changed(image, files, how, **changes), unconfined=unconfined)


def _changed(image: RomImage, files: dict[str, bytes] | None = None, how: Change | None = None,
             **changes: Any) -> tuple[RomImage, bytes]:
    """It, and its tar; the recipe's digests of inputs stay right."""
    assert image.capsule
    contents = image.capsule.files() | (files or {})
    contents = {name: data for name, data in contents.items() if data is not None}
    about = json.loads(contents[recipe.FILE])
    about["inputs"] = {name: hashlib.sha256(data).hexdigest() for name, data in sorted(contents.items())
                       if name != recipe.FILE}
    if how:
        how(about)
    contents[recipe.FILE] = (json.dumps(about, indent=1, sort_keys=True) + "\n").encode()
    tar = capsule_tar.write(contents)
    spoilt = emit(evolve(contents_of(image), capsule=Capsule.embedded(tar).pack(), **changes))
    return RomImage.parse(spoilt, image.path), tar


@pytest.fixture
def tiny(sources: Sources, work: Path, tmp_path: Path) -> RomImage:
    """A small ROM of assembler and C."""
    folder = sources({"CLOCK_READ": "ROM_CALL VMI_CALL_CLOCK_READ, clock"}, toml=lambda text: text.replace(
        '"calls.S"', '"calls.S", "clock.c"'))
    (folder / "clock.c").write_text(
        "long clock(unsigned a);\nlong other(long a);\nstatic const int table[] = {1, 2, 3, 4};\n"
        "__attribute__((noinline)) long other(long a) { return a * 3; }\n"
        "long clock(unsigned a) { return other(a) + table[a & 3]; }\n")
    return build(folder, tmp_path / "tiny.rom", work)


def _parts(outcome: Outcome) -> dict[str, str]:
    """Lines of each difference, by its name."""
    return {each.part: "\n".join([each.given, each.rebuilt, *(" | ".join(row) for row in each.rows)])
            for each in outcome.differences}


def test_identical(tiny: RomImage) -> None:
    outcome = _again(tiny)
    assert outcome.identical and outcome.rebuilt == tiny.sha256


def test_the_environment_of_who_rebuilds_does_not_matter(tiny: RomImage, tmp_path: Path,
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "vmi").mkdir()
    (tmp_path / "vmi" / "abi.h").write_text("#error another\n")
    for name in ("ZIG_LIB_DIR", "ZIG_GLOBAL_CACHE_DIR", "CPATH", "C_INCLUDE_PATH", "CC", "PYTHONHOME", "PYTHONPATH"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("LD_PRELOAD", str(tmp_path / "none.so"))
    assert tiny.capsule and rebuild(tiny, tiny.capsule.tar).identical


def test_another_function(tiny: RomImage) -> None:
    """The text is not what the source gives: the function, instruction by instruction, and nothing else."""
    assert tiny.capsule
    source = tiny.capsule.files()["rom/clock.c"]
    outcome = _again(tiny, {"rom/clock.c": source.replace(b"a * 3", b"a * 3 + 7")})
    parts = _parts(outcome)
    assert not outcome.identical and "\n | addq $7, %rax\n" in parts["text: other"]
    assert "text: clock" not in parts and "distances" in parts["text"]
    assert "manifest: sources" in parts and "capsule: rom/clock.c" not in parts


def test_patched_text_data_and_manifest(tiny: RomImage) -> None:
    text = bytearray(tiny.text)
    at = next(offset for offset, name in tiny.symbols if name == "other")
    text[at:at + 1] = b"\xf4"  # hlt
    data = bytearray(tiny.data_page)
    data[0] ^= 0xFF
    manifest = tiny.manifest | {"version": "9"}
    parts = _parts(_again(tiny, text=bytes(text), data=bytes(data), stack=100, manifest=manifest))
    assert "hlt" in parts["text: other"] and {"data", "stack", "manifest: version"} <= set(parts)
    assert parts["stack"] == f"100\n{tiny.descriptor.stack}"


def test_what_the_build_does_not_use(tiny: RomImage) -> None:
    parts = _parts(_again(tiny, {"rom/more.h": b"/* not used */\n"}))
    assert parts["capsule: rom/more.h"] == "15 bytes\nnot used by the build"


def test_only_the_compression(tiny: RomImage) -> None:
    assert tiny.capsule
    other = evolve(tiny.capsule, contents=lzma.compress(tiny.capsule.tar, preset=0))
    outcome = rebuild(RomImage.parse(emit(evolve(contents_of(tiny), capsule=other.pack()))), tiny.capsule.tar)
    assert outcome.identical and outcome.notes == (
        "only the compression of the source differs; what it holds is the same",)


def test_a_source_that_is_elsewhere(tiny: RomImage, tmp_path: Path, work: Path) -> None:
    folder = tmp_path / "tiny"
    for form in (Form(None), Form(Capsule.at("https://example.org/x.tar", b"").kind, "https://example.org/x.tar")):
        image = build(folder, tmp_path / "y.rom", work, form=form)
        assert tiny.capsule
        assert rebuild(image, tiny.capsule.tar).identical


@pytest.fixture(scope="module")
def xen(tmp_path_factory: pytest.TempPathFactory, work: Path) -> Path:
    """The ROM with a shim."""
    path = tmp_path_factory.mktemp("xen") / "xen.rom"
    build(TOP / "roms" / "xen", path, work)
    return path


def test_the_shim_is_compared(xen: Path, tmp_path: Path) -> None:
    image = RomImage.load(xen)
    assert image.capsule
    shim = xen.with_suffix(".shim").read_bytes()
    bare = RomImage.parse(image.data, str(tmp_path / "xen.rom"))
    outcome = rebuild(bare, image.capsule.tar)
    assert outcome.identical and outcome.notes == (
        "no boot shim beside the ROM (xen.shim): only its digest was compared",)
    assert outcome.shim == hashlib.sha256(shim).hexdigest()
    at = shim.index(bytes.fromhex("0f05"))  # syscall
    (tmp_path / "xen.shim").write_bytes(shim[:at] + b"\x90\x90" + shim[at + 2:])
    parts = _parts(rebuild(bare, image.capsule.tar))
    assert len(parts) == 1 and all(name.startswith("boot shim: ") for name in parts)
    assert "nop" in str(parts) and "syscall" in str(parts)
    (tmp_path / "xen.shim").write_bytes(b"not one")
    assert "not an ELF file" in _parts(rebuild(bare, image.capsule.tar))["boot shim"]


def test_classic_with_another_instruction(classic: Callable[[str], ClassicRom]) -> None:
    rom = classic("classic-minimal")
    assert rom.capsule
    spoilt = bytearray(rom.data)
    at = spoilt.index(b"\xfa\xc3")  # cli; ret
    spoilt[at] = 0xFB
    spoilt[-1] = (spoilt[-1] - 1) & 0xFF
    outcome = rebuild(ClassicRom.parse(bytes(spoilt) + rom.tail, rom.path), rom.capsule.tar)
    assert any("sti" in lines and "cli" in lines for lines in _parts(outcome).values())


def _flag(flag: object, step: str = "compile") -> Callable[[dict[str, Any]], object]:
    return lambda about: about["rom"][step].append(flag)


RECIPES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    **{f"flag {flag}": (_flag(flag), "expected one of those that a recipe may have") for flag in (
        "@/etc/passwd", "-fplugin=/tmp/x.so", "-fpass-plugin=x", "-Xclang", "-I/etc", "-include", "/etc/passwd",
        "-imacros", "-Wa,-I/etc", "-Wl,-T/x", "-Wp,-include,/etc/passwd", "-o", "/tmp/out", "-DX=\"a b\"",
        "--sysroot=/", "-B/tmp", "-specs=x", "--config=x", "-save-temps", "-fmodules-cache-path=/tmp", "-E",
        "-working-directory=/", "--embed-dir=/etc", "-Os\n-I/", "", "-target", 7, None)},
    **{f"link {flag}": (_flag(flag, "link"), "expected one of those that a recipe may have") for flag in (
        "-T", "@x", "--script=/x", "-L/", "-lx", "--plugin=x", "--reproduce=/tmp/x.tar", "-Map=/tmp/x",
        "--format=binary", "/etc/passwd", "--defsym=a=b", "--dependency-file=/x")},
    "many flags": (lambda about: about["rom"]["compile"].extend(["-g"] * 65), "expected at most 64"),
    "package": (lambda about: about["compiler"].update(package="/bin/sh"), "no other program is ever run"),
    "version": (lambda about: about["compiler"].update(version="1; rm -rf /"), "expected a version"),
    "target": (lambda about: about["rom"].update(target="x86_64-linux-gnu"), "target 'x86_64-linux-gnu'"),
    "script": (lambda about: about["rom"].update(script="../../etc/passwd"), "expected one of the files in its source"),
    "format": (lambda about: about.update(format=2), "of format 2"),
    "interface": (lambda about: about.update(interface="4.0"), "for interface 4.0"),
    "type": (lambda about: about.update(rom=[]), "expected another type"),
    "digest": (lambda about: about["inputs"].update({"rom/calls.S": "0" * 64}), "rom/calls.S: not as its recipe says"),
    "no digest": (lambda about: about["inputs"].update({"rom/calls.S": "x"}), "with SHA-256 each"),
    "no such file": (lambda about: about["inputs"].update({"rom/x.S": "0" * 64}), "rom/x.S: not as"),
}


@pytest.mark.parametrize("name", RECIPES)
def test_recipe_is_refused(name: str, emu: RomImage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Toolchain, "_run", lambda *_: pytest.fail("something was run"))
    change, says = RECIPES[name]
    with pytest.raises(BadFileError) as refused:
        _again(emu, how=change)
    assert says in str(refused.value)


@pytest.mark.parametrize(("files", "says"), [
    ({"recipe.json": b"[" * 60_000}, "not a JSON object"),
    ({"recipe.json": b"\xff"}, "not a JSON object"),
    ({"etc/passwd": b"x"}, "expected files below rom, include, link"),
    ({"loose": b"x"}, "expected files below rom, include, link"),
    ({"rom/calls.S": b'.incbin "/etc/passwd"'}, "'.incbin'"),
    ({"rom/calls.S": b'.  INCLUDE "/etc/passwd"'}, "'.  INCLUDE'"),
    ({"link/rom.lds": b"INPUT(/etc/passwd) SECTIONS { }"}, "'INPUT('"),
    ({"link/rom.lds": b"TARGET(binary) SECTIONS { }"}, "'TARGET('"),
    ({"link/rom.lds": b'INCLUDE "/etc/passwd"'}, "'INCLUDE"),
])
def test_source_is_refused(files: dict[str, bytes], says: str, emu: RomImage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Toolchain, "_run", lambda *_: pytest.fail("something was run"))
    assert emu.capsule
    with pytest.raises(BadFileError) as refused:
        if recipe.FILE in files:
            tar = capsule_tar.write(emu.capsule.files() | files)
            rebuild(RomImage.parse(emit(evolve(contents_of(emu), capsule=Capsule.embedded(tar).pack()))), tar)
        else:
            _again(emu, files)
    assert says in str(refused.value)


def _hostile(secret: Path) -> dict[str, tuple[str, str]]:
    """By what they do: the file in the capsule that it is added to, the text."""
    return {
        "include": ("rom/clock.c", f'#include "{secret}"\n'),
        "include by computing": ("rom/clock.c", f'#define NAME "{secret}"\n#include NAME\n'),
        "climb": ("rom/clock.c", f'#include "{"../" * 20}{str(secret)[1:]}"\n'),
        "embed": ("rom/clock.c", '#pragma clang diagnostic ignored "-Wc23-extensions"\n'
                  f'const char stolen[] = {{\n#embed "{secret}"\n}};\n'),
        "pasted strings": ("rom/clock.c", f'__asm__(".inc" "bin \\"{secret}\\"");\n'),
        "macro of the assembler": (
            "rom/calls.S", f'.macro take a, b\n.data\n\\a\\b "{secret}"\n.endm\ntake .inc, bin\n'),
        "tokens pasted": ("rom/calls.S", f'#define J(a, b) a##b\n.data\n.J(inc, bin) "{secret}"\n'),
        "input of the linker": ("link/rom.lds", f"INPUT({secret})\n"),
    }


@pytest.mark.parametrize("name", _hostile(Path("/x")))
def test_no_file_of_the_host_gets_into_a_rom(name: str, tiny: RomImage, tmp_path: Path,
                                             monkeypatch: pytest.MonkeyPatch) -> None:
    """The compiler cannot, whatever passes the look at the sources before."""
    monkeypatch.setattr("openvmi.rom.inputs.check", lambda *_: None)
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    where, text = _hostile(secret)[name]
    assert tiny.capsule
    with pytest.raises((BuildError, BadFileError)) as refused:
        _again(tiny, {where: tiny.capsule.files()[where] + text.encode()})
    said = str(refused.value)
    assert SECRET not in said
    assert any(reason in said for reason in (
        "Permission denied", "Could not find incbin file", "cannot open", "does not say what it read")), said


def test_that_one_of_these_would(tiny: RomImage, tmp_path: Path) -> None:
    """What confinement is for: without it, the file is in the account of what differs."""
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    where, text = _hostile(secret)["macro of the assembler"]
    assert tiny.capsule
    outcome = _again(tiny, {where: tiny.capsule.files()[where] + text.encode()}, unconfined=True)
    assert SECRET.encode()[:12].hex(" ") in _parts(outcome)["data"] or "73 65 63 72 65 74" in _parts(outcome)["data"]


@pytest.mark.parametrize(("text", "says"), [
    (".rept 0x7fffffff\n.rept 0x7fffffff\n.nops 1000\n.endr\n.endr\n", "compiler"),
    (".data\n.space 0x7fffffff\n", "File too large"),
])
def test_what_takes_too_much_ends(text: str, says: str, tiny: RomImage) -> None:
    assert tiny.capsule
    source = tiny.capsule.files()["rom/calls.S"] + text.encode()
    tar = capsule_tar.write(tiny.capsule.files() | {"rom/calls.S": source})
    about = json.loads(tiny.capsule.files()[recipe.FILE])
    about["inputs"]["rom/calls.S"] = hashlib.sha256(source).hexdigest()
    tar = capsule_tar.write(capsule_tar.read(tar) | {recipe.FILE: json.dumps(about).encode()})
    with pytest.raises(BuildError, match=says):
        rebuild(tiny, tar, timeout=3.0)


def test_what_says_too_much_takes_no_memory(tiny: RomImage) -> None:
    """What the compiler prints is not kept, but for the beginning of its errors."""
    assert tiny.capsule
    source = tiny.capsule.files()["rom/calls.S"]
    endless = f'.rept 1000\n.rept 100000\n.print "{"A" * 1000}"\n.endr\n.endr\n'
    long = f'.rept 1000\n.warning "{"B" * 1000}"\n.endr\nno such instruction\n'
    for text, timeout in ((endless, 3.0), (long, 60.0)):
        hostile = _changed(tiny, {"rom/calls.S": source + text.encode()})
        tracemalloc.start()
        with pytest.raises(BuildError) as refused:
            rebuild(*hostile, timeout=timeout)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20 and len(str(refused.value)) < 30_000
        tracemalloc.stop()


@pytest.mark.parametrize("size", [40_000, (1 << 64) - 1])
def test_sections_of_a_hostile_shim(size: int, xen: Path) -> None:
    """The same bytes many times, and more than there can be."""
    shim = xen.with_suffix(".shim").read_bytes()
    spoilt = bytearray(shim)
    headers, = struct.unpack_from("<Q", shim, 40)
    for number in range(1, 6):
        struct.pack_into("<Q", spoilt, headers + 64 * number + 32, size)
    assert parts.of_shims(bytes(spoilt), shim)[0].given == f"{len(shim)} bytes, not an ELF file"


def test_many_symbols_of_one_name() -> None:
    given = Code(bytes(range(256)) * 8, [(at, "a") for at in range(2048)])
    found = compare("text", given, Code(bytes(2048), given.symbols))
    assert len(found) < 70 and found[0].part.startswith("text: a")
    assert any(each.given.endswith(" more symbols") for each in found)


def test_it_leaves_nothing(emu: RomImage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert _again(emu).identical
    with pytest.raises(BuildError):
        _again(emu, {"rom/calls.S": b"nonsense"})
    assert os.listdir(tmp_path) == []


def test_another_compiler(emu: RomImage, monkeypatch: pytest.MonkeyPatch) -> None:
    assert emu.capsule
    with pytest.raises(UnavailableError, match=r"run: pip install ziglang==0\.0\.1, or compare nevertheless"):
        _again(emu, how=lambda about: about["compiler"].update(version="0.0.1"))
    monkeypatch.setattr(Toolchain, "number", staticmethod(lambda: "0.99.0"))
    with pytest.raises(UnavailableError, match=r"and 0\.99\.0 is installed"):
        rebuild(emu, emu.capsule.tar)
    outcome = rebuild(emu, emu.capsule.tar, anyway=True)
    assert not outcome.identical and "rebuilt with 0.99.0" in outcome.notes[0]
    assert set(_parts(outcome)) == {"manifest: compiler", "capsule: recipe.json"}


def test_a_system_that_cannot_confine(emu: RomImage, monkeypatch: pytest.MonkeyPatch) -> None:
    assert emu.capsule
    monkeypatch.setattr(confined, "available", lambda: False)
    with pytest.raises(UnavailableError, match="--unconfined"):
        rebuild(emu, emu.capsule.tar)
    outcome = rebuild(emu, emu.capsule.tar, unconfined=True)
    assert outcome.identical and not outcome.confined


def test_command(emu: RomImage, tiny: RomImage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENVMI_STATE", str(tmp_path / "state"))
    assert not rebuilt.known(emu)
    done = CliRunner().invoke(app, ["rebuild", emu.path, "--json", "--html", str(tmp_path / "page.html")])
    about = json.loads(done.stdout)
    assert (done.exit_code, about["identical"], about["rebuilt"]) == (0, True, emu.sha256)
    key = Ed25519PrivateKey.generate()
    assert rebuilt.known(emu) and rebuilt.known(sign(emu, key)) and not rebuilt.known(tiny)
    assert os.listdir(tmp_path / "state" / "rebuilt") == [emu.sha256]
    assert "identical: rebuilt from its own source" in (tmp_path / "page.html").read_text()
    text = bytearray(tiny.text)
    text[next(offset for offset, name in tiny.symbols if name == "other")] = 0xF4
    path = tmp_path / "other.rom"
    path.write_bytes(emit(evolve(contents_of(tiny), text=bytes(text))))
    done = CliRunner().invoke(app, ["rebuild", str(path), "--html", str(tmp_path / "page.html")])
    assert done.exit_code == 1 and "text: other" in done.stdout and "hlt" in done.stdout
    assert "different: 1 parts" in done.stdout and "hlt" in (tmp_path / "page.html").read_text()
    assert os.listdir(tmp_path / "state" / "rebuilt") == [emu.sha256]


def test_what_is_not_remembered(emu: RomImage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Identical, but perhaps with another file's help; and what others could have written there."""
    monkeypatch.setenv("OPENVMI_STATE", str(tmp_path / "state"))
    done = CliRunner().invoke(app, ["rebuild", emu.path, "--unconfined", "--json"])
    assert done.exit_code == 0 and json.loads(done.stdout)["identical"] and not rebuilt.known(emu)
    rebuilt.remember(emu)
    assert rebuilt.known(emu)
    rebuilt.folder().chmod(0o770)
    assert not rebuilt.known(emu)
    with pytest.raises(RefusedError, match="others can write this folder of records of rebuilds"):
        rebuilt.remember(emu)


def test_a_signed_rom(emu: RomImage) -> None:
    """What is signed is the same ROM: rebuilt, it gets the signature that it had."""
    signed = sign(emu, Ed25519PrivateKey.generate())
    assert signed.capsule
    outcome = rebuild(signed, signed.capsule.tar)
    assert outcome.identical and outcome.rebuilt == signed.sha256
