# SPDX-License-Identifier: MIT
"""Text and JSON from the same facts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from openvmi.abi import load
from openvmi.abi.names import Taint
from openvmi.comparison import Comparison
from openvmi.diagnosis import Diagnosis, HypervisorState
from openvmi.errors import UsageError
from openvmi.guest import image
from openvmi.hypervisors.base import Availability, Ending, Outcome
from openvmi.report import guest, interface, record, table, taint
from openvmi.running import LinkState, Run


@pytest.fixture
def compared(tiny_file: Path) -> Comparison:
    """Two runs that no machine made."""
    tiny = image.load(tiny_file)
    exits = {f"reason {number:02}": number for number in range(1, 15)}
    linked = Run(tiny, "fake", None, Outcome(Ending.EXIT, exits={"out": 4}, instructions=100, run_ms=2.0),
                 LinkState(Taint(0), 60, 9, 0, 16, 32, 3), 1.0)
    native = Run(tiny, "fake", None, Outcome(Ending.TIMEOUT, exits=exits, instructions=None, run_ms=30.0), None, 1.0)
    return Comparison(linked, native)


def test_comparison(compared: Comparison, capsys: pytest.CaptureFixture[str]) -> None:
    assert compared.exit_ratio == 105 / 4 and compared.instruction_ratio is None and compared.status == 124
    table.print_comparison(compared)
    text = " ".join(capsys.readouterr().out.split())
    for part in ("exits 4 105 26.2 : 1", "reason 14 0 14", "5 others 4 10", "guest instructions 100 unknown",
                 "run, ms 2.0 30.0 15.0 : 1", "sites inline 16 unknown", "result exit 0 timeout 0"):
        assert part in text, text
    data = json.loads(record.text(record.comparison(compared)))
    assert set(data) == {"linked", "native", "exit_ratio", "instruction_ratio"}
    assert data["native"]["exit_reason"] == "timeout"


def test_nothing_to_divide_by(compared: Comparison) -> None:
    idle = Run(compared.linked.guest, "fake", None, Outcome(Ending.EXIT), None, 0.0)
    assert Comparison(idle, idle).exit_ratio is None and Comparison(idle, idle).status == 0


def test_diagnosis(capsys: pytest.CaptureFixture[str]) -> None:
    found = Diagnosis({"openvmi": "1"}, Availability(False, "No compiler.", "Get it."), (), (
        HypervisorState("good", "Works.", Availability(True, versions={"engine": "2"}), Path("r/good.rom"), False),
        HypervisorState("bad", "Fails.", Availability(False, "No [engine].", "Buy one."), None, False),
    ))
    table.print_diagnosis(found)
    text = " ".join(capsys.readouterr().out.split())
    for part in ("good", "engine 2", "openvmi rom build good", "No [engine]. Buy one.", "none built yet"):
        assert part in text, text
    assert record.diagnosis(found)["hypervisors"][1]["reason"] == "No [engine]."


@pytest.mark.parametrize(("bits", "letters", "sentence"), [
    (Taint(0), "", "taint: none"),
    (Taint.PROPRIETARY | Taint.NO_SOURCE, "PS", "taint: PS (proprietary ROM, no source)"),
    (Taint(15), "PSUF", "taint: PSUF (proprietary ROM, no source, unsigned or unknown key, a refusal was overridden)"),
    (Taint(48), "RO", "taint: RO (not known to be rebuilt from its source, overridden firmware)"),
    (Taint(64), "", "taint: none"),
])
def test_taint(bits: Taint, letters: str, sentence: str) -> None:
    assert (taint.letters(bits), taint.sentence(bits)) == (letters, sentence)


def test_every_taint_has_a_letter() -> None:
    assert len(taint.letters(Taint(sum(Taint)))) == len(Taint)


def test_guest(tiny_file: Path) -> None:
    tiny = image.load(tiny_file)
    data = guest.describe(tiny)
    assert data["sites"] == {"Init": 1, "IrqDisable": 1, "SysRet": 1, "LazyEnter": 1}
    assert (data["profile"], data["version"], data["groups"][0]["group"]) == ("base", "4.1", "debug")
    assert json.loads(record.text(data))["sha256"] == tiny.sha256
    assert any("r-x" in line and "0x0000000040001000" in line for line in guest.lines(tiny))


@pytest.mark.parametrize("text", ["IrqSaveDisable", "irq_save_disable", "pv_irq_save_disable", "0x0104"])
def test_find_a_call(text: str) -> None:
    assert interface.find(load.interface(), text).number == 0x0104


def test_calls_as_text_and_json() -> None:
    abi = load.interface()
    assert len(interface.table(abi)) == 1 + len(abi.calls)
    for call in abi.calls:
        text = "\n".join(interface.lines(call, abi))
        assert all(a.name in text for a in call.arguments) and f"{call.number:#06x}" in text
        assert json.loads(record.text(interface.describe(call)))["name"] == call.name
    with pytest.raises(UsageError, match="no call 'Nothing'"):
        interface.find(abi, "Nothing")
