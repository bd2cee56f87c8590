# SPDX-License-Identifier: MIT
"""A Xen host to try `xl` on: the installed Xen under QEMU, with a Linux of this distribution as dom0.

Nothing is installed. Kernel and tools are the distribution's packages, fetched by apt and taken apart by dpkg-deb; they
and what is made of them stay in build/xl, which may be deleted. dom0's file system is an initramfs: the tools, the
script `init` beside this file, and a folder for each of the cases that are to be run.
"""

from __future__ import annotations

import base64
import io
import lzma
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from attrs import define, field

from openvmi.hypervisors.xen import CPU_MODEL, installation
from openvmi.hypervisors.xen.console import ConsoleFilter
from openvmi.machine.qemu import installation as qemu
from openvmi.machine.qemu.process import QemuProcess
from openvmi.machine.qemu.session import Session

HERE = Path(__file__).parent
CACHE = HERE.parents[3] / "build" / "xl"
_MEMORY, _DOM0_MEMORY = 1792, 448  # MiB: room for one domain of 1 GiB
_FETCH_SECONDS = 600.0
_LIBRARIES = "lib/x86_64-linux-gnu"
_MODULES = r"xen-(evtchn|gntdev|gntalloc|privcmd)|xenfs"
#: What is taken from packages, and where it goes; the first that matches.
_TAKEN = (
    (re.compile(r"boot/vmlinuz-.*"), "vmlinuz"),
    (re.compile(rf"(?:usr/)?lib/modules/.*/xen/(?:xenfs/)?((?:{_MODULES})\.ko)(?:\.xz)?"), r"modules/\1"),
    (re.compile(rf"(?:usr/)?{_LIBRARIES}/([^/]+\.so[.0-9]*)"), rf"{_LIBRARIES}/\1"),
    (re.compile(r"(usr/lib/xen-[^/]+/bin/(?:xl|xenstored|xenconsoled|xenconsole|xen-init-dom0))"), r"\1"),
    (re.compile(r"(?:usr/)?bin/(busybox)"), r"bin/\1"),
)
#: A case's results, as `init` prints them.
_RESULT = re.compile(rb"@@@ begin (\S+)\r?\n(.*?)@@@ end \1\r?\n", re.DOTALL)
_OPTIONS = (
    "console=com1", "console_timestamps=raw", "serial_tx_buffer=2G", "conswitch=`", "guest_loglvl=all", "bootscrub=0",
    "dom0_max_vcpus=1", f"dom0_mem={_DOM0_MEMORY}M,max:{_DOM0_MEMORY}M",
)  # fmt: skip
_LINUX = "console=hvc0 quiet mitigations=off nokaslr panic=1 rdinit=/init"


class CannotError(Exception):
    """What is missing on this machine, and what to do."""


@define
class Boot:
    """A run of the host that is over."""

    said: bytes = b""  #: by dom0, on its console
    xen: list[str] = field(factory=list)  #: lines of Xen
    seconds: float = 0.0

    def results(self) -> dict[str, dict[str, bytes]]:
        """Case -> name of a file that it left -> contents."""
        found: dict[str, dict[str, bytes]] = {}
        for match in _RESULT.finditer(self.said):
            files = found[match[1].decode()] = {}
            with tarfile.open(fileobj=io.BytesIO(base64.b64decode(match[2]))) as tar:
                for member in tar:
                    if stream := tar.extractfile(member):
                        files[member.name.removeprefix("./")] = stream.read()
        return found


def boot(cases: Mapping[str, Mapping[str, bytes]], timeout: float) -> Boot:
    """Runs the script `run` of each case in dom0, in that folder, one after the other.

    `cases` has the files of each folder. Raises :class:`CannotError`, and OpenVMI's errors when QEMU fails.
    """
    xen = installation.find()
    kernel, tools = base(xen.version)
    files = {"init": (HERE / "init").read_bytes()}
    for case, contents in cases.items():
        files |= {f"cases/{case}/{name}": data for name, data in contents.items()}
    result = Boot()
    said = bytearray()
    console = ConsoleFilter(said.extend)
    with QemuProcess(qemu.find(), _MEMORY << 20) as process:
        modules = ",".join((f"{process.add_file('vmlinuz', kernel)} {_LINUX}",
                            process.add_file("initramfs", tools + archive(files))))
        process.start(["-cpu", CPU_MODEL, "-kernel", process.add_file("xen", xen.image), "-initrd", modules,
                       "-append", " ".join(_OPTIONS)])  # fmt: skip
        session = Session(process, console.feed, timeout)
        try:
            result.seconds = session.run().run_ms / 1e3
        finally:
            session.close()
            console.close()
            CACHE.joinpath("dom0.log").write_bytes(said)
            CACHE.joinpath("xen.log").write_text("\n".join(console.lines))
    result.said, result.xen = bytes(said), list(console.lines)
    return result


