# SPDX-License-Identifier: MIT
"""The domains of the campaign, and what dom0 does with each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from attrs import field, frozen

from openvmi.guest.image import GuestImage
from openvmi.hypervisors.base import MachineConfig
from openvmi.hypervisors.xen import host
from openvmi.rom.image import RomImage

SIZES = (8, 64, 256, 1024)  # MiB; the whole machine has less than 2 GiB
OVER = "start; wait_for 60 gone"
#: Ends a domain that stays.
LOOK = "xl list $NAME >state 2>&1; xl destroy $NAME; wait_for 20 gone"
CRASH = f"start; wait_for 30 crashed; {LOOK}"
#: More than the ring for input has.
TEXT = "".join(f"{number:07x}\n" for number in range(0, 3000, 8)) + "."
MODULES = (("a.img", bytes(range(256)) * 20000), ("b", b"b"))


def _same(data: bytes) -> bytes:
    return data


@frozen
class Case:
    """A domain: what is in it, what the host does with it."""

    guest: str
    append: str = ""
    run: str = OVER  #: in dom0's shell, with the functions of `init`
    memory: int = 64  #: MiB
    settings: str = ""  #: for the configuration, behind what openvmi image writes
    package: Callable[[bytes], bytes] = field(default=_same)  #: what becomes of the package
    files: dict[str, bytes] = field(factory=dict)
    modules: tuple[tuple[str, bytes], ...] = ()


CASES = {
    **{f"hello-{size}": Case("hello", memory=size) for size in SIZES},
    **{f"memory-{size}": Case("domain", "domain.do=memory", memory=size) for size in SIZES},
    "exit": Case("hello", "hello.exit=3"),
    "extra": Case("domain", "domain.do=line one=1", settings='extra = "two=2 three"'),
    "module": Case("domain", "domain.do=modules", modules=MODULES),
    "large": Case("domain", "domain.do=large"),
    "small": Case("domain", "domain.do=small"),
    "unread": Case("domain", "domain.do=small", "start_apart -p; killall -STOP xenconsoled; now >from;"
                   " xl unpause $NAME; wait_for 120 absent; now >to; killall -CONT xenconsoled"),
    "flood": Case("hostile", "hostile.do=flood", f"start; wait_for 30 said 1 0123; sleep 1; {LOOK}"),
    "echo": Case("domain", "domain.do=echo", "mkfifo input; exec 3<>input; start_apart; connect; cat text >input;"
                 " wait_for 60 gone", files={"text": TEXT.encode()}),
    "typed": Case("domain", "domain.do=echo", "mkfifo input; exec 3<>input; start_apart; wait_for 30 said 1 ready;"
                  " sleep 1; connect; for word in one two three.; do printf $word >input; sleep 0.3; done;"
                  " wait_for 60 gone"),
    "idle": Case("hostile", "hostile.do=sleep", f"start; wait_for 30 said 1 hostile; sleep 2; {LOOK}"),
    "reboot": Case("domain", "domain.do=restart"),
    # Whole paths, because the process that restarts a domain sits in the folder /.
    "restart": Case("domain", "domain.do=restart", "start; wait_for 60 said 3 rebooting; rm $NAME-xen.elf;"
                    " wait_for 30 gone",
                    settings='on_reboot = "restart"\nkernel = "/cases/restart/domain-xen.elf"\n'
                             'ramdisk = "/cases/restart/domain-xen.package"'),
    "crash": Case("hostile", "hostile.do=load", CRASH),
    "stack": Case("hostile", "hostile.do=stack", CRASH),
    "refused": Case("hello", "vmi.disable=mmu", CRASH),
    "damaged": Case("hello", "", CRASH, package=lambda data: b"damaged!" + data[8:]),
    "no-elf": Case("hello", "", CRASH, package=lambda data: data.replace(b"\x7fELF", b"\x7fFLE")),
}


def files_of(case: Case, guest: GuestImage, rom: RomImage, folder: Path) -> dict[str, bytes]:
    """The case's folder in dom0; `folder` is where openvmi image writes to."""
    host.write(MachineConfig(guest, rom, case.append, case.memory << 20, case.modules), folder)
    files = {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.endswith("-grub.cfg")}
    files[f"{case.guest}.cfg"] += f"{case.settings}\n".encode()
    files[f"{case.guest}-xen.package"] = case.package(files[f"{case.guest}-xen.package"])
    return files | case.files | {"run": case.run.encode()}
