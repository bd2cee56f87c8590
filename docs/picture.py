# SPDX-License-Identifier: MIT
"""Draws docs/run.svg, the picture of the README: what `openvmi compare hello` prints, its second console left out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

WIDTH = 92


def without_web_fonts(template: str) -> str:
    """The template with its @font-face rules removed: a picture must not fetch anything."""
    while "@font-face" in template:
        start = template.index("@font-face")
        end = template.index("}}", start) + 2
        template = template[:start] + template[end:]
    return template


def shortened(text: str) -> str:
    """The output with the console of the second run, which says the same again, cut to its first two lines."""
    lines = text.strip().splitlines()
    second = [number for number, line in enumerate(lines) if line.startswith("vmi: ")][1]
    end = max(number for number, line in enumerate(lines) if line.endswith("checks failed"))
    return "\n".join([*lines[:second + 2], "  [...]", *lines[end:]])


def main() -> int:
    """Runs the command and writes the picture of its standard output."""
    command = [str(Path(sys.executable).with_name("openvmi")), "compare", "hello"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    with open("/dev/null", "w") as nowhere:
        console = Console(record=True, width=WIDTH, file=nowhere, force_terminal=True)
        console.print(Text("$ make run", style="bold"))
        console.print(Text.from_ansi(shortened(done.stdout)))
        picture = console.export_svg(title="", code_format=without_web_fonts(CONSOLE_SVG_FORMAT))
    Path(__file__).with_name("run.svg").write_text(picture)
    return 0


if __name__ == "__main__":
    sys.exit(main())
