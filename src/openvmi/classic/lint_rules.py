# SPDX-License-Identifier: MIT
"""The linter's rules for classic ROMs, a function each. Its docstring is what every report says of it, in three
paragraphs: what is found, why that matters, and what to do about it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from itertools import pairwise

from attrs import frozen
from capstone import x86

from openvmi.abi.classic import Pnp
from openvmi.classic.lint_analysis import Analysis, name_of
from openvmi.classic.lint_loops import ENDING
from openvmi.classic.lint_walk import STACK_LIMIT
from openvmi.rom.lint.instruction import Instruction
from openvmi.rom.lint.rules.instructions import is_vector

Found = tuple[int | None, str]
_RETF = 0xCB
#: Entries of a PnP expansion header (Plug and Play BIOS 1.0A, section 3.2): place in it, name.
_PNP_ENTRIES = {0x16: "boot connection vector", 0x18: "disconnect vector", 0x1A: "bootstrap entry vector"}
#: Leave the code segment, or raise what the kernel's tables decide about.
_FAR = {"ljmp", "lcall", "retf", "int", "int1", "int3", "into", "icebp", "bound", "syscall", "sysenter", "sysret"}
#: Bytes of a kernel's stack that one call may take. A kernel of those years has 4 KiB or 8 for a task and all that
#: comes on top, and says that it runs out of it when an eighth of the smaller is left (STACK_WARN, include/asm-i386).
STACK_BOUND = 512
#: Not for any call of this interface, on hardware or not.
_FORBIDDEN = {
    "std": "clients expect the direction flag to be clear", "rsm": "is for system management mode",
    "getsec": "starts a measured environment", "skinit": "starts a measured environment",
    **dict.fromkeys(("vmcall", "vmmcall", "vmlaunch", "vmresume", "vmread", "vmwrite", "vmxon", "vmxoff", "vmclear",
                     "vmptrld", "vmptrst", "vmfunc", "invept", "invvpid", "vmrun", "vmload", "vmsave", "clgi", "stgi"),
                    "is newer than the clients, and for hypervisors with hardware support"),
    **dict.fromkeys(("xsetbv", "encls", "enclu", "enclv", "pconfig", "wrpkru", "rdpkru", "setssbsy", "clrssbsy",
                     "wrssd", "wrussd", "rstorssp", "saveprevssp", "incsspd", "rdsspd", "monitorx", "mwaitx",
                     "umonitor", "umwait", "tpause", "clac", "stac", "xsaves", "xrstors", "hreset", "bndmk", "bndmov",
                     "bndstx", "bndldx"),
                    "is newer than the clients"),
    **dict.fromkeys(("lds", "les", "lfs", "lgs", "lss"), "loads a segment register"),
}
_SEGMENTS = {x86.X86_REG_CS, x86.X86_REG_DS, x86.X86_REG_ES, x86.X86_REG_FS, x86.X86_REG_GS, x86.X86_REG_SS}


@frozen
class ClassicRule:
    """One of them, with the paragraphs of its docstring."""

    name: str
    check: Callable[[Analysis], Iterator[Found]]

    @property
    def paragraphs(self) -> tuple[str, str, str]:
        """What is found; why; what to do."""
        first, second, third = (" ".join(each.split()) for each in (inspect.getdoc(self.check) or "").split("\n\n"))
        return first, second, third


def answer(analysis: Analysis) -> Iterator[Found]:
    """get_reloc does not answer every number, or answers what clients do not take.

    Clients stop, crash, or stay native; and a call without an answer is not looked at.

    See openvmi rom inspect, which asks the same.
    """
    for each in analysis.answers.findings:
        yield None, each.found


def bios_entry(analysis: Analysis) -> Iterator[Found]:
    """A BIOS entry that does more than return at once, or an entry in the PnP header.

    Firmware runs it in real mode before any kernel, and nothing here follows code of 16 bits.

    Begin the entry with RETF, and leave the PnP header's vectors 0.
    """
    rom = analysis.rom
    if rom.header.rom_entry[0] != _RETF:
        yield None, f"the BIOS entry begins with the byte {rom.header.rom_entry[0]:#04x}"
    if rom.pnp is not None:
        at = rom.header.pnp_header_offs
        # Beyond what clients know of it: read where the structure says that it is that long.
        size = rom.pnp.size * 16
        for place, name in _PNP_ENTRIES.items():
            if place + 2 <= max(size, Pnp.SIZE) and any(rom.data[at + place:at + place + 2]):
                yield None, f"the PnP header has a {name}"


def bytes_decode(analysis: Analysis) -> Iterator[Found]:
    """Bytes that are reached and are no instruction, or a path that runs off the image's end.

    The processor raises an invalid opcode there in the kernel, or executes whatever comes behind.

    End each path with a return or a jump, and keep data where no path comes.
    """
    for offset in sorted(analysis.undecodable):
        yield offset, "control comes here, and there is no instruction"


def overlap(analysis: Analysis) -> Iterator[Found]:
    """A branch into the middle of an instruction.

    Such bytes mean two things: a disassembler shows one of them, and the other is executed.

    Branch to where instructions begin.
    """
    for before, after in pairwise(sorted(analysis.reached)):
        if analysis.reached[before].end > after:
            yield after, f"inside of the instruction at image+{before:#x}"


def branch(analysis: Analysis) -> Iterator[Found]:
    """A branch out of the image, or into its header.

    What is there is not the ROM's: firmware puts other ROMs behind it.

    Branch to code of the image.
    """
    for offset, target in sorted(analysis.strays.items()):
        yield offset, f"control goes to image{target:+#x}"


def indirect(analysis: Analysis) -> Iterator[Found]:
    """An indirect jump or call whose targets cannot be computed from the code.

    Nobody can say what it executes.

    Branch directly, or compute the target from the ROM's own place and a masked index.
    """
    for offset in sorted(analysis.indirect):
        yield offset, "goes to a place that is not known"


def far(analysis: Analysis) -> Iterator[Found]:
    """A far transfer, a software interrupt or a system call; INT3 may end Reboot and Shutdown.

    It ends in what the kernel's descriptor tables say, with the kernel in the middle of a call.

    Return to the caller.
    """
    ending: set[int] = set()
    others: set[int] = set()
    for root in analysis.roots:
        walk = analysis.walk(root)
        (ending if root.name in ENDING else others).update(walk.reached if walk else ())
    for offset, found in sorted(analysis.reached.items()):
        if found.mnemonic in _FAR and not (found.mnemonic == "int3" and offset in ending - others):
            yield offset, f"{found.mnemonic} leaves the code of the ROM"


def leave(analysis: Analysis) -> Iterator[Found]:
    """An interrupt return or SYSEXIT in a call that returns, a return from one that does not, or an interrupt return by
    a frame that is not the client's.

    The caller's place is lost, or the word on the stack is not where to go.

    IRET and SYSEXIT leave by these instructions; every other call by RET. Leave IRET's frame as it is, or send user
    mode to a number in the last page, where it faults, by selectors of its own. A frame that stands for SYSEXIT has
    what was in EDX and ECX, and selectors of user mode as numbers.
    """
    yield from sorted((analysis.leaves | analysis.frames).items())


def instruction(analysis: Analysis) -> Iterator[Found]:
    """An instruction that no call of this interface may have.

    Clients have no use for what it does, and do not expect it.

    Leave it out.
    """
    for offset, found in sorted(analysis.reached.items()):
        if found.mnemonic in _FORBIDDEN:
            yield offset, f"{found.mnemonic} {_FORBIDDEN[found.mnemonic]}"
        elif _loads_segment(found):
            yield offset, "loads a segment register"
        elif found.stores and any(each.mem.segment == x86.X86_REG_CS for each in found.memories):
            yield offset, "writes through CS, which faults"
        elif not found.short:
            yield offset, "takes 16 bits of an address, of a count or of a destination"


def _loads_segment(found: Instruction) -> bool:
    return (found.mnemonic in ("mov", "pop") and bool(found.operands) and found.operands[0].type == x86.X86_OP_REG
            and found.operands[0].reg in _SEGMENTS)


def vectors(analysis: Analysis) -> Iterator[Found]:
    """An x87, MMX or SSE instruction.

    These registers hold the state of user mode; no call saves them.

    Use general registers.
    """
    for offset, found in sorted(analysis.reached.items()):
        if is_vector(found):
            yield offset, "touches vector or floating-point state"


def text_write(analysis: Analysis) -> Iterator[Found]:
    """A write into the image, by its own place or by an absolute address where ROMs are; or through something that was
    made of these, or of the address to which the call returns, in a way that is not followed.

    The area is read-only when the kernel runs.

    Keep state where the client leaves room for it.
    """
    for offset, where in sorted(analysis.text_writes.items()):
        yield offset, f"writes into the ROM's area, {where}"


def segment(analysis: Analysis) -> Iterator[Found]:
    """Memory through DS, ES, FS or GS in a call for which only CS and SS are flat.

    The others may be user mode's: it reads or writes another place, or faults.

    Reach memory through SS.
    """
    for root in analysis.roots:
        walk = analysis.walk(root)
        if walk is not None and root.convention in ("flags", "noreturn"):
            for offset in sorted(walk.flat):
                yield offset, f"in {root.name}, of convention {root.convention}"


def clobber(analysis: Analysis) -> Iterator[Found]:
    """A register that is not what it was, and that the call's convention does not let go.

    Clients keep values there: in sites of the convention `flags` even in EAX, ECX and EDX.

    Save the register and restore it on every path.
    """
    for root in analysis.roots:
        walk = analysis.walk(root)
        for offset, lost in sorted(walk.exits.items()) if walk else ():
            if wrong := sorted(lost - root.may_change):
                names = ", ".join(map(name_of, wrong))
                yield offset, f"{names} is lost here for {root.name}, a call of convention {root.convention}"


def balance(analysis: Analysis) -> Iterator[Found]:
    """A stack that is not as deep as it was at a return, that two paths leave differently, or that is lost.

    The return takes something else for its address.

    Take off what was put on, on every path; leave arguments to the caller.
    """
    yield from sorted(analysis.balance.items())


def below_stack(analysis: Analysis) -> Iterator[Found]:
    """Memory below the stack pointer.

    An interrupt overwrites it.

    Move the stack pointer first.
    """
    for offset in sorted(analysis.below):
        yield offset, "below the stack pointer"


def stack_bounds(analysis: Analysis) -> Iterator[Found]:
    """A write to the stack above the return address and the call's own arguments.

    The kernel keeps its own there.

    Leave the caller's words alone.
    """
    yield from sorted(analysis.above.items())


def stack(analysis: Analysis) -> Iterator[Found]:
    """More than 512 bytes of stack in one call, along the deepest path.

    A kernel's stack has 4 KiB, for what it does itself, for the call and for an interrupt on top; it warns when 512 are
    left.

    Push less, call less deep.
    """
    for root in analysis.roots:
        walk = analysis.walk(root)
        if walk is not None and walk.deepest > STACK_BOUND:
            least = "at least " if walk.deepest > STACK_LIMIT else ""
            yield root.offset, f"{root.name} takes {least}{walk.deepest} bytes of stack"


def flags(analysis: Analysis) -> Iterator[Found]:
    """POPF with flags that are not those which PUSHF has saved, but for the interrupt flag, IOPL and ID.

    A direction flag that is set makes the kernel's string instructions run backwards; others trap, or end in virtual
    8086 mode.

    Save flags with PUSHF, and change single bits of them; or load a known number.
    """
    yield from sorted(analysis.flags.items())


def loop(analysis: Analysis) -> Iterator[Found]:
    """A loop, or a repeated string instruction, without a bound; one that waits for a port, for a counter of the
    processor or for memory apart.

    The kernel waits for the call to come back, with interrupts disabled or a lock held.

    Count down from a number. INS and OUTS may take the count of the call.
    """
    yield from sorted(analysis.loops.items())


def recursion(analysis: Analysis) -> Iterator[Found]:
    """A function that calls itself, directly or by others.

    Nothing bounds the stack that it takes, and a kernel's has 4 KiB.

    Use a loop.
    """
    for offset in sorted(analysis.recursive):
        yield offset, "calls what it is called by"


def budget(analysis: Analysis) -> Iterator[Found]:
    """The image is too much work to look at.

    What was not looked at may be anything.

    Make the code smaller or simpler.
    """
    if analysis.exceeded:
        yield None, analysis.exceeded


RULES = (
    ClassicRule("budget", budget), ClassicRule("answer", answer), ClassicRule("bios-entry", bios_entry),
    ClassicRule("decode", bytes_decode), ClassicRule("overlap", overlap), ClassicRule("branch", branch),
    ClassicRule("indirect", indirect), ClassicRule("far", far), ClassicRule("return", leave),
    ClassicRule("instruction", instruction), ClassicRule("vectors", vectors), ClassicRule("text-write", text_write),
    ClassicRule("segment", segment), ClassicRule("clobber", clobber), ClassicRule("balance", balance),
    ClassicRule("below-stack", below_stack), ClassicRule("stack-bounds", stack_bounds), ClassicRule("stack", stack),
    ClassicRule("flags", flags), ClassicRule("loop", loop), ClassicRule("recursion", recursion),
)
