# SPDX-License-Identifier: MIT
"""openvmi image: a guest as something that a PC, or a Xen host, boots."""

from __future__ import annotations

from pathlib import Path

import typer

app = typer.Typer()


@app.command()
def image(
    guest: str = typer.Argument(help="File, or the name of a built guest."),
    output: Path = typer.Option(..., "--output", "-o", help="File to write, such as hello.iso; with --xen a folder."),
    xen: bool = typer.Option(False, "--xen", help="Write what a Xen host needs: kernel, module, xl configuration."),
    append: str = typer.Option("", help="Options for the guest."),
    memory: str | None = typer.Option(None, help="With --xen: guest memory.  [default: 64M]"),
    rom: str | None = typer.Option(None, help="With --xen: ROM, a file or a name.  [default: xen]"),
    module: list[Path] = typer.Option([], help="With --xen: boot module; may be repeated."),
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Make a CD image that boots a guest on a PC with a BIOS, from a CD or a USB stick. Needs GRUB and xorriso.

    With --xen, make a folder with the files for a real Xen host instead. Its .cfg is for xl, started in that folder.
    """
    from openvmi import iso, running
    from openvmi.errors import UsageError
    from openvmi.report import image as report
    from openvmi.report import record
    from openvmi.trust.verdict import NOTHING, admit

    found = running.open_guest(guest)
    if not xen:
        if memory is not None or rom is not None or module:
            raise UsageError("--memory, --rom and --module are for --xen; a PC has its own")
        about = report.contents(found, append, None, NOTHING)
        made = iso.write(found, output, append, record.text(about) + "\n")
        print(record.text(report.describe(made, found) | about) if json else report.line(made))
        return
    from openvmi import hypervisors, sizes
    from openvmi.files import read_bounded
    from openvmi.hypervisors.base import MachineConfig, default_rom_path
    from openvmi.hypervisors.xen import host

    modules = tuple((path.name, read_bounded(path, what="module")) for path in module)
    offered = running.find_rom(hypervisors.get("xen"), rom)
    verdict = admit(offered, found, append, own=default_rom_path(hypervisors.get("xen")))
    about = report.contents(found, append, offered, verdict)
    config = MachineConfig(found, offered, append, sizes.parse(memory or "64M"), modules, boot_flags=verdict.flags)
    files = host.write(config, output, record.text(about) + "\n")
    print(record.text(report.describe_xen(files, found) | about) if json else report.line_xen(files, verdict))
