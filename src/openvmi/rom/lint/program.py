# SPDX-License-Identifier: MIT
"""A ROM as one space of code: text from 0, as in the window, and each recipe at a place of its own, linked."""

from __future__ import annotations

from bisect import bisect_right

from attrs import define, field, frozen

from openvmi.abi.load import interface
from openvmi.abi.names import VCPU_ROM_OFFSET, WINDOW_DATA, LinkKind, RelocationKind
from openvmi.rom.image import RomImage
from openvmi.rom.lint import declarations, hypervisor
from openvmi.rom.lint.instruction import NUMBER, Instruction, Kind, decode, shown, sizes
from openvmi.rom.tables import FIELD_SIZE, known_calls

#: Where the first recipe is, and how far they are apart: away from the window, in reach of 32 bits.
RECIPES, RECIPE_ROOM = 1 << 20, 256
#: Instructions that are decoded at most; 8 KiB of text have some 2,500.
DECODED_LIMIT = 20_000
#: Of the hypervisor, from here to the window's end.
PRIVATE = WINDOW_DATA + 0x1000
#: Bytes of the text; `Kind` says what follows.
_NO_NEXT = {Kind.JUMP, Kind.RETURN, Kind.FRAME, Kind.INDIRECT_JUMP, Kind.STOP}


class BudgetError(Exception):
    """The image is too much work; the message says of what."""


@frozen
class Root:
    """An answer to a call, or another place where the ROM is entered. `may_change` are register numbers."""

    name: str
    offset: int
    kind: str  #: "call" (a return address is on the stack), "jump" (a frame is), "recipe"
    convention: str
    may_change: frozenset[int]
    holds: tuple[int | None, ...] = ()


