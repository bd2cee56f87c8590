# SPDX-License-Identifier: MIT
"""Where control goes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from openvmi.abi.names import WINDOW_SIZE
from openvmi.rom.lint.state import FRAME, RETURN

if TYPE_CHECKING:
    from openvmi.rom.lint.analysis import Analysis
    from openvmi.rom.lint.function import Exit, Function


def landing(analysis: Analysis) -> Iterator[tuple[int, str]]:
    """An indirect branch without a declared landing style.

    The kernel's defences against speculation rewrite its own indirect branches and know nothing of a ROM's; and a
    reader cannot see where it goes.

    Branch directly; or make it a retpoline and declare that (rule landing, style retpoline), or declare why none is
    needed (style computed).
    """
    for offset, (style, declared) in sorted(analysis.indirect.items()):
        if declared is None:
            yield offset, f"an indirect branch ({style}) that is not declared"


def returns(analysis: Analysis) -> Iterator[tuple[int, str]]:
    """A return that does not take the return address which its call pushed.

    Text that calls and jumps answer is relocated by nobody: a return is right where a call came from, and nowhere else.
    In a recipe or behind a jump there is no such address, and RET goes wherever the stack says.

    Leave a recipe at its end, a jump by IRET or a declared landing; return with what the call pushed, by a plain RET.
    """
    seen = set()
    for function in analysis.functions.values():
        for each in function.exits:
            found = each.instruction
            if found.offset not in seen and _frame_changed(function, each):
                seen.add(found.offset)
                if analysis.program.declared.use("frame", analysis.program.symbol(found.offset), found.offset) is None:
                    yield found.offset, "where the frame goes back to was written over"
            if (each.kind not in ("return", "tail") and not function.goes_on(each)) or found.offset in seen:
                continue
            said = ""
            if each.kind == "return" and (found.operands or found.mnemonic != "ret"):
                said = "takes more from the stack than a return address"
            elif function.kind == "recipe":
                said = "returns in a recipe, from the middle of the kernel's code"
            elif each.state.foreign:
                said = "returns in another context than that of its entry"
            elif function.kind == "jump":
                said = "returns where a jump came in, without a return address"
            elif each.state.top == (0, 0) and each.state.word() != RETURN:
                said = "the return address was written over"
            if said:
                seen.add(found.offset)
                yield found.offset, said


def _frame_changed(function: Function, leaving: Exit) -> bool:
    state = leaving.state
    return (leaving.kind != "return" and not state.foreign and function.frame_own(leaving)
            and not function.frame_returns(leaving) and state.word(len(leaving.holds)) != FRAME)


def branch(analysis: Analysis) -> Iterator[tuple[int, str]]:
    """A branch that leaves the text, or a recipe for elsewhere than the text or its own end.

    There is no code of the ROM there: the kernel, the data page or nothing at all would be executed.

    Branch to a label; declare (rule branch) a jump into what the hypervisor has in the window behind text and data.
    """
    text = len(analysis.program.text)
    for offset, target in sorted(analysis.strays.items()):
        where = "the window behind the text" if text <= target < WINDOW_SIZE else "outside the window"
        yield offset, f"goes to {target:#x}, {where}"


def entry(analysis: Analysis) -> Iterator[tuple[int, str]]:
    """An address of text that is stored or passed on, and not declared as an entry.

    Somebody can come in there whom no call table names, in a state that nobody checks.

    Declare the place (rule entry) with the convention of who comes, and why; or do not give its address away.
    """
    known = {root.offset for root in analysis.program.roots if root.name.startswith("entry ")}
    program = analysis.program
    for target, offset in sorted(analysis.escapes.items()):
        if target in known:
            program.declared.use("entry", program.symbol(target), target)
        else:
            yield offset, f"gives away the address {program.place(target)}"
