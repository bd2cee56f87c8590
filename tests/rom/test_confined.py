# SPDX-License-Identifier: MIT
"""What a confined program cannot do, tried by one that is not a compiler."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from openvmi import confined

pytestmark = pytest.mark.skipif(not confined.available(), reason="no Landlock here")

#: Each is an attempt; `outside` is a file of the user's, `inside` the folder that may be written.
ATTEMPTS = {
    "read": "open(outside).read()",
    "write": "open(outside, 'a')",
    "truncate": "os.truncate(outside, 0)",
    "make": "open(outside + '2', 'w')",
    "remove": "os.unlink(outside)",
    "move out": "open(inside + '/x', 'w').close(), os.rename(inside + '/x', outside + '2')",
    "link in": "os.link(outside, inside + '/link')",
    "read by a link": "os.symlink(outside, inside + '/s'), open(inside + '/s').read()",
    "list": "os.listdir(os.path.dirname(outside))",
    "environment of another": "open(f'/proc/{os.getppid()}/environ').read()",
    "descriptors": "os.listdir('/proc/self/fd')",
    "terminal": "open('/dev/tty')",
    "pipe": "os.mkfifo(inside + '/pipe')",
    "signal": "os.kill(int(other), 0)",
    "file of a socket": "socket.socket(socket.AF_UNIX).connect(os.path.dirname(outside) + '/socket')",
    "datagram": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))",
    "stream": "socket.socket(socket.AF_INET).connect(('127.0.0.1', 9))",
    "large file": "open(inside + '/large', 'wb').write(bytes(17 << 20))",
    "memory": "bytearray(5 << 30)",
}
#: Version of Landlock that the attempt needs to fail.
_SINCE = {"truncate": 3, "signal": 6}
_PROBE = """
import os, socket, sys
code, outside, inside, other = sys.argv[1:]
print('begun', flush=True)
try:
    eval(code)
except (OSError, MemoryError) as error:
    print('refused', type(error).__name__)
else:
    print('done')
"""


def _confined(code: str, tmp_path: Path, other: int = 1) -> str:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.write_text("mine")
    (tmp_path / "probe").mkdir()
    probe = tmp_path / "probe" / "probe.py"
    probe.write_text(_PROBE)
    python = os.path.realpath(sys.executable)
    places = [sys.base_prefix, *(place for place in ("/usr", "/lib", "/lib64") if os.path.isdir(place)), probe.parent]
    done = subprocess.run(
        [python, "-I", "-S", confined.__file__, "20", *(f"READ:{place}" for place in places), f"WRITE:{inside}", "--",
         python, "-I", "-S", str(probe), code, str(outside), str(inside), str(other)],
        capture_output=True, text=True, env={}, timeout=30)
    assert done.stdout.startswith("begun\n"), done.stderr
    assert outside.read_text() == "mine"
    return done.stdout.removeprefix("begun\n").strip()


@pytest.mark.parametrize("what", ATTEMPTS)
def test_it_cannot(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if confined.version() < _SINCE.get(what, 1):
        pytest.skip("an older Landlock")
    with socket.socket(socket.AF_UNIX) as listening, subprocess.Popen([sys.executable, "-c", "input()"],
                                                                      stdin=subprocess.PIPE) as other:
        monkeypatch.chdir(tmp_path)  # the name of a socket is short
        listening.bind("socket")
        listening.listen()
        found = _confined(ATTEMPTS[what], tmp_path, other.pid)
        assert other.poll() is None
        other.communicate(b"\n")
    assert found.startswith("refused "), found


@pytest.mark.parametrize("code", [
    "open(inside + '/x', 'w').write('x')", "os.listdir(inside)", "os.mkdir(inside + '/x')", "open(sys.argv[0]).read()"])
def test_it_can(code: str, tmp_path: Path) -> None:
    """So that what it cannot do is not for another reason."""
    assert _confined(code, tmp_path) == "done"


def test_its_time_ends(tmp_path: Path) -> None:
    limits = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(Path(confined.__file__).parent)!r})\n"
         "import confined\nconfined.bound(1)\nwhile True: pass"], timeout=30, check=False)
    assert limits.returncode in (-signal.SIGXCPU, -signal.SIGKILL)