@define(eq=False)
class Program:
    """What the analysis works on. `leaders` are the places that control comes to from elsewhere than above, `called`
    those that calls go to; both are empty before :meth:`find_leaders`.
    """

    image: RomImage
    table: hypervisor.Table
    declared: declarations.Declarations
    text: bytes = field(repr=False)
    recipes: dict[int, tuple[str, bytes]] = field(factory=dict, repr=False)
    roots: list[Root] = field(factory=list)
    leaders: set[int] = field(factory=set)
    called: set[int] = field(factory=set)
    transfers: dict[int, tuple[int | None, ...]] = field(factory=dict)  #: entries with a frame -> words below that
    contexts: dict[int, declarations.Declaration] = field(factory=dict)
    symbols: dict[str, int] = field(factory=dict)
    _decoded: dict[int, Instruction | None] = field(factory=dict, repr=False)
    _sizes: dict[int, int] = field(factory=dict, repr=False)
    _alike: dict[bytes, Instruction] = field(factory=dict, repr=False)
    _labels: list[int] = field(factory=list, repr=False)

    @classmethod
    def of(cls, image: RomImage) -> Program:
        """Everything but the analysis."""
        declared = declarations.read(image.manifest.get("lint", []))
        self = cls(image, hypervisor.table(image.hypervisor), declared, image.text)
        self._sizes = sizes(self.text)
        self._labels = [offset for offset, _ in image.symbols]
        self.symbols = {name: offset for offset, name in reversed(image.symbols)}
        self._answers()
        self._declared_entries()
        return self

    def _answers(self) -> None:
        abi = interface()
        conventions = {each.name: each.clobbers for each in abi.conventions}
        for index, call in enumerate(self.image.calls):
            known = known_calls().get(call.number)
            name = known.name if known else f"call {call.number:#06x}"
            convention = known.convention if known else "jump" if call.kind == LinkKind.JUMP else "c"
            changed = {*conventions[convention], *(known.clobbers if known else ())}
            if known is None or known.result != "none":
                changed.add(abi.result_register)
            may_change = frozenset(NUMBER[each] for each in changed if each in NUMBER)
            if call.kind == LinkKind.INLINE:
                at = RECIPES + index * RECIPE_ROOM
                self.recipes[at] = (name, self._linked(index, at))
                self.roots.append(Root(f"recipe {name}", at, "recipe", convention, may_change))
            elif call.kind in (LinkKind.CALL, LinkKind.JUMP):
                jumped = call.kind == LinkKind.JUMP
                self.roots.append(Root(name, call.target, "jump" if jumped else "call", convention, may_change))
                if jumped:
                    self.transfers[call.target] = ()

    def _linked(self, index: int, at: int) -> bytes:
        """A recipe with its relocated bytes as a linker writes them."""
        call = self.image.calls[index]
        code = bytearray(self.image.recipe(call))
        for relocation in self.image.relocations_of(call):
            place = at + relocation.offset
            value = {
                RelocationKind.TEXT: relocation.target + relocation.addend - place,
                RelocationKind.DATA: WINDOW_DATA + relocation.target + relocation.addend - place,
                RelocationKind.VCPU: VCPU_ROM_OFFSET + relocation.target,
            }[RelocationKind(relocation.kind)]
            code[relocation.offset:relocation.offset + FIELD_SIZE] = (value & 0xFFFFFFFF).to_bytes(FIELD_SIZE, "little")
        return bytes(code)

    def _declared_entries(self) -> None:
        conventions = {each.name: each.clobbers for each in interface().conventions}
        for each in self.declared.of("entry"):
            if each.symbol not in self.symbols:
                continue
            jumped = each.convention == "jump"
            changed = frozenset(NUMBER[name] for name in conventions[each.convention] if name in NUMBER)
            offset = self.symbols[each.symbol]
            if not 0 <= offset < len(self.text):
                continue
            self.roots.append(Root(f"entry {each.symbol}", offset, "jump" if jumped else "call", each.convention,
                                   changed | (frozenset() if jumped else {NUMBER["rax"]}), each.holds))
            if jumped and self.transfers.setdefault(offset, each.holds) != each.holds:
                problem = f"{each}: another entry at the same place has another frame"
                self.declared.wrong = (*self.declared.wrong, problem)
        for each in self.declared.of("context"):
            if each.symbol in self.symbols:
                self.contexts[self.symbols[each.symbol]] = each

    def find_leaders(self) -> None:
        """Follows every branch. :class:`BudgetError` when there is too much to follow."""
        work = [root.offset for root in self.roots]
        self.leaders.update(work, self.transfers, self.contexts)
        seen: set[int] = set()
        while work:
            at = work.pop()
            while at not in seen and (found := self.fetch(at)) is not None:
                seen.add(at)
                if found.target is not None:
                    self.leaders.add(found.target)
                    work.append(found.target)
                    if found.kind is Kind.CALL and self.inside(found.target):
                        self.called.add(found.target)
                if found.kind in _NO_NEXT:
                    break
                at = found.end
                if found.kind is Kind.BRANCH:
                    self.leaders.add(at)
        self.called.update(root.offset for root in self.roots if root.kind == "call")

    def inside(self, offset: int) -> bool:
        """Whether it is a place in the text."""
        return 0 <= offset < len(self.text)

    def within(self, offset: int, other: int) -> bool:
        """Whether both places are in the same recipe."""
        code, at = self._code(offset)
        return min(offset, other) >= RECIPES and offset - at == other - self._code(other)[1] and at < len(code)

    def _code(self, offset: int) -> tuple[bytes, int]:
        """The bytes that a place is in, and its index there."""
        if offset < RECIPES:
            return self.text, offset
        base = offset - (offset - RECIPES) % RECIPE_ROOM
        return self.recipes.get(base, ("", b""))[1], offset - base

    def fetch(self, offset: int) -> Instruction | None:
        """The instruction at a place; None: there is none."""
        if offset not in self._decoded:
            if len(self._decoded) > DECODED_LIMIT:
                raise BudgetError(f"more than {DECODED_LIMIT} places to decode")
            code, at = self._code(offset)
            self._decoded[offset] = None
            if 0 <= at < len(code):
                prefix = next((each.code for each in self.table.prefixes if code.startswith(each.code, at)), b"")
                found = self._decode(code, at, offset) if not prefix else decode(code, at, offset, prefix)
                if prefix and not any((each.code, each.instruction) == (prefix, found and found.mnemonic)
                                      for each in self.table.prefixes):
                    found = decode(code, at, offset)
                self._decoded[offset] = found
        return self._decoded[offset]

    def _decode(self, code: bytes, at: int, offset: int) -> Instruction | None:
        """As decode(), but bytes that were seen elsewhere are not decoded again."""
        size = self._sizes.get(at) if code is self.text else None
        like = self._alike.get(code[at:at + size]) if size else None
        if like is not None:
            return like.moved(offset)
        found = decode(code, at, offset)
        if found is not None and size and found.target is None:
            self._alike[code[at:at + size]] = found
        return found

    def end_of(self, offset: int) -> int:
        """Where the code that a place is in ends."""
        code, at = self._code(offset)
        return offset - at + len(code)

    def shown(self, offset: int) -> str:
        """The instruction there as text."""
        code, at = self._code(offset)
        found = self._decoded.get(offset)
        return shown(code, at, offset, len(found.prefix) if found else 0)

    def symbol(self, offset: int) -> str:
        """The label that declarations for a place name: the last one at or before it, or the recipe."""
        if offset >= RECIPES:
            base = offset - (offset - RECIPES) % RECIPE_ROOM
            return f"recipe {self.recipes[base][0]}" if base in self.recipes else ""
        index = bisect_right(self._labels, offset) - 1
        return self.image.symbols[index][1] if index >= 0 else ""

    def place(self, offset: int) -> str:
        """For people."""
        if offset >= RECIPES:
            return f"{self.symbol(offset)}+{(offset - RECIPES) % RECIPE_ROOM:#x}"
        name = self.symbol(offset)
        if not name:
            return f"text+{offset:#x}"
        past = offset - self.symbols.get(name, offset)
        return f"text+{offset:#x} <{name}{f'+{past:#x}' if past else ''}>"
