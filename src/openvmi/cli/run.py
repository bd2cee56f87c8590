# SPDX-License-Identifier: MIT
"""openvmi run: one guest, or one Linux kernel, on one hypervisor."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from openvmi import sizes, status
from openvmi.cli import terminal

app = typer.Typer()

_EPILOG = "\b\nExit status:\n" + "\n".join(
    ["  0-63  the guest's own", *(f"  {number.value:<4}  {text}" for number, text in status.MEANING.items())])


@app.command(epilog=_EPILOG)
def run(
    guest: str = typer.Argument(help="File, or the name of a built guest; also a Linux kernel for i386, a bzImage."),
    on: str | None = typer.Option(None, help="Hypervisor.  [default: the first that is usable]"),
    rom: str | None = typer.Option(None, help="ROM: a file, a name, or none.  [default: the hypervisor's]"),
    append: str = typer.Option("", help="Options for the guest, such as vmi=off."),
    memory: str = typer.Option("64M", help="Guest memory."),
    initrd: Path | None = typer.Option(None, help="Initial RAM disk of a Linux kernel."),
    cpus: int | None = typer.Option(None, min=1, help="Processors for a Linux kernel.  [default: 1]"),
    module: list[Path] = typer.Option([], help="Boot module; may be repeated."),
    timeout: float = typer.Option(60.0, min=0.001, help="Seconds that the run may take."),
    deterministic: bool = typer.Option(False, "--deterministic", help="Let virtual time follow the guest's work."),
    input: Path | None = typer.Option(None, help="File with console input; a terminal is forwarded without it."),
    force: bool = typer.Option(False, "--force", help="Run even if a policy refuses the ROM; taints the guest (F)."),
    json: Path | None = typer.Option(None, help="File for the record of the run; - is stderr."),
) -> int:
    """Run a guest, or a Linux kernel for i386; its console is stdout, everything else is on stderr."""
    from openvmi import running
    from openvmi.files import read_bounded
    from openvmi.machine.console import INPUT_LIMIT
    from openvmi.report import ending, record

    request = running.Request(
        guest, on, rom, append, sizes.parse(memory), tuple(module), timeout, deterministic,
        read_bounded(input, INPUT_LIMIT, "input") if input else b"", initrd=initrd, cpus=cpus, force=force,
    )
    typed = terminal.typed() if input is None and sys.stdin and sys.stdin.isatty() else None
    result = running.run_any(request, terminal.console(timeout), typed)
    for line in ending.lines(result):
        terminal.tell(line)
    if json:
        terminal.save(json, record.text(record.run(result)))
    return result.status
