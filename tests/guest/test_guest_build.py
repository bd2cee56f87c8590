# SPDX-License-Identifier: MIT
"""Building guests: what the definition may say, what stops a build, and that the result depends on the sources only."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from openvmi.errors import BadGuestError, BuildError, UsageError
from openvmi.guest import build, definition

GOOD = """
[guest]
name = "tiny"
licence = "MIT"
sources = ["tiny.S"]
script = "tiny.lds"
libvmi = false
"""


@pytest.fixture
def folder(tmp_path: Path, top: Path) -> Path:
    """A copy of the tiny guest's sources to spoil."""
    return Path(shutil.copytree(top / "tests" / "guest" / "data" / "tiny", tmp_path / "some" / "tiny"))


@pytest.fixture
def cache(top: Path) -> Path:
    """The compiler's cache."""
    return top / "build" / "cache"


def test_same_bytes_in_any_folder(folder: Path, tiny_file: Path, tmp_path: Path) -> None:
    built = build.build(folder, tmp_path / "out" / "other.elf", tmp_path / "cache")
    assert built.data == tiny_file.read_bytes() == (tmp_path / "out" / "other.elf").read_bytes()


def test_reference_guest_is_reproducible(top: Path, tmp_path: Path) -> None:
    """With libvmi and debug information, from another checkout and another cache."""
    shutil.copytree(top / "kernels", tmp_path / "kernels")
    first = build.build(top / "kernels" / "hello", tmp_path / "a.elf", top / "build" / "cache")
    second = build.build(tmp_path / "kernels" / "hello", tmp_path / "b.elf", tmp_path / "cache")
    assert first.sha256 == second.sha256
    assert str(top).encode() not in first.data


DEFINITIONS = {
    "not TOML": ("[guest", "not TOML"),
    "not UTF-8": (b"\xff", "not TOML"),
    "no table": ("", "expected the one table"),
    "other table": (GOOD + "[more]\n", "expected the one table"),
    "unknown key": (GOOD + "flags = 1\n", "unknown key 'flags'"),
    "wrong type": (GOOD.replace("false", "0"), "libvmi is 0, expected a bool"),
    "no name": (GOOD.replace('name = "tiny"', ""), "no name"),
    "no sources": (GOOD.replace('["tiny.S"]', "[]"), "no sources"),
    "bad name": (GOOD.replace('"tiny"', '"../tiny"'), "expected 1 to 32 lower-case"),
    "bad licence": (GOOD.replace('"MIT"', "'M\"IT'"), "not an SPDX expression"),
    "bad define": (GOOD + "[guest.defines]\n'A B' = 1\n", "not a C identifier"),
    "source kind": (GOOD.replace("tiny.S", "tiny.lds", 1), "expected files ending in .c or .S"),
    "source type": (GOOD.replace('["tiny.S"]', "[1]"), "expected files ending in"),
    "source missing": (GOOD.replace("tiny.S", "gone.S"), "sources has 'gone.S', which does not exist"),
    "source outside": (GOOD.replace("tiny.S", "../../../tiny.S"), "which does not exist in"),
    "script missing": (GOOD.replace("tiny.lds", "gone.lds"), "script has 'gone.lds'"),
}


@pytest.mark.parametrize("name", DEFINITIONS)
def test_definition_refused(name: str, folder: Path) -> None:
    contents, said = DEFINITIONS[name]
    (folder / definition.FILE).write_bytes(contents if isinstance(contents, bytes) else contents.encode())
    with pytest.raises(BuildError) as caught:
        definition.read(folder)
    assert said in str(caught.value) and definition.FILE in str(caught.value)


SPOILED = {
    "does not compile": (("start:\n", "start:\n\tnonsense\n"), BuildError, "compiling tiny.S failed"),
    "undefined symbol": (("vmi_native_sysret:\n", ""), BuildError, "vmi_native_sysret"),
    "licence of its own": (("VMI_GUEST_LICENCE", '"GPL-2.0-only"'), BuildError, "LICENCE note that was built says"),
    "breaks the boot contract": (("0x80000000", "0x80001000"), BadGuestError, "direct map at 0x80001000"),
}


@pytest.mark.parametrize("name", SPOILED)
def test_build_refused(name: str, folder: Path, cache: Path, tmp_path: Path) -> None:
    (old, new), error, said = SPOILED[name]
    source = folder / "tiny.S"
    assert old in source.read_text()
    source.write_text(source.read_text().replace(old, new, 1))
    output = tmp_path / "out.elf"
    with pytest.raises(error) as caught:
        build.build(folder, output, cache)
    assert said in str(caught.value)
    assert not output.exists()


def test_defines_and_includes_reach_the_compiler(folder: Path, cache: Path, tmp_path: Path) -> None:
    (folder / "more").mkdir()
    (folder / "more" / "extra.h").write_text("#if WANTED != 7\n#error not seven\n#endif\n")
    (folder / "tiny.S").write_text("#include <extra.h>\n" + (folder / "tiny.S").read_text())
    (folder / definition.FILE).write_text(GOOD + 'includes = ["more"]\n[guest.defines]\nWANTED = 7\n')
    assert build.build(folder, tmp_path / "out.elf", cache).name == "out"


def test_find(folder: Path, top: Path) -> None:
    assert build.find(str(folder)) == folder
    assert build.find("hello") == top / "kernels" / "hello"
    with pytest.raises(UsageError, match=r"or one of .*hello"):
        build.find("nothing")
