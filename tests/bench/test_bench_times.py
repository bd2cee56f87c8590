# SPDX-License-Identifier: MIT
"""Lines, figures and bars of times, and the programs that print them."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest
from attrs import evolve

from openvmi.bench.times import host, uml
from openvmi.bench.times.build import program_path
from openvmi.bench.times.figures import Figure, Found, figures
from openvmi.bench.times.lines import CONSOLE_LIMIT, Lines, Samples, parse, together
from openvmi.errors import OpenVmiError, UnavailableError
from openvmi.hypervisors.linux.resident import Resident

ENOUGH = 10.0


# ---- lines ----


def test_lines() -> None:
    lines = parse(b"vmi: 4.0\r\ntimes empty 10 30 20 90\r\nclock 2000 1000\nnote it is \x1bodd\nstays\n")
    assert lines == Lines({"empty": Samples(10, (30, 20, 90))}, 0.5, ("it is ?odd",))
    assert (lines.samples["empty"].best, lines.samples["empty"].median) == (2.0, 3.0)
    assert parse(b"") == Lines({}, None, ())


@pytest.mark.parametrize("line", [
    "times ", "times a 1", "times a 0 5", "times a -1 5", "times a 1 x", "times A 1 1", f"times a 1 {'9' * 19}",
    f"times {'a' * 41} 1 1", f"times a {'1' * 11} 1", "times a 1" + " 1" * 201, "times a 1  1",
    "times b 1 1\ntimes b 1 1", "clock 1", "clock 0 1", "clock 1 0", "clock 1 2 3",
])
def test_bad_line(line: str) -> None:
    with pytest.raises(OpenVmiError, match=r"expected (times NAME TURNS|clock TICKS).*make build"):
        parse(f"{line} \n".encode() if line != "times " else b"times x\n")


def test_too_much() -> None:
    assert not parse(b"\n" * CONSOLE_LIMIT).samples
    with pytest.raises(OpenVmiError, match="more than 131072 bytes"):
        parse(b"\n" * (CONSOLE_LIMIT + 1))


def test_runs_together() -> None:
    one, two = parse(b"times a 2 4 6\nclock 1 2\nnote n\n"), parse(b"times a 2 2\ntimes b 1 1\nclock 1 3\nnote n\n")
    assert together([one, two]) == Lines({"a": Samples(2, (4, 6, 2)), "b": Samples(1, (1,))}, 3.0, ("n",))
    assert together([]) == Lines({}, None, ())


# ---- figures ----


def rows(**ticks: float) -> dict[str, Samples]:
    """One turn of a thousand ticks is the unit here, so that a tick is 1 ns at a rate of 1. Dashes are _."""
    return {name.replace("_", "-"): Samples(1000, (round(each * 1000),)) for name, each in ticks.items()}


LINKED = rows(empty=1, interrupts_off_on=3, direct_call=3, null_system_call=1000, address_space_switch=1000,
              user_switch=1, batch_used=600, batch_fresh=600, arithmetic=100)
UML = rows(getpid=3000, pipe_to_another=2000, pipe_to_oneself=1)
FOUND = Found(1.0, LINKED, rows(empty=1, interrupts_off_on=2001), rows(arithmetic=99), UML, UML, [0.010],
              Resident(1 << 20, (3 << 20,), 1))


def good(found: Found) -> dict[str, bool | None]:
    """What became of each row that has a bar."""
    return {figure.title: figure.good for figure in figures(found) if figure.bar}


def one(found: Found, title: str) -> Figure:
    return next(figure for figure in figures(found) if figure.title == title)


def test_all_bars_are_just_reached() -> None:
    assert len(good(FOUND)) == 11 and set(good(FOUND).values()) == {True}


@pytest.mark.parametrize(("name", "ticks", "title"), [
    ("interrupts_off_on", 3.001, "interrupts off and on, linked"),
    ("direct_call", 3.001, "call of the ROM, direct"),
    ("null_system_call", 1000.001, "null system call, isolated"),
    ("address_space_switch", 1000.001, "address-space switch"),
    ("batch_used", 600.001, "page of a batch of 512, mapped and touched"),
    ("batch_fresh", 600.001, "the same, never used before"),
    ("arithmetic", 100.001, "speed of arithmetic, host = 1"),
])
def test_missed(name: str, ticks: float, title: str) -> None:
    found = evolve(FOUND, linked=LINKED | rows(**{name: ticks}))
    ratio = "the same, vmi=off : linked"
    assert [row for row, reached in good(found).items() if not reached] == [title] + [ratio] * (name[0] == "i")


def test_other_bars_missed() -> None:
    assert good(evolve(FOUND, starts=[0.0, 0.0101, 0.0102]))["runner's start to the first byte of hello"] is False
    assert good(evolve(FOUND, starts=[0.0, 0.0100, 0.0102]))["runner's start to the first byte of hello"] is True
    big = evolve(FOUND, resident=Resident(1 << 20, (3 << 20, 1), 0))
    assert good(big)["memory beside the guest's own: 3 processes"] is False
    slow = good(evolve(FOUND, native=rows(empty=1, interrupts_off_on=1000.9)))
    assert slow["the same, vmi=off"] is False and slow["the same, vmi=off : linked"] is False


def test_what_is_missing_is_not_missed_and_says_why() -> None:
    found = evolve(FOUND, native="it runs no such guest", uml="it is not there", uml_free="it is not there")
    told = {figure.title: figure for figure in figures(found)}
    assert [figure.missing for figure in told.values() if figure.good is None and figure.bar] == [
        "it runs no such guest", "it runs no such guest", "it is not there", "it is not there"]
    assert told["null system call, isolated"].best == 1.0 and told["UML: getpid"].best is None
    assert False not in good(found).values()
    less = one(evolve(FOUND, linked={"empty": LINKED["empty"]}, starts=[], resident=None), "null system call, isolated")
    assert (less.best, less.good, less.missing) == (None, None, "no row null-system-call was printed")


def test_a_loop_that_took_longer_than_what_it_had_in_it() -> None:
    found = evolve(FOUND, linked=LINKED | rows(interrupts_off_on=0.5))
    assert one(found, "interrupts off and on, linked").best == 0.0
    assert one(found, "the same, vmi=off : linked").good is None


# ---- programs ----


def test_host() -> None:
    lines = host.run(program_path(), ENOUGH)
    assert lines.samples["arithmetic"].turns == 1 and min(lines.samples["arithmetic"].ticks) > 0


def test_host_program_that_fails(tmp_path: Path) -> None:
    with pytest.raises(OpenVmiError, match="cannot be run"):
        host.run(tmp_path, ENOUGH)
    with pytest.raises(OpenVmiError, match="ended with status 1; build it again"):
        host.run(script(tmp_path, "times", "exit 1"), ENOUGH)


@pytest.mark.parametrize("arguments", [(), ("init",), ("arithmetic", "more")])
def test_the_program_halts_no_machine_but_user_mode_linux(arguments: tuple[str, ...]) -> None:
    """It would call reboot(2)."""
    done = subprocess.run([program_path(), *arguments], capture_output=True, timeout=ENOUGH)
    assert (done.returncode, done.stdout) == (
        64, b"times: run as times arithmetic, or by user-mode Linux as its process 1\n")


def script(folder: Path, name: str, text: str) -> Path:
    """A program."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


