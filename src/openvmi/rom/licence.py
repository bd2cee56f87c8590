# SPDX-License-Identifier: MIT
"""SPDX licence expressions: is this one, and what does it allow a guest to do.

The table holds what ROMs are likely to use. "GPL" is a licence that the FSF lists as compatible with GPL version 2
(https://www.gnu.org/licenses/license-list.html), or a permissive one that asks for no more than one listed there; "OSI"
is another one with the OSI flag of the SPDX licence list (https://spdx.org/licenses/); "PROPRIETARY" is on that list
without the flag and forbids some use. Every other identifier is UNKNOWN, no better than proprietary for any policy.
"""

from __future__ import annotations

from typing import Any

from attrs import frozen

from openvmi.abi.names import LicenceClass
from openvmi.errors import BuildError

_TABLE = {
    LicenceClass.GPL: """
        0BSD Artistic-2.0 BSD-1-Clause BSD-2-Clause BSD-3-Clause BSL-1.0 CC0-1.0 GPL-1.0-or-later GPL-2.0-only
        GPL-2.0-or-later ISC LGPL-2.0-only LGPL-2.0-or-later LGPL-2.1-only LGPL-2.1-or-later MIT MIT-0 MPL-2.0 NCSA
        PostgreSQL UPL-1.0 Unlicense W3C X11 Zlib
    """,
    LicenceClass.OSI: """
        AFL-3.0 AGPL-3.0-only AGPL-3.0-or-later APSL-2.0 Apache-1.1 Apache-2.0 CDDL-1.0 CPL-1.0 EPL-1.0 EPL-2.0
        EUPL-1.1 EUPL-1.2 GPL-3.0-only GPL-3.0-or-later IPL-1.0 LGPL-3.0-only LGPL-3.0-or-later MPL-1.0 MPL-1.1
        MS-PL MS-RL MulanPSL-2.0 OSL-3.0 PHP-3.01 QPL-1.0
    """,
    LicenceClass.PROPRIETARY: "BUSL-1.1 CC-BY-NC-4.0 CC-BY-NC-ND-4.0 CC-BY-NC-SA-4.0 CC-BY-ND-4.0 Elastic-2.0 SSPL-1.0",
}
_CLASS = {name: kind for kind, text in _TABLE.items() for name in text.split()}
#: Exceptions only add permissions; this one is the only one that adds compatibility.
_EXCEPTIONS = {("Apache-2.0", "LLVM-exception"): LicenceClass.GPL}
#: SPDX lets anybody name a licence of their own so; this one says what it is.
_REFERENCE = "LicenseRef-"
_PROPRIETARY = "LicenseRef-Proprietary"


@frozen
class Licence:
    """A valid SPDX expression in its canonical spelling, and its class."""

    expression: str
    kind: LicenceClass


def parse(text: str, where: str) -> Licence:
    """Reads an expression. Raises :class:`BuildError` when it is not one or names an unknown licence."""
    from boolean import ParseError
    from license_expression import ExpressionError, LicenseSymbol, Licensing, get_spdx_licensing

    references = {word for word in text.replace("(", " ").replace(")", " ").split() if word.startswith(_REFERENCE)}
    # The index takes some references for other names of listed licences; they are their owner's to define.
    listed = [
        LicenseSymbol(known.key, [name for name in known.aliases if not name.startswith(_REFERENCE)],
                      is_exception=known.is_exception)
        for known in get_spdx_licensing().known_symbols.values() if known.key not in references
    ]
    licensing = Licensing([*listed, *map(LicenseSymbol, sorted(references))])
    try:
        parsed = licensing.parse(text, validate=True, strict=True)
    except (ExpressionError, ParseError) as error:
        raise BuildError(f"{where}: licence {text!r}: {error}; expected an SPDX licence expression such as "
                         "\"MIT OR GPL-2.0-only\" (https://spdx.org/licenses/)") from error
    if parsed is None:
        raise BuildError(f"{where}: the licence is empty; say under which licence the ROM is, as an SPDX expression "
                         "such as \"MIT OR GPL-2.0-only\": a ROM without one cannot be built")
    return Licence(parsed.render(), _class(parsed))


def offers(licence: Licence, names: frozenset[str]) -> bool:
    """Whether whoever gets the ROM may choose to have it under nothing but these licences."""
    from license_expression import AND, OR, LicenseWithExceptionSymbol, get_spdx_licensing

    def holds(node: Any) -> bool:
        if isinstance(node, OR):
            return any(map(holds, node.args))
        if isinstance(node, AND):
            return all(map(holds, node.args))
        return (node.license_symbol if isinstance(node, LicenseWithExceptionSymbol) else node).key in names

    return holds(get_spdx_licensing().parse(licence.expression))


def _class(node: Any) -> LicenceClass:
    from license_expression import AND, OR, LicenseWithExceptionSymbol

    if isinstance(node, OR):  # the user chooses: the most permissive
        return max(map(_class, node.args))
    if isinstance(node, AND):  # all hold: the strictest
        return min(map(_class, node.args))
    if isinstance(node, LicenseWithExceptionSymbol):
        base, exception = node.license_symbol.key, node.exception_symbol.key
        return _EXCEPTIONS.get((base, exception), _CLASS.get(base, LicenceClass.UNKNOWN))
    if node.key.startswith(_PROPRIETARY):
        return LicenceClass.PROPRIETARY
    return _CLASS.get(node.key, LicenceClass.UNKNOWN)
