# SPDX-License-Identifier: MIT
"""The fuzzed monitor of `linux`: its rules can be broken, its inputs are as new each time, memory does change."""

from __future__ import annotations

import ctypes
import platform
import shutil
import sys
from pathlib import Path

import pytest

from openvmi.hypervisors.linux import build
from tests.fuzz import corpus, library
from tests.fuzz.targets import monitor

pytestmark = pytest.mark.skipif(sys.platform != "linux" or platform.machine() != "x86_64",
                                reason="the runner is for Linux x86-64")


#: File of the runner, code that is there once, what stands there instead, and the rule that is broken then.
FAULTS = (
    ("deliver.c", "native_user_cs(user->cs)", "user->cs", "a trap of user mode on another stack than the kernel's"),
    ("deliver.c", "base_of(user->rip)", "user->rip", "user mode has what no processor has"),
    ("vcpu.c", "canonical(user_fs) ? user_fs : 0", "user_fs", "a base that is not canonical"),
    ("call.c", "!canonical(table[index].handler) || ", "", "a handler that is not canonical"),
    ("map.c", "if (leaf.physical >= rom_start() && stub->index)", "if (0)", "user mode gets a page of the ROM"),
    ("stub.c", "sys(SYS_kill, pid, SIGKILL);", "sys(SYS_kill, -1, SIGKILL);", "a process is killed that is no stub"),
)


def test_faults_are_found(tmp_path: Path) -> None:
    """Each by an input that is in the tree."""
    folder = tmp_path / "runner"
    shutil.copytree(build.SOURCES, folder)
    for file, code, fault, _ in FAULTS:
        text = (folder / file).read_text()
        assert text.count(code) == 1, (file, code)
        (folder / file).write_text(text.replace(code, fault))
    found = library.monitor(folder)
    assert found.set_up() is None
    problems = {found.run(data, len(data)) for data in corpus.inputs("monitor").values()}
    assert problems >= {problem.encode() for *_, problem in FAULTS}


def test_an_input_is_as_new_each_time() -> None:
    """Whatever came before: the same code is reached as often; and other code where memory changes meanwhile."""
    found = monitor.monitor()
    start, end = (ctypes.c_void_p * 2).in_dll(found, "counters")
    assert start and end and end - start > 1000
    counters = (ctypes.c_uint8 * (end - start)).from_address(start)

    def reached(data: bytes) -> bytes:
        ctypes.memset(start, 0, end - start)
        monitor.run(data)
        return bytes(counters)

    seeds = monitor.seeds()[:200]
    assert all(map(any, map(reached, seeds)))
    assert list(map(reached, reversed(seeds))) == list(map(reached, seeds))[::-1]
    changing = [seed for seed in monitor.seeds() if seed[0] & monitor.CHANGING]
    still = [bytes([seed[0] & ~monitor.CHANGING]) + seed[1:] for seed in changing]
    assert changing and list(map(reached, changing)) != list(map(reached, still))
