# SPDX-License-Identifier: MIT
"""openvmi abi diff: each kept version keeps what the one before promised; and for each rule what breaks it."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve, has
from attrs import fields as fields_of

from openvmi.abi import diff, load
from openvmi.abi.compat import Rule, Verdict
from openvmi.abi.model import Argument, Call, Field, Group, Interface, Native, Profile, Struct, Value
from openvmi.cli import main
from openvmi.status import Status

Change = Callable[[Interface], Interface]
VERSIONS = [version for version in load.versions() if version.startswith("4.")]
FIRST = load.interface("4.0")
SOME = 10  # of the parts of a kind


def part(kind: str, name: str, /, **fields: object) -> Change:
    """Other fields for one named part of the interface."""
    return lambda abi: evolve(abi, **{kind: tuple(evolve(p, **fields) if p.name == name else p
                                                  for p in getattr(abi, kind))})


def without(kind: str, name: str) -> Change:
    """The interface less one part."""
    return lambda abi: evolve(abi, **{kind: tuple(p for p in getattr(abi, kind) if p.name != name)})


def more(kind: str, added: object) -> Change:
    """The interface and one part more."""
    return lambda abi: evolve(abi, **{kind: (*getattr(abi, kind), added)})


def in_group(name: str, /, change: Callable[[tuple[Call, ...]], tuple[Call, ...]], **fields: object) -> Change:
    """Other calls for a group."""
    def changed(abi: Interface) -> Interface:
        group = next(g for g in abi.groups if g.name == name)
        return part("groups", name, calls=change(group.calls), **fields)(abi)
    return changed


def call(name: str, /, **fields: object) -> Change:
    """Other fields for a call of group irq."""
    return in_group("irq", lambda calls: tuple(evolve(c, **fields) if c.name == name else c for c in calls))


def value(enum: str, name: str, number: int) -> Change:
    """Another number for an enumerator."""
    def changed(abi: Interface) -> Interface:
        values = next(e for e in abi.enums if e.name == enum).values
        return part("enums", enum, values=tuple(evolve(v, value=number) if v.name == name else v for v in values))(abi)
    return changed


def fields(struct: str, change: Callable[[tuple[Field, ...]], tuple[Field, ...]], size: int | None = None) -> Change:
    """Other members for a structure."""
    def changed(abi: Interface) -> Interface:
        old = next(s for s in abi.structs if s.name == struct)
        return part("structs", struct, fields=change(old.fields), size=size or old.size)(abi)
    return changed


def both(*changes: Change) -> Change:
    """One after the other."""
    def changed(abi: Interface) -> Interface:
        for change in changes:
            abi = change(abi)
        return abi
    return changed


NEW = Call(name="IrqCount", number=0x0106, group="irq", since="4.1", convention="leaf", profile="base", arguments=(),
           result="u32", clobbers=(), site=5, native=Native(call="vmi_native_irq_count"), errors=(), contract="")
ADDED = in_group("irq", lambda calls: (*calls, NEW), revision=2)
WORD = Argument("word", "u64", "")

BROKEN = {
    # version
    "new call of no version": (in_group("irq", lambda calls: (*calls, evolve(NEW, since="4.0")), revision=2),
                               Rule.VERSION, "call IrqCount: is new in 4.1 and says since 4.0"),
    "since": (call("IrqSave", since="4.1"), Rule.VERSION, "call IrqSave: said since 4.0 and says 4.1"),
    "same version": (both(ADDED, lambda abi: evolve(abi, minor=0)), Rule.VERSION,
                     "has something new, and both are 4.0"),
    # kept
    "call gone": (in_group("irq", lambda calls: calls[:-1]), Rule.KEPT, "call Halt: is gone"),
    "group gone": (without("groups", "debug"), Rule.KEPT, "group debug: is gone"),
    "profile gone": (without("profiles", "full"), Rule.KEPT, "profile full: is gone"),
    "enumeration gone": (without("enums", "Taint"), Rule.KEPT, "enumeration Taint: is gone"),
    "constant gone": (without("constants", "TLB_ALL"), Rule.KEPT, "constant TLB_ALL: is gone"),
    "convention gone": (without("conventions", "jump"), Rule.KEPT, "convention jump: is gone"),
    "structure gone": (without("structs", "vcpu_start"), Rule.KEPT, "structure vcpu_start: is gone"),
    "another major version": (lambda abi: evolve(abi, major=5), Rule.KEPT, "VMI 4 for x86-64 and VMI 5 for x86-64"),
    "another architecture": (lambda abi: evolve(abi, architecture="arm64"), Rule.KEPT, "VMI 4 for arm64"),
    # number
    "number given again": (in_group("irq", lambda calls: (*calls[:-1], evolve(NEW, number=0x0105)), revision=2),
                           Rule.NUMBER, "call Halt: 0x0105 belongs to IrqCount now"),
    "numbers exchanged": (both(call("IrqSave", number=0x0103), call("IrqRestore", number=0x0102)),
                          Rule.NUMBER, "call IrqSave: was 0x0102 and is 0x0103"),
    "group number": (part("groups", "debug", id=0x0A), Rule.NUMBER, "group debug: was 0x09 and is 0x0a"),
    "group renamed": (part("groups", "debug", name="trace"), Rule.NUMBER, "group debug: 0x09 belongs to trace now"),
    "profile number": (part("profiles", "full", value=5), Rule.NUMBER, "profile full: was 4 and is 5"),
    "error": (part("errors", "BUSY", value=-9), Rule.NUMBER, "error BUSY: was -5 and is -9"),
    "enumerator": (value("Source", "CONSOLE", 4), Rule.NUMBER, "Source CONSOLE: was 1 and is 4"),
    "constant": (part("constants", "CONSOLE_LIMIT", value=512), Rule.NUMBER, "CONSOLE_LIMIT: was 4096 and is 512"),
    "numbers of vendors, more": (lambda abi: evolve(abi, vendor_groups=(0x0B, 0xEF)), Rule.NUMBER,
                                 "groups of vendors: were 0xe0 to 0xef and are 0x0b to 0xef"),
    "numbers of vendors, less": (lambda abi: evolve(abi, vendor_groups=(0xE8, 0xEF)), Rule.NUMBER,
                                 "groups of vendors: were 0xe0 to 0xef and are 0xe8 to 0xef"),
    "numbers for experiments": (lambda abi: evolve(abi, experimental_groups=()), Rule.NUMBER,
                                "groups of experiments: were 0xf0 to 0xff and are none"),
    # call
    "argument more": (call("IrqSave", arguments=(WORD,)), Rule.CALL, "arguments: was () and is (u64)"),
    "argument gone": (call("IrqRestore", arguments=()), Rule.CALL, "arguments: was (flags) and is ()"),
    "argument type": (call("IrqRestore", arguments=(WORD,)), Rule.CALL, "arguments: was (flags) and is (u64)"),
    "result": (call("IrqSave", result="u32"), Rule.CALL, "result: was flags and is u32"),
    "convention": (call("IrqSave", convention="c"), Rule.CALL, "convention: was leaf and is c"),
    "site": (call("IrqDisable", site=16), Rule.CALL, "site: was 15 bytes and is 16 bytes"),
    "native bytes": (call("IrqDisable", native=Native(code=b"\x2e" * 14 + b"\xfb")), Rule.CALL, "2e fb"),
    "native call": (call("Halt", native=Native(call="vmi_native_halt")), Rule.CALL, "is a call"),
    # registers
    "arguments elsewhere": (lambda abi: evolve(abi, argument_registers=("rax", "rsi", "rdx", "rcx", "r8")),
                            Rule.REGISTERS, "arguments were in rdi, rsi, rdx, rcx, r8 and are in rax"),
    "result elsewhere": (lambda abi: evolve(abi, result_register="rdx"), Rule.REGISTERS, "the result was in rax"),
    "clobbered by a convention": (part("conventions", "leaf", clobbers=("flags", "rcx")), Rule.REGISTERS,
                                  "convention leaf: rcx was preserved"),
    "clobbered by a call": (call("IrqSave", clobbers=("rdx",)), Rule.REGISTERS, "call IrqSave: rdx was preserved"),
    # errors
    "a new error": (call("Halt", errors=("BUSY",)), Rule.ERRORS, "call Halt: may answer BUSY now"),
    # revision
    "revision not raised": (in_group("irq", lambda calls: (*calls, NEW)), Rule.REVISION,
                            "group irq: has IrqCount as well, and still revision 1"),
    "revision back": (part("groups", "mmu", revision=0), Rule.REVISION, "group mmu: goes back from revision 1 to 0"),
    # native
    "not native any more": (part("groups", "irq", may_be_native=False), Rule.NATIVE, "group irq: could be left native"),
    "tied to more": (part("groups", "irq", tied=("trap", "mmu")), Rule.NATIVE, "only together with mmu"),
    # profile
    "profile shrunk": (part("profiles", "base", groups=("base", "irq")), Rule.PROFILE,
                       "profile base: trap, time, event, sys is no longer in it"),
    "call in a larger profile": (call("Halt", profile="paged"), Rule.PROFILE, "was in profile base and is in paged"),
    # layout
    "member moved": (fields("frame", lambda f: (evolve(f[1], offset=0), evolve(f[0], offset=8), *f[2:])), Rule.LAYOUT,
                     "structure frame: rip was u64 at 0 and is u64 at 8"),
    "member narrower": (fields("site", lambda f: (f[0], evolve(f[1], type="u8"), *f[2:])), Rule.LAYOUT,
                        "call was u16 at 4 and is u8 at 4"),
    "member gone": (fields("frame", lambda f: f[:-1], 32), Rule.LAYOUT, "structure frame: ss is gone"),
    "member instead of another": (fields("frame", lambda f: (*f[:-1], evolve(f[-1], name="stack_segment"))),
                                  Rule.LAYOUT, "stack_segment is where something else was"),
    "array longer": (fields("crash_report", lambda f: tuple(evolve(x, count=6) if x.name == "frame" else x for x in f)),
                     Rule.LAYOUT, "frame was u64[5] at 32 and is u64[6] at 32"),
    "grown in silence": (fields("frame", lambda f: (*f, Field("more", 40, "u64", 0, "")), 48), Rule.LAYOUT,
                         "structure frame: had 40 bytes and has 48, and no member size"),
    "shrunk": (fields("vcpu_start", lambda f: f[:-1], 32), Rule.LAYOUT, "had 40 bytes and has 32"),
}  # fmt: skip

EXTENDED = {
    "call": (ADDED, "call IrqCount: is new, 0x0106"),
    "group": (more("groups", Group(0x0A, "random", 1, True, (), "", ())), "group random: is new, 0x0a"),
    "revision": (part("groups", "irq", revision=2), "group irq: revision 2, was 1"),
    "may be native": (part("groups", "base", may_be_native=True), "group base: may be left native now"),
    "tied to less": (part("groups", "irq", tied=()), "group irq: is tied to no group now, and was to trap"),
    "profile": (more("profiles", Profile("huge", 5, (), "")), "profile huge: is new, 5"),
    "group in a profile": (part("profiles", "paged", groups=("mmu", "debug")), "profile paged: debug is in it now"),
    "call in a smaller profile": (in_group("mmu", lambda calls: (evolve(calls[0], profile="base"), *calls[1:])),
                                  "was in profile paged and is in base"),
    "error": (more("errors", Value("AGAIN", -7, "")), "error AGAIN: is new, -7"),
    "fewer errors": (in_group("base", lambda calls: (evolve(calls[0], errors=("INVALID",)), *calls[1:])),
                     "call Init: does not answer NOT_SUPPORTED any more"),
    "constant": (more("constants", Value("RANDOM_LIMIT", 256, "")), "constant RANDOM_LIMIT: is new, 256"),
    "a register preserved": (part("conventions", "leaf", clobbers=()), "convention leaf: flags is preserved now"),
    "a register more": (lambda abi: evolve(abi, argument_registers=(*abi.argument_registers, "r9")),
                        "more arguments: r9"),
    "structure": (more("structs", Struct("empty", "", 0, ())), "structure empty: is new"),
    "reserved becomes something": (fields("memory_range", lambda f: (*f[:-1], evolve(f[-1], name="node"))),
                                   "structure memory_range: node is new, u32 at 20"),
    "grown at its end": (fields("rom_descriptor", lambda f: (*f, Field("more", 144, "u64", 0, "")), 152),
                         "structure rom_descriptor: has 152 bytes, had 144"),
}  # fmt: skip

SAME = {
    "nothing": (lambda abi: abi, []),
    "libvmi's own function": (in_group("base", lambda calls: (evolve(calls[0], native=Native(call="go")), *calls[1:])),
                              ["call Init"]),
    "prefix in C": (part("enums", "Taint", prefix="VMI_STAIN"), ["enumeration Taint"]),
    "spelling of an instruction": (call("IrqDisable", native=evolve(FIRST.groups[1].calls[0].native, asm="cli")),
                                   ["call IrqDisable"]),
}  # fmt: skip

REWORDED = {
    "contract": (call("IrqSave", contract="Formats the disk."), ["call IrqSave"]),
    "name of an argument": (call("IrqRestore", arguments=(Argument("before", "flags", ""),)),
                            ["call IrqRestore, flags"]),
    "member described": (fields("frame", lambda f: (evolve(f[0], doc="where"), *f[1:])), ["structure frame, rip"]),
    "group described": (part("groups", "irq", doc="?"), ["group irq"]),
    "convention described": (part("conventions", "c", doc="?"), ["convention c"]),
    "profile described": (part("profiles", "base", doc="?"), ["profile base"]),
    "enumeration described": (part("enums", "Taint", doc="?"), ["enumeration Taint"]),
    "constant described": (part("constants", "TLB_ALL", doc="?"), ["constant TLB_ALL"]),
    "structure described": (part("structs", "frame", doc="?"), ["structure frame"]),
}  # fmt: skip


def next_version(change: Change) -> Interface:
    """4.0 with a change, as 4.1 unless that is what was changed."""
    return change(evolve(FIRST, minor=1))


@pytest.mark.parametrize("name", BROKEN)
def test_broken(name: str) -> None:
    change, rule, said = BROKEN[name]
    found = diff.compare(FIRST, next_version(change))
    assert found.verdict is Verdict.BROKEN and found.status == 1
    told = [f"{f.where}: {f.what}" for f in found.findings if f.rule is rule]
    assert any(said in line for line in told), found.findings
    assert all(bool(f.rule) == (f.verdict is Verdict.BROKEN) for f in found.findings)


def test_every_rule_has_a_change_that_breaks_it() -> None:
    assert {rule for _, rule, _ in BROKEN.values()} == set(Rule)


def test_the_documentation_has_the_rules(top: Path) -> None:
    text = (top / "docs" / "compatibility.md").read_text()
    assert [line for line in text.splitlines() if line.startswith("| `")] == [
        f"| `{rule.key}` | {rule.value} |" for rule in Rule]


@pytest.mark.parametrize("name", EXTENDED)
def test_extended(name: str) -> None:
    change, said = EXTENDED[name]
    found = diff.compare(FIRST, next_version(change))
    assert (found.verdict, found.status) == (Verdict.EXTENDED, 0), found.findings
    told = [f"{f.where}: {f.what}" for f in found.findings if f.verdict is Verdict.EXTENDED]
    assert any(said in line for line in told), found.findings


@pytest.mark.parametrize("name", SAME)
def test_compatible(name: str) -> None:
    change, where = SAME[name]
    found = diff.compare(FIRST, next_version(change))
    assert (found.verdict, found.status) == (Verdict.COMPATIBLE, 0)
    assert [f.where for f in found.findings] == where


@pytest.mark.parametrize("name", REWORDED)
def test_reworded(name: str) -> None:
    """Not called compatible, and no failure: whether the words mean the same a person must say."""
    change, where = REWORDED[name]
    found = diff.compare(FIRST, next_version(change))
    assert (found.verdict, found.status, found.reworded) == (Verdict.REWORDED, 0, 1)
    assert [f.where for f in found.findings] == where
    assert all(f.before or f.after for f in found.findings)


def test_only_the_sentences_that_changed_are_told() -> None:
    old, new = (call("IrqSave", contract=text)(FIRST) for text in ("One. Two: three. Four.", "One.  Two: 3. Four."))
    [found] = diff.compare(old, new).findings
    assert (found.before, found.after) == (("three.",), ("3.",))
    turned = call("IrqSave", contract="Four. One. Two: three.")(FIRST)
    [found] = diff.compare(old, turned).findings
    assert (found.before, found.after) == (("One.", "Two:", "three.", "Four."), ("Four.", "One.", "Two:", "three."))


def changes(part: Any, put: Callable[[Any], Interface]) -> Iterator[tuple[str, str, Interface]]:
    """A definition for each number and text in it, changed there: where that is, in which class and field, it."""
    for field in fields_of(type(part)):
        value = getattr(part, field.name)

        def put_value(new: object, name: str = field.name) -> Interface:
            return put(evolve(part, **{name: new}))

        if has(type(value)):
            yield from changes(value, put_value)
        elif isinstance(value, tuple) and value and has(type(value[0])):
            for index, one in enumerate(value):
                yield from changes(one, lambda new, v=value, i=index, p=put_value: p((*v[:i], new, *v[i + 1:])))
        elif value or field.name not in ("arguments", "asm", "code", "call", "jump"):  # one native form of several
            other = (not value if isinstance(value, bool) else value + 1 if isinstance(value, int)
                     else value + b"\x90" if isinstance(value, bytes) else value[:-1] or ("rbx",)
                     if isinstance(value, tuple) else f"{value or ''}x")
            yield getattr(part, "name", "-"), f"{type(part).__name__}.{field.name}", put_value(other)


def test_nothing_that_a_definition_says_is_ignored() -> None:
    """But the minor version, which is told anyhow, a group's name in its calls, and the form of what is reserved."""
    seen: Counter[str] = Counter()
    for name, where, changed in changes(FIRST, lambda abi: abi):
        reserved = where.startswith("Field.") and name.startswith("reserved")
        if not reserved and where not in ("Interface.minor", "Call.group"):
            seen[where] += 1
            assert seen[where] > SOME or diff.compare(FIRST, changed).findings, (name, where)
    assert {"Interface.vendor_groups", "Interface.major", "Native.asm", "Argument.doc", "Field.count"} <= set(seen)


