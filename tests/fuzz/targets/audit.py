# SPDX-License-Identifier: MIT
"""A blob that `openvmi audit` is given: a module, another ELF file, an option ROM, a ROM, or compressed."""

from __future__ import annotations

import json
import lzma
import zlib

from openvmi import resources
from openvmi.audit import appended, read
from openvmi.audit.table import QUESTIONS
from openvmi.errors import UnavailableError
from openvmi.report import audit as report
from tests.audit import option_roms
from tests.fuzz.elves import module

ALLOWED = (UnavailableError,)
LIMIT = 8192


def seeds() -> list[bytes]:
    """One of each kind, small."""
    plain = module(b"license=GPL\0depends=other\0intree=Y\0", ("printk", "kfree"))
    signed = plain + bytes(40) + bytes([0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 40]) + appended.MARKER
    several = option_roms.image(0, last=False) + option_roms.efi(11, last=False) + option_roms.open_firmware()
    rom = (resources.built("roms") / "template.rom").read_bytes()
    classic = (resources.built("roms") / "classic-minimal.rom").read_bytes()
    packed = zlib.compressobj(wbits=31)
    return [plain, signed, several, option_roms.efi(12), option_roms.fcode(), lzma.compress(plain),
            packed.compress(several) + packed.flush(), *(each for each in (rom, classic) if len(each) <= LIMIT)]


def run(data: bytes) -> None:
    """Judges and describes it: all questions have an answer, or one sentence says why not."""
    blob = read.judge(data, "it.ko")
    if blob.problem:
        assert not blob.rows and blob.problem.isprintable()
    else:
        assert [row.question for row in blob.rows] == list(QUESTIONS) and all(row.evidence for row in blob.rows)
    assert json.loads(report.line(report.describe(blob)))["size"] == len(data)
