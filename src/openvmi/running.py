# SPDX-License-Identifier: MIT
"""One run of a guest: finding what to run and on what, running it, and reading what it left behind."""

from __future__ import annotations

import os.path
import struct
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from openvmi import hypervisors, resources
from openvmi.abi import names
from openvmi.errors import RefusedError, UnavailableError, UsageError
from openvmi.files import read_bounded
from openvmi.guest.image import GuestImage
from openvmi.guest.linux import LinuxImage
from openvmi.guest.load import Guest
from openvmi.guest.load import load as load_guest
from openvmi.hypervisors.base import (
    Ending,
    Hypervisor,
    Machine,
    MachineConfig,
    Outcome,
    default_rom_path,
    makes_boot_information,
)
from openvmi.interrupt import on_interrupt
from openvmi.machine.crash import read_report
from openvmi.rom.image import RomImage
from openvmi.rom.load import load_current
from openvmi.status import Status
from openvmi.trust.verdict import NOTHING, Verdict, admit
from openvmi.units import Gva

if TYPE_CHECKING:
    from openvmi.booting import LinuxRun

NO_ROM = "none"
_FORCE = "vmi.force"
_LINK_SYMBOL = "vmi_link_state"
_LINK_STATE = struct.Struct("<10IQ")  # struct vmi_link_state in libvmi/include/vmi/vmi.h
_LINK_MAGIC = 0x4B4E4C56
_HIGHEST_CODE = Status.USAGE - 1

_STATUS = {
    Ending.REBOOT: Status.REBOOT,
    Ending.CRASH: Status.CRASH,
    Ending.REFUSED: Status.REFUSED,
    Ending.TIMEOUT: Status.TIMEOUT,
    Ending.INTERRUPTED: Status.INTERRUPTED,
}


@frozen
class Request:
    """What the user asked for; None is the default of each."""

    guest: str  #: file, or name of a built guest
    on: str | None = None  #: hypervisor
    rom: str | None = None  #: file, name of a built ROM, or NO_ROM
    options: str = ""  #: the guest's command line
    memory: int = 64 << 20  #: bytes
    modules: tuple[Path, ...] = ()
    timeout: float = 60.0  #: seconds
    deterministic: bool = False
    input: bytes = b""  #: console input, all there from the start
    exact: bool = False  #: as in :class:`MachineConfig`
    initrd: Path | None = None  #: of a Linux kernel, which alone has one
    cpus: int | None = None  #: of a Linux kernel, which alone uses more than one
    force: bool = False  #: override what a policy says against the ROM


@frozen
class LinkState:
    """What the guest's linker did, by its own account: sites by kind, and the taint it recorded."""

    taint: names.Taint
    sites: int
    native: int
    nop: int
    inline: int
    call: int
    jump: int
    crash_report: Gva = Gva(0)  #: where a native guest left its crash report; 0: nowhere


@frozen
class Run:
    """What was run and what came of it."""

    guest: GuestImage
    hypervisor: str
    rom: RomImage | None
    outcome: Outcome
    link: LinkState | None  #: None: the guest ended before it linked, or has no libvmi
    start_ms: float  #: host time from the request to entering the guest
    reader_left: bool = False  #: whoever read the console did not want more of it
    verdict: Verdict = NOTHING  #: what was said of the ROM

    @property
    def taint(self) -> names.Taint | None:
        """What the guest recorded, and what it could not know; None when it has no record."""
        return self.link.taint | (self.verdict.taint & names.Taint.OVERRIDDEN_FIRMWARE) if self.link else None

    @property
    def status(self) -> int:
        """The exit status of the run."""
        return exit_status(self.outcome, self.reader_left)


def exit_status(outcome: Outcome, reader_left: bool) -> int:
    """What a run leaves the shell with; `reader_left` as in :class:`Run`."""
    if reader_left and outcome.ending is Ending.INTERRUPTED:
        return Status.OUTPUT_CLOSED
    if outcome.ending is Ending.EXIT:
        return min(outcome.code, _HIGHEST_CODE)
    return _STATUS[outcome.ending]


