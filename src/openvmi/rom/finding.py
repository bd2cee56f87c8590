# SPDX-License-Identifier: MIT
"""What a check of a ROM image says when it fails."""

from __future__ import annotations

from attrs import frozen

#: What to do about bytes that no builder writes.
DAMAGED = "the file is damaged, or is not a ROM: build or fetch it again"
#: What to do about contents that a wrong builder wrote.
MISBUILT = "ask for a corrected ROM, or rebuild it with: openvmi rom build"


@frozen
class Finding:
    """One broken rule: what was found, at which image offset, what the format demands, what to do."""

    found: str
    offset: int
    expected: str
    remedy: str = MISBUILT

    def __str__(self) -> str:
        return f"{self.found} at offset {self.offset:#x}, expected {self.expected}; {self.remedy}"
