# SPDX-License-Identifier: MIT
"""Draws docs/run.svg, the picture of the README: what `openvmi matrix hello` prints on stdout."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

WIDTH = 104


def without_web_fonts(template: str) -> str:
    """The template with its @font-face rules removed: a picture must not fetch anything."""
    while "@font-face" in template:
        start = template.index("@font-face")
        end = template.index("}}", start) + 2
        template = template[:start] + template[end:]
    return template


def with_spaces(template: str) -> str:
    """The template with white space at the start of a line kept, as programs other than browsers need to be told."""
    return template.replace("<svg ", '<svg xml:space="preserve" ', 1)


def main() -> int:
    """Runs the command and writes the picture of its standard output."""
    command = [str(Path(sys.executable).with_name("openvmi")), "matrix", "hello"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    with open("/dev/null", "w") as nowhere:
        console = Console(record=True, width=WIDTH, file=nowhere, force_terminal=True)
        console.print(Text("$ openvmi matrix hello", style="bold"))
        console.print(Text.from_ansi(done.stdout.strip()))
        picture = console.export_svg(title="", code_format=with_spaces(without_web_fonts(CONSOLE_SVG_FORMAT)))
    Path(__file__).with_name("run.svg").write_text(picture)
    return 0


if __name__ == "__main__":
    sys.exit(main())
