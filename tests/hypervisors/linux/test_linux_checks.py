# SPDX-License-Identifier: MIT
"""What is refused, what is said of the host's kernel, and numbers that stand in two places."""

from __future__ import annotations

import platform
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from openvmi.abi import names
from openvmi.errors import RefusedError, UnavailableError
from openvmi.hypervisors import get, ranked
from openvmi.hypervisors.linux import build, checks, control, features, handover, layout, private, process
from openvmi.hypervisors.linux.machine import LinuxMachine
from tests.hypervisors.linux.conftest import held
from tests.machine.fakes import FakeGuest, FakeRom, FakeSegment, config

ROM = FakeRom(hypervisor="linux")


def at(base: int, **values: int) -> FakeGuest:
    """A guest whose image is there, and its window behind it."""
    segments = (FakeSegment(base, 0x10_0000, b"\x90" * 0x1000, 0x1000, executable=True),)  # type: ignore[arg-type]
    return evolve(FakeGuest(), segments=segments, entry=base, image_start=base, image_end=base + 0x1000,
                  **{"window": base + 0x10_0000, **values})  # type: ignore[arg-type]


def test_accepts() -> None:
    checks.check(config(rom=ROM))
    checks.check(config(guest=at(layout.LOWEST), rom=ROM))
    checks.check(config(guest=at(layout.HIGHEST - 0x20_0000, window=layout.HIGHEST - names.WINDOW_SIZE), rom=ROM))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"memory": 3 << 20}, "8 to 1024 MiB"),
        ({"memory": 2 << 30}, "8 to 1024 MiB"),
        ({"deterministic": True}, "nothing counts its instructions.*--on emu"),
        ({"rom": None}, "without a ROM it stays native.*--rom none"),
        ({"rom": FakeRom(hypervisor="emu", name="other")}, "ROM other is for the hypervisor emu"),
        ({"command_line": "a vmi=off"}, "vmi=off makes it stay native"),
        ({"guest": at(0x1000)}, "its image at 0x1000 reaches into the lowest 64 KiB"),
        ({"guest": at(layout.HIGHEST - 0x800)}, "its image at 0x7fdffffff800 reaches into what the runner needs"),
        ({"guest": at(0x7FF0_0000_0000)}, "what the runner needs for itself"),
        ({"guest": at(0xFFFF_FFFF_8000_0000)}, "image at 0xffffffff80000000 .* upper half .* host's kernel"),
        ({"guest": at(0x4000_0000, direct_map=0xFFFF_8000_0000_0000)}, "its direct map .* upper half.*linked low"),
        ({"guest": at(0x4000_0000, direct_map=0x7FDF_C000_0000), "memory": 1 << 30}, None),
        ({"guest": at(0x4000_0000, direct_map=0x7FE0_0000_0000)}, "its direct map at 0x7fe000000000 reaches into what"),
        ({"guest": at(0x4000_0000, window=0x4000_0800)}, "not a multiple of 4096"),
        ({"guest": at(0x4000_0000, window=0x4000_0000)}, "overlaps its image"),
    ],
)
def test_refuses(values: dict[str, Any], words: str | None) -> None:
    wanted = config(**{"rom": ROM, **values})
    if words is None:
        checks.check(wanted)
        return
    with pytest.raises(RefusedError, match=words):
        checks.check(wanted)


@pytest.mark.parametrize("line", ["vmi=on vmi=off", "vmi.off", "vmi=offer", "xvmi=off", ""])
def test_only_the_option_itself_is_refused(line: str) -> None:
    checks.check(config(rom=ROM, command_line=line))


def test_a_refusal_starts_nothing() -> None:
    before = held()
    with pytest.raises(RefusedError):
        get("linux").create(config(rom=ROM, deterministic=True))
    assert held() == before


@pytest.mark.parametrize("values", [{"command_line": "x" * 4097}, {"modules": (("m", b""),) * 65},
                                    {"memory": 8 << 20, "modules": (("m", bytes(8 << 20)),)}])  # fmt: skip
def test_what_does_not_fit_leaves_nothing(fake: Any, values: dict[str, Any]) -> None:
    before = held()
    with pytest.raises(RefusedError, match=r"4097 bytes|65 boot modules|give it more with --memory"):
        fake(values.pop("command_line", ""), **values)
    assert held() == before


def test_runner_that_is_not_built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(build, "runner_path", lambda: tmp_path / "linux")
    monkeypatch.setattr(process, "runner_path", lambda: tmp_path / "linux")
    state = get("linux").available()
    assert not state.usable and str(tmp_path) in state.reason and "make build" in state.remedy
    with pytest.raises(UnavailableError, match="make build"):
        LinuxMachine(config(rom=ROM))


