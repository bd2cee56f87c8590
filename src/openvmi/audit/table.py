# SPDX-License-Identifier: MIT
"""The questions, and what the original proposal answered for its four kinds of blob.

Source: Zachary Amsden, "A proposal - binary", linux-kernel, 3 August 2006, Message-ID 44D1CC7D.4010600@vmware.com. The
answers are as written there. It did not ask whether the source is available; that question is OpenVMI's.
"""

from __future__ import annotations

from enum import Enum

from attrs import field, frozen


class Answer(Enum):
    """What the bytes say to a question."""

    YES = "yes"
    NO = "no"
    PART = "in part"
    MAYBE = "maybe"  #: it depends on what others do with the blob
    UNKNOWN = "unknown"  #: cannot be known from the bytes


#: The proposal's four blobs: one that circumvents the GPL, a vendor's hardware support, VMI, firmware in a ROM.
COLUMNS = ("EVIL", "VENDOR", "VMI", "ROM")
UNKNOWN_TEXT = "cannot be known from the bytes"


@frozen
class Question:
    """A question. `original` has the answers under :data:`COLUMNS`, and is empty for one that was not asked."""

    key: str
    title: str
    original: tuple[str, ...] = ()


PRIVILEGE = Question("kernel_privilege", "runs at kernel privilege level", ("YES", "YES", "YES", "MAYBE (*)"))
COPIED = Question("copied", "is copied into the kernel", ("YES", "MAYBE", "NO", "NO"))
ADDRESS_SPACE = Question("address_space", "is part of kernel address space", ("YES", "YES", "NO (+)", "??"))
HOOKS_BACK = Question("hooks_back", "has hooks back into kernel", ("YES", "MAYBE", "NO", "NO"))
HOOKS_INTO = Question("hooks_into", "kernel has hooks into it", ("YES", "YES", "YES", "YES"))
THIRD_PARTY = Question("third_party", "has proprietary 3rd party code", ("MAYBE", "MAYBE (?)", "NO", "YES"))
IP = Question("significant_ip", "has significant software IP", ("YES", "MAYBE (?)", "NO", "MAYBE (?)"))
SOURCE = Question("source_available", "source is available")
OPEN = Question("open_source", "is open source", ("NO", "MAYBE", "MAYBE", "NO"))
QUESTIONS = (PRIVILEGE, COPIED, ADDRESS_SPACE, HOOKS_BACK, HOOKS_INTO, THIRD_PARTY, IP, SOURCE, OPEN)

NOTES = {
    "(*)": "sometimes run in virtual 8086 mode, not at full privilege",
    "(+)": "never mapped by the kernel; above its own addresses, in the hypervisor's",
    "(?)": "where a vendor fears for its ideas, or has code of others that it may not publish",
}


_EVIDENCE_LIMIT = 1000


def _cut(line: str) -> str:
    return line if len(line) <= _EVIDENCE_LIMIT else f"{line[:_EVIDENCE_LIMIT]} ..."


@frozen
class Row:
    """The answer to one question. `claimed`: the blob says so, and its bytes cannot prove it."""

    question: Question
    answer: Answer
    evidence: tuple[str, ...] = field(converter=lambda lines: tuple(map(_cut, lines)))
    claimed: bool = False

    @property
    def text(self) -> str:
        """The answer in words."""
        word = UNKNOWN_TEXT if self.answer is Answer.UNKNOWN else self.answer.value.upper()
        return f"{word}, it claims" if self.claimed else word


def contradicted(rows: tuple[Row, ...]) -> dict[str, tuple[Question, ...]]:
    """For each of the four columns the questions that it answers by yes and this blob by no, or the reverse."""
    opposite = {Answer.YES: "NO", Answer.NO: "YES"}
    return {
        column: tuple(
            row.question for row in rows
            if row.question.original and row.answer in opposite
            and row.question.original[number].split()[0] == opposite[row.answer]
        )
        for number, column in enumerate(COLUMNS)
    }
