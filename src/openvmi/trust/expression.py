# SPDX-License-Identifier: MIT
"""What an SPDX licence expression amounts to, quickly: what is asked at each start of a guest.

The grammar is that of the SPDX specification 2.3, annex D, with operators in any case. When a ROM is built,
:mod:`openvmi.rom.licence` reads the same with a library; a test holds both to one table.
"""

from __future__ import annotations

import re

from openvmi.abi.names import LicenceClass
from openvmi.trust.table import table

#: Bytes of an expression: those of a guest may be longest.
LIMIT = 1024
#: Parentheses, each of which may be inside the one before.
DEPTH = 32
_TOKEN = re.compile(r"\s*([()]|[^\s()]+)")
_IDENTIFIER = re.compile(r"[A-Za-z0-9.-]+\+?")
_REFERENCE = re.compile(r"(DocumentRef-[A-Za-z0-9.-]+:)?LicenseRef-[A-Za-z0-9.-]+")
#: SPDX lets anybody name a licence of their own by LicenseRef-; one that begins so says what it is.
PROPRIETARY = "LicenseRef-Proprietary"
CLASS_TEXT = {
    LicenceClass.UNKNOWN: "unknown", LicenceClass.PROPRIETARY: "proprietary", LicenceClass.OSI: "open source",
    LicenceClass.GPL: "GPL-compatible",
}
_OPERATORS = {"and", "or", "with"}


def classify(text: str) -> LicenceClass:
    """The class of an expression. An identifier that is not listed is UNKNOWN.

    Raises :class:`ValueError`, with half a sentence, for what is not an expression.
    """
    if len(text) > LIMIT:
        raise ValueError(f"{len(text)} characters, at most {LIMIT} are read")
    tokens = _TOKEN.findall(text)
    if not tokens:
        raise ValueError("it is empty")
    if tokens.count("(") > DEPTH:
        raise ValueError(f"{tokens.count('(')} parentheses are opened, at most {DEPTH} are read")
    kind, rest = _any_of(tokens, 0)
    if rest < len(tokens):
        raise ValueError(f"{tokens[rest]!r:.40} is where AND, OR or the end should be")
    return kind


def is_reference(word: str) -> bool:
    """Whether this is a name that somebody gave to a licence of their own."""
    return bool(_REFERENCE.fullmatch(word))


def of_licence(word: str) -> LicenceClass:
    """The class of one licence, without operators. As :func:`classify`.

    With a `+` it is the class of the version that is named: what a later one may allow is not known to be so.
    """
    if is_reference(word):
        return LicenceClass.PROPRIETARY if word.startswith(PROPRIETARY) else LicenceClass.UNKNOWN
    if not _IDENTIFIER.fullmatch(word) or word.lower() in _OPERATORS:
        raise ValueError(f"{word!r:.40} is where a licence should be")
    kinds, name = table().kinds, word.lower()
    if name in table().exceptions:
        raise ValueError(f"{word!r:.40} is an exception, which belongs behind WITH")
    return kinds.get(name, kinds.get(name.removesuffix("+"), LicenceClass.UNKNOWN))


def with_exception(licence: str, exception: str) -> LicenceClass:
    """The class of a licence with an exception, both in any case. Exceptions only add permissions."""
    key = licence.lower().removesuffix("+"), exception.lower()
    return max(of_licence(licence), table().combined.get(key, LicenceClass.UNKNOWN))


def _any_of(tokens: list[str], at: int) -> tuple[LicenceClass, int]:
    """Who gets it chooses: the best. As the next two, returns the class and the index behind it."""
    best, at = _all_of(tokens, at)
    while _word(tokens, at) == "or":
        kind, at = _all_of(tokens, at + 1)
        best = max(best, kind)
    return best, at


def _all_of(tokens: list[str], at: int) -> tuple[LicenceClass, int]:
    """All hold: the strictest."""
    worst, at = _one(tokens, at)
    while _word(tokens, at) == "and":
        kind, at = _one(tokens, at + 1)
        worst = min(worst, kind)
    return worst, at


def _one(tokens: list[str], at: int) -> tuple[LicenceClass, int]:
    if _word(tokens, at) == "(":
        kind, at = _any_of(tokens, at + 1)
        if _word(tokens, at) != ")":
            raise ValueError("a parenthesis is not closed")
        return kind, at + 1
    word = tokens[at] if at < len(tokens) else ""
    kind = of_licence(word)
    if _word(tokens, at + 1) != "with":
        return kind, at + 1
    exception = tokens[at + 2] if at + 2 < len(tokens) else ""
    if exception.lower() not in table().exceptions:
        raise ValueError(f"{exception!r:.40} behind WITH is not an exception of the SPDX list")
    return with_exception(word, exception), at + 3


def _word(tokens: list[str], at: int) -> str:
    return tokens[at].lower() if at < len(tokens) else ""
