# SPDX-License-Identifier: MIT
"""The corpus in the tree: corpus/TARGET.tar.xz has inputs that find their way into the target; regressions/TARGET/ has
one file for each bug that was found. `python -m tests.fuzz.corpus` puts the seeds into the archives anew and keeps the
rest.
"""

from __future__ import annotations

import hashlib
import sys
import tarfile
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

from tests.fuzz import target

HERE = Path(__file__).parent


def archive(name: str) -> Path:
    """The one of a target."""
    return HERE / "corpus" / f"{name}.tar.xz"


def archived(name: str) -> dict[str, bytes]:
    """What is in it, by name."""
    found: dict[str, bytes] = {}
    if archive(name).exists():
        with tarfile.open(archive(name)) as contents:
            for member in contents:
                file = contents.extractfile(member)
                assert file
                found[member.name] = file.read()
    return found


def inputs(name: str) -> dict[str, bytes]:
    """All inputs of a target in the tree, by name."""
    return archived(name) | {path.name: path.read_bytes() for path in (HERE / "regressions" / name).glob("*")}


def store(name: str, data: Iterable[bytes]) -> None:
    """Makes the archive of a target: the same bytes for the same inputs."""
    archive(name).parent.mkdir(exist_ok=True)
    named = {hashlib.sha256(each).hexdigest()[:12]: each for each in data}
    with tarfile.open(archive(name), "w:xz", format=tarfile.USTAR_FORMAT) as contents:
        for entry in sorted(named):
            member = tarfile.TarInfo(entry)
            member.size = len(named[entry])
            contents.addfile(member, BytesIO(named[entry]))


def main() -> int:
    """For who has changed a target."""
    for name in sys.argv[1:] or target.names():
        module = target.load(name)
        store(name, [*module.seeds(), *(each for each in archived(name).values() if len(each) <= module.LIMIT)])
        print(f"{archive(name)}: {archive(name).stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
