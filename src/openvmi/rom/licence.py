# SPDX-License-Identifier: MIT
"""SPDX licence expressions as the builder reads them: is this one, in which spelling, and what does it amount to.

A library parses; what each licence amounts to is in :mod:`openvmi.trust.table`, with its sources.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from attrs import frozen

from openvmi.abi.names import LicenceClass
from openvmi.errors import BuildError
from openvmi.trust import expression
from openvmi.trust.table import spellings, table

if TYPE_CHECKING:
    from license_expression import LicenseSymbol


@frozen
class Licence:
    """A valid SPDX expression in its canonical spelling, and its class."""

    expression: str
    kind: LicenceClass


def parse(text: str, where: str) -> Licence:
    """Reads an expression. Raises :class:`BuildError` when it is not one or names an unknown licence."""
    from boolean import ParseError
    from license_expression import ExpressionError

    if not text.strip():
        raise BuildError(f"{where}: the licence is empty; say under which licence the ROM is, as an SPDX expression "
                         "such as \"MIT OR GPL-2.0-only\": a ROM without one cannot be built")
    try:
        expression.classify(text)  # first: the library takes "MIT AND MIT AND", and fails at "( AND MIT"
        parsed = _tree(text)
    except (ExpressionError, ParseError, ValueError) as error:
        raise BuildError(f"{where}: licence {text!r:.300}: {error}; expected an SPDX licence expression such as "
                         "\"MIT OR GPL-2.0-only\" (https://spdx.org/licenses/)") from error
    return Licence(parsed.render(), _class(parsed))


def offers(licence: Licence, names: frozenset[str]) -> bool:
    """Whether whoever gets the ROM may choose to have it under nothing but these licences."""
    from license_expression import AND, OR, LicenseWithExceptionSymbol

    def holds(node: Any) -> bool:
        if isinstance(node, OR):
            return any(map(holds, node.args))
        if isinstance(node, AND):
            return all(map(holds, node.args))
        return (node.license_symbol if isinstance(node, LicenseWithExceptionSymbol) else node).key in names

    return holds(_tree(licence.expression))


def _tree(text: str) -> Any:
    """The library's tree of an expression that can be read. Raises the library's errors."""
    from license_expression import LicenseSymbol, Licensing

    words = set(text.replace("(", " ").replace(")", " ").split())
    own = {word for word in words if expression.is_reference(word)}
    kinds = table().kinds
    later = {spellings()[word.lower()[:-1]] + "+" for word in words
             if word.endswith("+") and word.lower() not in kinds and word.lower()[:-1] in kinds}
    return Licensing([*_listed(), *map(LicenseSymbol, sorted(own | later))]).parse(text, validate=True, strict=True)


@cache
def _listed() -> tuple[LicenseSymbol, ...]:
    """What is on the SPDX list; what was renamed is another name of what it is now."""
    from license_expression import LicenseSymbol

    old: dict[str, list[str]] = {}
    for name, now in spellings().items():
        old.setdefault(now, []).extend([name] if name != now.lower() else [])
    return (*(LicenseSymbol(name, tuple(others)) for name, others in sorted(old.items())),
            *(LicenseSymbol(name, is_exception=True) for name in table().exceptions.values()))


def _class(node: Any) -> LicenceClass:
    from license_expression import AND, OR, LicenseWithExceptionSymbol

    if isinstance(node, OR):  # the user chooses: the most permissive
        return max(map(_class, node.args))
    if isinstance(node, AND):  # all hold: the strictest
        return min(map(_class, node.args))
    if isinstance(node, LicenseWithExceptionSymbol):
        return expression.with_exception(node.license_symbol.key, node.exception_symbol.key)
    return expression.of_licence(node.key)
