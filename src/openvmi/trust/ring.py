# SPDX-License-Identifier: MIT
"""All keys that the user has to do with, one entry for each, wherever it is kept."""

from __future__ import annotations

import os
from pathlib import Path

from attrs import evolve, frozen

from openvmi.errors import UsageError
from openvmi.trust import keys, store
from openvmi.trust.public import DIGITS, PublicKey, digits, shown

#: Digits of a fingerprint that are enough to mean it.
ENOUGH = 8


@frozen
class Key:
    """One key, and what it is to the user."""

    fingerprint: str  #: hexadecimal; empty where the key cannot be read
    name: str
    public: PublicKey | None  #: None where only its fingerprint is known
    states: tuple[str, ...] = ()  #: some of: own, trusted, revoked
    path: Path | None = None  #: the private key's
    problem: str = ""  #: why it counts for nothing


def every() -> list[Key]:
    """All of them: the user's own by name, then the others by fingerprint. Those that cannot be used too."""
    found: dict[str, Key] = {}
    for own in keys.listed():
        fingerprint = own.public.fingerprint if own.public else ""
        found[fingerprint or str(own.path)] = Key(fingerprint, own.name, own.public, ("own",), own.path, own.problem)
    for state, entries in (("trusted", store.trusted_all()), ("revoked", store.revoked_all())):
        for entry in entries:
            known = found.get(entry.fingerprint) or Key(entry.fingerprint, entry.name, entry.key)
            found[entry.fingerprint] = evolve(
                known, name=known.name or entry.name, public=known.public or entry.key,
                states=(*known.states, state), problem=known.problem or entry.problem)
    return list(found.values())


def find(choice: str) -> Key:
    """The key that a user means: by a name, a fingerprint or enough of its beginning, or the file of a public key.

    :class:`UsageError` when it is nothing, or more than one key.
    """
    prefix = digits(choice)
    found = [key for key in every() if choice == key.name
             or (len(prefix) >= ENOUGH and key.fingerprint.startswith(prefix))]
    if len(found) > 1:
        raise UsageError(f"{choice!r} is more than one key, {', '.join(shown(key.fingerprint) for key in found)}; "
                         "expected enough of one fingerprint")
    if found:
        return found[0]
    if os.path.isfile(choice):  # Path.is_file raises for a name that no file can have
        name, public = keys.read_public(Path(choice))
        known = [key for key in every() if key.fingerprint == public.fingerprint]
        return known[0] if known else Key(public.fingerprint, name, public)
    if len(prefix) == DIGITS:
        return Key(prefix, "", None)
    raise UsageError(f"no key {choice!r:.80}: neither a name, nor the beginning of a fingerprint that openvmi key list "
                     "shows, nor a file; check the spelling")
