# SPDX-License-Identifier: MIT
"""The one interface that every hypervisor in the package implements, and what goes through it."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeGuard

from attrs import Factory, define, frozen

from openvmi.units import Gpa, Gva, Nanoseconds

if TYPE_CHECKING:
    from openvmi.classic.image import ClassicRom
    from openvmi.guest.image import GuestImage
    from openvmi.guest.linux import LinuxImage
    from openvmi.rom.image import RomImage


@frozen
class Availability:
    """Whether a hypervisor can be used on this machine. `reason` and `remedy` are sentences when it cannot."""

    usable: bool
    reason: str = ""
    remedy: str = ""
    versions: dict[str, str] = Factory(dict)  #: component -> version that was found


@frozen
class MachineConfig:
    """What to run and with which bounds."""

    guest: GuestImage
    rom: RomImage | None  #: None: no ROM is offered; the guest stays native
    command_line: str = ""
    memory: int = 64 << 20  #: bytes of guest memory
    modules: tuple[tuple[str, bytes], ...] = ()  #: boot modules: name, contents
    timeout: float = 60.0  #: seconds of host time that a run may take
    deterministic: bool = False  #: virtual time counts guest work instead of following the host's clock
    exact: bool = False  #: with `deterministic`: one tick of the time-stamp counter is one guest instruction; slower
    console: Callable[[bytes], None] = lambda data: None  #: receives console output as it is written
    boot_flags: int = 0  #: what is known of the ROM, for the boot information: BOOT_ bits, less BOOT_PC


@frozen
class LinuxConfig:
    """A Linux kernel for i386 instead of a guest; what has a namesake in :class:`MachineConfig` means the same."""

    kernel: LinuxImage
    rom: ClassicRom | None
    command_line: str = ""
    initrd: bytes | None = None
    memory: int = 64 << 20
    cpus: int = 1
    timeout: float = 60.0
    deterministic: bool = False
    exact: bool = False
    console: Callable[[bytes], None] = lambda data: None


class Ending(Enum):
    """How a run ended."""

    EXIT = "exit"  #: the guest shut down; `code` is its status
    REBOOT = "reboot"  #: the guest asked for a restart
    CRASH = "crash"  #: the guest died of a fault, or said that it did
    REFUSED = "refused"  #: the guest would not run here
    TIMEOUT = "timeout"  #: the limit was reached
    INTERRUPTED = "interrupted"  #: the user stopped it


@frozen
class Registers:
    """Architectural state of a VCPU. `general` maps rax .. r15 to values; addresses are guest-virtual."""

    general: dict[str, int]
    rip: Gva
    rflags: int
    cs: int
    ss: int
    cr2: Gva
    cr3: Gpa
    user: bool


@frozen
class Crash:
    """Why a guest died and where: a sentence, the registers, and the return addresses found by frame pointer."""

    reason: str
    registers: Registers | None = None
    backtrace: tuple[Gva, ...] = ()


@frozen
class Mark:
    """A TraceMark of the guest. `instructions` as in :class:`Outcome` at that moment."""

    mark: int
    value: int
    instructions: int | None
    time: Nanoseconds


@define
class Outcome:
    """What a run left behind."""

    ending: Ending
    code: int = 0  #: the guest's exit status for EXIT, else 0
    message: str = ""  #: a sentence for people about anything but a plain exit
    crash: Crash | None = None
    exits: dict[str, int] = Factory(dict)  #: times the guest left for the hypervisor, by reason
    instructions: int | None = None  #: guest instructions executed; None where the hypervisor cannot know
    marks: list[Mark] = Factory(list)
    boot_ms: float = 0.0  #: from entering the guest to its first console byte
    run_ms: float = 0.0  #: from entering the guest to its end


class Machine(Protocol):
    """One guest on one hypervisor. Used as a context manager: leaving it frees everything, whatever happened."""

    def run(self) -> Outcome:
        """Runs until the guest ends, the time limit passes or :meth:`stop` is called. Once per machine."""

    def stop(self) -> None:
        """Ends :meth:`run` soon, with INTERRUPTED. May be called from another thread or a signal handler."""

    def pause(self) -> None:
        """Stops executing the guest until :meth:`resume`; returns when it has stopped."""

    def resume(self) -> None:
        """Goes on after :meth:`pause`."""

    def read_memory(self, address: Gva, size: int) -> bytes | None:
        """Guest memory by virtual address in the present address space; None where it is not mapped."""

    def send_console(self, data: bytes) -> None:
        """Console input for the guest."""

    def __enter__(self) -> Machine: ...

    def __exit__(self, *exception: object) -> None: ...


class LinuxMachine(Machine, Protocol):
    """One Linux kernel."""

    def read_physical(self, address: Gpa, size: int) -> bytes | None:
        """Guest memory by physical address, also after the end; None where there is none."""

    def __enter__(self) -> LinuxMachine: ...


class Hypervisor(Protocol):
    """One way to run a guest."""

    name: str
    summary: str  #: one line: what it is
    default_rom: str | None  #: name of the ROM that goes with it; None: it has none (bare hardware)

    def available(self) -> Availability:
        """Whether it can be used here. Quick, without side effects."""

    def create(self, config: MachineConfig) -> Machine:
        """A machine ready to run.

        Raises :class:`openvmi.errors.RefusedError` when guest, ROM and configuration do not fit this hypervisor and
        :class:`openvmi.errors.UnavailableError` when it cannot be used here.
        """


class LinuxHypervisor(Hypervisor, Protocol):
    """One that can also boot Linux kernels for i386, which bring drivers for a PC."""

    def create_linux(self, config: LinuxConfig) -> LinuxMachine:
        """As :meth:`create`."""


def boots_linux(hypervisor: Hypervisor) -> TypeGuard[LinuxHypervisor]:
    """Whether it has the method for it."""
    return hasattr(hypervisor, "create_linux")


def default_rom_path(hypervisor: Hypervisor) -> Path | None:
    """Where the built ROM of a hypervisor is; None when it has none. The file may not exist."""
    from openvmi import resources

    return resources.built("roms") / f"{hypervisor.default_rom}.rom" if hypervisor.default_rom else None


def needs_rom(hypervisor: Hypervisor) -> bool:
    """Whether it runs no guest that stays native: it says so by an attribute `needs_rom`."""
    return getattr(hypervisor, "needs_rom", False)


def makes_boot_information(hypervisor: Hypervisor) -> bool:
    """Whether `boot_flags` reach the guest: one where they do not says so by an attribute `tells_guest`."""
    return getattr(hypervisor, "tells_guest", True)


def host_time_only(hypervisor: Hypervisor) -> bool:
    """Whether it refuses `deterministic`: it says so by an attribute `host_time_only`."""
    return getattr(hypervisor, "host_time_only", False)
