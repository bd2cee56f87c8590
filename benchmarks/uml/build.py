# SPDX-License-Identifier: MIT
"""User-mode Linux for `openvmi bench linux` on processors that UML 6.1 does not run on by itself (see xstate.c).

Run as: python benchmarks/uml/build.py [PROGRAM]     builds build/bench/uml/linux.uml, which starts PROGRAM
Then:   PATH=$PWD/build/bench/uml:$PATH openvmi bench linux
"""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from openvmi import sources
from openvmi.toolchain import FREESTANDING, Toolchain

SCRIPT = """
PHDRS { text PT_LOAD FLAGS(5); data PT_LOAD FLAGS(6); dynamic PT_DYNAMIC FLAGS(6); }
SECTIONS {
	. = 0x1000; /* a symbol at 0 is none */
	.text : { *(.text .text.*) } :text
	.data : ALIGN(4096) { *(.data .data.*) } :data
	.got : { *(.got .got.plt) } :data
	.dynamic : { *(.dynamic) } :data :dynamic
	.bss : ALIGN(4096) { *(.bss .bss.*) } :data
}
"""
FLAGS = tuple(flag for flag in FREESTANDING if flag not in ("-fno-pic", "-fno-pie", "-g"))
NOTE = ("note user-mode Linux has benchmarks/uml/xstate.c between it and ptrace; without, 6.1"
        " does not start on processors with AMX")


def main() -> int:
    """Builds both files. Status 1 when there is no UML."""
    program = shutil.which(sys.argv[1] if len(sys.argv) > 1 else "linux.uml")
    if program is None:
        print("no user-mode Linux: install it (Debian, Ubuntu: apt install user-mode-linux), or name the program")
        return 1
    top = sources.top()
    folder = top / "build" / "bench" / "uml"
    folder.mkdir(parents=True, exist_ok=True)
    library, wrapper = folder / "xstate.so", folder / "linux.uml"
    with TemporaryDirectory() as scratch:
        toolchain = Toolchain(top / "build" / "cache")
        compiled, script = Path(scratch, "xstate.o"), Path(scratch, "xstate.lds")
        script.write_text(SCRIPT)
        toolchain.compile(top / "benchmarks" / "uml" / "xstate.c", compiled, (*FLAGS, "-fPIC"))
        toolchain.link([compiled], library, script, ("-shared", "-z", "notext", "--hash-style=both"))
    wrapper.write_text(f"#!/bin/sh\necho {shlex.quote(NOTE)}\nLD_PRELOAD={shlex.quote(str(library))} exec"
                       f" {shlex.quote(str(Path(program).resolve()))} \"$@\"\n")
    wrapper.chmod(0o755)
    print(wrapper)
    return 0


if __name__ == "__main__":
    sys.exit(main())
