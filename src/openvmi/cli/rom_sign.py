# SPDX-License-Identifier: MIT
"""openvmi rom sign and openvmi rom verify."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openvmi.cli.options import Html, Json, RomFile, exits
from openvmi.report.publish import publish
from openvmi.status import Status
from openvmi.trust.statuses import MEANING

if TYPE_CHECKING:
    from openvmi.rom.image import RomImage
    from openvmi.trust.public import PublicKey

_SIGN_EPILOG = exits({
    0: "done", Status.USAGE: "no such key, nothing to remove, or options that do not go together",
    Status.BAD_FILE: "not a ROM in order, or not a key, or not the signature",
    Status.UNAVAILABLE: "the Python package cryptography is missing",
    Status.REFUSED: "the ROM has a signature already, no room for one, or is of the classic interface",
})


def register(app: typer.Typer) -> None:
    """Adds the verbs to `openvmi rom`."""
    app.command(epilog=_SIGN_EPILOG)(sign)
    app.command(epilog=exits(MEANING), short_help="Say who signed a ROM, and whether to believe it.")(verify)


def sign(
    file: RomFile,
    key: Annotated[str | None, typer.Option(help="Name or file of a private key; of a public one for --message and "
                                                 "--attach.")] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE",
                                                help="File to write.  [default: the ROM itself]")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace the signature that the ROM has.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Take the signature away, and do nothing else.")] = False,
    message: Annotated[Path | None, typer.Option(
        metavar="FILE", help="Only write what is to be signed to this file, for a key that is elsewhere.")] = None,
    attach: Annotated[Path | None, typer.Option(
        metavar="FILE", help="Put in a signature made elsewhere: 64 bytes.")] = None,
    passphrase_file: Annotated[Path | None, typer.Option(
        metavar="FILE", help="Take the passphrase from its first line.")] = None,
    json: Json = False, html: Html = None,
) -> None:
    """Sign a ROM. Nothing else of it changes, and --remove gives back the file as it was, byte for byte."""
    from openvmi.errors import RefusedError, UsageError
    from openvmi.files import write_atomically
    from openvmi.report import signature as report
    from openvmi.rom import signed
    from openvmi.trust.verification import open_rom

    if sum(map(bool, (remove, message, attach))) > 1 or bool(key) == remove:
        raise UsageError("expected --key, with one of --message and --attach or none; or --remove alone")
    rom = open_rom(file)
    if remove:
        if signed.part(rom) is None:
            raise UsageError(f"{file}: not signed, so there is nothing to remove; check the path")
        _written(signed.detach(rom), file, output, "signature removed", json, html)
        return
    assert key
    if message:
        write_atomically(message, signed.message(signed.attach(rom, _public(key).raw)))
        told = {"path": str(file), "message": str(message)}
        publish(told, [f"{message}: what is to be signed"], json, html, "Signature",
                lambda: report.written_sections(told))
        return
    if signed.part(rom) and not replace:
        raise RefusedError(f"{file}: signed already; to sign it anew, use --replace; openvmi rom verify says by whom")
    done = _attached(rom, key, attach) if attach else _signed(rom, key, passphrase_file)
    _written(done, file, output, "signature replaced" if signed.part(rom) else "signed", json, html)


def verify(file: RomFile, json: Json = False, html: Html = None) -> int:
    """Say who signed a ROM and whether you trust them, and whether what it says of its licence and source is so."""
    from openvmi.report import signature as report
    from openvmi.trust.verification import verify as look

    found = look(file)
    publish(report.describe(found), report.lines(found), json, html, f"Signature of {file.name}",
            lambda: report.sections(found))
    return found.verdict


def _signed(rom: RomImage, key: str, passphrase_file: Path | None) -> RomImage:
    from openvmi.trust import keys
    from openvmi.trust.passphrase import asked, from_file
    from openvmi.trust.signature import sign as sign_image

    path = keys.find(key)
    return sign_image(rom, keys.load(path, lambda: from_file(passphrase_file) if passphrase_file
                                     else asked(f"Passphrase of {path.stem}: ")))


def _attached(rom: RomImage, key: str, signature: Path) -> RomImage:
    from openvmi.files import read_bounded
    from openvmi.trust.signature import attach

    return attach(rom, _public(key).raw, read_bounded(signature, 1 << 10, "signature"))


def _public(key: str) -> PublicKey:
    from openvmi.errors import UsageError
    from openvmi.trust import ring

    found = ring.find(key).public
    if found is None:
        raise UsageError(f"{key}: only the fingerprint of this key is known here; expected a key, or the file of one")
    return found


def _written(rom: RomImage, file: Path, output: Path | None, what: str, json: bool, html: Path | None) -> None:
    from openvmi.files import write_atomically
    from openvmi.report import signature as report

    target = output or file
    write_atomically(target, rom.data)
    found = report.describe_written(rom, str(target), what)
    shim = file.with_suffix(".shim")
    left = shim if target.parent.resolve() != file.parent.resolve() and shim.is_file() else None
    publish(found, report.written_lines(found, left), json, html, f"Signature of {target.name}",
            lambda: report.written_sections(found))
