# SPDX-License-Identifier: MIT
"""What is refused before a Xen is started."""

from __future__ import annotations

from openvmi.abi.names import WINDOW_SIZE
from openvmi.errors import RefusedError
from openvmi.guest.image import GuestImage
from openvmi.hypervisors.base import MachineConfig
from openvmi.hypervisors.xen.private import XEN_SHIM_BASE
from openvmi.machine import boot

MEMORY_LEAST = 8 << 20
MEMORY_MOST = 3 << 30  #: with Xen's own it stays below the devices of the PC that QEMU makes
_MIB = 1 << 20
PACKAGE_MOST = 256 << 20  #: with the most memory, all of it stays below those devices
_REGION = 4 << 20  # bytes: the unit of what Xen maps for a guest at its start
_TABLES_SHARE = 256  # one byte of so many of memory: list of frames and page tables
_SLOT = 1 << 39  # bytes that one level 4 entry maps
#: Guest-virtual addresses that are Xen's in every 64-bit guest (Xen public/arch-x86/xen-x86_64.h).
HOLE = range(0xFFFF_8000_0000_0000, 0xFFFF_8800_0000_0000)
_SHIM = range(XEN_SHIM_BASE, XEN_SHIM_BASE + _SLOT)
#: Where a guest lists the hypervisors that it knows by itself (libvmi/guest.lds).
_BACKENDS = ("vmi_backends_start", "vmi_backends_end")


def check(config: MachineConfig) -> None:
    """Raises :class:`RefusedError` for the first thing about a configuration that Xen, or the boot shim, cannot do."""
    guest = config.guest
    _check_rom(config)
    if config.memory % _MIB or not MEMORY_LEAST <= config.memory <= MEMORY_MOST:
        raise RefusedError(
            f"{config.memory} bytes of guest memory asked for; on xen it must be a multiple of 1 MiB from"
            f" {MEMORY_LEAST >> 20} to {MEMORY_MOST >> 20} MiB; choose another --memory"
        )
    boot.check_layout(guest, config.memory, pc=False)
    _check_places(guest, config.memory)
    _check_command_line(config.command_line)
    if len(config.modules) > boot.MODULE_LIMIT:
        raise RefusedError(f"{len(config.modules)} boot modules given, a guest takes at most {boot.MODULE_LIMIT};"
                           " put several files into one")


def has_own_backend(guest: GuestImage) -> bool:
    """Whether the guest has code for some hypervisor in it, by its symbols."""
    symbols = guest.symbols()
    start, end = (symbols.address(name) for name in _BACKENDS)
    return start is not None and end is not None and start < end


def _check_rom(config: MachineConfig) -> None:
    guest, rom = config.guest, config.rom
    if rom is not None and rom.hypervisor != "xen":
        raise RefusedError(f"the ROM {rom.name} is for the hypervisor {rom.hypervisor}; give xen one that is for it")
    if has_own_backend(guest):
        return
    if rom is None:
        raise RefusedError(f"{guest.path}: Xen runs no kernel that stays native, and this one has no code for Xen of"
                           " its own; leave --rom none away")
    if boot.option(config.command_line, "vmi") == "off":
        raise RefusedError(f"{guest.path}: vmi=off makes it stay native, and Xen runs no kernel that does; leave"
                           " vmi=off away")


def _check_places(guest: GuestImage, memory: int) -> None:
    places = [("image", guest.image_start, guest.image_end), ("ROM window", guest.window, guest.window + WINDOW_SIZE),
              ("direct map", guest.direct_map, guest.direct_map + memory)]  # fmt: skip
    for what, start, end in places:
        for whose, taken in (("Xen", HOLE), ("the boot shim", _SHIM)):
            if start < taken.stop and taken.start < end:
                raise RefusedError(f"{guest.path}: its {what} at {start:#x} is where {whose} is, {taken.start:#x} to"
                                   f" {taken.stop - 1:#x}; link it elsewhere")


def _check_command_line(text: str) -> None:
    size = len(text.encode("ascii", "replace"))
    if not text.isascii() or "\0" in text or size > boot.COMMAND_LINE_LIMIT:
        raise RefusedError(
            f"the guest's command line has {size} bytes; it must be ASCII without NUL and at most"
            f" {boot.COMMAND_LINE_LIMIT} bytes; shorten what --append gives"
        )


def check_package(config: MachineConfig, shim: int, package: int) -> None:
    """The same for the finished package, which becomes a part of the guest's memory, as the shim does; sizes in bytes.

    Xen maps both for the shim, with what it tells it, in whole _REGION, and ends itself when they do not fit. Whether
    the rest is enough for the guest, the shim says.
    """
    if package > PACKAGE_MOST:
        raise RefusedError(f"guest, ROM and modules are a package of {package} bytes; on xen it can have at most"
                           f" {PACKAGE_MOST}; give fewer or smaller modules")
    image = config.guest.image_end - config.guest.image_start
    region = -(-(shim + package + config.memory // _TABLES_SHARE + _MIB) // _REGION) * _REGION
    if region + image > config.memory:
        least = (region + image) * 9 // 8  # what the shim needs is a share of all memory
        raise RefusedError(
            f"{config.guest.path}: guest, ROM and modules are a package of {package} bytes; to start it Xen takes"
            f" {region} bytes of guest memory, and the image another {image}, of which there are {config.memory}; give"
            f" it at least --memory {-(-least // _MIB)}M"
        )
