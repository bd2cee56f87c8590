# SPDX-License-Identifier: MIT
"""The capsule and its tar: one form only, bounded whatever the bytes say, and nothing in it that leads elsewhere."""

from __future__ import annotations

import io
import lzma
import tarfile
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openvmi.abi.names import CAPSULE_LIMIT, CapsuleKind
from openvmi.errors import BadFileError, UsageError
from openvmi.rom import capsule_tar
from openvmi.rom.capsule import Capsule, bad_url
from tests.rom import capsules
from tests.rom.capsules import END, entry

BAD_TARS: dict[str, tuple[bytes, str]] = {
    "absolute": (entry(b"/etc/passwd") + END, "a path below the capsule's own folder"),
    "climbing": (entry(b"rom/../../x") + END, "a path below the capsule's own folder"),
    "climbing at the end": (entry(b"rom/..") + END, "a path below the capsule's own folder"),
    "windows": (entry(b"C:\\x") + END, "parts of ASCII letters"),
    "backslash": (entry(b"..\\x") + END, "parts of ASCII letters"),
    "a device's name": (entry(b"rom/nul.txt") + END, "none the name of a device"),
    "hidden": (entry(b".git/config") + END, "parts of ASCII letters"),
    "empty part": (entry(b"rom//x") + END, "parts of ASCII letters"),
    "escape sequence": (entry(b"a\x1b[2J") + END, "parts of ASCII letters"),
    "no name": (entry(b"") + END, "parts of ASCII letters"),
    "deep": (entry(b"/".join([b"a"] * 9)) + END, "8 parts"),
    "hard link": (entry(b"a", kind=b"1", link=b"/etc/passwd") + END, "a hard link, expected regular files only"),
    "symbolic link": (entry(b"a", kind=b"2", link=b"/etc") + END, "a symbolic link, expected regular files only"),
    "character device": (entry(b"a", kind=b"3", device=b"0000001\0") + END, "a device, expected regular files only"),
    "block device": (entry(b"a", kind=b"4") + END, "a device, expected"),
    "folder": (entry(b"a/", kind=b"5") + END, "a folder, expected"),
    "pipe": (entry(b"a", kind=b"6") + END, "a named pipe, expected"),
    "pax header": (entry(b"a", b"30 path=/etc/passwd\n", kind=b"x") + END, "an entry of type b'x'"),
    "old type": (entry(b"a", kind=b"\0") + END, "an entry of type"),
    "twice": (entry(b"a", b"1") + entry(b"a", b"2") + END, "'a' twice"),
    "case": (entry(b"A") + entry(b"a") + END, "differ by more than case"),
    "case of a folder": (entry(b"A/x") + entry(b"a/y") + END, "differ by more than case"),
    "file and folder": (entry(b"a") + entry(b"a/b") + END, "a file and as a folder"),
    "order": (entry(b"b") + entry(b"a") + END, "ascending names"),
    "prefix": (entry(b"a", prefix=b"/etc") + END, "a header of another form"),
    "mode": (entry(b"a", mode=b"0104755\0") + END, "a header of another form"),
    "checksum": (entry(b"a")[:149] + b"7" + entry(b"a")[150:] + END, "a header of another form"),
    "large": (entry(b"a", size=b"%011o\0" % (1 << 30)) + END, "of 1073741824 bytes, expected at most 1048576"),
    "size no number": (entry(b"a", size=b"-0000000001\0") + END, "11 octal digits"),
    "size in base 256": (entry(b"a", size=b"\x80" + bytes(11)) + END, "11 octal digits"),
    "longer than there is": (entry(b"a", size=b"%011o\0" % 5000) + END, "no zeros behind its 5000 bytes"),
    "something hidden in the gap": (entry(b"a", b"x")[:-1] + b"!" + END, "no zeros behind its 1 bytes"),
    "something behind the end": (entry(b"a") + END + b"x" * 512, "1536 bytes from the first block of zeros on"),
    "no end": (entry(b"a"), "two blocks of zeros"),
    "half an end": (entry(b"a") + bytes(512), "1024, all zeros"),
    "nothing": (b"", "two blocks of zeros"),
    "many files": (b"".join(entry(b"%04d" % n) for n in range(257)) + END, "at most 256"),
}


@pytest.mark.parametrize("name", BAD_TARS)
def test_tar_is_refused(name: str) -> None:
    tar, says = BAD_TARS[name]
    with pytest.raises(capsule_tar.TarProblem) as problem:
        capsule_tar.read(tar)
    assert says in str(problem.value)


def test_larger_than_any() -> None:
    with pytest.raises(capsule_tar.TarProblem, match="at most 4194304"):
        capsule_tar.read(bytes(CAPSULE_LIMIT + 1))
    with pytest.raises(capsule_tar.TarProblem, match="at most 1048576"):
        capsule_tar.write({"a": bytes((1 << 20) + 1)})
    with pytest.raises(capsule_tar.TarProblem, match="at most 4194304"):
        capsule_tar.write({name: bytes(1 << 20) for name in "abcde"})
    with pytest.raises(capsule_tar.TarProblem, match="below the capsule's own folder"):
        capsule_tar.write({"../a": b""})


