# SPDX-License-Identifier: MIT
"""What is wrong with the flags, and with the frame, that a classic ROM's code gives the processor."""

from __future__ import annotations

from openvmi.classic.lint_state import ECX, EDX, FRAME, State
from openvmi.classic.lint_value import MASK, WORD, Value, single, value

#: TF, DF, NT, RF, VM, AC, VIF, VIP: clear in a kernel (Intel SDM volume 1, section 3.4.3).
_SYSTEM_FLAGS = 0x100 | 0x400 | 0x4000 | 0x10000 | 0x20000 | 0x40000 | 0x80000 | 0x100000
_EIP, _CS, _SS = 0, WORD, 4 * WORD
_NAMES = ("EIP", "CS", "EFLAGS", "ESP", "SS")
#: The last page: no kernel maps it, so user mode faults there at once.
_FAULTS = 0xFFFFF000


def flags_wrong(what: Value) -> str:
    """What is wrong with flags."""
    if what is not None and what[0] == "flags":
        return ("loads flags of which others than the interrupt flag, IOPL and ID may have changed"
                if min(what[1]) & _SYSTEM_FLAGS else "")
    if what is not None and what[0] == "number":
        wrong = next((each & MASK for each in sorted(what[1]) if each & _SYSTEM_FLAGS), None)
        return f"loads flags {wrong:#x}, some of which a kernel has clear" if wrong is not None else ""
    return "loads flags that are neither those that were saved nor a known number"


def frame_wrong(state: State, frame: int) -> str:
    """What is wrong with the frame that an interrupt return takes.

    It is the one that was there; or it goes to user mode, at a place where that faults at once: EIP, CS and SS may be
    others then.
    """
    words = {each: state.load(frame + each, WORD) for each in FRAME}
    others = [each for each in FRAME if words[each] != value("frame", each)]
    if not others:
        return ""
    names = ", ".join(_NAMES[each // WORD] for each in others)
    place, code, stack = (single(words[each], "number") for each in (_EIP, _CS, _SS))
    faults = place is not None and place & MASK >= _FAULTS and _of_user(code) and _of_user(stack)
    return "" if faults and set(others) <= {_EIP, _CS, _SS} else f"{names} of the frame may be others than they were"


def _of_user(selector: int | None) -> bool:
    return selector is not None and selector & 3 == 3 and selector & 0xFFFC != 0


def built_wrong(state: State, depth: int) -> str:
    """What is wrong with a frame that stands for SYSEXIT."""
    words = [state.load(depth + each, WORD) for each in FRAME]
    wanted = (value("entry", EDX), None, None, value("entry", ECX), None)
    for name, word, want in zip(_NAMES, words, wanted, strict=True):
        number = single(word, "number")
        right = word == want if want is not None else _of_user(number)
        if name == "EFLAGS":
            right = not flags_wrong(word)
        if not right:
            return f"{name} of the frame is not what SYSEXIT takes"
    return ""


def where(state: State) -> str:
    depth = state.depth
    if depth is None:
        return "at no known place"
    return f"{-depth} bytes below where it was" if depth <= 0 else f"{depth} bytes above where it was"
