# SPDX-License-Identifier: MIT
"""openvmi abi: the interface definition."""

from __future__ import annotations

import typer

from openvmi import sources
from openvmi.abi import generate, load
from openvmi.report import interface, record

app = typer.Typer(help="Show and check the interface.")

_JSON = typer.Option(False, "--json", help="Print JSON.")
_VERSION = typer.Option(load.CURRENT, "--version", help="Version of the interface.")


@app.command("list")
def list_calls(version: str = _VERSION, json: bool = _JSON) -> None:
    """List every call."""
    abi = load.interface(version)
    print(record.text([interface.describe(c) for c in abi.calls]) if json else "\n".join(interface.table(abi)))


@app.command()
def show(call: str = typer.Argument(help="Name or number."), version: str = _VERSION, json: bool = _JSON) -> None:
    """Show the definition of one call."""
    abi = load.interface(version)
    found = interface.find(abi, call)
    print(record.text(interface.describe(found)) if json else "\n".join(interface.lines(found, abi)))


@app.command()
def check(json: bool = _JSON) -> None:
    """Fail when a file that is generated from the interface is stale."""
    count = generate.check_fresh(sources.top())
    print(record.text({"version": load.CURRENT, "fresh": count}) if json else f"{count} generated files are fresh")


@app.command("generate")
def write(json: bool = _JSON) -> None:
    """Write the files that are generated from the interface."""
    changed = generate.write(sources.top())
    print(record.text({"changed": changed}) if json else "\n".join([f"{len(changed)} files changed", *changed]))
