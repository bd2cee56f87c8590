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


def _anchors(page: Path) -> set[str]:
    """What links can say behind #, as GitHub makes it from headings."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL),
                          re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(TOP)))
def test_links_lead_to_headings(page: Path) -> None:
    for text, target, anchor in re.findall(r"\[([^\]]*)\]\(([^)#\s]*)#([^)]*)\)", page.read_text()):
        if "://" not in target and (not target or target.endswith(".md")):
            assert anchor in _anchors(page.parent / target if target else page), f"[{text}]({target}#{anchor})"
