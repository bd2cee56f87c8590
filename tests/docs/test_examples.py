# SPDX-License-Identifier: MIT
"""Commands of the documentation do what it says of them, as they are written there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).parents[2]


def test_from_a_new_key_to_a_guest_that_demands_it(tmp_path: Path) -> None:
    page = (TOP / "docs" / "trust.md").read_text()
    section = page.partition("## From a new key to a guest that demands it")[2].partition("\n## ")[0]
    script = "".join(re.findall(r"^```sh\n(.*?)^```", section, re.MULTILINE | re.DOTALL))
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "OPENVMI_CONFIG": str(tmp_path / "config"), "OPENVMI_STATE": str(tmp_path / "state"),
    }
    folder = tmp_path / "empty"
    folder.mkdir()
    done = subprocess.run(["bash", "-eu", "-c", script], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done
    assert re.findall(r"^taint \w+$", done.stdout, re.MULTILINE) == ["taint 20", "taint c"]
    assert "identical" in done.stdout and "a good signature by a key that you trust" in done.stdout
    assert "the guest asks for a good signature by a trusted key" in done.stderr