# ---- what dom0 is made of ----


def base(version: str) -> tuple[bytes, bytes]:
    """dom0's kernel, and the initramfs with the tools of that version of Xen; fetched when they are not here."""
    kernel, tools, made_of = (CACHE / name for name in ("vmlinuz", "tools.cpio", "version"))
    if not (made_of.is_file() and made_of.read_text() == version):
        taken = _take(_fetch(version))
        needed = ("vmlinuz", "bin/busybox", "modules/xenfs.ko", f"usr/lib/xen-{version}/bin/xl",
                  f"{_LIBRARIES}/ld-linux-x86-64.so.2")  # fmt: skip
        if missing := ", ".join(name for name in needed if name not in taken):
            raise CannotError(f"the packages have no {missing}; this script knows those of Debian 12")
        linux = taken.pop("vmlinuz")
        assert isinstance(linux, bytes)
        kernel.write_bytes(linux)
        tools.write_bytes(archive(taken))
        made_of.write_text(version)
    return kernel.read_bytes(), tools.read_bytes()


def _fetch(version: str) -> list[Path]:
    """The packages, as files."""
    shutil.rmtree(CACHE, ignore_errors=True)
    folder = CACHE / "packages"
    folder.mkdir(parents=True)
    tools = f"xen-utils-{version}"
    linux = {name for name in _dependencies("linux-image-amd64") if name.startswith("linux-image-")}
    libraries = {name for name in _dependencies(tools) if name.startswith("lib")}
    needed = {tools, "busybox-static", *linux, *libraries, *_dependencies("--recurse", *libraries)}
    _apt("apt-get", "download", *sorted(needed), folder=folder)
    return sorted(folder.glob("*.deb"))


def _dependencies(*packages: str) -> set[str]:
    """Names of packages, without those that only a package's configuration needs."""
    kinds = ("pre-depends", "recommends", "suggests", "conflicts", "breaks", "replaces", "enhances")
    said = _apt("apt-cache", "depends", *(f"--no-{kind}" for kind in kinds), *packages, folder=CACHE)
    return set(re.findall(r"^  Depends: (\w\S*)$", said, re.MULTILINE))


def _apt(*arguments: str, folder: Path) -> str:
    try:
        ran = subprocess.run(arguments, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                             timeout=_FETCH_SECONDS)  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotError(f"{arguments[0]} does not run ({error}); dom0 is made of packages of Debian") from error
    if ran.returncode:
        raise CannotError(f"{' '.join(arguments)}: {ran.stderr.strip()}; does apt-get update help?")
    return ran.stdout


def _members(package: Path) -> Iterator[tuple[str, tarfile.TarFile, tarfile.TarInfo]]:
    try:
        with (subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE) as unpacking,
              tarfile.open(fileobj=unpacking.stdout, mode="r|") as tar):  # fmt: skip
            for member in tar:
                yield member.name.removeprefix("./"), tar, member
    except (OSError, tarfile.TarError) as error:
        raise CannotError(f"{package}: dpkg-deb does not take it apart ({error}); delete {CACHE}") from error


def _take(packages: list[Path]) -> dict[str, bytes | str]:
    """Place in the initramfs -> contents, or where a symbolic link leads."""
    taken: dict[str, bytes | str] = {"lib64": _LIBRARIES}
    for package in packages:
        for name, tar, member in _members(package):
            place = next((found.expand(to) for pattern, to in _TAKEN if (found := pattern.fullmatch(name))), None)
            if place is None:
                continue
            stream = tar.extractfile(member) if member.isfile() else None
            data = stream.read() if stream else Path(member.linkname).name
            taken[place] = lzma.decompress(data) if isinstance(data, bytes) and name.endswith(".xz") else data
    return taken


def archive(files: Mapping[str, bytes | str]) -> bytes:
    """An initramfs (Linux Documentation/driver-api/early-userspace/buffer-format). A `str` is where a link leads."""
    folders = {str(parent) for name in files for parent in Path(name).parents if str(parent) != "."}
    entries = [(name, 0o40755, b"") for name in sorted(folders)]
    for name, data in files.items():
        entries.append((name, 0o120777, data.encode()) if isinstance(data, str) else (name, 0o100755, data))
    entries.append(("TRAILER!!!", 0, b""))
    made = bytearray()
    for number, (name, mode, data) in enumerate(entries, 1):
        text = name.encode() + b"\0"
        numbers = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(text), 0)
        for part in (b"070701" + b"".join(b"%08X" % value for value in numbers) + text, data):
            made += part + bytes(-len(part) % 4)
    return bytes(made)
