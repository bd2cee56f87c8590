# SPDX-License-Identifier: MIT
"""openvmi abi: the interface definition."""

from __future__ import annotations

import typer

from openvmi import sources
from openvmi.abi import diff, generate, load
from openvmi.abi.model import Interface
from openvmi.report import classic_interface, difference, interface, record

app = typer.Typer(help="Show and check the interface.")

_JSON = typer.Option(False, "--json", help="Print JSON.")
_VERSION = typer.Option(load.CURRENT, "--version", help="Version of the interface.")


@app.command("list")
def list_calls(version: str = _VERSION, json: bool = _JSON) -> None:
    """List every call."""
    abi = load.definition(version)
    if isinstance(abi, Interface):
        described, table = [interface.describe(c) for c in abi.calls], interface.table(abi)
    else:
        described, table = [classic_interface.describe(c) for c in abi.calls], classic_interface.table(abi)
    print(record.text(described) if json else "\n".join(table))


@app.command()
def show(call: str = typer.Argument(help="Name or number."), version: str = _VERSION, json: bool = _JSON) -> None:
    """Show the definition of one call."""
    abi = load.definition(version)
    if isinstance(abi, Interface):
        found = interface.find(abi, call)
        described, lines = interface.describe(found), interface.lines(found, abi)
    else:
        classic = classic_interface.find(abi, call)
        described, lines = classic_interface.describe(classic), classic_interface.lines(classic, abi)
    print(record.text(described) if json else "\n".join(lines))


@app.command("diff")
def compare(
    older: str = typer.Argument(help="Version, or folder with a definition."),
    newer: str = typer.Argument(help="The same."),
    json: bool = _JSON,
) -> int:
    """Say whether a version keeps what an older one promised: compatible, reworded, extended or broken.

    Fails when broken. Reworded is what is described otherwise: whether it means the same somebody must read.
    """
    found = diff.compare(diff.find(older), diff.find(newer))
    print(record.text(difference.describe(found)) if json else "\n".join(difference.lines(found)))
    return found.status


@app.command()
def check(json: bool = _JSON) -> None:
    """Fail when a file that is generated from the interface is stale."""
    count = generate.check_fresh(sources.top())
    print(record.text({"versions": load.versions(), "fresh": count}) if json else f"{count} generated files are fresh")


@app.command("generate")
def write(json: bool = _JSON) -> None:
    """Write the files that are generated from the interface."""
    changed = generate.write(sources.top())
    print(record.text({"changed": changed}) if json else "\n".join([f"{len(changed)} files changed", *changed]))
