# SPDX-License-Identifier: MIT
"""What the documentation refers to exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
PAGES = sorted([*TOP.glob("*.md"), *TOP.glob("docs/**/*.md")])
LINK = re.compile(r"\[([^\]]*)\]\(([^)#\s]+)(#[^)]*)?\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(TOP)))
def test_links_lead_somewhere(page: Path) -> None:
    for text, target, _ in LINK.findall(page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), f"[{text}]({target})"


def test_every_promise_names_its_test() -> None:
    page = TOP / "docs" / "promises.md"
    rows = [line for line in page.read_text().splitlines() if line.startswith("|") and "---" not in line]
    promises = [row for row in rows if "kept by" not in row]
    assert len(promises) > 20
    for row in promises:
        links = LINK.findall(row)
        assert links, f"no test: {row}"
        for name, target, _ in links:
            assert re.search(rf"^def {name}\(", (page.parent / target).read_text(), re.MULTILINE), f"{name} in {target}"
