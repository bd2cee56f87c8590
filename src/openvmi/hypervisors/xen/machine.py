# SPDX-License-Identifier: MIT
"""One guest on Xen."""

from __future__ import annotations

import hashlib
import struct
import time
from pathlib import Path

from openvmi import resources
from openvmi.errors import BadFileError, OpenVmiError, UnavailableError
from openvmi.files import read_bounded
from openvmi.hypervisors.base import Crash, Ending, MachineConfig, Outcome
from openvmi.hypervisors.xen import CPU_MODEL, checks, dump, installation, private
from openvmi.hypervisors.xen.console import ConsoleFilter
from openvmi.hypervisors.xen.package import Package, module_name
from openvmi.machine import exit_port
from openvmi.machine.crash import backtrace
from openvmi.machine.paging import AddressSpace
from openvmi.machine.qemu import installation as qemu
from openvmi.machine.qemu.process import QemuProcess
from openvmi.machine.qemu.session import Ended, InputRules, Session, SessionEnd
from openvmi.rom.image import RomImage
from openvmi.units import Gpa, Gva

SHIM = "xen.shim"
_MIB = 1 << 20
#: Of Xen's own besides the guest's: measured are 14 MiB, and 9 for each GiB of the guest's.
_XEN_MEMORY = 24 * _MIB
_XEN_SHARE = 64  # of the guest's memory, one in so many
_SHIM_LIMIT = 4 << 20
# Xen has room for 128 bytes that the guest has not read, and drops what exceeds them: a guest that looks every so often
# gets all of it.
_INPUT_CHUNK, _INPUT_PAUSE = 64, 0.1  # bytes, seconds: QEMU may have to share its processor
_TOLD = 8  # lines of Xen in a message
_RECORD = struct.Struct("<III")  # magic, reason, code
_RECORD_SIZE = private.XEN_EXIT_TEXT + private.XEN_EXIT_TEXT_SIZE - private.XEN_EXIT_MAGIC

_OPTIONS = (
    "console=com1",
    "console_timestamps=raw",  # what ConsoleFilter knows Xen by
    # More than there is: without a buffer Xen waits for the port, with one it drops what comes too fast.
    "serial_tx_buffer=2G",
    "conswitch=`",  # no keys that take the console from the guest: this one is NUL, which Xen takes for none
    "dom0_max_vcpus=1", "bootscrub=0",
)  # fmt: skip


