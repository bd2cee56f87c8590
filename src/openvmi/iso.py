# SPDX-License-Identifier: MIT
"""A guest on a CD or USB stick that an ordinary PC with a BIOS boots: GRUB and the guest, by Multiboot2.

The user's own GRUB does it: nothing of GRUB is part of this package.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import struct
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

from openvmi.errors import OpenVmiError, RefusedError, UnavailableError, UsageError
from openvmi.files import read_bounded, write_atomically
from openvmi.guest.image import GuestImage

#: Bytes of options; what a guest takes on any hypervisor.
OPTIONS_LIMIT = 4096
_MAGIC = 0xE85250D6  # Multiboot2 Specification 2.0, section 3.1.1
_ARCHITECTURE_I386 = 0
_HEADER = struct.Struct("<4I")  # magic, architecture, header_length, checksum
_SEARCHED = 32768  # bytes at the start of the file that hold the whole header
_ALIGNMENT = 8
_MAKERS = ("grub-mkrescue", "grub2-mkrescue")
_PLATFORM = Path("lib", "grub", "i386-pc")  # beside the folder that has the maker
_REMEDY = "on Debian and Ubuntu: apt install grub-pc-bin grub-common xorriso mtools"
_SECONDS = 120.0  # it takes less than one
_OPTION = re.compile(r"[!-~]+")
_ALTERED = frozenset("'\"\\")  # GRUB puts a backslash before them when it hands the options over
#: In the image: what was put into it.
ABOUT = "openvmi.json"
_NAME = re.compile(r"[^A-Za-z0-9._-]")

_MENU = """\
set timeout=0
set default=0
menuentry '{name}' {{
	{command}
}}
"""


@frozen
class BootImage:
    """A written image."""

    path: Path
    size: int  #: bytes
    command: str  #: what GRUB does


@frozen
class Maker:
    """The installed programs."""

    program: str
    platform: Path  #: GRUB for PCs with a BIOS


def find_maker() -> Maker:
    """The user's GRUB. Raises :class:`UnavailableError` naming what is missing."""
    program = next(filter(None, map(shutil.which, _MAKERS)), None)
    platform = Path(program).parent.parent / _PLATFORM if program else None
    missing = [what for what, there in (
        (_MAKERS[0], program),
        (f"GRUB for PCs ({_PLATFORM})", platform is None or platform.is_dir()),
        ("xorriso", shutil.which("xorriso")),
    ) if not there]
    if missing or not program or not platform:
        raise UnavailableError(f"a boot image needs {' and '.join(missing)}, not found here; {_REMEDY}")
    return Maker(program, platform)


def has_multiboot2_header(data: bytes) -> bool:
    """Whether a Multiboot2 loader will take this file."""
    searched = data[:_SEARCHED]
    for offset in range(0, len(searched) - _HEADER.size + 1, _ALIGNMENT):
        magic, architecture, length, checksum = _HEADER.unpack_from(searched, offset)
        if (magic == _MAGIC and architecture == _ARCHITECTURE_I386 and (magic + length + checksum) % (1 << 32) == 0
                and _HEADER.size <= length <= len(searched) - offset):
            return True
    return False


def boot_command(guest: GuestImage, options: str) -> str:
    """What GRUB shall do, safely quoted. Raises :class:`UsageError` for options that GRUB would not hand over as is."""
    words = options.split(" ")
    for word in filter(None, words):
        if not _OPTION.fullmatch(word) or _ALTERED & set(word):
            raise UsageError(f"option {word!r:.60}: GRUB hands over printable ASCII without quotes and backslashes "
                             "only; write it otherwise")
    if len(options) > OPTIONS_LIMIT:
        raise UsageError(f"options of {len(options)} bytes, expected at most {OPTIONS_LIMIT}; shorten what --append "
                         "gives")
    # Inside single quotes GRUB's shell takes everything literally.
    return " ".join(["multiboot2", f"/boot/{_file_name(guest)}", *(f"'{word}'" for word in words if word)])


def write(guest: GuestImage, output: Path, options: str = "", about: str = "") -> BootImage:
    """Makes the image in a folder of its own, then puts it in place at once. `about` goes into its file ABOUT.

    Raises :class:`RefusedError` for a guest without Multiboot2 header, :class:`UsageError` for options or an output
    that cannot be, :class:`UnavailableError` without GRUB and :class:`OpenVmiError` when GRUB fails.
    """
    if not has_multiboot2_header(guest.data):
        raise RefusedError(f"{guest.path}: no Multiboot2 header in its first {_SEARCHED} bytes, by which GRUB would "
                           "boot it; it was built with an older libvmi, or without; build it again")
    command = boot_command(guest, options)
    maker = find_maker()
    with tempfile.TemporaryDirectory(prefix="openvmi-image.") as scratch:
        tree, image = Path(scratch, "tree"), Path(scratch, "image.iso")
        (tree / "boot" / "grub").mkdir(parents=True)
        (tree / "boot" / _file_name(guest)).write_bytes(guest.data)
        (tree / "boot" / "grub" / "grub.cfg").write_text(
            _MENU.format(name=_file_name(guest).removesuffix(".elf"), command=command))
        (tree / ABOUT).write_text(about)
        _make(maker, tree, image, scratch)
        data = read_bounded(image, what="boot image")
    try:
        write_atomically(output, data)
    except OSError as error:
        raise UsageError(f"{output}: cannot write the image: {error.strerror}; choose another file") from error
    return BootImage(output, len(data), command)


def _file_name(guest: GuestImage) -> str:
    return f"{_NAME.sub('_', guest.name)[:64] or 'guest'}.elf"


def _make(maker: Maker, tree: Path, image: Path, scratch: str) -> None:
    command = [maker.program, f"--directory={maker.platform}", "--fonts=", "--locales=", "--themes=", "-o", str(image),
               str(tree)]
    environment = os.environ | {"LC_ALL": "C", "TMPDIR": scratch}
    status, told = _run(command, environment)
    if status or not image.is_file():
        lines = [line for line in told.decode(errors="replace").splitlines() if line.strip()]
        reason = next((line for line in reversed(lines) if "error" in line.lower()), lines[-1] if lines else "nothing")
        raise OpenVmiError(f"{maker.program} failed (status {status}) and said {reason.strip()[:300]!r}; is GRUB "
                           f"installed completely? {_REMEDY}")


def _run(command: list[str], environment: Mapping[str, str]) -> tuple[int, bytes]:
    """In a session of its own, so that whatever it started in turn can be ended with it."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          env=environment, start_new_session=True) as process:
        try:
            _, told = process.communicate(timeout=_SECONDS)
        except subprocess.TimeoutExpired as error:
            _end(process)
            raise OpenVmiError(f"{command[0]} did not end within {_SECONDS:g} s; is the disk full?") from error
        except BaseException:
            _end(process)
            raise
    return process.returncode, told


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