def find_guest(name: str) -> Path:
    """The file of a guest: a path to it, or the name of a built one. :class:`UsageError` lists those."""
    folder = resources.built("guests")
    for path in (Path(name), folder / f"{name}.elf", folder / f"{name}.bzimage"):
        if os.path.isfile(path):  # Path.is_file raises for a name that no file can have
            return path
    raise UsageError(f"no guest {name!r}: expected a file, or one of {_known(folder, '*.elf', '*.bzimage')}")


def open_guest(name: str) -> GuestImage:
    """The guest that :func:`find_guest` finds, read and checked.

    :class:`RefusedError` for another major version, and for a Linux kernel.
    """
    guest = open_any(name)
    if isinstance(guest, LinuxImage):
        raise RefusedError(f"{guest.path}: a Linux kernel, and this needs a guest of VMI {names.MAJOR}; "
                           "only openvmi run can do something with it")
    return guest


def open_any(name: str) -> Guest:
    """The same, Linux kernels included."""
    guest = load_guest(find_guest(name))
    if isinstance(guest, GuestImage) and guest.version[0] != names.MAJOR:
        raise RefusedError(f"{guest.path}: built for VMI {guest.version[0]}.{guest.version[1]}, this openvmi has "
                           f"{names.MAJOR}.{names.MINOR}; use an openvmi of that major version")
    return guest


def find_rom(hypervisor: Hypervisor, choice: str | None) -> RomImage | None:
    """The ROM to offer the guest; None for no ROM. :class:`RefusedError` for one of the classic interface."""
    if choice is not None:
        chosen = chosen_rom(choice)
        return load_current(chosen) if chosen else None
    path = default_rom_path(hypervisor)
    if path is None:
        return None
    if not path.is_file():
        raise UnavailableError(f"{path}: the ROM of {hypervisor.name} is not built; run: openvmi rom build "
                               f"{hypervisor.default_rom}, or use --rom {NO_ROM}")
    return load_current(path)


def chosen_rom(choice: str) -> Path | None:
    """The file of a ROM that the user named; None for NO_ROM."""
    folder = resources.built("roms")
    if choice == NO_ROM:
        return None
    for path in (Path(choice), folder / f"{choice}.rom"):
        if os.path.isfile(path):
            return path
    raise UsageError(f"no ROM {choice!r}: expected a file, {NO_ROM}, or one of {_known(folder, '*.rom')}")


def choose(name: str | None, suits: Callable[[Hypervisor], bool] = lambda hypervisor: True) -> Hypervisor:
    """The hypervisor of that name, or the first that suits and is usable here: as they are ranked."""
    if name is not None:
        hypervisor = hypervisors.get(name)
        state = hypervisor.available()
        if not state.usable:
            raise UnavailableError(f"{name} is not usable here: {state.reason} {state.remedy}".strip())
        return hypervisor
    for hypervisor in hypervisors.ranked():
        if suits(hypervisor) and hypervisor.available().usable:
            return hypervisor
    raise UnavailableError("no hypervisor is usable here; openvmi doctor says why not, and how to get each")


class Driver:
    """Brings one machine to its end, and its console to who reads it. The request comes when this is made."""

    def __init__(self, request: Request, console: Callable[[bytes], bool], typed: Iterable[bytes] | None) -> None:
        """`console` and `typed` as in :func:`run`."""
        self._began = time.perf_counter()
        self._request, self._console, self._typed = request, console, typed
        self._machine: Machine | None = None
        self.start_ms = 0.0  #: as in :class:`Run`, like the next
        self.reader_left = False

    def write(self, data: bytes) -> None:
        """The console for the machine."""
        if not self._console(data):
            self.reader_left = True
            if self._machine:
                self._machine.stop()

    def drive(self, machine: Machine) -> Outcome:
        """Runs a machine to its end; Ctrl-C is one."""
        self._machine = machine
        with on_interrupt(machine.stop):
            if self._request.input:
                machine.send_console(self._request.input)
            over = _forward(self._typed, machine) if self._typed is not None else None
            self.start_ms = (time.perf_counter() - self._began) * 1000
            outcome = machine.run()
            if over:
                over.set()
        return outcome


