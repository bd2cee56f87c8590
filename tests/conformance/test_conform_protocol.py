# SPDX-License-Identifier: MIT
"""Reading what a kernel of the kit says."""

from __future__ import annotations

import pytest

from openvmi.conformance.outcome import Outcome
from openvmi.conformance.protocol import Reader


def read(*pieces: bytes) -> Reader:
    reader = Reader()
    for piece in pieces:
        reader.feed(piece)
    return reader


def test_one_test() -> None:
    reader = read(b"vmi: 4.0\r\n@ base/probe~x\r\n\r\n= SUCCESS\r\nconform: 1 run\r\n")
    said, = reader.said
    assert (said.id, said.outcome, said.details) == ("conform/base/probe~x", Outcome.SUCCESS, [])
    assert reader.count == 1 and reader.open is None and not reader.broken


def test_bytes_come_in_any_pieces() -> None:
    text = b"@ a/b~c\n\n  one: found 0x1, expected 0x2\n\n= FAILURE\n@ a/b~d\n= SKIP no group smp\nconform: 2 run\n"
    whole = read(text)
    single = read(*(text[at:at + 1] for at in range(len(text))))
    assert whole.said == single.said and single.count == 2
    assert whole.said[0].details == ["one: found 0x1, expected 0x2"]
    assert (whole.said[1].outcome, whole.said[1].reason) == (Outcome.SKIP, "no group smp")


def test_a_test_is_told_as_it_begins() -> None:
    begun: list[str] = []
    reader = Reader(begun.append)
    reader.feed(b"@ a/b~c\n")
    assert begun == ["conform/a/b~c"] and reader.open is reader.said[0]


def test_what_the_console_carried() -> None:
    # FNV-1a of "a line of text", as kernels/conform/common/main.c computes it
    assert read(b"@ a/b~c\na line of text\n~ 14 c0078ea65bb3a59a\n\n= SUCCESS\n").said[0].outcome is Outcome.SUCCESS
    assert read(b"@ a/b~c\n\n~ 0 cbf29ce484222325\n\n= SUCCESS\n").said[0].outcome is Outcome.SUCCESS
    bad = read(b"@ a/b~c\na line of tExt\n~ 14 c0078ea65bb3a59a\n\n= SUCCESS\n").said[0]
    assert bad.outcome is Outcome.FAILURE and "the console carried 14 " in bad.details[0]


def test_a_success_with_a_broken_check_is_none() -> None:
    assert read(b"@ a/b~c\n  one: found 0x1, expected 0x2\n= SUCCESS\n").said[0].outcome is Outcome.FAILURE


@pytest.mark.parametrize("text", [b"= SUCCESS\n", b"@ a/b~c\n@ a/b~d\n", b"~ 0 cbf29ce484222325\n",
                                  b"@ a/b~c\n= SUCCESS\n= FAILURE\n"])
def test_what_is_against_the_protocol(text: bytes) -> None:
    assert read(text).broken


@pytest.mark.parametrize("line", [b"= MAYBE\n", b"conform: many run\n", b"conform: 3\n", b"@\xff a/b~c\n", b"@@ x\n",
                                  b"\n"])
def test_what_only_looks_like_it(line: bytes) -> None:
    reader = read(b"@ a/b~c\n" + line)
    assert reader.said[0].outcome is None and reader.count is None and len(reader.said) == 1


def test_bounds() -> None:
    reader = read(b"@ a/b~c\n", *[b"x" * 100_000] * 30, b"\n", b"  detail\n" * 1000, b"= FAILURE\n")
    said, = reader.said
    assert said.outcome is Outcome.FAILURE and len(said.details) == 20
    assert max(map(len, reader.last)) <= 1 << 14 and len(reader.last) <= 10