class XenMachine:
    """Implements :class:`openvmi.hypervisors.base.Machine`."""

    def __init__(self, config: MachineConfig) -> None:
        checks.check(config)
        xen = installation.find()
        shim = read_shim(config.rom)
        self.config = config
        self._console = ConsoleFilter(self._take_output, self._take_line)
        self._first_output: float | None = None
        self._listening = False  # whether input goes to the guest
        self._root: Gpa | None = None  # of the page tables that Xen named when it ended the guest
        package = pack(config)
        checks.check_package(config, len(shim), len(package))
        memory = config.memory + _XEN_MEMORY + config.memory // _XEN_SHARE + len(package)
        self.qemu = QemuProcess(qemu.find(), -(-memory // _MIB) * _MIB, deterministic=config.deterministic,
                                exact=config.exact)
        try:
            self.qemu.start(self._arguments(xen.image, shim, package))
            self._session = Session(self.qemu, self._console.feed, config.timeout,
                                    InputRules(lambda: self._listening, _INPUT_CHUNK, _INPUT_PAUSE))
        except BaseException:
            self.qemu.close()
            raise

    def _arguments(self, xen: bytes, shim: bytes, package: bytes) -> list[str]:
        add = self.qemu.add_file
        size = f"{self.config.memory // _MIB}M"
        return [
            "-cpu", CPU_MODEL, "-kernel", add("xen", xen), "-initrd", f"{add('shim', shim)},{add('package', package)}",
            "-append", " ".join((*_OPTIONS, f"dom0_mem={size},max:{size}")),
        ]  # fmt: skip

    # ---- what comes out of the serial port ----

    def _take_output(self, data: bytes) -> None:
        self._first_output = self._first_output or time.monotonic()
        self._listening = True
        self.config.console(data)

    def _take_line(self, line: str) -> None:
        self._listening = self._listening or dump.starts_guest(line)
        if dump.is_final(line):
            self._session.call_off()

    # ---- the interface ----

    def run(self) -> Outcome:
        """Runs the guest to its end. Raises :class:`OpenVmiError` when something else ends QEMU, or Xen fails."""
        end = self._session.run()
        self._console.close()
        outcome = self._outcome(end)
        outcome.run_ms = end.run_ms
        outcome.boot_ms = (self._first_output - end.began) * 1e3 if self._first_output else end.run_ms
        return outcome

    def _outcome(self, end: SessionEnd) -> Outcome:
        if end.ended is Ended.TIMEOUT:
            late = "" if self._listening else "; Xen had not started it yet"
            return Outcome(Ending.TIMEOUT, message=f"the guest did not end within {self.config.timeout:g} s{late}")
        if end.ended is Ended.STOPPED:
            return Outcome(Ending.INTERRUPTED, message="stopped by the user")
        if end.ended is Ended.EXIT and not end.was_reset:
            raise self.qemu.unexpected_end(end.status)
        lines = self._console.lines
        panic = dump.panic(lines)
        if panic is not None and dump.TOO_SMALL.search(panic):
            return Outcome(Ending.REFUSED, message=f"Xen cannot start the guest in {self.config.memory} bytes of memory"
                                                   f" ({panic}); give it more with --memory")
        if panic is not None:
            raise OpenVmiError(f"Xen {self._xen_version()}gave up: {panic}")
        killed = dump.killed(lines)
        if killed is None:
            return self._recorded()
        if killed.registers is None:
            return Outcome(Ending.CRASH, message=killed.reason, crash=Crash(killed.reason))
        self._root = killed.registers.cr3
        trace = backtrace(self.read_memory, killed.registers.general["rbp"])
        return Outcome(Ending.CRASH, message=killed.reason, crash=Crash(killed.reason, killed.registers, trace))

    def _xen_version(self) -> str:
        version = installation.find().version
        return f"{version} " if version else ""

    def _recorded(self) -> Outcome:
        """What the guest, or the boot shim, left as its last word."""
        window = self.config.guest.window
        for place in (window + private.XEN_HANDOVER, private.XEN_SHIM_RECORD):
            raw = self.read_memory(Gva(place + private.XEN_EXIT_MAGIC), _RECORD_SIZE)
            if raw is None:
                continue
            magic, reason, code = _RECORD.unpack_from(raw)
            if magic == private.XEN_EXIT_VALID:
                ending, status = exit_port.shutdown(reason, code)
                text = raw[private.XEN_EXIT_TEXT - private.XEN_EXIT_MAGIC :].partition(b"\0")[0]
                message = text.decode("ascii", "replace") or exit_port.MESSAGES[ending]
                crash = Crash(message) if ending is Ending.CRASH else None
                return Outcome(ending, status, message, crash)
        told = "; ".join(line.strip() for line in dump.since_start(self._console.lines)[-_TOLD:])
        message = f"the guest ended by other means than Shutdown; the last that Xen said: {told or 'nothing'}"
        return Outcome(Ending.CRASH, message=message, crash=Crash(message))

    def stop(self) -> None:
        """Noticed at once."""
        self._session.stop()

    def pause(self) -> None:
        """Returns when the guest stands still; at once when it does not run."""
        self._session.pause()

    def resume(self) -> None:
        """Lets the guest go on."""
        self._session.resume()

    def read_memory(self, address: Gva, size: int) -> bytes | None:
        """Guest memory as the page tables have it that were in use at the end, or at the last pause."""
        if address in checks.HOLE or address + size - 1 in checks.HOLE:
            return None
        registers = self._session.registers
        root = self._root or (registers.cr3 if registers else None)
        if root is None:
            return None
        return AddressSpace(self.qemu.read, lambda address, data: False, lambda: root).read(address, size)

    def send_console(self, data: bytes) -> None:
        """Input for the guest. Kept until Xen gives the guest its console.

        Xen keeps seven bits of each byte, and drops what a guest does not read within some 20 ms; nobody is told.
        """
        self._session.send_console(data)

    def __enter__(self) -> XenMachine:
        return self

    def __exit__(self, *exception: object) -> None:
        self.qemu.close()
        self._session.close()


def read_shim(rom: RomImage | None) -> bytes:
    """The boot shim that is beside a ROM that names one, else the built one.

    Raises :class:`UnavailableError` when there is none, and :class:`BadFileError` for one that is not the ROM's own.
    """
    wanted = rom.manifest.get("shim") if rom else None
    # What a ROM does not name is not covered by its signature, whoever put it there.
    path = Path(rom.path).with_suffix(".shim") if rom and wanted else None
    if path is None or not path.is_file():
        path = resources.built("roms") / SHIM
    if not path.is_file():
        raise UnavailableError(f"{path}: the boot shim of xen is not built; run: openvmi rom build xen")
    shim = read_bounded(path, _SHIM_LIMIT, "boot shim")
    if rom and wanted and (found := hashlib.sha256(shim).hexdigest()) != wanted:
        raise BadFileError(f"{path}: a boot shim with SHA-256 {found[:16]}..., and {rom.path} was built with "
                           f"{wanted[:16]}...; keep the two that were built together side by side")
    return shim


def pack(config: MachineConfig) -> bytes:
    """What the shim gets to make a running guest of. Raises :class:`RefusedError` when there is too much of it."""
    modules = tuple((module_name(name), data) for name, data in config.modules)
    line = config.command_line.encode("ascii")
    rom = config.rom.data if config.rom else None
    return Package(config.guest.data, rom, line, modules, config.boot_flags).pack()
