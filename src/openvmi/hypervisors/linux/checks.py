# SPDX-License-Identifier: MIT
"""What is refused before a runner is started. What has to do with sizes in memory, :func:`openvmi.machine.boot.load`
refuses.
"""

from __future__ import annotations

from openvmi.abi.names import WINDOW_SIZE
from openvmi.errors import RefusedError
from openvmi.guest.image import GuestImage
from openvmi.hypervisors.base import MachineConfig
from openvmi.hypervisors.linux.layout import HIGHEST, LOWEST, NAME, direct_map_end, native
from openvmi.machine import boot


def check(config: MachineConfig) -> None:
    """Raises :class:`RefusedError` for the first thing about a configuration that a process cannot do."""
    boot.check_memory(config.memory)
    if config.deterministic:
        raise RefusedError(f"{NAME} runs the guest on the processor itself, where nothing counts its instructions, so"
                           " that time is always the host's; leave --deterministic away, or use --on emu")
    if config.rom is not None and config.rom.hypervisor != NAME:
        raise RefusedError(f"the ROM {config.rom.name} is for the hypervisor {config.rom.hypervisor}; give {NAME} one"
                           " that is for it, or none")
    _check_places(config.guest, config.memory, native(config))


def _check_places(guest: GuestImage, memory: int, pc: bool) -> None:
    for what, start, end in (("image", guest.image_start, guest.image_end),
                             ("ROM window", guest.window, guest.window + WINDOW_SIZE),
                             ("direct map", guest.direct_map, direct_map_end(guest, memory, pc))):  # fmt: skip
        if start >= LOWEST and end <= HIGHEST:
            continue
        why = f"the lowest {LOWEST >> 10} KiB, which Linux lets no process have" if start < LOWEST else (
            "what the runner needs for itself" if start < 1 << 47 else
            "the upper half of the address space, which in every process belongs to the host's kernel")  # fmt: skip
        raise RefusedError(f"{guest.path}: its {what} at {start:#x} reaches into {why}; {NAME} runs guests that are"
                           f" linked low, between {LOWEST:#x} and {HIGHEST:#x}: change its linker script")
    boot.check_layout(guest, memory, pc)
