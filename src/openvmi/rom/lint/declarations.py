# SPDX-License-Identifier: MIT
"""What a ROM says that no linter can prove, and which of it was needed: `[[lint]]` of rom.toml, "lint" of the manifest.

    [[lint]]
    symbol = "pte_set_batch"     # label in the text, or "recipe IrqEnable": from there to the next label
    rule = "loop"                # the rule that it answers
    reason = "why it is right"
    bound = 512                  # loop: rounds at most; stack-switch: bytes that are free there at least
    until = "an event comes"     # loop: what ends it, instead of a bound
    count = 1                    # places that it is for; 1 unless said
    style = "retpoline"          # landing: how the branch goes, retpoline or computed
    holds = ["rcx", "r11"]       # entry, landing, branch: words on the stack there, below the frame, registers or not
    convention = "jump"          # entry: jump (interrupted code, a frame on the stack), c or leaf (a return address)
    instruction = "vmcall"       # instruction: the way to the hypervisor, and
    writes = ["rax"]             # what registers are not what they were

Bytes of others: whatever is wrong with an entry is told as a finding.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import define, field, frozen

from openvmi.rom.about import NAME_LIMIT, printable
from openvmi.rom.lint.instruction import NUMBER, REGISTERS

LIMIT = 256  #: entries
REASON_LIMIT = 500
STYLES = ("retpoline", "computed")
CONVENTIONS = ("jump", "c", "leaf")
_WORDS = 16
#: Rule -> what its declarations may say beside symbol, rule, reason and count. True: must.
KEYS: dict[str, dict[str, bool]] = {
    "loop": {"bound": False, "until": False},
    "landing": {"style": True, "holds": False},
    "entry": {"convention": True, "holds": False},
    "branch": {"holds": False},
    "address": {},
    "stack-switch": {"bound": True},
    "context": {},
    "frame": {},
    "instruction": {"instruction": True, "writes": False},
}
#: Rule -> what nobody has looked at when a declaration of it is relied on; what leaves most to believe is first.
UNPROVEN = {
    "landing": "where it goes is not followed",
    "branch": "what is there is not looked at",
    "context": "registers and stack are not checked from here on",
    "frame": "it goes back to another place than where it came from",
    "stack-switch": "whose stack it is, and that it has so much room, is believed",
    "entry": "who comes in, with what on the stack, is believed",
    "instruction": "what the hypervisor does then is believed",
    "address": "what is there is believed",
    "loop": "that it ends is believed",
}
_COMMON = {"symbol": True, "rule": True, "reason": True, "count": False}


@frozen
class Declaration:
    """One of them. `holds` are register numbers, or None for other words; see the module for the rest."""

    symbol: str
    rule: str
    reason: str
    count: int = 1
    bound: int = 0
    style: str = ""
    convention: str = ""
    holds: tuple[int | None, ...] = ()
    instruction: str = ""
    until: str = ""
    writes: tuple[int, ...] = ()

    def __str__(self) -> str:
        said = [f"at most {self.bound}" * bool(self.bound), f"until {self.until}" * bool(self.until), self.style,
                self.convention, self.instruction, f"with {_listed(self.holds)} on the stack" * bool(self.holds),
                f"changes {_listed(self.writes)}" * bool(self.writes)]
        return f"{self.symbol}: {self.rule}" + "".join(f", {each}" for each in said if each)


def _listed(numbers: tuple[int | None, ...]) -> str:
    return " ".join("other" if number is None else REGISTERS[number] for number in numbers)


@define
class Declarations:
    """All of a ROM's, and the offsets that each was needed for. `wrong`: what is the matter with the others."""

    all: tuple[Declaration, ...]
    wrong: tuple[str, ...]
    used: dict[Declaration, set[int]] = field(factory=dict)

    def of(self, rule: str) -> Iterator[Declaration]:
        """Those that answer a rule."""
        return (each for each in self.all if each.rule == rule)

    def use(self, rule: str, symbol: str, offset: int, **said: Any) -> Declaration | None:
        """The one for a place, noted as needed there; None: it is not declared. `said`: what else must be so."""
        for each in self.of(rule):
            if each.symbol == symbol and all(getattr(each, key) == value for key, value in said.items()):
                self.used.setdefault(each, set()).add(offset)
                return each
        return None


def read(found: Any) -> Declarations:
    """What a manifest's "lint" says."""
    if not isinstance(found, list) or len(found) > LIMIT:
        return Declarations((), (f"{found!r:.60} where a list of at most {LIMIT} declarations should be",))
    good: list[Declaration] = []
    wrong = []
    for number, entry in enumerate(found, 1):
        if problem := _problem(entry):
            wrong.append(f"declaration {number}: {problem}")
            continue
        values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value
                                  for key, value in entry.items()}
        values["holds"] = tuple(NUMBER.get(name) for name in values.get("holds", ()))
        values["writes"] = tuple(NUMBER[name] for name in values.get("writes", ()))
        declaration = Declaration(**values)
        if any((each.symbol, each.rule, each.style, each.instruction) == (
                declaration.symbol, declaration.rule, declaration.style, declaration.instruction) for each in good):
            wrong.append(f"declaration {number}: {declaration} is there twice")
        else:
            good.append(declaration)
    return Declarations(tuple(good), tuple(wrong))


def _problem(entry: Any) -> str:
    if not isinstance(entry, dict):
        return f"{entry!r:.60} is no table"
    rule = entry.get("rule")
    if not isinstance(rule, str) or rule not in KEYS:
        return f"rule = {rule!r:.60}, expected one of {', '.join(KEYS)}"
    keys = _COMMON | KEYS[rule]
    if unknown := [key for key in entry if key not in keys]:
        return f"unknown {unknown[0]!r:.40} for rule {rule}"
    if missing := [key for key, must in keys.items() if must and key not in entry]:
        return f"{missing[0]} is missing"
    checks = {
        "symbol": lambda v: printable(v, NAME_LIMIT), "reason": lambda v: printable(v, REASON_LIMIT),
        "rule": lambda v: True, "count": lambda v: type(v) is int and 0 < v < 1000,
        "bound": lambda v: type(v) is int and 0 < v < 1 << 64, "style": lambda v: v in STYLES,
        "until": lambda v: printable(v, NAME_LIMIT), "convention": lambda v: v in CONVENTIONS,
        "instruction": lambda v: printable(v, 20),
        "holds": lambda v: _names(v) and len(v) <= _WORDS,
        "writes": lambda v: _names(v) and all(name in NUMBER for name in v),
    }
    for key, value in entry.items():
        if not checks[key](value):
            return f"{key} = {value!r:.60} is not what it can be"
    if rule == "loop" and ("bound" in entry) == ("until" in entry):
        return "expected either bound or until"
    return ""


def _names(value: Any) -> bool:
    return isinstance(value, list) and all(printable(name, 20) for name in value)
