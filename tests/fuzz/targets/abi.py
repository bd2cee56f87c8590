# SPDX-License-Identifier: MIT
"""Definitions of interfaces that anybody may have made, as `openvmi abi diff FOLDER FOLDER` reads them.

An input is files, each behind a byte that no text has and one that says which; the others are those of a small
definition.
What is read is compared with that one, both ways.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from openvmi.abi import diff, load
from openvmi.abi.model import Interface
from openvmi.errors import OpenVmiError
from openvmi.report import difference, record

ALLOWED = (OpenVmiError,)
LIMIT = 4096
_FILE = 0xFF
_TOP = Path(__file__).resolve().parents[3]
_FOLDER = Path(tempfile.mkdtemp(prefix="openvmi-fuzz-"))
atexit.register(shutil.rmtree, _FOLDER, ignore_errors=True)
NAMES = ("interface.toml", "base.toml", "layouts.toml", "more.toml")
_HEAD = """[interface]
major = 4
minor = 1
architecture = "x86-64"
arguments = ["rdi", "rsi"]
result = "rax"
groups = ["base"]
[conventions.c]
clobbers = ["rcx"]
doc = "d"
[[error]]
name = "SUCCESS"
value = 0
doc = "d"
[[profile]]
name = "small"
value = 1
groups = ["base"]
doc = "d"
[[constant]]
name = "SITE_LIMIT"
value = 32
doc = "d"
[[enum]]
name = "E"
prefix = "E_"
doc = "d"
values = [{name = "A", value = 0, doc = "d"}]
"""
_GROUP = """[group]
id = 1
name = "base"
revision = 1
may_be_native = true
tied = []
doc = "d"
[[call]]
name = "Do"
number = 0x101
since = "4.1"
convention = "c"
profile = "small"
arguments = [{name = "a", type = "u64", doc = "d"}]
result = "error"
site = 5
native = {call = "do_it"}
errors = ["SUCCESS"]
contract = "d"
"""
_STRUCTS = """[[struct]]
name = "s"
doc = "d"
size = 16
[[struct.fields]]
name = "size"
offset = 0
type = "u32"
doc = "d"
[[struct.fields]]
name = "reserved"
offset = 4
type = "u8[12]"
doc = "d"
"""
GIVEN = (_HEAD, _GROUP, _STRUCTS, _GROUP.replace("id = 1", "id = 2").replace("0x101", "0x201").replace("Do", "More"))
_CLASSIC_GROUP = """[group]
name = "base"
whole = false
doc = "d"
[[call]]
name = "Do"
number = 0
since = "3.0"
convention = "c"
arguments = [{name = "a", register = "eax", doc = "d"}]
results = []
native = {asm = "", bytes = ""}
uses = []
answers = ["none", "call"]
contract = "d"
"""
_written: dict[str, bytes] = {}


@cache
def _first() -> Interface:
    for name, text in zip(NAMES, GIVEN, strict=True):
        (_FOLDER / name).write_text(text)
    found = load.load(_FOLDER)
    assert isinstance(found, Interface)
    return found


def _file(which: int, text: str) -> bytes:
    return bytes([_FILE, which]) + text.encode()


def seeds() -> list[bytes]:
    """The small one here, whole and changed; and a classic one, which is read and then refused."""
    changes = ((0, "minor = 1", "minor = 2"), (0, '["base"]\n[conv', '["base", "more"]\n[conv'),
               (0, "values = [", 'values = [{name = "B", value = -1, doc = "e"}, '), (0, "major = 4", "major = 5"),
               (1, "revision = 1", "revision = 2"), (1, "0x101", "0x102"), (1, 'call = "do_it"', 'bytes = "0f 05"'),
               (1, "site = 5", "site = 9"), (1, "tied = []", 'tied = ["base"]'), (1, '"u64"', '"gva"'),
               (2, "u8[12]", "u8[11]"), (2, 'name = "reserved"', 'name = "more"'), (2, "size = 16", "size = 12"),
               (2, "u8[12]", "u64[99999]"), (2, "16", "1_000_000"))
    found = [_file(which, GIVEN[which]) for which in range(len(GIVEN))]
    found += [_file(which, GIVEN[which].replace(old, new)) for which, old, new in changes]
    classic = "use = []\nentry = []\n" + _HEAD.replace("major = 4", "major = 3\ncalls = 1")
    return [*found, _file(0, classic) + _file(1, _CLASSIC_GROUP)]


def run(data: bytes) -> None:
    """Reads all of it, compares it, and shows what is found."""
    first = _first()
    texts = {name: text.encode() for name, text in zip(NAMES, GIVEN, strict=True)}
    for part in data.split(bytes([_FILE]))[1:]:
        if part:
            texts[NAMES[part[0] % len(NAMES)]] = part[1:]
    for name, text in texts.items():
        if _written.get(name) != text:
            (_FOLDER / name).write_bytes(text)
            _written[name] = text
    try:
        found = diff.find(str(_FOLDER))
    except OpenVmiError as error:
        assert str(error).isprintable(), error
        raise
    for both in ((first, found), (found, first), (found, found)):
        compared = diff.compare(*both)
        assert record.text(difference.describe(compared))
        assert all(line.isprintable() for line in difference.lines(compared))
