# SPDX-License-Identifier: MIT
"""Back-ends: what their definition may say, and that they end up in the kernel that they are given to."""

from __future__ import annotations

from pathlib import Path

import pytest

from openvmi.cli import main
from openvmi.errors import BuildError
from openvmi.guest import build, definition

GOOD = """
[backend]
name = "mine"
licence = "MIT"
sources = ["mine.c"]
includes = ["more"]
[backend.defines]
ANSWER = 42
"""
SOURCE = """
#include <vmi/vmi.h>
#include <extra.h>
static int detect(const struct vmi_boot_info *boot) { (void)boot; return EXTRA != ANSWER; }
static const struct vmi_backend mine = { .name = "mine", .detect = detect };
VMI_BACKEND(mine);
"""


@pytest.fixture
def backend(tmp_path: Path) -> Path:
    """A back-end that is never used."""
    folder = tmp_path / "backend"
    (folder / "more").mkdir(parents=True)
    (folder / "backend.toml").write_text(GOOD)
    (folder / "mine.c").write_text(SOURCE)
    (folder / "more" / "extra.h").write_text("#define EXTRA 42\n")
    return folder


def test_read(backend: Path) -> None:
    about = definition.read_backend(backend)
    assert (about.name, about.licence, about.defines) == ("mine", "MIT", (("ANSWER", "42"),))
    assert (about.sources, about.includes) == ((backend / "mine.c",), (backend / "more",))


@pytest.mark.parametrize(("contents", "said"), [
    ("[backend", "not TOML"),
    (GOOD.replace("backend", "guest"), r"expected the one table \[backend\]"),
    (GOOD.replace("[backend.d", 'script = "x"\n[backend.d'), "unknown key 'script'"),
    (GOOD.replace('"mine"', '"Mine"'), "expected 1 to 32 lower-case"),
    (GOOD.replace("mine.c", "gone.c"), "sources has 'gone.c', which does not exist"),
    (GOOD.replace("mine.c", "../../../mine.c"), "which does not exist"),
    (GOOD.replace('["mine.c"]', "[]"), "no sources; required are name, licence, sources"),
    (GOOD.replace("ANSWER", "'AN SWER'"), "not a C identifier"),
])
def test_refused(contents: str, said: str, backend: Path) -> None:
    (backend / "backend.toml").write_text(contents)
    with pytest.raises(BuildError, match=f"backend.toml: .*{said}"):
        definition.read_backend(backend)


def test_no_backend_there(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"backend\.toml: No such file"):
        definition.read_backend(tmp_path)


def test_it_needs_libvmi(backend: Path, top: Path) -> None:
    kernel = definition.read(top / "tests" / "guest" / "data" / "tiny")
    with pytest.raises(BuildError, match="a back-end needs libvmi"):
        definition.with_backend(kernel, definition.read_backend(backend))


def test_the_kernel_has_it_and_both_names(backend: Path, top: Path, tmp_path: Path) -> None:
    kernel = definition.read(top / "kernels" / "hello")
    both = definition.with_backend(kernel, definition.read_backend(backend))
    assert both.name == "hello-mine"
    symbols = build.build_defined(both, tmp_path / "hello.elf", top / "build" / "cache").symbols()
    start, end = (symbols.address(f"vmi_backends_{which}") for which in ("start", "end"))
    assert start is not None and end == start + 8


def test_its_errors_are_told(backend: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (backend / "more" / "extra.h").write_text("")
    output = tmp_path / "out.elf"
    assert main.run(["guest", "build", "hello", "--with", str(backend), "-o", str(output)]) == 125
    assert "compiling mine.c failed" in capsys.readouterr().err and not output.exists()
