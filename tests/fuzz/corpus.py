# SPDX-License-Identifier: MIT
"""The corpus in the tree: corpus/TARGET.zip are inputs that find their way into the target; regressions/TARGET/ is one
file for each bug that was found. `python -m tests.fuzz.corpus` makes the seeds in the archives anew and keeps the rest.
"""

from __future__ import annotations

import hashlib
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

from tests.fuzz import target

HERE = Path(__file__).parent
_DATE = (1980, 1, 1, 0, 0, 0)


def inputs(name: str) -> dict[str, bytes]:
    """All inputs of a target in the tree, by name."""
    found = {path.name: path.read_bytes() for path in sorted((HERE / "regressions" / name).glob("*"))}
    archive = HERE / "corpus" / f"{name}.zip"
    if archive.exists():
        with zipfile.ZipFile(archive) as contents:
            found |= {entry: contents.read(entry) for entry in contents.namelist()}
    return found


def store(name: str, data: Iterable[bytes]) -> None:
    """Makes the archive of a target: the same bytes for the same inputs."""
    archive = HERE / "corpus" / f"{name}.zip"
    archive.parent.mkdir(exist_ok=True)
    named = {hashlib.sha256(each).hexdigest()[:12]: each for each in data}
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_LZMA) as contents:
        for entry in sorted(named):
            contents.writestr(zipfile.ZipInfo(entry, _DATE), named[entry], zipfile.ZIP_LZMA)


def main() -> int:
    """For who has changed a target."""
    for name in sys.argv[1:] or target.names():
        archive = HERE / "corpus" / f"{name}.zip"
        kept = inputs(name).values() if archive.exists() else ()
        module = target.load(name)
        store(name, [*module.seeds(), *(each for each in kept if len(each) <= module.LIMIT)])
        print(f"{archive}: {archive.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
