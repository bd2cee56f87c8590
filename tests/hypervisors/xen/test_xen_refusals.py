# SPDX-License-Identifier: MIT
"""What Xen refuses of a page table, and what its ROM makes of that: the call, the entry, Xen's error number."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from openvmi.guest.build import build
from openvmi.hypervisors.base import Ending
from openvmi.running import Request, run

pytestmark = pytest.mark.needs("qemu-system-x86_64", "/boot/xen*.gz")

#: Linux's numbers, which Xen has, too (Xen public/errno.h).
EBUSY, EINVAL = 16, 22


@pytest.fixture(scope="module")
def refusal(top: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The kernel that asks for it."""
    output = tmp_path_factory.mktemp("refusal") / "refusal.elf"
    build(Path(__file__).parent / "refusal", output, top / "build" / "cache")
    return output


@pytest.mark.parametrize(("deed", "told", "ending", "code"), [
    # A table mapped writable: Xen has the page as a page table, and a page has one type at a time.
    ("PteSet", rf"PteSet: Xen refused, errno {EBUSY}, entry 0x1000\w+000, value 0x801\w+007", Ending.CRASH, 0),
    ("PteUpdateDeferred", rf"PteUpdateDeferred: Xen refused, errno {EBUSY}, entry 0x\w+008, value 0x801\w+007",
     Ending.CRASH, 0),
    # These answer how many were done, and the guest goes on.
    ("PteSetBatch", rf"PteSetBatch: Xen refused, errno {EBUSY}, entry 0x1000\w+008, value 0x801\w+007", Ending.EXIT, 1),
    ("two-tables", rf"PteSetBatch: Xen refused, errno {EBUSY}, entry 0x1000\w+008, value 0x801\w+007", Ending.EXIT, 2),
    # A level 4 table that refers to itself as level 3: INVALID, which is -2.
    ("PageTableAdd", rf"PageTableAdd: Xen refused, errno {EINVAL}, entry 0x\w+000, value 0x4", Ending.EXIT, 2),
    ("AddressSpaceSet", r"AddressSpaceSet: no announced root, entry 0x\w+000, value 0x0", Ending.CRASH, 0),
    ("exhaust", r"PageTableAdd: no page left for user mode's tables, give the domain more memory, entry 0x\w+000,"
     r" value 0x4", Ending.EXIT, 4),
    ("root-beyond", rf"PteSet: Xen refused, errno {EINVAL}, entry 0x1000\w+000, value 0xffffffffff007",
     Ending.CRASH, 0),
    ("beyond", rf"PteSet: Xen refused, errno {EINVAL}, entry 0x1000\w+000, value 0xffffffffff001", Ending.CRASH, 0),
])
def test_refusal(refusal: Path, deed: str, told: str, ending: Ending, code: int) -> None:
    said = bytearray()
    request = Request(str(refusal), on="xen", options=f"refusal.of={deed}", deterministic=True)
    outcome = run(request, lambda data: not said.extend(data)).outcome
    assert re.search(f"^xen: {told}$", said.decode(), re.MULTILINE), said.decode()
    assert (outcome.ending, outcome.code) == (ending, code)
    if ending is Ending.CRASH:
        assert re.fullmatch(told, outcome.message)
