# SPDX-License-Identifier: MIT
"""The verbs of the command line, and a command group that imports none of them before it must."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

#: Verb (also the module here that has it) -> what `--help` says.
VERBS = {
    "run": "Run a guest.",
    "compare": "Run a guest with the ROM and without, and show both side by side.",
    "matrix": "Run a guest on everything that is usable here, in one table.",
    "conform": "Check the interface's promises, call by call.",
    "bench": "Count what the ROM costs a kernel that could do without.",
    "fuzz": "Compare hypervisors with a model of the contract.",
    "image": "Make a CD image that boots a guest on a PC.",
    "doctor": "Show what works on this machine, and what to do about the rest.",
    "audit": "Show what a blob is: a ROM, an option ROM, a kernel module, an ELF file.",
    "guest": "Build and inspect guests.",
    "rom": "Build, inspect, check, rebuild and sign ROMs.",
    "key": "Make keys, and say whose signatures you trust.",
    "abi": "Show and check the interface.",
}


class Verbs(TyperGroup):
    """Looks verbs up in the table above; typer itself knows none of them."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in VERBS:
            return None
        # Under a parent, so that every verb looks the same, whatever its own application says.
        parent = typer.Typer(add_completion=False, rich_markup_mode=None)
        parent.add_typer(import_module(f"openvmi.cli.{cmd_name}").app, name=cmd_name)
        group: Any = get_group(parent).commands[cmd_name]
        # A verb without verbs of its own is an application with one command of the same name.
        return group.commands[cmd_name] if list(group.commands) == [cmd_name] else group

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))