VERSION = '[ "$1" = --version ] && { echo note n; echo 6.1.176; exit; }\n'


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder where programs of no absolute path are found, beside the shell's own."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setattr(uml, "_NAMES", ("fake.uml", "fake"))
    return tmp_path


def test_user_mode_linux(path: Path) -> None:
    script(path, "fake", VERSION)
    found = uml.find()
    assert (found.version, found.program) == ("6.1.176", str(path / "fake"))
    script(path, "fake", 'test -x "${3#rootflags=}/init" -a -d "${3#rootflags=}/proc" && echo times getpid $(nproc) 5')
    before = os.sched_getaffinity(0)
    assert uml.run(found, path / "fake", True, ENOUGH).samples == {"getpid": Samples(1, (5,))}
    assert uml.run(found, path / "fake", False, ENOUGH).samples["getpid"].turns == len(before)
    assert os.sched_getaffinity(0) == before


def test_no_user_mode_linux(path: Path) -> None:
    script(path, "fake", "echo what?")  # another program of that name
    script(path, "fake.uml", VERSION.replace("exit", "exit 1"))
    with pytest.raises(UnavailableError, match=r"is not installed .* apt install user-mode-linux"):
        uml.find()


@pytest.mark.parametrize(("does", "said"), [
    ("echo all is well; echo panic: no init; echo more", "fake 6.1.176: panic: no init"),
    ("echo userspace - ptrace set fp regs failed, errno = 14", "benchmarks/uml/build.py"),
    ("exit 1", "it printed nothing"),
    ("echo a; echo b", "6.1.176: b"),
])
def test_user_mode_linux_that_fails(path: Path, does: str, said: str) -> None:
    program = script(path, "fake", does)
    with pytest.raises(OpenVmiError) as caught:
        uml.run(uml.Uml(str(program), "6.1.176"), program, False, ENOUGH)
    assert said in str(caught.value)


def test_user_mode_linux_that_hangs_is_ended(path: Path) -> None:
    number = path / "number"
    program = script(path, "fake", f"sleep 60 & echo $! > {number}.new; mv {number}.new {number}; wait")
    began = time.monotonic()
    with pytest.raises(OpenVmiError, match="it printed nothing"):
        uml.run(uml.Uml(str(program), "1"), program, True, 0.5)
    assert time.monotonic() - began < ENOUGH
    with pytest.raises((ProcessLookupError, FileNotFoundError)):
        state = Path(f"/proc/{int(number.read_text())}/stat").read_text().rpartition(")")[2].split()[0]
        if state == "Z":  # nobody has waited for it yet
            raise ProcessLookupError
