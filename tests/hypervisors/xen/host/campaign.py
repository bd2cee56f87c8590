# SPDX-License-Identifier: MIT
"""Guests as domains of their own, started by `xl` on a Xen host: make test-xl. No part of make test.

It takes two to three minutes, and needs Debian with apt, dpkg-deb, QEMU and Xen; the rest it fetches (dom0.py). One
boot of the host runs all cases (cases.py). What dom0 and Xen said stays in build/xl, as dom0.log and xen.log.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from attrs import frozen

from openvmi.abi.names import CONSOLE_LIMIT
from openvmi.guest.build import build
from openvmi.guest.image import GuestImage, load
from openvmi.hypervisors.base import Ending
from openvmi.rom.image import RomImage
from openvmi.running import Request, run
from tests.hypervisors.xen.host import dom0
from tests.hypervisors.xen.host.cases import CASES, MODULES, SIZES, TEXT, files_of
from tests.hypervisors.xen.host.dom0 import Boot, CannotError

SECONDS = 600.0  # for all cases
POWEROFF, REBOOT, CRASH = 0, 1, 3
RING = 2048  # bytes of output (Xen public/io/console.h)


@pytest.fixture(scope="module")
def ran(hello: GuestImage, hostile: GuestImage, rom: RomImage, tmp_path_factory: pytest.TempPathFactory) -> Boot:
    """The host after all cases."""
    folder = tmp_path_factory.mktemp("guest")
    build(Path(__file__).parent / "guest", folder / "domain.elf", dom0.CACHE.parent / "cache")
    guests = {"hello": hello, "hostile": hostile, "domain": load(folder / "domain.elf")}
    cases = {name: files_of(case, guests[case.guest], rom, folder / name) for name, case in CASES.items()}
    try:
        return dom0.boot(cases, SECONDS)
    except CannotError as error:
        pytest.fail(str(error), pytrace=False)


@frozen
class Left:
    """What is left of a case."""

    files: dict[str, bytes]

    def text(self, name: str) -> str:
        return self.files.get(name, b"").decode("ascii", "backslashreplace")

    @property
    def own(self) -> str:
        """What the guest's own code said, after libvmi's line. The console and the daemon's log must agree."""
        assert self.files["console"] == self.files["log"]
        banner, _, rest = self.text("console").partition("\n")
        assert banner.startswith("vmi: 4.1 on xen, ROM xen, "), banner
        return rest

    def ended(self, reason: int, action: str) -> bool:
        """Whether xl saw the domain end for that reason (Xen public/sched.h, SHUTDOWN_), and did that about it."""
        return (f"has shut down, reason code {reason} {reason:#x}\n"
                f"Action for shutdown reason code {reason} is {action}\n") in self.text("xl")  # fmt: skip

    @property
    def state(self) -> str:
        """The domain's, before it was destroyed, as xl list has it: a letter for each."""
        return self.text("state").split()[-2]


@pytest.fixture
def left(ran: Boot) -> Callable[[str], Left]:
    """What is left of the case of that name, which is over and did not take too long."""
    results = ran.results()

    def look(name: str) -> Left:
        assert name in results, f"no result; the last that dom0 said: {ran.said[-1000:].decode(errors='replace')}"
        found = Left(results[name])
        assert not found.text("timeouts") and not found.text("out"), found.files
        assert found.text("list").count("\n") == 2, found.text("list")  # a head and Domain-0
        return found

    return look


Look = Callable[[str], Left]


@pytest.fixture(scope="module")
def on_dom0() -> str:
    """What hello says as the first domain."""
    said = bytearray()

    def keep(data: bytes) -> bool:
        said.extend(data)
        return True

    result = run(Request("hello", on="xen", deterministic=True), keep)
    assert (result.outcome.ending, result.outcome.code) == (Ending.EXIT, 0)
    return said.decode()


@pytest.mark.parametrize("name", [*(f"hello-{size}" for size in SIZES), "exit"])
def test_hello_says_what_it_says_as_dom0(left: Look, on_dom0: str, name: str) -> None:
    found = left(name)
    assert found.text("console") == on_dom0 and found.own.endswith("\n0 checks failed\n")
    assert found.ended(POWEROFF, "destroy")


