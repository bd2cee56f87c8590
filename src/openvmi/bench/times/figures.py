# SPDX-License-Identifier: MIT
"""What is subtracted, divided and compared with the bars.

Bars are compared with the best of all rounds: what disturbs a round comes from outside. The median is there to show how
much that was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from attrs import evolve, frozen

from openvmi.bench.times.lines import Samples
from openvmi.hypervisors.linux.resident import Resident

PAIR_NS = 2.0
TRAPPED_NS = 1000.0
TRAPPED_RATIO = 1000.0
CALL_NS = 2.0
SYSTEM_CALL_RATIO = 1 / 3
SWITCH_RATIO = 1 / 2
PAGE_NS = 600.0
START_MS = 10.0
RESIDENT_MIB = 4.0
ARITHMETIC_RATIO = 0.99


@frozen
class Figure:
    """One row. `best` and `median` in `unit`; None: `missing` says why."""

    title: str
    unit: str
    best: float | None
    median: float | None = None
    bar: str = ""  #: what it has to reach, for people; empty: it is only reported
    ratio: float | None = None  #: to what the bar names
    good: bool | None = None  #: None: no bar, or what it takes to tell is not to be had
    missing: str = ""  #: why the figure, or what it is compared with, is not to be had


@frozen
class Found:
    """What all runs came to. A string in the place of samples says why there are none."""

    rate: float  #: nanoseconds of a tick
    linked: Mapping[str, Samples]  #: of the kernel, with the ROM
    native: Mapping[str, Samples] | str  #: with vmi=off
    host: Mapping[str, Samples]
    uml: Mapping[str, Samples] | str  #: on one processor
    uml_free: Mapping[str, Samples] | str  #: as it starts by itself
    starts: Sequence[float]  #: seconds from the start of the runner to the first byte
    resident: Resident | None


def figures(found: Found) -> tuple[Figure, ...]:
    """The table."""
    return (*_calls(found), *_user(found), *_memory(found), _start(found.starts), *_resident(found.resident),
            _arithmetic(found))


def _samples(rows: Mapping[str, Samples] | str, name: str) -> Samples | str:
    if isinstance(rows, str):
        return rows
    return rows.get(name) or f"no row {name} was printed"


def _figure(title: str, rows: Mapping[str, Samples] | str, name: str, rate: float, unit: str = "ns",
            loop: str = "") -> Figure:
    """Time of one turn; without the row `loop`, if there is one."""
    samples, empty = _samples(rows, name), _samples(rows, loop) if loop else None
    if isinstance(samples, str) or isinstance(empty, str):
        return Figure(title, unit, None, missing=samples if isinstance(samples, str) else str(empty))
    scale = rate / {"ns": 1, "us": 1e3, "ms": 1e6}[unit]
    less = empty.best if empty else 0.0
    return Figure(title, unit, max(samples.best - less, 0.0) * scale, max(samples.median - less, 0.0) * scale)


def _at_most(figure: Figure, limit: float, text: str) -> Figure:
    return evolve(figure, bar=text, good=None if figure.best is None else figure.best <= limit)


def _part_of(figure: Figure, other: Figure, limit: float, text: str) -> Figure:
    """With a bar that is a part of another figure, of the same unit."""
    if figure.best is None or not other.best:
        return evolve(figure, bar=text, missing=figure.missing or other.missing)
    ratio = figure.best / other.best
    return evolve(figure, bar=text, ratio=ratio, good=ratio <= limit)


def _calls(found: Found) -> list[Figure]:
    rate = found.rate
    pair = _figure("interrupts off and on, linked", found.linked, "interrupts-off-on", rate, loop="empty")
    trapped = _figure("the same, vmi=off", found.native, "interrupts-off-on", rate, loop="empty")
    ratio = Figure("the same, vmi=off : linked", "", None, bar=f">= {TRAPPED_RATIO:,.0f}",
                   missing=pair.missing or trapped.missing)
    if trapped.best is not None:
        trapped = evolve(trapped, good=trapped.best >= TRAPPED_NS)
    if trapped.best is not None and pair.best:
        value = trapped.best / pair.best
        ratio = evolve(ratio, best=value, good=value >= TRAPPED_RATIO)
    return [
        _at_most(pair, PAIR_NS, f"<= {PAIR_NS:g} ns"), evolve(trapped, bar=f">= {TRAPPED_NS:,.0f} ns"), ratio,
        _at_most(_figure("call of the ROM, direct", found.linked, "direct-call", rate, loop="empty"), CALL_NS,
                 f"<= {CALL_NS:g} ns"),
    ]


def _user(found: Found) -> list[Figure]:
    def linked(title: str, name: str) -> Figure:
        return _figure(title, found.linked, name, found.rate, "us")

    def uml(title: str, name: str, rows: Mapping[str, Samples] | str) -> Figure:
        return _figure(f"UML: {title}", rows, name, found.rate, "us")

    getpid = uml("getpid", "getpid", found.uml)
    other = uml("a byte to another process by a pipe", "pipe-to-another", found.uml)
    return [
        _part_of(linked("null system call, isolated", "null-system-call"), getpid, SYSTEM_CALL_RATIO,
                 "<= 1/3 of getpid"),
        getpid,
        uml("getpid, on any processor", "getpid", found.uml_free),
        _part_of(linked("address-space switch", "address-space-switch"), other, SWITCH_RATIO,
                 "<= 1/2 of to another"),
        linked("from user mode to another's, by a system call", "user-switch"),
        other,
        uml("a byte to oneself by a pipe", "pipe-to-oneself", found.uml),
        uml("a byte to another, on any processor", "pipe-to-another", found.uml_free),
    ]


def _memory(found: Found) -> list[Figure]:
    titles = {"batch-used": "page of a batch of 512, mapped and touched", "batch-fresh": "the same, never used before"}
    return [_at_most(_figure(title, found.linked, name, found.rate), PAGE_NS, f"<= {PAGE_NS:g} ns")
            for name, title in titles.items()]


def _start(starts: Sequence[float]) -> Figure:
    if not starts:
        return Figure("runner's start to the first byte of hello", "ms", None, missing="nothing was started")
    times = [seconds * 1e3 for seconds in starts]
    figure = Figure("runner's start to the first byte of hello", "ms", min(times), median(times))
    return evolve(figure, bar=f"<= {START_MS:g} ms, median", good=median(times) <= START_MS)


def _resident(resident: Resident | None) -> list[Figure]:
    title = "memory beside the guest's own"
    if resident is None:
        return [Figure(title, "MiB", None, missing="the kernel did not wait to be looked at")]
    mib = 1 << 20
    count = len(resident.stubs)
    return [
        _at_most(Figure(f"{title}: {count + 1} processes", "MiB", resident.total / mib), RESIDENT_MIB,
                 f"<= {RESIDENT_MIB:g} MiB"),
        Figure("the host's page tables for all of it", "MiB", resident.page_tables / mib),
    ]


def _arithmetic(found: Found) -> Figure:
    """As a part of the host's speed, so more is better."""
    guest = _figure("speed of arithmetic, host = 1", found.linked, "arithmetic", found.rate)
    host = _figure("", found.host, "arithmetic", found.rate)
    figure = Figure(guest.title, "", None, bar=f">= {ARITHMETIC_RATIO:g}", missing=guest.missing or host.missing)
    if not guest.best or not host.best or not guest.median or not host.median:
        return figure
    value = host.best / guest.best
    return evolve(figure, best=value, median=host.median / guest.median, good=value >= ARITHMETIC_RATIO)
