# SPDX-License-Identifier: MIT
"""A hypervisor that runs nothing: it gives the outcome that a test wants."""

from __future__ import annotations

import threading
from collections.abc import Callable

from attrs import Factory, define, field

from openvmi.hypervisors.base import Availability, Ending, MachineConfig, Outcome


@define
class FakeMachine:
    """Writes to the console, then ends as told."""

    config: MachineConfig
    outcome: Callable[[FakeMachine], Outcome]
    memory: dict[int, bytes]
    typed: list[bytes] = Factory(list)
    stopped: threading.Event = Factory(threading.Event)
    left: bool = False

    def run(self) -> Outcome:
        return self.outcome(self)

    def stop(self) -> None:
        self.stopped.set()

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def read_memory(self, address: int, size: int) -> bytes | None:
        return self.memory.get(address, b"")[:size] or None

    def send_console(self, data: bytes) -> None:
        self.typed.append(data)

    def __enter__(self) -> FakeMachine:
        return self

    def __exit__(self, *exception: object) -> None:
        self.left = True


@define
class FakeHypervisor:
    """Keeps the machines that it made."""

    name: str = "fake"
    summary: str = "runs nothing"
    default_rom: str | None = None
    needs_rom: bool = False
    host_time_only: bool = False
    state: Availability = Factory(lambda: Availability(True, versions={"fake": "1"}))
    outcome: Callable[[FakeMachine], Outcome] = field(default=lambda machine: Outcome(Ending.EXIT))
    memory: dict[int, bytes] = Factory(dict)
    machines: list[FakeMachine] = Factory(list)
    refusal: Exception | None = None

    def available(self) -> Availability:
        return self.state

    def create(self, config: MachineConfig) -> FakeMachine:
        if self.refusal:
            raise self.refusal
        self.machines.append(FakeMachine(config, self.outcome, self.memory))
        return self.machines[-1]
