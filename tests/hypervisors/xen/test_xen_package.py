# SPDX-License-Identifier: MIT
"""The package, byte for byte, there and back; and the numbers that are shared with the ROM."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from openvmi.errors import BadFileError
from openvmi.hypervisors.xen import private
from openvmi.hypervisors.xen.package import Package, module_name, unpack

NAMES = st.binary(max_size=255).filter(lambda name: 0 not in name)
SMALL = Package(b"G" * 5000, b"R", b"a=b", ((b"m", b"M"),))


def test_private_numbers_are_the_roms(top: Path) -> None:
    header = (top / "roms" / "xen" / "private.h").read_text()
    found = re.findall(r"^#define (XEN_\w+) (0x[0-9a-f]+|\d+|XEN_\w+)\b", header, re.M)
    numbers = {name: value if value.startswith("XEN_") else int(value, 0) for name, value in found}
    numbers = {name: numbers[value] if isinstance(value, str) else value for name, value in numbers.items()}
    ours = {name: value for name, value in vars(private).items() if name.startswith("XEN_")}
    assert ours and ours == {name: numbers.get(name) for name in ours}


def test_bytes() -> None:
    data = SMALL.pack()
    assert data[:16] == b"VIMPACK1" + struct.pack("<II", 4, 16 + 4 * 32)
    assert struct.unpack_from("<IIQQQ", data, 16) == (1, 0, 0x1000, 5000, 0)
    assert struct.unpack_from("<IIQQQ", data, 48) == (2, 0, 0x3000, 1, 0)
    assert struct.unpack_from("<IIQQQ", data, 80) == (3, 0, 0x4000, 3, 0)
    assert struct.unpack_from("<IIQQQ", data, 112) == (4, 0, 0x5000, 1, 144)
    assert data[144:146] == b"m\0" and data[0x1000:0x1005] == b"GGGGG" and data[0x4000:0x4004] == b"a=b\0"
    assert len(data) == 0x6000


@given(st.builds(Package, st.binary(), st.none() | st.binary(), st.binary(max_size=4096),
                 st.lists(st.tuples(NAMES, st.binary(max_size=9000)), max_size=5).map(tuple),
                 st.sampled_from([0, 2, 0x1E])))
def test_round_trip(package: Package) -> None:
    data = package.pack()
    assert len(data) % 4096 == 0 and unpack(data) == package


def test_flags_are_where_an_older_shim_does_not_look() -> None:
    with_flags = evolve(SMALL, flags=0x1F).pack()
    assert struct.unpack_from("<IIQQQ", with_flags, 16) == (1, 0, 0x1000, 5000, 0x1E)
    assert with_flags[:40] + bytes(8) + with_flags[48:] == SMALL.pack()


def test_too_much() -> None:
    most = Package(b"", None, b"", ((b"n", b""),) * 94)
    assert unpack(most.pack()) == most
    with pytest.raises(ValueError, match="too much"):
        Package(b"", b"", b"", ((b"n", b""),) * 94).pack()
    with pytest.raises(ValueError, match="too much"):
        Package(b"", None, b"", ((b"n" * 256, b""),)).pack()


@pytest.mark.parametrize(("name", "bytes_"), [("a.img", b"a.img"), ("f\u00fcnf\0", b"f?nf?"), ("x" * 300, b"x" * 255)])
def test_module_names(name: str, bytes_: bytes) -> None:
    assert module_name(name) == bytes_


@pytest.mark.parametrize(("at", "value", "words"), [
    (0, b"X", "begins with"), (8, b"\x61", "97 entries"), (8, b"\x03", "3 entries"), (12, b"\0", "0 bytes for them"),
    (16, b"\2", "kind 2"), (16, b"\5", "kind 5"), (16, b"\4", "no guest"), (20, b"\1", "entry 0"),
    (24, b"\1", "entry 0"), (26, b"\x40", "entry 0"), (31, b"\xff", "entry 0"), (34, b"\1", "entry 0"),
    (39, b"\xff", "entry 0"), (56 + 1, b"\x20", "entry 1"), (136 + 2, b"\1", "entry 3 has its name"),
])  # fmt: skip
def test_damaged(at: int, value: bytes, words: str) -> None:
    data = bytearray(SMALL.pack())
    data[at : at + 1] = value
    with pytest.raises(BadFileError, match=words):
        unpack(bytes(data))


@pytest.mark.parametrize("size", [0, 15, 16, 143, 0x1000, 0x2387, 0x5000])
def test_cut_off(size: int) -> None:
    with pytest.raises(BadFileError):
        unpack(SMALL.pack()[:size])


def test_name_without_end() -> None:
    data = bytearray(SMALL.pack())
    data[145:] = b"n" * (len(data) - 145)
    with pytest.raises(BadFileError, match="ends with NUL"):
        unpack(bytes(data))


@given(st.binary(max_size=200), st.integers(0, 200))
def test_any_bytes(damage: bytes, at: int) -> None:
    data = bytearray(SMALL.pack())
    data[at : at + len(damage)] = damage
    try:
        unpack(bytes(data))
    except BadFileError as error:
        assert len(str(error)) < 300
