# SPDX-License-Identifier: MIT
"""What licence expressions amount to: the table and its sources, the quick reader, the library."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openvmi.abi.names import LicenceClass
from openvmi.errors import BuildError
from openvmi.rom import licence
from openvmi.trust.expression import LIMIT, classify
from openvmi.trust.table import facts, sources, table

EXPECTED = tomllib.loads((Path(__file__).parent / "expressions.toml").read_text())
EXPRESSIONS = [(text, LicenceClass[kind.upper()]) for kind in ("gpl", "osi", "proprietary", "unknown")
               for texts in EXPECTED[kind].values() for text in texts]
FORBIDS = {"Proprietary Free", "Commercial", "Source-available", "Free Restricted"}


def test_there_are_enough() -> None:
    assert len({text for text, _ in EXPRESSIONS}) == len(EXPRESSIONS) >= 200
    assert {kind for _, kind in EXPRESSIONS} == set(LicenceClass)


@pytest.mark.parametrize(("text", "kind"), EXPRESSIONS)
def test_expression(text: str, kind: LicenceClass) -> None:
    """For whoever starts a guest, and for whoever builds a ROM."""
    assert classify(text) == kind
    assert licence.parse(text, "here").kind == kind


@pytest.mark.parametrize("text", EXPECTED["not_listed"]["unreadable"])
def test_what_is_no_expression(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        classify(text)
    with pytest.raises(BuildError, match=r"here: (the )?licence"):
        licence.parse(text, "here")


@pytest.mark.parametrize("text", EXPECTED["not_listed"]["unknown"])
def test_what_is_not_listed(text: str) -> None:
    assert classify(text) == LicenceClass.UNKNOWN
    with pytest.raises(BuildError, match="Unknown license key"):
        licence.parse(text, "here")


def test_length_is_bounded() -> None:
    assert classify("(" * 32 + "MIT" + ")" * 32) == LicenceClass.GPL
    for depth in (33, 500):
        with pytest.raises(ValueError, match=f"{depth} parentheses are opened, at most 32"):
            classify("(" * depth + "MIT" + ")" * depth)
    with pytest.raises(ValueError, match="at most 1024"):
        classify("MIT" + " " * LIMIT)


_IDS = sorted(facts()["licences"])
_WITH = sorted(facts()["exceptions"])


@settings(max_examples=150, deadline=None)
@given(st.recursive(
    st.one_of(st.sampled_from(_IDS), st.sampled_from(_IDS).map(str.upper),
              st.sampled_from(["LicenseRef-A", "Apache-2.0+"]),
              st.builds("{} WITH {}".format, st.sampled_from(_IDS), st.sampled_from(_WITH))),
    lambda part: st.builds("({} {} {})".format, part, st.sampled_from(["AND", "OR", "and", "or"]), part), max_leaves=8))
def test_both_readers_agree(text: str) -> None:
    assert licence.parse(text, "here").kind == classify(text) == classify(licence.parse(text, "here").expression)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(["MIT", "Apache-2.0", "(", ")", "AND", "or", "WITH", "LLVM-exception", "+",
                                 "LicenseRef-x"]), max_size=9).map(" ".join))
def test_both_refuse_the_same(text: str) -> None:
    try:
        quick = classify(text)
    except ValueError:
        with pytest.raises(BuildError):
            licence.parse(text, "here")
    else:
        assert licence.parse(text, "here").kind == quick


def _follows(entry: dict[str, object]) -> str:
    """The rule of docs/trust.md."""
    fsf, osadl = entry.get("fsf"), entry.get("osadl")
    if (fsf == "gpl-2" and osadl != "No") or (fsf is None and osadl == "Yes"):
        return "GPL"
    if entry.get("osi") or entry.get("libre") or fsf in ("gpl-2", "gpl-3", "free"):
        return "OSI"
    return "PROPRIETARY" if fsf == "non-free" or entry.get("scancode") in FORBIDS else "UNKNOWN"


def test_each_class_follows_from_facts_that_have_sources() -> None:
    for name, entry in facts()["licences"].items():
        assert entry["class"] == _follows(entry), name
        found = " ".join(entry["sources"])
        assert f"https://spdx.org/licenses/{name}.html" in entry["sources"]
        assert ("fsf" in entry) == ("https://www.gnu.org/licenses/license-list.html#" in found), name
        assert ("osadl" in entry) == ("https://www.osadl.org/" in found), name
        assert ("scancode" in entry) == ("https://scancode-licensedb.aboutcode.org/" in found), name
        assert set(entry) <= {"class", "as", "osi", "libre", "fsf", "osadl", "scancode", "sources"}
    assert len(table().kinds) == len(facts()["licences"]) > 700
    assert sources("mit")[0] == "https://spdx.org/licenses/MIT.html" and sources("Foo") == ()
    for name, address in facts()["exceptions"].items():
        assert address == f"https://spdx.org/licenses/{name}.html"


def test_what_was_renamed_has_the_class_of_its_new_name() -> None:
    listed = facts()["licences"]
    renamed = {name: entry["as"] for name, entry in listed.items() if "as" in entry}
    assert renamed["GPL-2.0"] == "GPL-2.0-only" and renamed["LGPL-2.1+"] == "LGPL-2.1-or-later"
    assert all(listed[name]["class"] == listed[now]["class"] for name, now in renamed.items())
