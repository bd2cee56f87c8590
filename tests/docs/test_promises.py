# SPDX-License-Identifier: MIT
"""Each promise names tests, and these are tests that pytest runs."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
LINK = re.compile(r"\[([^\]]*)\]\(([^)#\s]+)\)")
_LEAVES = ("pytest.skip", "pytest.xfail", "pytest.exit")  #: what ends a test without a verdict on its subject


@cache
def collected(path: Path) -> frozenset[str]:
    """The tests of a file that pytest collects, and does not skip whatever happens."""
    named = re.fullmatch(r"test_.*\.py|.*_test\.py", path.name)
    if not named or not path.is_file() or not path.resolve().is_relative_to(TOP / "tests"):
        return frozenset()
    return runnable(path.read_text(encoding="utf-8"))


def runnable(source: str) -> frozenset[str]:
    """The same of its text. The last definition of a name is the one that counts."""
    module = ast.parse(source).body
    found: set[str] = set()
    for node in module:
        if isinstance(node, ast.ClassDef):
            inner = _functions(node.body)
            if node.name.startswith("Test") and "__init__" not in inner and not _never(node.body, node.decorator_list):
                found |= {name for name, function in inner.items() if _is_test(function)}
        elif isinstance(node, ast.FunctionDef):
            found.discard(node.name)
            found |= {node.name} if _is_test(node) else set()
        elif isinstance(node, ast.Assign | ast.Delete):
            found -= {name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)}
    return frozenset() if _never(module, []) else frozenset(found)


def _functions(body: list[ast.stmt]) -> dict[str, ast.FunctionDef]:
    return {node.name: node for node in body if isinstance(node, ast.FunctionDef)}


def _is_test(function: ast.FunctionDef) -> bool:
    if not function.name.startswith("test") or any(map(_disables, function.decorator_list)):
        return False
    does = [statement for statement in function.body
            if not (isinstance(statement, ast.Pass) or
                    (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)))]
    return bool(does) and not isinstance(does[0], ast.Return) and not any(map(_leaves, does))


def _never(body: list[ast.stmt], decorators: list[ast.expr]) -> bool:
    """Whether nothing of a module or class runs."""
    marks = [node.value for node in body if isinstance(node, ast.Assign)
             and any(isinstance(target, ast.Name) and target.id == "pytestmark" for target in node.targets)]
    off = any(isinstance(node, ast.Assign) and ast.unparse(node) == "__test__ = False" for node in body)
    each = [mark for value in marks for mark in (value.elts if isinstance(value, ast.List | ast.Tuple) else [value])]
    return off or any(map(_disables, [*decorators, *each])) or any(map(_leaves, body))


def _leaves(statement: ast.stmt) -> bool:
    """pytest.skip(...) and the like, which no condition guards."""
    call = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(call, ast.Call) and ast.unparse(call.func) in _LEAVES


def _disables(mark: ast.expr) -> bool:
    """Whether a decorator makes sure that a test does not run, or that its failure is none."""
    call = mark if isinstance(mark, ast.Call) else None
    name = ast.unparse(call.func if call else mark).removeprefix("pytest.")
    if name in ("fixture", "mark.skip", "mark.xfail"):
        return True
    if name == "mark.skipif" and call and call.args:
        return isinstance(call.args[0], ast.Constant) and bool(call.args[0].value)
    if name == "mark.parametrize" and call and len(call.args) > 1:
        return isinstance(call.args[1], ast.List | ast.Tuple) and not call.args[1].elts
    return False


def test_every_promise_names_its_test() -> None:
    page = TOP / "docs" / "promises.md"
    rows = [line for line in page.read_text().splitlines() if line.startswith("|") and "---" not in line]
    promises = [row.strip("|").split(" | ") for row in rows if "kept by" not in row]
    assert len(promises) > 20
    assert len({promise for promise, *_ in promises}) == len(promises), "a promise twice"
    for promise, *kept in promises:
        links = LINK.findall(kept[0]) if len(kept) == 1 else []
        assert links, f"no test: {promise}"
        assert not LINK.sub("", kept[0]).strip(), f"something else than tests: {kept[0]}"
        for name, target in links:
            assert name in collected(page.parent / target), f"{name} in {target} is no test that runs: {promise}"


@pytest.mark.parametrize("source", [
    "", "# def test_it():", "'''\ndef test_it(): assert f()\n'''", "if False:\n    def test_it(): assert f()",
    "def outer():\n    def test_it(): assert f()", "def helper(): assert f()\ndef test_other(): assert f()",
    "class Helper:\n    def test_it(self): assert f()",
    "class TestIt:\n    def __init__(self): f()\n    def test_it(self): f()",
    "@pytest.mark.skip\ndef test_it(): assert f()", "@pytest.mark.skip(reason='x')\ndef test_it(): assert f()",
    "@pytest.mark.skipif(True, reason='x')\ndef test_it(): assert f()", "@pytest.mark.xfail\ndef test_it(): assert f()",
    "@pytest.mark.parametrize('a', [])\ndef test_it(a): assert f()", "@pytest.fixture\ndef test_it(): assert f()",
    "def test_it(): pass", "def test_it():\n    'says much'", "def test_it(): return", "def test_it(): ...",
    "def test_it():\n    pytest.skip('later')\n    assert f()",
    "pytestmark = pytest.mark.skip\ndef test_it(): assert f()",
    "pytestmark = [pytest.mark.slow, pytest.mark.skip('x')]\ndef test_it(): assert f()",
    "pytest.skip('x', allow_module_level=True)\ndef test_it(): assert f()", "def test_it(): assert f()\ntest_it = None",
    "def test_it(): assert f()\ndel test_it", "def test_it(): assert f()\ndef test_it(): pass",
    "class TestIt:\n    __test__ = False\n    def test_it(self): assert f()",
])
def test_what_does_not_run_keeps_no_promise(source: str) -> None:
    assert "test_it" not in runnable(source)


@pytest.mark.parametrize("source", [
    "def test_it(): assert f()", "class TestIt:\n    def test_it(self): assert f()",
    "@pytest.mark.needs('qemu')\n@pytest.mark.parametrize('a', [1])\ndef test_it(a): f()",
    "@pytest.mark.skipif(system(), reason='x')\ndef test_it(): f()",
    "def test_it():\n    if not there():\n        pytest.skip('x')\n    assert f()",
])
def test_what_runs_does(source: str) -> None:
    assert runnable(source) == {"test_it"}


def test_only_files_that_pytest_collects() -> None:
    assert "test_every_promise_names_its_test" in collected(Path(__file__))
    assert not collected(TOP / "tests" / "fuzz" / "campaign.py")
    assert not collected(TOP / "docs" / "test_none.py")
