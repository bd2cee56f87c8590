# SPDX-License-Identifier: MIT
"""Everything that is generated from the interface definition, and the check that it is fresh."""

from __future__ import annotations

import keyword
import re
from pathlib import Path

from openvmi.abi.classic_model import ANSWERS
from openvmi.abi.load import CLASSIC, CURRENT, definition, versions
from openvmi.abi.model import CALL, CS, TYPES, Call, Field, Interface, Struct
from openvmi.errors import AbiError
from openvmi.files import write_atomically

#: Generated file (from the top of the tree) -> version of the interface and template.
OUTPUTS = {
    "libvmi/include/vmi/abi.h": (CURRENT, "abi.h.j2"),
    "libvmi/include/vmi/layout.h": (CURRENT, "layout.h.j2"),
    "libvmi/include/vmi/pv.h": (CURRENT, "pv.h.j2"),
    "libvmi/include/vmi/asm.h": (CURRENT, "asm.h.j2"),
    "libvmi/src/forms.c": (CURRENT, "forms.c.j2"),
    "src/openvmi/abi/names.py": (CURRENT, "names.py.j2"),
    "src/openvmi/abi/layouts.py": (CURRENT, "layouts.py.j2"),
    "libvmi/include/vmi/classic.h": (CLASSIC, "classic.h.j2"),
    "src/openvmi/abi/classic.py": (CLASSIC, "classic.py.j2"),
    # Every version keeps its page.
    **{f"docs/reference/vmi-{version}.md": (version, "classic.md.j2" if version == CLASSIC else "reference.md.j2")
       for version in versions()},
}

#: In a native form, `{n} x` is the instruction x after n CS prefixes, which 64-bit mode ignores (Intel SDM volume 1,
#: section 3.3.7.1), and `{disp32} x` is x with the longer displacement. So a site costs no instruction of its own.
_PREFIXES = re.compile(r"\{(\d+)\} ")
_LENGTHENED = re.compile(r"\{\w+\} ")

_CONSTRAINTS = {"rdi": "D", "rsi": "S", "rdx": "d", "rcx": "c"}
_FORMATS = {"u8": "B", "u16": "H", "u32": "I", "u64": "Q", "i8": "b", "i16": "h", "i32": "i", "i64": "q"}


def render() -> dict[str, str]:
    """The text of every generated file, by path from the top of the tree."""
    import jinja2

    from openvmi.conformance.model.source import source_of
    from openvmi.conformance.model.without import WITHOUT

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("openvmi.abi"), trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True, undefined=jinja2.StrictUndefined,
    )
    environment.filters.update(
        snake=lambda name: "".join("_" + c.lower() if c.isupper() else c for c in name).lstrip("_"),
        camel=lambda name: "".join(part.capitalize() for part in name.split("_")),
        c_bytes=lambda data: ", ".join(f"0x{b:02x}" for b in data),
        hexdump=lambda data: data.hex(" "),
        # Names that Python itself needs get an underscore.
        attribute=lambda name: f"{name}_" if name == "self" or keyword.iskeyword(name) else name,
        registers=lambda names: ", ".join("the arithmetic flags" if n == "flags" else n.upper() for n in names),
        wrap=_wrap,
        comment=_comment,
    )
    context = {
        "TYPES": TYPES, "ANSWERS": ANSWERS, "site_text": site_text, "plain_text": plain_text, "operands": operands,
        "picture": picture, "model": source_of, "without": WITHOUT, "CURRENT": CURRENT,
        "struct_format": struct_format, "python_default": python_default, "python_type": python_type,
    }
    return {path: environment.get_template(name).render(context, abi=definition(version))
            for path, (version, name) in OUTPUTS.items()}


def write(top: Path) -> list[str]:
    """Writes what changed; returns those paths."""
    changed = []
    for name, text in render().items():
        path = top / name
        if not path.exists() or path.read_text() != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, text.encode())
            changed.append(name)
    return changed


def check_fresh(top: Path) -> int:
    """Number of generated files, all fresh; :class:`AbiError` names those that are not."""
    texts = render()
    stale = [name for name, text in texts.items() if not (top / name).exists() or (top / name).read_text() != text]
    if stale:
        raise AbiError(f"stale: {', '.join(stale)} differ from what abi/ says; run: openvmi abi generate")
    return len(texts)