@pytest.mark.parametrize("size", SIZES)
def test_memory(left: Look, size: int) -> None:
    """All that the map calls usable can be written and read."""
    found = left(f"memory-{size}")
    match = re.fullmatch(r"memory (\d+) MiB, usable (\d+) KiB\n", found.own)
    assert match and int(match[1]) == size and size * 1024 * 0.4 < int(match[2]) < size * 1024
    assert found.ended(POWEROFF, "destroy")


def test_options_of_the_configuration_come_last(left: Look) -> None:
    assert left("extra").own == "<domain.do=line one=1 two=2 three>\n"


def test_modules(left: Look) -> None:
    assert left("module").own == "".join(f"{name}: {len(data)} bytes, sum {_sum(data):x}\n" for name, data in MODULES)


def _sum(data: bytes) -> int:
    total = 0
    for byte in data:
        total = (total * 31 + byte) & 0xFFFFFFFF
    return total


LINES = "".join(f"line {number} of many\n" for number in range(2000))


@pytest.mark.parametrize(("name", "said"), [
    ("large", "".join(f"{at:07x}\n" for at in range(0, 32 * CONSOLE_LIMIT, 8))), ("small", LINES),
])  # fmt: skip
def test_much_output(left: Look, name: str, said: str) -> None:
    found = left(name)
    assert found.own == said and found.ended(POWEROFF, "destroy")


def test_output_that_nobody_takes(left: Look) -> None:
    """The console daemon stands still: the guest waits for it once, then goes on. The ring keeps the beginning."""
    found = left("unread")
    banner, _, rest = found.text("log").partition("\n")
    assert banner.startswith("vmi: ") and LINES.startswith(rest) and len(found.files["log"]) == RING
    assert int(found.text("to")) - int(found.text("from")) < 60 and found.ended(POWEROFF, "destroy")


def test_output_until_it_is_destroyed(left: Look) -> None:
    """Faster than the daemon allows. No line has a hole."""
    found = left("flood")
    head, *lines, last = found.own.split("\n")
    assert head == "hostile: flood" and len(lines) > 1000 and set(lines) == {"0123456789" * 7}
    assert lines[0].startswith(last) and "has been destroyed" in found.text("xl")


def test_input(left: Look) -> None:
    assert left("echo").own == f"ready\n{TEXT}\n{len(TEXT)} bytes, events: some\n"


def test_input_to_one_that_sleeps(left: Look) -> None:
    assert left("typed").own == "ready\nonetwothree.\n12 bytes, events: some\n"


def test_idle(left: Look) -> None:
    """Blocked, and has used no time worth mentioning."""
    found = left("idle")
    assert found.state == "-b----" and float(found.text("state").split()[-1]) <= 0.2


def test_reboot(left: Look) -> None:
    found = left("reboot")
    assert found.own == "rebooting\n" and found.ended(REBOOT, "destroy")


def test_restart(left: Look) -> None:
    """Again and again, as a new domain."""
    found = left("restart")
    banner = found.text("log").partition("\n")[0]
    assert found.text("log").startswith(f"{banner}\nrebooting\n" * 3) and found.ended(REBOOT, "restart")


@pytest.mark.parametrize(("name", "said"), [
    ("crash", r"vmi: 4\.0 on xen, .*\nhostile: load\npanic: vector 14 without handler, error 0, at [0-9a-f]+\n"),
    ("stack", r"vmi: 4\.0 on xen, .*\nhostile: stack\n"),
    ("refused", r"vmi: refused: vmi\.disable: .*\n"),
    ("damaged", r"vmi: refused: the module begins with 0x21646567616d6164, expected a package, .*\n"),
    ("no-elf", r"vmi: refused: guest: \d+ bytes that are no ELF executable for x86-64; .*\n"),
])  # fmt: skip
def test_crash(left: Look, name: str, said: str) -> None:
    """The domain stays, as crashed, and its console has said why."""
    found = left(name)
    assert found.files["console"] == found.files["log"] and re.fullmatch(said, found.text("console"))
    assert found.state == "---sc-" and found.ended(CRASH, "preserve")


def test_xen_says_what_it_killed(ran: Boot) -> None:
    assert sum(re.search(r"Domain \d+ \(vcpu#0\) crashed on cpu#", line) is not None for line in ran.xen) == 1