def test_ranks_behind_emu() -> None:
    order = [hypervisor.name for hypervisor in ranked()]
    assert order.index("emu") < order.index("linux") < order.index("bare")


# ---- the host's kernel ----


def lacking(*lost: str) -> tuple[features.Feature, ...]:
    return tuple(evolve(feature, found=lambda name=feature.name: name not in lost) for feature in features.FEATURES)


@pytest.mark.skipif(sys.platform != "linux" or platform.machine() != "x86_64", reason="the runner is for Linux x86-64")
def test_features_here() -> None:
    """Asked for by other means."""
    held_before = held()
    flags = Path("/proc/cpuinfo").read_text()
    found = {feature.name: feature.found() for feature in features.FEATURES}
    actions = Path("/proc/sys/kernel/seccomp/actions_avail")
    assert found["seccomp filters"] == (actions.exists() and "trap" in actions.read_text().split())
    if not found["FSGSBASE"]:
        assert "fsgsbase" not in flags or "nofsgsbase" in Path("/proc/cmdline").read_text()
    assert found["CPUID faulting"] == ("cpuid_fault" in flags)
    assert found["memfd_create"] and found["PDEATHSIG"] and found["CPU affinity"]
    assert held() == held_before


@pytest.mark.parametrize("name", [feature.name for feature in features.FEATURES if feature.needed])
def test_a_missing_feature_is_named(name: str) -> None:
    state = features.availability(lacking(name))
    lost = next(feature for feature in features.FEATURES if feature.name == name)
    assert not state.usable and name in state.reason and lost.lost in state.reason and state.remedy == lost.remedy
    assert state.reason.endswith(".") and state.remedy.endswith(".")


def test_what_is_lost_without_the_rest_is_told() -> None:
    state = features.availability(lacking("CPU affinity", "CPUID faulting"))
    assert state.usable and state.versions["CPU affinity"].startswith("no (a system call") and state.reason == ""
    assert state.versions["CPUID faulting"].startswith("no (the instruction CPUID tells of the host's processor")
    assert features.availability(lacking()).versions["FSGSBASE"] == "yes"


@pytest.mark.parametrize(("system", "machine"), [("darwin", "arm64"), ("win32", "AMD64"), ("linux", "aarch64")])
def test_other_systems(monkeypatch: pytest.MonkeyPatch, system: str, machine: str) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    state = features.availability(lacking())
    assert not state.usable and "Linux for x86-64" in state.reason and machine in state.reason and "emu" in state.remedy


# ---- numbers ----


def defined(path: Path) -> dict[str, int]:
    found = re.findall(r"^#define (\w+)\s+(0x[0-9a-f]+|\d+)\b", path.read_text(), re.MULTILINE)
    return {name: int(value, 0) for name, value in found}


def test_numbers_shared_with_the_rom(top: Path) -> None:
    theirs = defined(top / "roms" / "linux" / "private.h")
    ours = {name: value for name, value in vars(private).items() if name.startswith("LNX_")}
    assert ours and ours == {name: theirs[name] for name in ours}


def test_numbers_shared_with_the_runner() -> None:
    theirs = defined(build.SOURCES / "area.h") | defined(build.SOURCES / "runner.h")
    assert theirs["HANDOVER_MAGIC"] == int.from_bytes(handover.MAGIC, "little")
    assert theirs["HANDOVER_VERSION"] == handover.VERSION
    assert (theirs["LNX_USERS"], theirs["AREA_SIZE"]) == (private.LNX_USERS, private.LNX_AREA_SIZE)
    assert theirs["AREA_COUNT"] == 1 + private.LNX_USER_LIMIT
    assert {f"KIND_{kind.name}": int(kind) for kind in control.Kind}.items() <= theirs.items()
    assert {f"CONTROL_{order.name}": int(order) for order in control.Order}.items() <= theirs.items()
    text = (build.SOURCES / "runner.h").read_text()
    endings = re.search(r"enum ending \{([^}]*)\}", text)
    assert endings
    named = re.findall(r"END_(\w+)", endings[1])
    assert [name.lower() for name in named] == [e.value if e else "failed" for e in control.ENDINGS]


def test_places_in_the_file() -> None:
    size = 16 << 20
    assert (layout.rom_text(size), layout.rom_data(size)) == (size, size + 0x2000)
    assert layout.file_size(size) == size + 0x4000 + 64 * 0x10000
    pages = {page.offset: (page.page, page.writable, page.executable) for page in layout.platform(size).window}
    assert pages == {0: (size, False, True), 0x1000: (size + 0x1000, False, True), 0x2000: (size + 0x2000, True, False)}