def test_the_older_one_comes_first() -> None:
    found = diff.compare(next_version(ADDED), FIRST)
    told = {(f.rule, f.where) for f in found.findings if f.rule}
    assert told == {(Rule.KEPT, "call IrqCount"), (Rule.REVISION, "group irq"), (Rule.VERSION, "interface")}


@pytest.mark.parametrize(("older", "newer"), list(pairwise(VERSIONS)))
def test_each_kept_version_keeps_what_the_one_before_promised(older: str, newer: str) -> None:
    found = diff.compare(load.interface(older), load.interface(newer))
    assert found.verdict is not Verdict.BROKEN, found.findings


def test_command(tmp_path: Path, top: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A version against a folder in which one number was changed."""
    folder = Path(shutil.copytree(top / "abi" / "4.0", tmp_path / "mine"))
    assert main.run(["abi", "diff", "4.0", str(folder)]) == 0
    assert capsys.readouterr().out == "4.0 -> 4.0: compatible\n"
    file = folder / "irq.toml"
    file.write_text(file.read_text().replace("after the handler returned.", "and formats the disk."))
    before = "Returns with interrupts enabled after the handler returned."
    after = "Returns with interrupts enabled and formats the disk."
    reworded = ["reworded    call Halt: is described in other words; no tool can tell whether they mean the same",
                f"            - {before}", f"            + {after}"]
    assert main.run(["abi", "diff", "4.0", str(folder)]) == 0
    assert capsys.readouterr().out.splitlines() == [*reworded, "4.0 -> 4.0: reworded"]
    file.write_text(file.read_text().replace('name = "Halt"\nnumber = 0x0105', 'name = "Halt"\nnumber = 0x0107', 1))
    assert main.run(["abi", "diff", "4.0", str(folder)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "broken      call Halt: was 0x0105 and is 0x0107 [number]", *reworded, f"rule number: {Rule.NUMBER.value}",
        "4.0 -> 4.0: broken, 1 reworded"]
    assert main.run(["abi", "diff", "4.0", str(folder), "--json"]) == 1
    data = json.loads(capsys.readouterr().out)
    assert (data["verdict"], data["status"], data["older"], data["newer"]) == ("broken", 1, "4.0", "4.0")
    assert data["findings"] == [
        {"verdict": "broken", "where": "call Halt", "what": "was 0x0105 and is 0x0107", "rule": "number",
         "because": Rule.NUMBER.value, "before": [], "after": []},
        {"verdict": "reworded", "where": "call Halt", "what": reworded[0].partition(": ")[2], "rule": None,
         "because": None, "before": [before], "after": [after]}]


@pytest.mark.parametrize(("arguments", "status", "said"), [
    (["3.0", "4.0"], Status.USAGE, "3.0 is a classic interface"),
    (["4.0", "9.9"], Status.USAGE, "there is no VMI 9.9"),
    (["4.0"], Status.USAGE, "newer"),
    (["4.0", "."], Status.BAD_FILE, "interface.toml"),
    (["", ""], Status.USAGE, "an empty name, and expected a version or a folder"),
])
def test_what_cannot_be_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
                                 arguments: list[str], status: Status, said: str) -> None:
    monkeypatch.chdir(tmp_path)
    assert main.run(["abi", "diff", *arguments]) == status
    assert said in capsys.readouterr().err