def run(request: Request, console: Callable[[bytes], bool], typed: Iterable[bytes] | None = None) -> Run:
    """Runs a guest to its end.

    `console` takes output as it comes and returns False to end the run. `typed` gives console input as it comes; it is
    read in a thread of its own. Raises any error of the tree when the guest cannot be run at all.
    """
    driver = Driver(request, console, typed)
    return _run(request, open_guest(request.guest), driver)


def run_any(request: Request, console: Callable[[bytes], bool],
            typed: Iterable[bytes] | None = None) -> Run | LinuxRun:
    """The same for a guest or a Linux kernel, whichever it is."""
    driver = Driver(request, console, typed)
    guest = open_any(request.guest)
    if isinstance(guest, GuestImage):
        return _run(request, guest, driver)
    from openvmi import booting

    return booting.run(request, guest, driver)


def _run(request: Request, guest: GuestImage, driver: Driver) -> Run:
    if request.initrd is not None or request.cpus is not None:
        raise UsageError(f"--initrd and --cpus are for Linux kernels, and {guest.path} is a guest of VMI "
                         f"{names.MAJOR}, which runs on one processor; use --module for files")
    hypervisor = choose(request.on)
    rom = find_rom(hypervisor, request.rom)
    verdict = admit(rom, guest, request.options, request.force, default_rom_path(hypervisor))
    told = makes_boot_information(hypervisor)
    config = MachineConfig(
        guest=guest, rom=rom, memory=request.memory, boot_flags=verdict.flags,
        command_line=request.options if told or not verdict.forced else f"{request.options} {_FORCE}".strip(),
        modules=tuple((path.name, read_bounded(path, what="module")) for path in request.modules),
        timeout=request.timeout, deterministic=request.deterministic, exact=request.exact,
        console=driver.write,
    )
    with hypervisor.create(config) as machine:
        outcome = driver.drive(machine)
        link = read_link(guest, machine)
        if outcome.ending is Ending.CRASH and link and link.crash_report:
            outcome.crash = read_report(machine.read_memory, link.crash_report, guest.window) or outcome.crash
            outcome.message = outcome.crash.reason if outcome.crash else outcome.message
    return Run(guest, hypervisor.name, rom, outcome, link, driver.start_ms, driver.reader_left, verdict)


def read_link(guest: GuestImage, machine: Machine) -> LinkState | None:
    """The guest's own record of its linking; None when it has none (yet)."""
    address = guest.symbols().address(_LINK_SYMBOL)
    data = machine.read_memory(address, _LINK_STATE.size) if address is not None else None
    if data is None or len(data) != _LINK_STATE.size:
        return None
    magic, taint, sites, native, nop, inline, call, jump, _, _, report = _LINK_STATE.unpack(data)
    if magic != _LINK_MAGIC:
        return None
    return LinkState(names.Taint(taint), sites, native, nop, inline, call, jump, Gva(report))


def _forward(typed: Iterable[bytes], machine: Machine) -> threading.Event:
    """Sends what is typed until the event that it returns is set."""
    over = threading.Event()

    def forward() -> None:
        for data in typed:
            if over.is_set():
                return
            machine.send_console(data)

    # A daemon: it may be waiting for a key when the guest ends.
    threading.Thread(target=forward, name="console input", daemon=True).start()
    return over


def _known(folder: Path, *patterns: str) -> str:
    found = sorted(path.stem for pattern in patterns for path in folder.glob(pattern))
    return ", ".join(found) if found else f"none yet in {folder} (run make build)"
