# SPDX-License-Identifier: MIT
"""A guest as the files that a real Xen host boots: as a domain of its own by xl, or as the first one by GRUB."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

from attrs import frozen

from openvmi.errors import UsageError
from openvmi.files import write_atomically
from openvmi.hypervisors.base import MachineConfig
from openvmi.hypervisors.xen import checks
from openvmi.hypervisors.xen.machine import pack, read_shim

_NAME = re.compile(r"[^A-Za-z0-9._-]")

_XL = """\
# {name} as a domain of its own, by xl(1) on a Xen host. In this folder: xl create -c {name}.cfg
# xl looks for the files below in the folder that it is started in; give whole paths to start it elsewhere.
name = "{name}"
type = "pv"
kernel = "{kernel}"
# Guest, ROM, options and modules. The kernel unpacks them and becomes the guest.
ramdisk = "{package}"
# More options for the guest, behind those in the package (openvmi image --append).
extra = ""
memory = {memory}
vcpus = 1
# A domain that crashed stays, for xl dmesg, xl dump-core and gdbsx; xl destroy {name} removes it.
on_crash = "preserve"
# xl cannot start a domain anew whose files it does not find: "restart" needs whole paths above.
on_reboot = "destroy"
# xl does not show the guest's exit status: it ended well when xl says that it was shut down, and did not crash.
"""

_GRUB = """\
# {name} as the first domain, dom0, in place of a Linux. For /etc/grub.d/40_custom, with the files and Xen in /boot.
menuentry "{name} on Xen" {{
	multiboot2 /boot/xen.gz console=com1,vga dom0_mem={memory}M,max:{memory}M dom0_max_vcpus=1
	module2 /boot/{kernel}
	module2 /boot/{package}
}}
"""


@frozen
class HostFiles:
    """What was written."""

    folder: Path
    sizes: dict[str, int]  #: by name, bytes
    package: bytes
    command: str  #: to be given in the folder


def write(config: MachineConfig, folder: Path, about: str = "") -> HostFiles:
    """Makes a folder with all of the files, or with none when anything fails. `about`: what is in the package.

    A folder that has just these files is replaced. Raises :class:`RefusedError` as running the guest would, and
    :class:`UsageError` for a place that is something else.
    """
    checks.check(config)
    name = _NAME.sub("_", config.guest.name)[:64] or "guest"
    kernel, module = f"{name}-xen.elf", f"{name}-xen.package"
    values = {"name": name, "kernel": kernel, "package": module, "memory": config.memory >> 20}
    package, shim = pack(config), read_shim(config.rom)
    checks.check_package(config, len(shim), len(package))
    files = {
        kernel: shim, module: package,
        f"{name}.cfg": _XL.format(**values).encode(), f"{name}-grub.cfg": _GRUB.format(**values).encode(),
        f"{name}-about.json": about.encode(),
    }  # fmt: skip
    target = Path(os.path.realpath(folder))
    _check_place(folder, target, set(files))
    try:
        _replace(target, files)
    except OSError as error:
        raise UsageError(f"{folder}: cannot write the folder: {error.strerror}; choose another") from error
    return HostFiles(folder, {name: len(data) for name, data in files.items()}, package, f"xl create -c {name}.cfg")


def _check_place(folder: Path, target: Path, names: set[str]) -> None:
    if folder.suffix.lower() == ".iso":
        raise UsageError(f"{folder}: this is the name of a CD image; --xen writes a folder, such as {folder.stem}")
    if target.exists() and not target.is_dir():
        raise UsageError(f"{folder}: --xen writes a folder, and this is a file; choose another name")
    others = sorted(path.name for path in target.iterdir() if path.name not in names) if target.is_dir() else []
    if others:
        named = ", ".join([*others[:3], *(["..."] if len(others) > 3 else [])])
        raise UsageError(f"{folder}: this folder has other files ({named}); choose a new one")


def _replace(target: Path, files: dict[str, bytes]) -> None:
    """Puts a folder with these files there, in place of one that may be there."""
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as aside:
        new, old = Path(aside, "new"), Path(aside, "old")
        new.mkdir()
        for name, data in files.items():
            write_atomically(new / name, data)
        new.chmod(0o755)
        if not target.exists():
            os.rename(new, target)
            return
        os.rename(target, old)
        try:
            os.rename(new, target)
        except OSError:
            os.rename(old, target)
            raise
