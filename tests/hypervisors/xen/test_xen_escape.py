# SPDX-License-Identifier: MIT
"""User mode cannot make the kernel take a stack of user mode's for its own.

An event that interrupts the last instructions of a return to the kernel is known by its address, and the stack is then
where that return had it. User mode may jump to that address, and an event may come before the fault.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from openvmi import resources
from openvmi.guest import build, definition
from openvmi.rom.image import RomImage
from openvmi.running import NO_ROM, Request, run


@pytest.mark.needs("qemu-system-x86_64", "/boot/xen*.gz")
@pytest.mark.parametrize("direct", [False, True], ids=["ROM", "compiled in"])
def test_no_way_in(direct: bool, top: Path, tmp_path: Path) -> None:
    about = definition.read(Path(__file__).parent / "escape")
    if direct:
        about = definition.with_backend(about, definition.read_backend(top / "contrib" / "xen-direct"))
    guest = build.build_defined(about, tmp_path / "escape.elf", top / "build" / "cache")
    if direct:
        address = guest.symbols().address("direct_return")
        assert address is not None
    else:
        symbols = {name: offset for offset, name in RomImage.load(resources.built("roms") / "xen.rom").symbols}
        address = guest.window + symbols["return"]
    console = bytearray()
    result = run(Request(str(tmp_path / "escape.elf"), on="xen", rom=NO_ROM if direct else None,
                         options=f"escape.at={address:x}", deterministic=True), lambda data: not console.extend(data))
    assert result.status == 0 and b"20000 events, " in console, console.decode()