_NAME = st.from_regex(r"[a-z0-9_]{1,8}(/[a-z0-9_]{1,8}){0,3}", fullmatch=True)


@given(st.dictionaries(_NAME, st.binary(max_size=1100), max_size=8))
def test_reading_is_the_inverse_of_writing(files: dict[str, bytes]) -> None:
    try:
        tar = capsule_tar.write(files)
    except capsule_tar.TarProblem as problem:
        assert "device" in str(problem) or "as a file and as a folder" in str(problem)
        return
    assert capsule_tar.read(tar) == files


@given(st.binary(max_size=3000))
def test_nothing_else_comes_out_of_a_tar(data: bytes) -> None:
    for tar in (data, capsule_tar.write(capsules.FILES)[:1024] + data):
        try:
            capsule_tar.read(tar)
        except capsule_tar.TarProblem as problem:
            assert problem.found and problem.expected


def test_others_read_it_too() -> None:
    tar = capsule_tar.write(capsules.FILES)
    with tarfile.open(fileobj=io.BytesIO(tar)) as file:
        assert {member.name: (member.mode, member.uid, member.mtime, member.isreg()) for member in file} == {
            name: (0o644, 0, 0, True) for name in capsules.FILES}
        assert file.extractfile("rom/calls.S").read() == capsules.FILES["rom/calls.S"]  # type: ignore[union-attr]


def test_the_same_bytes_in_any_order() -> None:
    assert capsule_tar.write(dict(reversed(capsules.FILES.items()))) == capsule_tar.write(capsules.FILES)


def _unpacked(part: bytes) -> bytes:
    return Capsule.unpack(part).tar


TAR = capsule_tar.write(capsules.FILES)


@pytest.mark.parametrize(("part", "says"), [
    (capsules.part(lzma.compress(TAR)[:-20], TAR), "ends early"),
    (capsules.part(lzma.compress(TAR) + b"more", TAR), "4 bytes behind the xz stream"),
    (capsules.part(lzma.compress(TAR) * 2, TAR), "bytes behind the xz stream"),
    (capsules.part(lzma.compress(TAR, lzma.FORMAT_ALONE), TAR), "cannot be read"),
    (capsules.part(b"", TAR), "ends early"),
    (capsules.part(lzma.compress(TAR), TAR, tar_size=len(TAR) - 1), f"more than {len(TAR) - 1} bytes"),
    (capsules.part(lzma.compress(TAR), TAR, tar_size=len(TAR) + 1), f"expected {len(TAR) + 1}"),
    (capsules.part(lzma.compress(TAR), TAR, sha256=bytes(32)), "expected 00000000"),
])
def test_stream_is_refused(part: bytes, says: str) -> None:
    with pytest.raises(BadFileError, match=says):
        _unpacked(part)


def test_a_bomb_takes_no_memory() -> None:
    """128 MiB in 20 KB, under a size that is within the bounds, and under one that is right and is not."""
    bomb = lzma.compress(bytes(128 << 20), preset=0)
    assert len(bomb) < 32 << 10
    tracemalloc.start()
    with pytest.raises(BadFileError, match="more than 4096 bytes"):
        _unpacked(capsules.part(bomb, b"", tar_size=4096))
    with pytest.raises(BadFileError, match=f"more than {CAPSULE_LIMIT} bytes"):
        _unpacked(capsules.part(bomb, b"", tar_size=CAPSULE_LIMIT))
    assert tracemalloc.get_traced_memory()[1] < 6 * CAPSULE_LIMIT
    tracemalloc.stop()


def test_a_dictionary_that_takes_too_much_is_refused() -> None:
    stream = lzma.compress(TAR, filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 256 << 20}])
    with pytest.raises(BadFileError, match="cannot be read"):
        _unpacked(capsules.part(stream, TAR))


@pytest.mark.parametrize("url", [
    "", "source.tar", "ftp://example.org/x", "file:///etc/passwd", "https://", "https:///x", "https://a b/", "HTTPS//x",
    "https://user:secret@example.org/x", "https://example.org/\n", "https://example.org/\x1b[2J", "https://exämple.org/",
    "https://[::1/x", "javascript:alert(1)", "https://example.org/" + "x" * 2048,
])
def test_address_is_refused(url: str) -> None:
    assert "expected an address" in bad_url(url)
    with pytest.raises(UsageError, match="expected an address"):
        Capsule.at(url, TAR)


def test_address() -> None:
    made = Capsule.at("https://example.org/emu.tar", TAR)
    assert Capsule.unpack(made.pack()) == made and made.url == "https://example.org/emu.tar"
    assert (made.kind, made.tar_size) == (CapsuleKind.URL, len(TAR))
    assert made.files(TAR) == capsules.FILES
    with pytest.raises(BadFileError, match="a tar of"):
        made.files(TAR + bytes(512))
    with pytest.raises(BadFileError, match="SHA-256"):
        made.files(TAR[:-1] + b"x")
