# SPDX-License-Identifier: MIT
"""What is known about each licence, from licences.json: facts, their sources, and the class that follows."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from openvmi.abi.names import LicenceClass

_FILE = Path(__file__).with_name("licences.json")


class Table(NamedTuple):
    """The licences by their identifier in lower case: SPDX matches identifiers whatever their case."""

    kinds: dict[str, LicenceClass]
    exceptions: dict[str, str]  #: names of the exceptions, which only ever add permissions
    combined: dict[tuple[str, str], LicenceClass]  #: licence and exception that together are more than the licence


@cache
def table() -> Table:
    """The table; read when it is first needed."""
    data = facts()
    classes = {kind.name: kind for kind in LicenceClass}
    kinds = {name.lower(): classes[entry["class"]] for name, entry in data["licences"].items()}
    combined = {}
    for text, entry in data["combined"].items():
        licence, exception = text.lower().split(" with ")
        combined[licence, exception] = classes[entry["class"]]
    return Table(kinds, {name.lower(): name for name in data["exceptions"]}, combined)


@cache
def spellings() -> dict[str, str]:
    """The identifiers as the list writes them, by lower case; of a deprecated one that was renamed: the new name."""
    return {name.lower(): entry.get("as", name) if "-with-" not in name else name
            for name, entry in facts()["licences"].items()}


def facts() -> dict[str, Any]:
    """The file: `licences`, `exceptions`, `combined`, each entry with the addresses of its sources."""
    data: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
    return data


def sources(name: str) -> tuple[str, ...]:
    """Where what is said about a licence comes from; none for one that is not listed."""
    found = next((entry for known, entry in facts()["licences"].items() if known.lower() == name.lower()), None)
    return tuple(found["sources"]) if found else ()