def site_text(call: Call) -> str:
    """Assembler text of what a site holds: the native form, lengthened as its `{n}` say to fill the site."""
    native = call.native
    if native.target:
        filled = native.fill(call.site)
        # As bytes: the assembler may shorten a jump, the site record must not change with it.
        return f"call {native.call}" if filled[:1] == CALL else f"{_bytes(filled[:-4])}; .long {native.target} - . - 4"
    if not native.asm:
        return _bytes(native.code)
    return _PREFIXES.sub(lambda found: _bytes(CS * int(found[1])) + "; ", native.asm)


def plain_text(call: Call) -> str:
    """The same without sites: the instructions as anyone would write them."""
    if call.native.target:
        return f"call {call.native.call}" if call.native.call else site_text(call)
    return _LENGTHENED.sub("", call.native.asm or "")


def _bytes(code: bytes) -> str:
    return ".byte " + ", ".join(f"0x{byte:02x}" for byte in code)


def operands(call: Call, abi: Interface) -> dict[str, list[str]]:
    """Inline-assembly operands of a call: declarations, outputs, inputs, clobbers."""
    convention = next(c for c in abi.conventions if c.name == call.convention)
    clobbered = set(convention.clobbers) | set(call.clobbers)
    out: dict[str, list[str]] = {"declarations": [], "outputs": [], "inputs": [], "clobbers": []}
    result = call.result != "none"
    if result:
        out["outputs"].append('"=a"(result)')
        clobbered.discard("rax")
    for register, argument in zip(abi.argument_registers, call.arguments, strict=False):
        variable = argument.name
        if register in _CONSTRAINTS:
            constraint = _CONSTRAINTS[register]
        else:
            out["declarations"].append(f'register uint64_t {variable}_ __asm__("{register}") = {variable};')
            variable, constraint = f"{variable}_", "r"
        if register in clobbered:
            out["outputs"].append(f'"+{constraint}"({variable})')
            clobbered.discard(register)
        else:
            out["inputs"].append(f'"{constraint}"({variable})')
    if call.convention == "c":
        out["outputs"].append('"+r"(vmi_stack_pointer)')
    flags = ["cc"] if "flags" in clobbered else []
    out["clobbers"] = [f'"{name}"' for name in sorted(clobbered - {"flags"}) + flags + ["memory"]]
    return out


def picture(struct: Struct) -> list[str]:
    """The structure drawn as rows of eight bytes, for comments."""
    rows, row, start = [], "", 0
    for field in struct.fields:
        if field.size >= 8 or (field.offset % 8 == 0 and row):
            if row:
                rows.append(f"{start:>4}  {row}|")
                row = ""
            start = field.offset
        if field.size >= 8:
            text = f" {_label(field)} "
            rows.append(f"{field.offset:>4}  |{text:<63}|")
            continue
        if not row:
            start = field.offset
        text = f"|{_label(field):^{8 * field.size - 1}.{8 * field.size - 1}}"
        row += text
    if row:
        rows.append(f"{start:>4}  {row}|")
    return rows


def _label(field: Field) -> str:
    return f"{field.name}[{field.count}]" if field.count else field.name


def struct_format(struct: Struct) -> str:
    """Format for Python's struct module; byte arrays become bytes."""
    parts = []
    for field in struct.fields:
        if field.count and field.type == "u8":
            parts.append(f"{field.count}s")
        else:
            parts.append(f"{field.count or ''}{_FORMATS[field.type]}")
    return "<" + "".join(parts)


def python_type(field: Field) -> str:
    """Annotation of a field in the generated classes."""
    if not field.count:
        return "int"
    return "bytes" if field.type == "u8" else "tuple[int, ...]"


def python_default(field: Field) -> str:
    """Default of a field in the generated classes: zero."""
    if not field.count:
        return "0"
    if field.type == "u8":
        return f"bytes({field.count})"
    return f"attrs.field(default=(0,) * {field.count}, metadata={{'count': {field.count}}})"


def _wrap(text: str, prefix: str, width: int = 110) -> str:
    import textwrap

    return "\n".join(textwrap.wrap(text, width, initial_indent=prefix, subsequent_indent=prefix))


def _comment(text: str) -> str:
    return "/* " + _wrap(text, " * ")[3:] + " */"
