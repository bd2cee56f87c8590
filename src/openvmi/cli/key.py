# SPDX-License-Identifier: MIT
"""openvmi key: the user's keys, and the keys that the user believes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openvmi.cli.options import Html, Json, exits
from openvmi.report.publish import publish
from openvmi.status import Status

if TYPE_CHECKING:
    from openvmi.trust.ring import Key

app = typer.Typer(help="Keys to sign ROMs with, and whose signatures you trust.", no_args_is_help=True)

Which = Annotated[str, typer.Argument(
    metavar="KEY", help="A name, a fingerprint or its first eight digits or more, or a file with a public key.")]
Comment = Annotated[str | None, typer.Option(help="A line that says whose it is.")]

_EPILOG = exits({
    0: "done", Status.USAGE: "no such key", Status.BAD_FILE: "a key's file is damaged, or is not of an Ed25519 key",
    Status.UNAVAILABLE: "the Python package cryptography is missing",
})

@app.command(epilog=_EPILOG)
def new(
    name: Annotated[str, typer.Argument(help="Name of its files: NAME.key, for nobody else, and NAME.pub.")],
    comment: Comment = None,
    passphrase: Annotated[bool, typer.Option("--passphrase", help="Ask for one that the key then needs.")] = False,
    passphrase_file: Annotated[Path | None, typer.Option(
        metavar="FILE", help="Take it from the first line of this file.")] = None,
    json: Json = False, html: Html = None,
) -> None:
    """Make a key. Without a passphrase, whoever gets at the file can sign with it."""
    from openvmi.trust import keys, ring
    from openvmi.trust.passphrase import asked, from_file

    keys.check_name(name)
    secret = asked("Passphrase: ", twice=True) if passphrase else None
    secret = from_file(passphrase_file) if passphrase_file else secret
    made = keys.new(name, comment or "", secret)
    assert made.public
    _show([ring.find(made.public.fingerprint)], json, html, [
        str(made.path), f"to be trusted, others need: {made.path.with_suffix('.pub')}",
        f"to trust it yourself: openvmi key trust {name}"])


@app.command("list", short_help="List all keys.", epilog=exits({
    0: "all are in order", Status.BAD_FILE: "one of them is damaged, or could have been changed by others"}))
def list_keys(json: Json = False, html: Html = None) -> int:
    """List all keys: your own, those that you trust, those that you have revoked."""
    from openvmi.trust import ring

    found = ring.every()
    _show(found, json, html)
    return Status.BAD_FILE if any(key.problem and "revoked" not in key.states for key in found) else 0


@app.command(epilog=_EPILOG)
def show(key: Which, json: Json = False, html: Html = None) -> None:
    """Show one key."""
    from openvmi.trust import ring

    _show([ring.find(key)], json, html)


@app.command(epilog=_EPILOG)
def export(
    key: Which,
    output: Annotated[Path | None, typer.Option(
        "-o", "--output", metavar="FILE", help="File to write.  [default: print it]")] = None,
    ssh: Annotated[bool, typer.Option("--ssh", help="As OpenSSH writes it, instead of PEM.")] = False,
    json: Json = False, html: Html = None,
) -> None:
    """Write the public half of a key, for those who are to trust it."""
    from openvmi.errors import UsageError
    from openvmi.files import write_atomically
    from openvmi.trust import ring

    found = ring.find(key)
    if found.public is None:
        raise UsageError(f"{key}: only the fingerprint of this key is known here; ask its owner for the key")
    data = found.public.ssh() if ssh else found.public.pem()
    if output:
        write_atomically(output, data)
    _show([found], json, html, [str(output)] if output else data.decode().splitlines(), alone=True)


@app.command(epilog=_EPILOG, short_help="Trust a key, and so what it has signed.")
def trust(
    key: Which,
    name: Annotated[str | None, typer.Option(help="What to call it.  [default: its own name, or its file's]")] = None,
    comment: Comment = None,
    json: Json = False, html: Html = None,
) -> None:
    """Trust a key: ROMs that it has signed satisfy whoever demands a signature.

    Compare the fingerprint with what its owner tells you, by another way than the one the file came on.
    """
    from attrs import evolve

    from openvmi.errors import UsageError
    from openvmi.trust import keys, ring, store

    found = ring.find(key)
    if found.public is None:
        raise UsageError(f"{key}: only the fingerprint of this key is known here; trusting needs the file with the key")
    stem = Path(key).stem
    public = evolve(found.public, comment=keys.check_comment(comment)) if comment is not None else found.public
    path = store.trust(public, name or found.name or (stem if keys.NAME.fullmatch(stem) else found.fingerprint[:16]))
    _show([ring.find(found.fingerprint)], json, html, [str(path)])


@app.command(epilog=_EPILOG)
def remove(
    key: Which,
    private: Annotated[bool, typer.Option("--private", help="Delete the private key instead, for ever.")] = False,
    json: Json = False, html: Html = None,
) -> None:
    """Trust a key no longer. What it has signed is then signed by somebody unknown; to say more: openvmi key revoke."""
    from openvmi.errors import UsageError
    from openvmi.trust import keys, ring, store

    if private:
        keys.remove(key)
        _show([], json, html, [f"deleted: the private key {key}"], alone=True)
        return
    found = ring.find(key)
    if "trusted" not in found.states:
        more = f"; to delete the private key: openvmi key remove --private {key}" if found.path else ""
        raise UsageError(f"{key}: this key is not trusted, expected one that is{more}; openvmi key list shows all")
    store.distrust(found.fingerprint)
    _show([ring.find(found.fingerprint)], json, html, ["trusted no longer"])


@app.command(epilog=_EPILOG, short_help="Never trust a key again.")
def revoke(
    key: Which,
    reason: Annotated[str, typer.Option(help="Why, for yourself.")] = "",
    json: Json = False, html: Html = None,
) -> None:
    """Never trust a key again, whatever it signs or has signed: it was stolen, or its owner gave it up.

    A fingerprint is enough: the key need not be known here. This is for this user on this machine; tell others.
    """
    from openvmi.trust import ring, store

    found = ring.find(key)
    path = store.revoke(found.fingerprint, found.public, found.name, reason)
    _show([ring.find(found.fingerprint)], json, html, [str(path)])


def _show(keys: Sequence[Key], json: bool, html: Path | None, more: Sequence[str] = (), alone: bool = False) -> None:
    """`more` are lines for people behind the keys; `alone`: instead of them."""
    from openvmi.report import signature as report

    publish(report.describe_keys(keys), [*([] if alone else report.key_lines(keys)), *more], json, html,
            "Keys", lambda: report.key_sections(keys))
