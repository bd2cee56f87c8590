# SPDX-License-Identifier: MIT
"""What the model does at a call, as text: the reference shows it below the contract."""

from __future__ import annotations

import ast
import inspect
import textwrap

from openvmi.conformance.model.machine import Machine


def source_of(name: str) -> str:
    """The method for a call (its name as in C) without its docstring, which is the contract's; "" if there is none."""
    method = getattr(Machine, name, None)
    if method is None:
        return ""
    text = textwrap.dedent(inspect.getsource(method))
    (function,) = ast.parse(text).body
    assert isinstance(function, ast.FunctionDef)
    lines = text.splitlines()
    if ast.get_docstring(function) is None:
        return text.rstrip()
    quote = function.body[0]
    rest = lines[quote.end_lineno :]
    return "\n".join(lines[: quote.lineno - 1] + rest).rstrip()
