# SPDX-License-Identifier: MIT
"""A run as JSON. Keys are only ever added."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import openvmi
from openvmi.comparison import Comparison
from openvmi.diagnosis import Diagnosis
from openvmi.guest.image import GuestImage
from openvmi.hypervisors.base import Crash
from openvmi.matrix import Matrix, Row
from openvmi.report import taint
from openvmi.running import LinkState, Run
from openvmi.trust.verdict import Verdict

if TYPE_CHECKING:
    from openvmi.booting import LinuxRun

#: What only a run can tell.
_OF_A_RUN = ("rom_sha256", "rom_text_bytes", "rom_licence", "taint", "trust", "link", "guest_instructions", "wall_ms",
             "exit_reason", "exit_code", "crash", "kernel_version", "classic")


def run(result: Run | LinuxRun) -> dict[str, Any]:
    """The record of one run. Sizes in bytes, times in milliseconds unless the key says ns, addresses as numbers."""
    return {
        "openvmi": openvmi.__version__,
        "guest": result.guest.name,
        "guest_sha256": result.guest.sha256,
        "hypervisor": result.hypervisor,
        **(_with_rom(result) if isinstance(result, Run) else _with_classic_rom(result)),
        **_outcome(result),
    }


def _with_rom(result: Run) -> dict[str, Any]:
    link, rom = result.link, result.rom
    return {
        "rom": rom.name if rom else None,
        "rom_sha256": rom.sha256 if rom else None,
        "rom_text_bytes": rom.descriptor.text_size if rom else None,
        "rom_licence": rom.licence if rom else None,
        "taint": _taint(result),
        "trust": trust(result.verdict) if rom else None,
        "link": _link(link) if link else None,
        "kernel_version": None,
        "classic": None,
    }


def _with_classic_rom(result: LinuxRun) -> dict[str, Any]:
    from openvmi.report import classic

    rom = result.rom
    return {
        "rom": classic.name(rom) if rom else None,
        "rom_sha256": rom.sha256 if rom else None,
        "rom_text_bytes": None,
        "rom_licence": rom.licence if rom else None,
        "taint": _taint(result),
        "trust": trust(result.verdict) if rom else None,
        "link": None,
        "kernel_version": result.guest.version or None,
        "classic": classic.describe(rom, result.classic) if rom and result.classic else None,
    }


def _outcome(result: Run | LinuxRun) -> dict[str, Any]:
    outcome = result.outcome
    return {
        "exits": dict(sorted(outcome.exits.items())),
        "guest_instructions": outcome.instructions,
        "marks": [
            {"mark": m.mark, "value": m.value, "guest_instructions": m.instructions, "time_ns": m.time}
            for m in outcome.marks
        ],
        "wall_ms": {"start": round(result.start_ms, 3), "boot": round(outcome.boot_ms, 3),
                    "run": round(outcome.run_ms, 3)},
        "exit_reason": outcome.ending.value,
        "exit_code": outcome.code,
        "status": result.status,
        "message": outcome.message,
        "crash": _crash(result, outcome.crash) if outcome.crash else None,
    }


def comparison(result: Comparison) -> dict[str, Any]:
    """The records of both runs and what one is to the other."""
    return {
        "linked": run(result.linked), "native": run(result.native),
        "exit_ratio": result.exit_ratio, "instruction_ratio": result.instruction_ratio,
    }


def matrix(result: Matrix) -> list[dict[str, Any]]:
    """The records of all rows but of hypervisors that are not usable here.

    Where a usable one did not run the guest, `exit_reason` is null, and `status` and `message` say why.
    """
    return [run(row.run) if row.run else _failed(row, result.guest) for row in result.rows if not row.unusable]


def diagnosis(found: Diagnosis) -> dict[str, Any]:
    """What works here."""
    return {
        "versions": found.versions,
        "compiler": {"usable": found.compiler.usable, "versions": found.compiler.versions,
                     "reason": found.compiler.reason, "remedy": found.compiler.remedy},
        "signatures": {"usable": found.signatures.usable, "versions": found.signatures.versions,
                       "reason": found.signatures.reason, "remedy": found.signatures.remedy},
        "guests": list(found.guests),
        "hypervisors": [
            {"name": h.name, "summary": h.summary, "usable": h.availability.usable, "reason": h.availability.reason,
             "remedy": h.availability.remedy, "versions": h.availability.versions,
             "rom": str(h.rom) if h.rom else None, "rom_built": h.rom_built}
            for h in found.hypervisors
        ],
    }


def text(data: Any) -> str:
    """JSON as the command line prints it."""
    return json.dumps(data, indent=2)


def _failed(row: Row, guest: GuestImage) -> dict[str, Any]:
    known = {"openvmi": openvmi.__version__, "guest": guest.name, "guest_sha256": guest.sha256,
             "hypervisor": row.place.hypervisor, "rom": row.place.rom, "status": row.status, "message": str(row.error)}
    return known | dict.fromkeys(_OF_A_RUN) | {"exits": {}, "marks": []}


def _taint(result: Run | LinuxRun) -> str | None:
    return taint.letters(result.taint) if result.taint is not None else None


def trust(verdict: Verdict) -> dict[str, Any]:
    """What was said of a ROM, and by whom it was refused."""
    return {
        "decision": verdict.decision.value, "forced": verdict.forced,
        "reasons": [{"what": r.what, "found": r.found, "wanted": r.wanted or None, "by": r.by or None}
                    for r in verdict.reasons],
    }


def _link(link: LinkState) -> dict[str, int]:
    return {"sites": link.sites, "native": link.native, "inline": link.inline, "call": link.call, "nop": link.nop,
            "jump": link.jump}


def _crash(result: Run | LinuxRun, crash: Crash) -> dict[str, Any]:
    registers = crash.registers
    return {
        "reason": crash.reason,
        "taint": _taint(result),
        "backtrace": list(crash.backtrace),
        "registers": registers and {
            **registers.general, "rip": registers.rip, "rflags": registers.rflags, "cs": registers.cs,
            "ss": registers.ss, "cr2": registers.cr2, "cr3": registers.cr3, "user": registers.user,
        },
    }
