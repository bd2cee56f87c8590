# SPDX-License-Identifier: MIT
"""Sizes as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openvmi import sizes
from openvmi.errors import UsageError


@pytest.mark.parametrize(("text", "size"), [
    ("1", 1), ("4K", 4096), ("64M", 64 << 20), ("1g", 1 << 30), ("2MiB", 2 << 20), (" 3 ".strip(), 3), ("1KB", 1024)])
def test_parse(text: str, size: int) -> None:
    assert sizes.parse(text) == size


@pytest.mark.parametrize("text", ["", "M", "0", "0M", "-1", "1.5G", "1T", "1 M", "64MM", "0x10", "9" * 16, "1\n2"])
def test_refused(text: str) -> None:
    with pytest.raises(UsageError, match="size"):
        sizes.parse(text)


@given(st.integers(1, 1 << 40))
def test_round_trip(size: int) -> None:
    assert sizes.parse(sizes.show(size)) == size
